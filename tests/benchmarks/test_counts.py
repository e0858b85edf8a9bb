"""What a release does is counted the same on every machine, and more than with the last release of rollway is told."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def count(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "counts.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_twice_is_the_same_and_more_is_a_fault(tmp_path: Path) -> None:
    """Of requests one more, of calls some percent; fewer are none."""
    for name in ("counts.py", "harness.py"):
        shutil.copy(BENCHMARKS / name, tmp_path)
    assert count(tmp_path, "--write").returncode == 0
    kept = json.loads((tmp_path / "counts.json").read_text())
    assert set(kept) == {"recreate", "ramped", "blue-green", "canary", "ab", "compare"}

    calls = kept["canary"]["calls"]
    kept["ramped"]["requests"] -= 1
    kept["ab"]["writes"] += 1
    kept["canary"]["calls"] = round(calls / 1.04)
    kept["recreate"]["calls"] = round(kept["recreate"]["calls"] / 1.1)
    (tmp_path / "counts.json").write_text(json.dumps(kept))
    done = count(tmp_path)

    told = [line for line in done.stdout.splitlines() if line.startswith("more than")]
    assert done.returncode == 1
    assert [line.split(": ", 1)[1].rpartition(" → ")[0] for line in told] == [
        f"recreate: calls {kept['recreate']['calls']}",
        f"ramped: requests {kept['ramped']['requests']}",
    ]
