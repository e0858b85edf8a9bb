"""`deploy version` answers at once: what is heavy is imported where it is used."""

from __future__ import annotations

import subprocess
import sys

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
