"""What is written to a container's stdin: by several at once, and after its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

from realnode import WITHIN_S
from rollway.sandbox.node.processes.output import Output
from rollway.sandbox.node.processes.sessions import Attachment, Input

MORE_THAN_A_PIPE_HOLDS = 1 << 20


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(WITHIN_S):
            await story()

    asyncio.run(within())


def test_nothing_is_written_once_the_container_has_ended() -> None:
    """The number of its descriptor is another file's by then, of whoever attached first or second."""

    async def story() -> None:
        (reading, writing), (other, reused) = os.pipe(), os.pipe()
        output: Any = SimpleNamespace(listeners=set())
        stdin = Input(writing)
        first, second = (Attachment(cast("Output", output), stdin, is_once=True) for _ in range(2))
        await first.feed(b"hello")
        assert os.read(reading, 100) == b"hello"
        first.close()
        os.dup2(reused, writing)
        await second.feed(b"lost")
        await second.feed(b"")
        second.close()
        os.write(writing, b"its own")
        assert os.read(other, 100) == b"its own"
        assert output.listeners == set()
        for descriptor in (reading, writing, other, reused):
            os.close(descriptor)

    run(story)


def test_who_waits_for_a_reader_goes_on_when_the_container_ends() -> None:
    async def story() -> None:
        reading, writing = os.pipe()
        stdin = Input(writing)
        waiting = [asyncio.create_task(stdin.write(b"x" * MORE_THAN_A_PIPE_HOLDS)) for _ in range(2)]
        await asyncio.wait(waiting, timeout=0.01)
        stdin.close()
        await asyncio.gather(*waiting)
        os.close(reading)

    run(story)


def test_each_of_several_writes_all_that_it_has() -> None:
    """In one piece."""

    async def story() -> None:
        reading, writing = os.pipe()
        stdin = Input(writing)
        waiting = asyncio.gather(*(stdin.write(each * MORE_THAN_A_PIPE_HOLDS) for each in (b"a", b"b")))
        heard = bytearray()
        while len(heard) < 2 * MORE_THAN_A_PIPE_HOLDS:
            heard += await asyncio.to_thread(os.read, reading, 1 << 16)
        await waiting
        assert heard == b"a" * MORE_THAN_A_PIPE_HOLDS + b"b" * MORE_THAN_A_PIPE_HOLDS
        stdin.close()
        os.close(reading)

    run(story)
