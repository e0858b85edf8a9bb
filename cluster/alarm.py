"""An alarm from outside of a run: somebody who watches the application says, with the reason, that it must not go on.

It is heeded between two steps and while one waits, never in the middle of a change: what is asked of the API server is then known
to be done, and the way back can be planned from what is live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Alarm = asyncio.Future[str]
T = TypeVar("T")


class Alarmed(Exception):
    """The reason is its text."""


def check(alarm: Alarm | None) -> None:
    """Raises Alarmed."""
    if alarm is not None and alarm.done():
        raise Alarmed(alarm.result())


async def pause(seconds: float, alarm: Alarm | None) -> None:
    """Sleeps, at most until the alarm."""
    if alarm is None:
        await asyncio.sleep(seconds)
    else:
        await asyncio.wait({alarm}, timeout=seconds)


async def unless(alarm: Alarm | None, wait: Coroutine[Any, Any, T]) -> T:
    """What the wait answers. Raises Alarmed, with the wait cut off, where the alarm comes first."""
    if alarm is None:
        return await wait
    task = asyncio.create_task(wait)
    try:
        awaited: set[asyncio.Future[Any]] = {task, alarm}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    raise Alarmed(alarm.result())
