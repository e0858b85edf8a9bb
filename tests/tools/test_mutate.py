"""`make mutate`: faults in what has changed are shown to the tests that reach them; what none notices is told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = "def is_enough(ready, least):\n    return ready >= least\n\n\ndef unseen(a, b):\n    return a == b\n"
TEST = "from room import code\n\n\ndef test_it():\n    assert code.is_enough(2, 1)\n    assert not code.is_enough(0, 1)\n"
AT_THE_BOUND = "\n\ndef test_at_the_bound():\n    assert code.is_enough(1, 1)\n"
HANGS = "def count(to):\n    at = 0\n    while at < to:\n        at += 1\n    return at\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with one room, its tests, and a commit."""
    files = {
        "pyproject.toml": '[tool.pytest.ini_options]\nmarkers = ["live", "real_time"]\npythonpath = ["."]\n'
        '[tool.mutate.rooms]\nroom = ["tests"]\n',
        "room/code.py": CODE,
        "tests/test_code.py": TEST,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(tree: Path, *words: str) -> None:
    person = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *person, *words], cwd=tree, check=True, capture_output=True)


def commit(tree: Path) -> None:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "a")


def mutate(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rollway.tools.mutate", "--jobs", "2", *words]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def test_what_lives_is_told_with_its_place(tree: Path) -> None:
    """One that the tests reach and do not notice, and one where none comes; nothing is written into the tree."""
    done = mutate(tree, "--all")
    assert done.returncode == 1, done.stderr
    assert "room/code.py:2 in is_enough: 1 tests do not notice\n  - ready >= least\n  + ready > least" in done.stdout
    assert "room/code.py:6 in unseen: no test comes here" in done.stdout
    assert (tree / "room/code.py").read_text() == CODE


def test_only_what_has_changed_since_is_asked(tree: Path) -> None:
    """And all of that is caught, once there is a test for it."""
    assert "has changed since HEAD" in mutate(tree, "--base", "HEAD").stdout
    (tree / "room/code.py").write_text(CODE.replace("ready >= least", "least <= ready"))
    (tree / "tests/test_code.py").write_text(TEST + AT_THE_BOUND)
    done = mutate(tree, "--base", "HEAD")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 of 1 caught (100.0%), 0 of these as they hang; 0 live")


def test_what_nobody_could_notice_is_named_with_the_reason(tree: Path) -> None:
    named = {"file": "room/code.py", "where": "is_enough", "before": "ready >= least", "after": "ready > least", "why": "so"}
    (tree / "tools").mkdir()
    (tree / "tools/mutants.toml").write_text("[[equivalent]]\n" + "".join(f'{key} = "{value}"\n' for key, value in named.items()))
    assert "is_enough" not in mutate(tree, "--all").stdout


def test_tests_that_fail_anyway_say_nothing(tree: Path) -> None:
    (tree / "tests/test_code.py").write_text(TEST + "\n\ndef test_red():\n    assert False\n")
    done = mutate(tree, "--all")
    assert (done.returncode, "fail already" in done.stdout) == (2, True)


def test_what_hangs_is_caught(tree: Path) -> None:
    """`at += 1` left out never ends: it is ended."""
    (tree / "room/code.py").write_text(HANGS)
    (tree / "tests/test_code.py").write_text(
        "from room import code\n\n\ndef test_it():\n    assert [code.count(n) for n in (0, 3)] == [0, 3]\n"
    )
    done = mutate(tree, "--all", "--patience", "3")
    assert done.stdout.splitlines()[-1] == "4 of 4 caught (100.0%), 1 of these as they hang; 0 live"


def test_what_the_nearest_let_live_is_shown_to_the_next(tree: Path) -> None:
    """Who are not run where nothing is left for them: they are many, and slow."""
    (tree / "room/code.py").write_text(CODE.partition("\n\n\n")[0] + "\n")
    (tree / "next").mkdir()
    (tree / "next/test_next.py").write_text("from room import code" + AT_THE_BOUND)
    project = (tree / "pyproject.toml").read_text()
    (tree / "pyproject.toml").write_text(project.replace('["tests"]', '["tests", "next"]'))
    done = mutate(tree, "--all")
    assert (done.returncode, "next as they are" in done.stdout) == (0, True)
    (tree / "tests/test_code.py").write_text(TEST + AT_THE_BOUND)
    done = mutate(tree, "--all")
    assert (done.returncode, "next as they are" in done.stdout) == (0, False)
