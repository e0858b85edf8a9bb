"""What a dead daemon left behind is ended, whoever notices first, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from realnode import guardians
from rollway.sandbox.node.processes import ledger
from rollway.sandbox.node.processes.ledger import Ledger, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere processes are not found by their mark")

FAMILY = ["/bin/sh", "-c", "setsid sleep 60 & sleep 60 & echo $! >children; exec sleep 60"]
DYING = """
import os, subprocess, sys
from pathlib import Path
from rollway.sandbox.node.processes.ledger import Ledger
child = Ledger(Path(sys.argv[1])).start(sys.argv[2:], output=subprocess.DEVNULL, folder=sys.argv[1], mark="web/app/0")
print(child.pid, flush=True)
sys.stdin.read()
"""


def wait(holds: Callable[[], object]) -> None:
    pause = threading.Event()
    for _ in range(1000):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("it never came so far")


def lives(pid: int) -> bool:
    return bool(started(pid))


def left_by_a_dead_one(root: Path) -> tuple[int, int]:
    """A process and its child, whose daemon was killed, and before it the guardian."""
    dying = subprocess.Popen([sys.executable, "-c", DYING, str(root), *FAMILY], stdin=-1, stdout=-1, text=True)
    assert dying.stdout is not None
    leader = int(dying.stdout.readline())
    wait(lambda: (root / "children").exists() and (root / "children").read_text().strip())
    for pid in guardians(root):
        os.kill(pid, signal.SIGKILL)
    dying.kill()
    dying.communicate()
    return leader, int((root / "children").read_text())


def test_a_later_one_ends_what_was_left(tmp_path: Path) -> None:
    """The process, its children, and those in sessions of their own; then nothing is written down any more."""
    pids = left_by_a_dead_one(tmp_path)
    assert all(map(lives, pids))
    assert ledger.count(tmp_path) == 1

    assert Ledger(tmp_path).sweep() == 3
    wait(lambda: not any(map(lives, pids)))
    assert ledger.count(tmp_path) == 0
    assert Ledger(tmp_path).sweep() == 0


def test_a_guardian_does_it_at_once(tmp_path: Path) -> None:
    """No later start is needed: the daemon's death is noticed."""
    dying = subprocess.Popen([sys.executable, "-c", DYING, str(tmp_path), "/bin/sleep", "60"], stdin=-1, stdout=-1, text=True)
    assert dying.stdout is not None
    pid = int(dying.stdout.readline())
    assert lives(pid)
    dying.kill()
    dying.communicate()

    wait(lambda: not lives(pid))
    wait(lambda: not list(tmp_path.glob("*")))


def test_what_asyncio_waits_for_is_written_down_as_well(tmp_path: Path) -> None:
    """Ended by who started it and forgotten; another ledger of the same process leaves it alone."""

    def written() -> list[str]:
        return [path.name for path in tmp_path.glob("*/[0-9]*")]

    async def story() -> None:
        mine = Ledger(tmp_path)
        process = await mine.spawn(("sleep", "60"))
        assert written() == [str(process.pid)]
        assert Ledger(tmp_path).sweep() == 0
        assert lives(process.pid)
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
        mine.forget(process.pid)
        assert not written()
        assert await (await mine.spawn(("/nope",))).wait() == 127
        mine.close()

    asyncio.run(story())


def test_a_number_given_out_again_is_left_alone(tmp_path: Path) -> None:
    """The process of that number that began at another moment is somebody else's."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        folder = tmp_path / "1-dead"
        folder.mkdir()
        (folder / str(other.pid)).write_text(json.dumps([other.pid, "earlier", "some/mark"]))

        assert Ledger(tmp_path).sweep() == 0
        assert lives(other.pid)
        assert not folder.exists()
        other.kill()


def test_what_was_never_let_go_never_begins(tmp_path: Path) -> None:
    """Whoever dies between starting a process and writing it down leaves none: it waits for a word that does not come."""
    script = "import os, subprocess, sys; from rollway.sandbox.node.processes.ledger import _GATE\n"
    script += "p = subprocess.Popen([*_GATE, '/bin/touch', sys.argv[1]], stdin=-1); print(p.pid, flush=True)\n"
    dying = subprocess.run([sys.executable, "-c", script + "os._exit(9)", str(tmp_path / "began")], stdout=-1, text=True)
    wait(lambda: not lives(int(dying.stdout)))

    assert not (tmp_path / "began").exists()
