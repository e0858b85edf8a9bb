"""Every way in that docs/installing.md gives works, in an environment that has nothing else, from outside of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest
from image import instructions
from rollway.tools.licenses import normal

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTALLED_MB = 170  # without extras; 154 were measured, half of it `kubernetes`: more is to be told, and decided on
NEAR = 0.15  # of what pages say of sizes
LOCKED = ROOT / "requirements" / "image.txt"
OFFLINE = "network was disabled"  # uv's words for a package that its cache has not
SOURCES = ("folder", "git", "wheel")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, so that what a build leaves behind is not left in the tree; its man pages are made."""
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no checkout of git")
    clone = tmp_path_factory.mktemp("checkout") / "rollway"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    did(os.environ, sys.executable, "-m", "rollway.tools.manual", str(clone / "build"), "man")
    return clone


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a pip that takes everything from one folder: what is locked, fetched once, by its hashes; and a pip, of
    which pipx wants a newer one than comes with Python."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    fetch = [*pip, "download", "--no-deps", "--dest", str(folder)]
    for what in (["--requirement", str(LOCKED)], [f"pip=={version('pip')}"]):
        done = subprocess.run([*fetch, *what], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"what is to be installed cannot be fetched here: {done.stderr.strip().splitlines()[-1]}")
    # as pip reads it, 0 of an option that says no is no: nothing is compiled
    quick = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_NO_COMPILE": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "PYTHON"))}
    return kept | quick


@pytest.fixture(scope="module")
def sources(checkout: Path, wheelhouse: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What is installed from: a checkout, a git URL, a wheel."""
    out = tmp_path_factory.mktemp("wheel")
    did(wheelhouse, sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(checkout))
    [wheel] = out.glob("*.whl")
    return dict(zip(SOURCES, (str(checkout), f"git+{checkout.as_uri()}", str(wheel)), strict=True))


def did(environment: Mapping[str, str], *words: str) -> str:
    done = subprocess.run(words, env=environment, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def starts(program: Path) -> None:
    """From a folder that has nothing to do with it; what it takes from elsewhere is there, too."""
    assert did(os.environ, str(program), "version").startswith("rollway ")
    assert '"app"' in did(os.environ, str(program), "schema")


@pytest.fixture(scope="module")
def installed(sources: Mapping[str, str], wheelhouse: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with all that it takes, by pip."""
    return by_pip(sources["wheel"], wheelhouse, tmp_path_factory.mktemp("environment"))


def by_pip(source: str, wheelhouse: Mapping[str, str], place: Path, others: Path | None = None) -> Path:
    """The environment; `others`: one whose packages it has already."""
    venv.create(place, with_pip=False, symlinks=True)
    if others:
        (packages(place) / "others.pth").write_text(f"{packages(others)}\n")
    pip = (sys.executable, "-m", "pip", "--quiet", "--python", str(place / "bin" / "python"))
    alone = ("--no-deps", "--force-reinstall") if others else ()
    did(wheelhouse, *pip, "install", *alone, source)
    did(wheelhouse, *pip, "check")
    return place


def packages(environment: Path) -> Path:
    return next(environment.glob("lib/python*/site-packages"))


def test_pip_installs_it_from_a_wheel(installed: Path) -> None:
    starts(installed / "bin" / "deploy")


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here")
@pytest.mark.parametrize("page", ["deploy", "deploy-apply", "deploy.yaml"])
def test_man_finds_its_pages_beside_the_path(installed: Path, page: str) -> None:
    path = f"{installed / 'bin'}:{os.environ['PATH']}"
    assert did({**os.environ, "PATH": path, "MANPATH": ""}, "man", "-w", page).startswith(f"{installed}/share/man/")


@pytest.mark.parametrize("source", ["folder", "git"])
def test_pip_installs_it(
    source: str, sources: Mapping[str, str], wheelhouse: Mapping[str, str], installed: Path, tmp_path: Path
) -> None:
    """What it takes is there already, so that it is not unpacked anew."""
    place = by_pip(sources[source], wheelhouse, tmp_path / "env", installed)
    assert (packages(place) / "rollway").is_dir()
    starts(place / "bin" / "deploy")


@pytest.mark.parametrize("source", SOURCES)
def test_pipx_installs_it(source: str, sources: Mapping[str, str], wheelhouse: Mapping[str, str], tmp_path: Path) -> None:
    home = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin"), "PIPX_MAN_DIR": str(tmp_path / "man")}
    # where there is a uv, pipx would install by it, past the folder
    chosen = {"HOME": str(tmp_path), "PIPX_DEFAULT_PYTHON": sys.executable, "PIPX_DEFAULT_BACKEND": "pip"}
    environment = {**wheelhouse, **home, **chosen}
    did(environment, sys.executable, "-m", "pipx", "install", "--quiet", sources[source])
    starts(tmp_path / "bin" / "deploy")
    # from a git URL there are none: they are made with Sphinx, which nobody has to install
    assert (tmp_path / "man" / "man1" / "deploy-apply.1").exists() == (source != "git")


@pytest.mark.parametrize("source", SOURCES)
def test_uv_installs_it(source: str, sources: Mapping[str, str], tmp_path: Path) -> None:
    """As a tool, no larger than told: docs/installing.md says what weighs most."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed here")
    tools, programs = tmp_path / "tools", tmp_path / "bin"
    environment = {**os.environ, "UV_TOOL_DIR": str(tools), "UV_TOOL_BIN_DIR": str(programs)}
    command = ["uv", "tool", "install", "--python", sys.executable, sources[source], "--offline", "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if OFFLINE in done.stderr:
        pytest.skip(f"uv's cache has not all that it takes: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr

    starts(programs / "deploy")
    assert (tools / "rollway" / "share" / "man" / "man1" / "deploy-apply.1").exists() == (source != "git")


def test_the_image_has_what_is_locked_and_no_more(checkout: Path, wheelhouse: Mapping[str, str], tmp_path: Path) -> None:
    """Its first stage, step by step as the Dockerfile has it, in another folder: what it makes starts, and is what is locked."""
    found = instructions()
    stage = found[: next(place for place, (word, _) in enumerate(found[1:], 1) if word == "FROM")]
    steps = [rest for word, rest in stage if word == "RUN"]
    tools = f'python() {{ "{sys.executable}" "$@"; }}; pip() {{ python -m pip --quiet "$@"; }}; set -e; '
    for step in steps:
        did(wheelhouse, "sh", "-c", tools + step.replace("/opt/rollway", str(tmp_path / "opt")).replace("/src", str(checkout)))
    names = did(wheelhouse, sys.executable, "-m", "pip", "--python", str(tmp_path / "opt" / "bin" / "python"), "freeze", "--all")
    locked = re.findall(r"^([a-z][^=]*)==", LOCKED.read_text(), re.MULTILINE)

    starts(tmp_path / "opt" / "bin" / "deploy")
    assert [rest.split()[0] for word, rest in stage if word == "COPY"] == ["requirements/image.txt", "."]
    there = {normal(re.split("==| @ ", line)[0]) for line in names.splitlines()}
    assert there - {"rollway"} <= {normal(name) for name in locked} - {"setuptools"}
    assert {"rollway", "kubernetes"} <= there


def test_the_image_is_locked_as_everything_else_is() -> None:
    """The same versions and hashes as a checkout's: it has less, and nothing of its own."""
    ours, everything = (set(re.split(r"\n(?=\S)", path.read_text().strip())) for path in (LOCKED, LOCKED.with_name("run.txt")))

    assert ours < everything


def test_what_it_weighs_is_what_pages_say(installed: Path) -> None:
    """In all, and what most of it is; and no more than was decided on."""
    site, found = packages(installed), Counter[str]()
    for path in filter(Path.is_file, site.rglob("*")):
        found[path.relative_to(site).parts[0]] += path.lstat().st_size if path.suffix != ".pyc" else 0
    whole = sum(found.values()) / 1e6
    page = (ROOT / "docs" / "installing.md").read_text()
    told = {name: int(size) for name, size in re.findall(r"^\| `([\w-]+)` \| (\d+) MB", page, re.MULTILINE)}
    measured = {name: sum(found[each] for each in FOLDERS.get(name, (name,))) / 1e6 for name in told}

    assert whole < INSTALLED_MB
    [on_readme] = re.findall(r"onto your PATH: some (\d+) MB", (ROOT / "README.md").read_text())
    [on_page] = re.findall(r"It takes some (\d+) MB", page)
    assert [float(on_readme), float(on_page)] == pytest.approx([whole, whole], rel=NEAR)
    assert told == pytest.approx(measured, rel=NEAR)


FOLDERS = {"pillow": ("PIL", "pillow.libs"), "promql-parser": ("promql_parser",), "pydantic": ("pydantic", "pydantic_core")}
"""Of packages whose folders are not called as they are."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_installs_from_an_index(page: Path) -> None:
    """The package is on no public index: whoever installed `rollway` by its bare name would get somebody else's, or nothing."""
    assert re.findall(r"\binstall +(?:-\S+ +)*['\"]?rollway\b[^`\n]*", page.read_text()) == []
