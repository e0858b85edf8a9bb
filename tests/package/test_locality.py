"""What comes next is one new file and one row: a dummy of each kind is added to a copy of the tree, and works."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Deploy = Callable[..., "subprocess.CompletedProcess[str]"]

VERB = '''"""`deploy greet`."""

from __future__ import annotations

from ..session import Screen
from ..verb import verb


@verb(("deploy greet", "says hello"))
def greet(screen: Screen) -> int:
    """Says hello."""
    screen.session().view.document({"greeting": "hello"}, "hello")
    return 0
'''
THEME = '''"""Names that nobody likes."""

from __future__ import annotations

from collections.abc import Iterator

from .case import Case
from .model import Found


def short(case: Case) -> Iterator[Found]:
    yield Found(case.workload, ("metadata", "name"), "its name is too short for some")
'''
RULE = """RULES: tuple[Rule, ...] = (
    Rule("RW999", "warning", "a name that somebody does not like", "They would complain.", "Nobody knows why.", look=names.short),
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What git knows of the package, under the package's name."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if name.endswith((".py", ".j2", ".css", ".js")) and not name.startswith(("tests/", "benchmarks/")):
            target = tmp_path / "rollway" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    return tmp_path / "rollway"


@pytest.fixture
def deploy(tree: Path) -> Deploy:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tree.parent)}
        # the copy, and not what this environment has installed: the path comes before its finders
        program = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        program += "from rollway.cli.main import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", program, *words]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    return run


def add_row(file: Path, before: str, row: str) -> None:
    text = file.read_text()
    assert text.count(before) == 1, before
    file.write_text(text.replace(before, row))


def test_a_verb(tree: Path, deploy: Deploy) -> None:
    """Its file, and its name in VERBS."""
    (tree / "cli" / "verbs" / "greet.py").write_text(VERB)
    table = tree / "cli" / "verbs" / "__init__.py"
    add_row(table, "from .history import history\n", "from .greet import greet\nfrom .history import history\n")
    add_row(table, "    demo, init,", "    greet, demo, init,")

    assert deploy("greet").stdout == "hello\n"
    assert "greet" in deploy("--help").stdout
    assert "says hello" in deploy("greet", "--help").stdout


def test_a_rule(tree: Path, deploy: Deploy) -> None:
    """Its function in the file of its theme, here a new one, and its row in RULES."""
    (tree / "preflight" / "names.py").write_text(THEME)
    table = tree / "preflight" / "rules.py"
    add_row(table, "    balancers,\n", "    names,\n    balancers,\n")
    add_row(table, "RULES: tuple[Rule, ...] = (\n", RULE)

    found = deploy("check", "-f", "examples/shop/deploy.yaml")
    assert "RW999" in found.stdout, found.stderr
    assert "its name is too short for some" in found.stdout
    assert "Nobody knows why." in deploy("check", "RW999").stdout
