"""Whether what requirements/ locks has known weaknesses, by pip-audit: `python tools/audit.py FILE…`.

A weakness makes the build red. That nobody could be asked is told and does not: a build must not hang
on somebody else's server.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 300


def told(report: Any) -> tuple[list[str], list[str]]:
    """Of pip-audit's JSON report: a line for each weakness, and the packages that nobody knew."""
    weak, unknown = [], []
    for package in report["dependencies"]:
        if "skip_reason" in package:
            unknown.append(package["name"])
        for each in package.get("vulns", ()):
            mended = f"mended in {', '.join(each['fix_versions'])}" if each["fix_versions"] else "not mended yet"
            weak.append(f"{package['name']} {package['version']}: {each['id']}, {mended}")
    return weak, unknown


def audited(file: Path) -> Any | None:
    """pip-audit's report on a lock file; None where its database could not be reached."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return None


def main(files: Sequence[str]) -> int:
    is_weak = False
    for file in map(Path, files):
        report = audited(file)
        weak, unknown = told(report) if report else ([], [])
        for line in weak:
            print(f"{file}: {line}")
        is_weak = is_weak or bool(weak)
        if report is None or len(unknown) == len(report["dependencies"]):
            print(f"{file}: NOT audited, as the database of known weaknesses could not be reached")
        elif not weak:
            missing = f"; not known to its database: {', '.join(unknown)}" if unknown else ""
            print(f"{file}: no known weakness{missing}")
    return 1 if is_weak else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
