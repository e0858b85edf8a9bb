"""The event loop whose clock jumps."""

from __future__ import annotations

import asyncio

import pytest
from rollway.sandbox.timeline import run_virtual


@pytest.mark.parametrize("begin_s", [0.0, 16_384.0, 36_000.0, 10_000_000.0])
def test_time_goes_on_however_late_it_is(begin_s: float) -> None:
    """The later, the coarser a float: a timer that is due must not seem to lie ahead for ever."""

    async def story() -> float:
        for _ in range(50):
            await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time() - begin_s

    assert run_virtual(story(), begin_s=begin_s) == pytest.approx(5.0, abs=0.02)
