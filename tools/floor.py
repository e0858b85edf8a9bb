"""Whether coverage is at or above its floor: `python tools/floor.py REPORT [--raise]`, of `coverage json`.

The floor is in coverage.json beside this file: the shares of lines and of branches that the tests reach, in percent.
It only rises: `--raise` writes what was reached where that is more, and nothing lowers it
but whoever edits the file, which a review sees.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FLOOR = Path(__file__).with_name("coverage.json")
KINDS = {"lines": ("covered_lines", "num_statements"), "branches": ("covered_branches", "num_branches")}


def reached(report: Mapping[str, Any]) -> dict[str, float]:
    """Of coverage's report: percent of lines and of branches, rounded down to a tenth."""
    totals = report["totals"]
    return {kind: math.floor(1000 * totals[hit] / (totals[of] or 1)) / 10 for kind, (hit, of) in KINDS.items()}


def least(report: Mapping[str, Any], count: int = 5) -> list[str]:
    """The files with the most lines and branches that no test reaches."""
    missing = {
        name: found["summary"]["missing_lines"] + found["summary"]["missing_branches"] for name, found in report["files"].items()
    }
    worst = sorted(missing, key=lambda name: (-missing[name], name))[:count]
    return [f"{name}: {missing[name]} lines and branches are not reached" for name in worst if missing[name]]


def raised(floor: Mapping[str, float], now: Mapping[str, float]) -> dict[str, float]:
    return {kind: max(floor[kind], now[kind]) for kind in KINDS}


def main(words: Sequence[str]) -> int:
    report = json.loads(Path(words[0]).read_text())
    floor, now = json.loads(FLOOR.read_text()), reached(report)
    below = [f"{kind}: {now[kind]}% are reached, the floor is {floor[kind]}%" for kind in KINDS if now[kind] < floor[kind]]
    print("\n".join((*below, *least(report)) if below else (f"{kind}: {now[kind]}% are reached" for kind in KINDS)))
    if "--raise" in words:
        FLOOR.write_text(json.dumps(raised(floor, now)) + "\n")
    elif not below and raised(floor, now) != floor:
        print("the floor can rise: make coverage RAISE=--raise")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
