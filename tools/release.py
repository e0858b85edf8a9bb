"""Makes what a release is handed out as: `python tools/release.py FOLDER [SOURCE]`, the checkout's files to a new folder.

A wheel, with the man pages of the code that is installed beside this, and an sdist; what they need by name, version and hash
(a CycloneDX SBOM of requirements/run.txt); and SHA256SUMS of all of these, as `sha256sum --check` reads it. Made twice of one
commit, the SBOM and the wheel are the same to the byte.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

SUMS = "SHA256SUMS"


def committed_s(source: Path) -> str:
    """When its commit was made, in seconds of the epoch: the time that archives tell. 1980 where there is no commit."""
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=source, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "315532800"


def made(source: Path, out: Path) -> list[Path]:
    """The files, in order. Raises CalledProcessError, FileExistsError where the folder holds something."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty: what is in it would be handed out, too")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH") or committed_s(source)}

    def run(*words: str) -> None:
        subprocess.run([sys.executable, "-m", *words], cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)

    run("rollway.tools.manual", "build", "man")  # pyproject.toml takes them from there
    run("build", "--no-isolation", "--wheel", "--sdist", "--outdir", str(out), ".")
    version = tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"]
    bill = ("cyclonedx_py", "requirements", "requirements/run.txt", "--pyproject", "pyproject.toml", "--output-reproducible")
    run(*bill, "--output-format", "JSON", "--output-file", str(out / f"rollway-{version}.cdx.json"))
    files = sorted(path for path in out.iterdir() if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (out / SUMS).write_text("".join(lines))
    return [*files, out / SUMS]


def main(words: Sequence[str]) -> int:
    try:
        files = made(Path(words[1] if len(words) > 1 else ".").resolve(), Path(words[0]).resolve())
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(error.cmd[2:4])} failed, with {error.returncode}", file=sys.stderr)
        return 1
    print("\n".join(map(str, files)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
