"""The event loop whose clock jumps."""

from __future__ import annotations

import asyncio
import gc
import socket

import pytest
from rollway.sandbox.timeline import Stuck, run_virtual


@pytest.mark.parametrize("begin_s", [0.0, 16_384.0, 36_000.0, 10_000_000.0])
def test_time_goes_on_however_late_it_is(begin_s: float) -> None:
    """The later, the coarser a float: a timer that is due must not seem to lie ahead for ever."""

    async def story() -> float:
        for _ in range(50):
            await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time() - begin_s

    assert run_virtual(story(), begin_s=begin_s) == pytest.approx(5.0, abs=0.02)


def test_what_is_due_at_one_moment_comes_in_the_order_of_asking() -> None:
    heard: list[int] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for number in range(500):
            loop.call_at(7.0, heard.append, number)
        await asyncio.sleep(10)

    run_virtual(story())

    assert heard == list(range(500))


def test_what_waits_in_vain_does_not_stay() -> None:
    """Each wait has a deadline, and mostly is over before: those of a day would all be kept until it has passed."""

    async def story() -> int:
        for _ in range(5_000):
            async with asyncio.timeout(24 * 3600):
                await asyncio.sleep(0.01)
        return sum(isinstance(each, asyncio.TimerHandle) for each in gc.get_objects())

    assert run_virtual(story()) < 500


def test_days_pass_and_cancelled_timers_are_not_waited_for() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        loop.call_later(5, loop.stop).cancel()
        await asyncio.sleep(10 * 24 * 3600)
        return loop.time()

    assert run_virtual(story()) == pytest.approx(10 * 24 * 3600)


def test_sockets_are_heard_while_the_clock_jumps() -> None:
    async def story() -> bytes:
        loop, (mine, its) = asyncio.get_running_loop(), socket.socketpair()
        with mine, its:
            mine.setblocking(False)
            loop.call_later(3600, its.send, b"late")
            return await loop.sock_recv(mine, 10)

    assert run_virtual(story()) == b"late"


def test_who_waits_for_ever_is_told() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="every task waits for ever"):
        run_virtual(story())


def test_what_comes_of_it_is_not_written_out() -> None:
    """As asyncio would have it at its end, whatever it is: a cluster of a thousand pods, and a whole comparison's runs."""

    class Large:
        def __repr__(self) -> str:
            written.append(self)
            return "much"

    async def story() -> Large:
        return Large()

    written: list[Large] = []
    run_virtual(story())
    assert not written
