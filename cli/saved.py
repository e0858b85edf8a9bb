"""A saved plan on disk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadInput

if TYPE_CHECKING:
    from ..plan.plan import Plan


def save(made: Plan, path: str) -> None:
    """Readable by the user alone, from the first byte on."""
    target = Path(path)
    try:
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(made.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise BadInput(f"the plan cannot be written to {path}: {error.strerror}") from error


def load(path: str) -> Plan:
    from pydantic import ValidationError

    from ..plan.plan import Plan

    try:
        return Plan.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}", hint="save a plan with `deploy plan --out plan.json`"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{path} is no saved plan",
            detail=f"{place}: {first['msg']}" if place else str(first["msg"]),
            hint="save one with `deploy plan --out plan.json`",
        ) from error
