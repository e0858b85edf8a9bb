"""What importers of metrics share: arguments put into templates, and a gate that the release file takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ...gates.templates import VARIABLES
from ..file import named
from ..gates import Gate
from ..names import safe_name
from ..wrong import Wrong

_SLOT = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


class Unmet(Exception):
    """A metric cannot be taken over: its text says why."""


def put(text: str, values: Mapping[str, str]) -> str:
    """The text with its slots filled. Raises Unmet for one that has no value and is no variable of rollway's."""

    def filled(slot: re.Match[str]) -> str:
        known = values.get(slot[1], slot[0] if slot[1] in VARIABLES else None)
        if known is None:
            raise Unmet(f"{{{{ {slot[1]} }}}} has no value that is known here")
        return known

    return _SLOT.sub(filled, text)


def gate_of(made: dict[str, Any]) -> dict[str, Any]:
    """The gate, with a name that is one, as the release file takes it. Raises Unmet with what the file would say to it."""
    made = {**made, "name": safe_name(str(made["name"])) or "metric"}
    try:
        Gate.model_validate(made)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        cause = error.get("ctx", {}).get("error")
        where = named([part for part in error["loc"] if part in made or isinstance(part, int)]) if error["loc"] else ""
        said = str(cause) if isinstance(cause, Wrong) else f"{where}: {error['msg']}"
        raise Unmet(said) from None
    return made


def add(gates: list[dict[str, Any]], made: dict[str, Any]) -> None:
    """With a name that is no other gate's."""
    base = made["name"]
    taken = {gate["name"] for gate in gates}
    name = next(tried for tried in (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3))) if tried not in taken)
    gates.append(made | {"name": name})


def duration(seconds: int) -> str:
    """As the release file writes it: 90s, 5m, 1h30m."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if rest and seconds < 120:
        return f"{seconds}s"
    return "".join(f"{count}{unit}" for count, unit in ((hours, "h"), (minutes, "m"), (left, "s")) if count) or "0s"
