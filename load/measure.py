"""Requests for a while, by themselves: what `deploy probe` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from ..errors import Silent
from . import trial
from .origin import Origin, Sending
from .report import Report

LOOK_EVERY_S = 0.25
PATIENCE_S = 1.0
ENOUGH = 3
EXPECT = "what a good answer is can be said with --expect"


class Moment(NamedTuple):
    """How far it has come: in requests of which it is known what became of them, as the verdict counts them; one under way
    may turn out as none that this machine has sent in time."""

    seconds: float
    good: int
    lost: int
    p99_s: float


async def measure(
    origin: Origin,
    seconds: float | None = None,
    *,
    wait_s: float | None = None,
    tell: Callable[[Moment], None] = lambda moment: None,
) -> Report:
    """Sends from `origin`, which is open, for so long, or until it is cancelled, which it answers by its report, as at the end.

    Raises Silent as soon as it is plain that nothing answers: after a second of requests without one answer; with `wait_s`
    where there has been no good answer within that time.
    """
    if wait_s is not None:
        await _awaited(origin, wait_s)
    target, load = origin.target, origin.load()
    sending = asyncio.create_task(load.run(seconds))
    patience_s = target.timeout_s
    try:
        while not sending.done():
            await asyncio.wait({sending}, timeout=LOOK_EVERY_S)
            tell(_moment(load))
            if load.elapsed_s >= trial.TRIAL_S and load.tally.lost >= ENOUGH and not load.tally.has_answers and wait_s is None:
                break
        else:
            await sending
    except asyncio.CancelledError:
        # whoever cancels wants to see what there is, without waiting for much more
        if task := asyncio.current_task():
            task.uncancel()
        patience_s = min(patience_s, PATIENCE_S)
    finally:
        sending.cancel()
    if not load.tally.has_answers:
        patience_s = min(patience_s, PATIENCE_S)
    report = await load.close(patience_s)
    if trial.is_silent(report):
        raise trial.silence(target.url, report)
    return report


async def _awaited(origin: Origin, wait_s: float) -> None:
    try:
        async with asyncio.timeout(wait_s):
            await origin.until_good()
    except TimeoutError:
        answer = await origin.once()
        hint = trial.hint_of(answer.lost, is_inside=origin.is_inside) if answer.lost in trial.HINTS else EXPECT
        raise Silent(f"{origin.target.url} has not answered well within {wait_s:g} s", detail=answer.detail, hint=hint) from None


def _moment(load: Sending) -> Moment:
    tally = load.tally
    return Moment(load.elapsed_s, tally.good, tally.lost, tally.p99_s)
