"""The wheel is the tree: what is in the checkout's rooms arrives, works outside of it, and nothing else does."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from rollway.tools.manual.verbs import commands as commands_below
from rollway.tools.manual.verbs import root

ROOT = Path(__file__).parent.parent.parent
ROOMS = (
    "cli",
    "cluster",
    "compare",
    "examples",
    "health",
    "kube",
    "gates",
    "load",
    "measure",
    "notify",
    "plan",
    "preflight",
    "release",
    "routing",
    "sandbox",
    "ship",
    "strategies",
    "templates",
)


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make release` hands out,
    built from a copy of what git knows, so that nothing a checkout gathers can hide a missing line in pyproject.toml."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("released")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        found = ROOT / name
        if found.is_file() and not found.is_symlink():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(found.read_bytes())
    make = [sys.executable, str(ROOT / "tools" / "release.py"), str(out), str(source)]
    done = subprocess.run(make, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return out


@pytest.fixture(scope="module")
def wheel(released: Path) -> Path:
    return next(released.glob("*.whl"))


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: Path) -> None:
    """Every module and template of every room, styles and scripts included; no tests, benchmarks or documents."""
    held = {name.removeprefix("rollway/") for name in zipfile.ZipFile(wheel).namelist() if name.startswith("rollway/")}
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if (room != "examples" and path.suffix in (".py", ".j2", ".css", ".html", ".js", ".txt"))
        or (room == "examples" and "shop" in path.parts and path.suffix == ".yaml")
    }
    root = {"__init__.py", "__main__.py", "errors.py", "py.typed"}

    assert held == found | root


def test_the_types_of_every_room_are_checked() -> None:
    """mypy looks only at what it is told of, or led to from there."""
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
    modules = {room for room in ROOMS if list((ROOT / room).rglob("*.py"))} - {"examples"}

    assert {name.removeprefix("rollway.") for name in checked} == modules | {"tools"}


def test_the_wheel_brings_a_man_page_a_command(wheel: Path) -> None:
    """Where pip puts it beside `bin`, which is where man looks."""
    names = [Path(name) for name in zipfile.ZipFile(wheel).namelist() if ".data/" in name]
    commands = {f"{command.name}.1" for command in commands_below(root())}

    assert {name.name for name in names} == commands | {"deploy.yaml.5"}
    assert {name.parent.as_posix().partition(".data/")[2] for name in names} == {"data/share/man/man1", "data/share/man/man5"}


def test_it_works_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """Installed into an environment of its own: the command, and a manifest from one of our templates."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    site = next((tmp_path / "env" / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    # the dependencies are those of this environment: what is tested is the wheel
    own = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{own}\n")
    (tmp_path / "deploy.yaml").write_text("app: hello\nweb: {image: 'nginx:1.29'}\n")

    def deploy(*words: str) -> str:
        command = [str(python), "-P", "-m", "rollway", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert deploy("version").startswith("rollway ")
    assert "image: nginx:1.29" in deploy("render", "-n", "hello").replace('"', "")
    where = subprocess.run(
        [str(python), "-P", "-c", "import rollway; print(rollway.__file__)"], capture_output=True, text=True, check=True
    )
    assert str(site) in where.stdout


def test_all_that_is_handed_out_has_its_sum(released: Path) -> None:
    """A wheel, an sdist and a bill of materials; `sha256sum --check` would say so."""
    lines = [line.split("  ") for line in (released / "SHA256SUMS").read_text().splitlines()]

    assert {name: value for value, name in lines} == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in released.iterdir() if path.name != "SHA256SUMS"
    }
    assert sorted(name.removeprefix("rollway-0.1.0") for _, name in lines) == ["-py3-none-any.whl", ".cdx.json", ".tar.gz"]


def test_the_bill_of_materials_names_all_that_is_locked(released: Path) -> None:
    """By name and version, with the hashes that pip asks for."""
    bill = json.loads((released / "rollway-0.1.0.cdx.json").read_text())
    locked = set(re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements" / "run.txt").read_text(), re.MULTILINE))

    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", "rollway")
    assert {(each["name"], each["version"]) for each in bill["components"]} == locked
    assert all(place["hashes"] for each in bill["components"] for place in each["externalReferences"])


def test_what_is_there_is_not_handed_out_along(tmp_path: Path) -> None:
    (tmp_path / "left-over.whl").write_text("")
    command = [sys.executable, str(ROOT / "tools" / "release.py"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, "is not empty" in done.stderr) == (2, True)
