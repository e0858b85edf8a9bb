"""Writes docs/fidelity.md: rehearsals beside releases on a real node. `make fidelity`."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

from fidelity import page, rows_of, scenarios_in  # noqa: E402


def main() -> None:
    scenarios = scenarios_in(ROOT / "tests" / "conformance" / "truth")
    with ProcessPoolExecutor() as pool:
        rows = dict(zip(scenarios, pool.map(rows_of, scenarios.values()), strict=True))
    text = page(rows)
    (ROOT / "docs" / "fidelity.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
