"""The generator: requests are sent when they are due, whatever becomes of those before."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import web
from rollway.load.generator import Load
from rollway.load.target import Target
from rollway.load.verdict import remarks
from webs import probed, served


def test_a_server_that_stalls_does_not_hold_up_what_is_sent() -> None:
    """Two seconds without an answer: everything is sent meanwhile, and what waited says so in its latency."""

    async def main() -> None:
        goes_on = asyncio.Event()

        async def handler(request: web.Request) -> web.Response:
            await goes_on.wait()
            return web.Response()

        async with served(handler) as url:
            load = Load(Target.of(url, timeout_s=60), 100)
            await load.run(2.0)
            sent, good = load.tally.sent, load.tally.good
            goes_on.set()
            report = await load.close(60)
        assert (sent, good) == (200, 0), "a closed model would have sent one"
        assert (report.good, report.lost) == (200, 0)
        assert report.latency.max_s >= 2.0
        assert report.latency.p50_s >= 1.0
        assert report.answer_gap_s >= 1.9

    asyncio.run(main())


def test_held_up_by_itself_it_says_so() -> None:
    """What this machine delays is counted from when it was due, and the report tells by how much it is behind."""

    async def ok(request: web.Request) -> web.Response:
        return web.Response()

    async def main() -> None:
        async with served(ok) as url:
            load = Load(Target.of(url), 200)
            sending = asyncio.create_task(load.run(1.0))
            await asyncio.sleep(0.2)
            until = asyncio.get_running_loop().time() + 0.4
            while asyncio.get_running_loop().time() < until:
                pass  # the machine is busy with something else
            await sending
            report = await load.close(2)
        assert (report.sent, report.good) == (200, 200), "caught up: nothing is left out"
        assert report.is_behind
        assert report.late_max_s > 0.35
        assert report.latency.max_s > 0.35

    asyncio.run(main())


def test_what_cannot_be_sent_is_counted_apart() -> None:
    """With a bound on what is under way, the rest is neither good nor lost, and the schedule goes on."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def main() -> None:
        async with served(slow) as url:
            report = await probed(url, rate=100, seconds=0.5, most_open=10, timeout_s=2)
        assert (report.sent, report.unsent, report.lost) == (10, 40, 10)
        assert report.is_behind
        assert report.outage.requests == 10
        told = remarks(replace(report, late_max_s=0.0))
        assert [remark.split(":")[0] for remark in told] == ["40 more were due and not sent in time"], "of what was never sent"

    asyncio.run(main())


@pytest.mark.parametrize(("stands_still_s", "lost", "unsent"), [(0.0, 1, 0), (0.1, 1, 0), (0.8, 0, 1)])
def test_what_times_out_while_this_machine_stands_still_is_not_lost(stands_still_s: float, lost: int, unsent: int) -> None:
    """Whoever was asked had not its time; a moment's delay of ours is no excuse for silence."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def main() -> None:
        async with served(slow) as url:
            load = Load(Target.of(url, timeout_s=1), 1)
            sending = asyncio.create_task(load.run(0.5))
            await asyncio.sleep(0.15)
            until = asyncio.get_running_loop().time() + stands_still_s
            while asyncio.get_running_loop().time() < until:
                pass
            await sending
            report = await load.close(3)
        assert (report.lost, report.unsent) == (lost, unsent)

    asyncio.run(main())


def test_what_is_overdue_is_not_sent_any_more() -> None:
    """After a standstill nobody is overrun by what should have been sent long before."""
    asked = 0

    async def ok(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        return web.Response()

    async def main() -> None:
        async with served(ok) as url:
            load = Load(Target.of(url, timeout_s=0.3), 100)
            sending = asyncio.create_task(load.run(1.0))
            await asyncio.sleep(0.1)
            until = asyncio.get_running_loop().time() + 0.7
            while asyncio.get_running_loop().time() < until:
                pass
            await sending
            report = await load.close(2)
        assert report.lost == 0
        assert report.unsent >= 30
        assert report.good == asked == report.sent

    asyncio.run(main())


def test_what_is_under_way_at_the_end_is_neither() -> None:
    """Ended at once, requests without an answer yet are told of and count as nothing else."""

    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def main() -> None:
        async with served(slow) as url:
            load = Load(Target.of(url), 50)
            await load.run(0.2)
            report = await load.close()
        assert (report.sent, report.good, report.lost, report.unanswered) == (10, 0, 0, 10)

    asyncio.run(main())


@pytest.mark.parametrize(("rate", "seconds", "sent"), [(100, 0.25, 25), (3, 0.1, 1), (0.5, 0.2, 1), (40, 0.1, 4)])
def test_a_rate_is_kept_to_the_request(rate: float, seconds: float, sent: int) -> None:
    """rate × duration requests, at least one."""

    async def ok(request: web.Request) -> web.Response:
        return web.Response()

    async def main() -> int:
        async with served(ok) as url:
            load = Load(Target.of(url), rate)
            sending = asyncio.create_task(load.run(seconds))
            await asyncio.sleep(seconds + 0.1)
            sending.cancel()
            return (await load.close(1)).sent

    assert asyncio.run(main()) == sent
