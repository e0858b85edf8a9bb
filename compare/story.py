"""What is done with a release in a comparison, in virtual time or at real pace: applied, promoted at each pause, taken back."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass
from typing import Any

from ..cluster.events import RunBegan, RunEvent, StepBegan, StepEnded, Waiting
from ..cluster.port import Cluster
from ..plan.observed import TRACK_LABEL
from ..release.model import Release
from ..ship import run as shipping
from ..strategies.base import Request
from .calls import Counted
from .results import Mark
from .scenario import Scenario

HOLDER = "rehearsal"
NO_GATES = "nothing is measured in a rehearsal"
"""Stops stay where gates want them; who would be asked is the real world, which knows nothing of a rehearsal."""


@dataclass(frozen=True)
class Plot:
    """What is rehearsed of a release: all of it, or up to a point, and then the way back: `back_after` pauses, or, of a release
    without any, `back_at_s` seconds after its start. With a `request`: that verb, to its first pause, and nothing else."""

    request: Request | None = None
    back_after: int | None = None
    back_at_s: float | None = None


WHOLE = Plot()


class Story:
    """One release, by the strategy, and what is done about it. Times are relative to `zero_s` on the loop's clock.

    `new_is_asked` is set when requests reach the new version, so that somebody may notice how it answers.
    """

    def __init__(
        self, cluster: Cluster, release: Release, strategy: str, scenario: Scenario, zero_s: float, new_is_asked: asyncio.Event
    ) -> None:
        self.cluster = Counted(cluster)
        self.marks: list[Mark] = [Mark(0.0, f"apply {strategy}")]
        self.phase, self.failure, self.is_cut, self.back_s = "Progressing", "", False, math.nan
        self._release, self._strategy, self._scenario, self._new_is_asked = release, strategy, scenario, new_is_asked
        self._zero_s = zero_s
        self._steps_s: dict[int, float] = {}
        self._is_going_back = False

    @property
    def each_s(self) -> tuple[float, ...]:
        """How long each step of the last plan took."""
        return tuple(self._steps_s.get(place, 0.0) for place in range(max(self._steps_s, default=-1) + 1))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._zero_s

    async def play(self, plot: Plot = WHOLE) -> None:
        try:
            async with asyncio.timeout(self._scenario.bound_s):
                if plot.request is not None:
                    await self._verb(plot.request, self._strategy)
                elif self._scenario.is_noticed_by_others and plot == WHOLE:
                    await self._until_noticed()
                elif plot.back_at_s is not None:
                    await self._interrupted(self._forth(None), asyncio.sleep(plot.back_at_s))
                    await self._back()
                else:
                    await self._forth(plot.back_after)
                    if plot.back_after is not None:
                        await self._back()
        except TimeoutError:
            self.is_cut = True

    async def _forth(self, pauses: int | None) -> None:
        """Through all pauses, or up to that one."""
        result = await self._verb(Request("apply"))
        passed = 0
        while result.is_ok and result.phase == "Paused":
            passed += 1
            self._mark(f"holds {result.weight}%", result.weight)
            if passed == pauses:
                return
            pause = result.plan.pause
            known_s = pause.seconds if pause is not None else None
            await asyncio.sleep(float(known_s) if known_s is not None else self._scenario.gate_s)
            self._mark("promote")
            result = await self._verb(Request("promote"))
        if result.is_ok:
            self._mark("promoted", 100)

    async def _back(self) -> None:
        self.back_s = self._now_s()
        self._mark("rollback")
        await self._verb(Request("rollback"))
        self._mark("rolled back", 0)

    async def _until_noticed(self) -> None:
        """Somebody sees the bad answers a while after the first of them, wherever the release is by then."""

        async def noticed() -> None:
            await self._new_is_asked.wait()
            await asyncio.sleep(self._scenario.notice_s)

        await self._interrupted(self._forth(None), noticed(), is_whole=True)
        self._mark("the bad answers are noticed")
        await self._back()

    async def _interrupted(self, forth: Any, until: Any, *, is_whole: bool = False) -> None:
        """Runs both until the second is over; the first is stopped then, as by Ctrl-C, if it is still running.

        `is_whole`: waits for the second anyhow.
        """
        running, ending = asyncio.ensure_future(forth), asyncio.ensure_future(until)
        try:
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                if is_whole and not self.failure:
                    await ending
        finally:
            for task in (running, ending):
                task.cancel()
            await asyncio.gather(running, ending, return_exceptions=True)

    async def _verb(self, request: Request, named: str | None = None) -> shipping.Result:
        options = shipping.Options(emit=self._note, holder=HOLDER, force=True, skip_gates=NO_GATES)
        strategy = self._strategy if request.action == "apply" else named
        result = await shipping.run(self.cluster, self._release, request, strategy=strategy, options=options)
        self.phase = result.phase
        if result.failure and not self.failure:
            self.failure = result.failure.summary
        return result

    def _note(self, event: RunEvent) -> None:
        if isinstance(event, StepBegan) and event.step.type in ("apply", "scale", "route", "delete", "patch"):
            self._mark(_words(event.step), self._held_by(event.step))
        elif isinstance(event, RunBegan):
            self._is_going_back = event.is_way_back or event.plan.action == "rollback"
        elif isinstance(event, StepEnded):
            self._steps_s[event.index] = event.seconds
        elif isinstance(event, Waiting):
            self._mark("waits", event.weight)

    def _held_by(self, step: Any) -> int | None:
        """The share from a step on, where it moves everybody at once: a switch from one side to the other, there or back."""
        is_switch = step.type == "route" and step.was.get(TRACK_LABEL) not in (None, step.selector.get(TRACK_LABEL))
        return (0 if self._is_going_back else 100) if is_switch else None

    def _mark(self, text: str, weight: int | None = None) -> None:
        self.marks.append(Mark(self._now_s(), text, weight))


def _words(step: Any) -> str:
    match step.type:
        case "scale":
            return f"{step.ref.name} to {step.replicas} pods"
        case "route":
            return f"{step.ref.name} switches"
        case "delete":
            return f"{step.ref} goes"
    return f"{step.ref} changes"
