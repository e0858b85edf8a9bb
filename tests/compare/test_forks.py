"""Ways back that leave the walk forth as copies of the process: the same as if each had been walked from the beginning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAM = """
import json, sys, threading
sys.path.insert(0, {support!r})
from rollway.cli.views.compare_json import compare_document
from rollway.compare.comparing import compared
from rollway.compare.scenario import Scenario
from shop import release

def told():
    new = release("v2", options={{"canary": {{"steps": [{{"weight": 50, "pause": "5s"}}]}}}})
    print(json.dumps(compare_document(compared(new, Scenario(), seeds=2), bands=True)))

if sys.argv[1] == "beside":
    thread = threading.Thread(target=told)
    thread.start()
    thread.join()
else:
    told()
"""


def told(how: str) -> str:
    program = PROGRAM.format(support=str(HERE.parent / "support"))
    ran = subprocess.run([sys.executable, "-c", program, how], check=True, capture_output=True, text=True, timeout=300)
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux alone")
def test_copies_find_what_walking_again_finds() -> None:
    """To the byte: alone, where the process is copied, and beside another thread, where it must not be."""
    assert told("alone") == told("beside")
