"""`deploy version` answers at once: what is heavy is imported where it is used."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from rollway.cli.verbs import VERBS

HEAVY = ("kubernetes", "pydantic", "jinja2", "rich", "yaml", "aiohttp", "asyncio")
HEAVIEST = ("kubernetes", "jinja2", "rich", "aiohttp")  # Typer itself loads pydantic for a verb with options
PROBE = """
import sys
from rollway.cli.main import main
code = main({words})
print(code, *(name for name in {heavy} if name in sys.modules))
"""


def _imported(*words: str, of: tuple[str, ...]) -> str:
    """The exit code, and which of the modules were loaded."""
    source = PROBE.format(words=list(words), heavy=of)
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.splitlines()[-1]


def test_version_imports_nothing_heavy() -> None:
    assert _imported("version", of=HEAVY) == "0"


def test_a_wrong_flag_is_told_of_without_anything_heavy() -> None:
    assert _imported("apply", "--to", "150%", of=HEAVIEST) == "2"
    assert _imported("aply", of=HEAVIEST) == "2"


def test_a_verb_is_read_without_the_others() -> None:
    """Each one's options take their time to read, and to be made."""
    others = tuple(f"rollway.cli.verbs.{name}" for name in VERBS if name != "apply")

    assert _imported("apply", "--to", "150%", of=others) == "2"


def test_a_word_is_completed_without_the_other_verbs() -> None:
    """Somebody waits for it, at every press of the key."""
    source = "import sys; from rollway.cli.main import main\ntry: main([])\nfinally: print(*sys.modules)"
    environment = {**os.environ, "_DEPLOY_COMPLETE": "complete_bash", "COMP_WORDS": "deploy\napply\n--ima", "COMP_CWORD": "2"}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)
    offered, modules = done.stdout.splitlines()

    assert offered == "--image"
    assert [name for name in VERBS if f"rollway.cli.verbs.{name}" in modules.split()] == ["apply"]


LEAVING = """
import atexit, sys, threading
from rollway.__main__ import run
atexit.register(print, "told at the end")
sys.argv[1:] = ["--verrsion"]
ended = threading.Event()
{before}
print("came back with", run())
ended.set()
"""


@pytest.mark.parametrize(
    ("before", "code", "comes_back"),
    [("", 2, False), ("threading.Thread(target=ended.wait).start()", 0, True)],
)
def test_the_process_ends_at_once(before: str, code: int, comes_back: bool) -> None:
    """With all that was written, and with what was to be done at the end; a thread that is at work is not cut off."""
    command = [sys.executable, "-c", LEAVING.format(before=before)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.stdout == ("came back with 2\n" if comes_back else "") + "told at the end\n"
    assert done.stderr.startswith("✗ no such option: --verrsion")
    assert done.returncode == code
