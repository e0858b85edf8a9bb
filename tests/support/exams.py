"""Tables of facts from other tools: each row says what one of them answered. `ROLLWAY_EXAMS` names another folder of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

OWN = Path(__file__).parent.parent / "exams" / "data"


def folder() -> Path:
    return Path(os.environ.get("ROLLWAY_EXAMS", OWN))


def exam(name: str) -> dict[str, Any]:
    """The table; empty where the folder has none."""
    path = folder() / f"{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def number(value: Any) -> Any:
    """Strict JSON has no NaN and no infinities: they are written as texts."""
    return float(value) if value in ("NaN", "+Inf", "-Inf") else value


def each_row(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    """The test once for each of the rows, as `row`."""
    return pytest.mark.parametrize("row", rows, ids=names(rows))


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row.get("name") or row.get("query") or place) for place, row in enumerate(rows)]
