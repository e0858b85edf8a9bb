"""What a dead daemon left behind is ended, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from rollway.sandbox.ledger import Ledger

LASTING = ("sh", "-c", "sleep 60 & echo $!; exec sleep 60")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def _spawned(ledger: Ledger) -> tuple[int, int]:
    """A process, and one that it has started itself."""
    process = await ledger.spawn(LASTING, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    return process.pid, int(await process.stdout.readline())


async def _gone(*pids: int) -> bool:
    for _ in range(500):
        if not any(map(_lives, pids)):
            return True
        await asyncio.sleep(0.01)
    return False


def test_the_whole_group_is_ended(tmp_path: Path) -> None:
    """A later ledger of the same folder ends the process and those that it started; then there is nothing left to end."""

    async def story() -> None:
        pids = await _spawned(Ledger(tmp_path))
        assert all(map(_lives, pids))

        assert await asyncio.to_thread(Ledger(tmp_path).sweep) == 1
        assert await _gone(*pids)
        assert Ledger(tmp_path).sweep() == 0

    asyncio.run(story())


def test_children_are_ended_after_their_parent(tmp_path: Path) -> None:
    """A leader that died by itself leaves its group behind: that is ended too."""

    async def story() -> None:
        ledger = Ledger(tmp_path)
        process = await ledger.spawn(("sh", "-c", "sleep 60 > /dev/null & echo $!"), stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        child = int(await process.stdout.readline())
        await process.wait()
        assert _lives(child)

        assert await asyncio.to_thread(ledger.sweep) == 1
        assert await _gone(child)

    asyncio.run(story())


def test_a_number_given_out_again_is_left_alone(tmp_path: Path) -> None:
    """The process of that number that began at another moment is somebody else's."""

    async def story() -> None:
        pid, child = await _spawned(Ledger(tmp_path))
        path = tmp_path / str(pid)
        known = json.loads(path.read_text())
        path.write_text(json.dumps(known | {"started": "earlier"}))

        assert await asyncio.to_thread(Ledger(tmp_path).sweep) == 0
        assert _lives(pid)
        assert not path.exists()
        os.killpg(pid, 9)
        assert await _gone(pid, child)

    asyncio.run(story())


def test_what_was_never_let_go_never_begins(tmp_path: Path) -> None:
    """Whoever dies between starting a process and writing it down leaves none: it waits for a word that does not come."""
    program = "import os, sys; from rollway.sandbox.ledger import _GATE; import subprocess\n"
    program += (
        "p = subprocess.Popen([*_GATE, 'touch', sys.argv[1]], stdin=subprocess.PIPE); print(p.pid, flush=True); os._exit(9)"
    )

    async def story() -> None:
        mark = tmp_path / "began"
        dying = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(mark), stdout=asyncio.subprocess.PIPE)
        assert dying.stdout is not None
        assert await _gone(int(await dying.stdout.readline()))
        await dying.wait()
        assert not mark.exists()

    asyncio.run(story())
