"""All who look on at a run, as one: the probe from outside, and the gates."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..cluster.alarm import Alarm, pause
from ..plan.evidence import Evidence
from ..plan.revision import Revision
from ..plan.steps import Pause, Record, Step
from .watch import Watch

if TYPE_CHECKING:
    from .gatekeeping import Gatekeeper


class Watches:
    """`alarm` is done as soon as one of them says that the release must not go on; None where nobody looks."""

    def __init__(self, probe: Watch | None = None, gates: Gatekeeper | None = None) -> None:
        self.probe, self.gates = probe, gates
        alarms = [each.alarm for each in (probe, gates) if each is not None]
        self.alarm: Alarm | None = asyncio.get_running_loop().create_future() if alarms else None
        for each in alarms:
            each.add_done_callback(self._raise)

    async def start(self, revision: Revision | None, stable_version: str, *, is_up: bool) -> None:
        """Before anything changes. Without a revision nothing is released, and no gate is asked: it is taken back."""
        if self.probe:
            await self.probe.start(is_up=is_up)
        if self.gates and revision:
            await self.gates.start(revision, stable_version, is_up=is_up)

    def begun(self, step: Step) -> None:
        """A step is what losses are told by."""
        if self.probe and not isinstance(step, Record | Pause):
            self.probe.mark(step)

    def ended(self, step: Step) -> None:
        if self.gates and isinstance(step, Record):
            self.gates.stands(step)

    async def hold(self, paused: Revision, stable_version: str, seconds: float, *, is_last: bool) -> None:
        """A pause: its own time, and what its gates need besides; at most until the alarm. Raises Refused where they hold it."""
        if self.gates:
            await self.gates.hold(paused, stable_version, seconds, is_last=is_last)
        else:
            await pause(seconds, self.alarm)

    async def rest(self) -> None:
        """Returns when what was begun by now is known."""
        if self.probe:
            await self.probe.rest()
        if self.gates:
            await self.gates.rest()
        await asyncio.sleep(0)  # an alarm that was raised meanwhile has been heard

    async def stop(self) -> None:
        """Called again, does nothing more."""
        if self.probe:
            await self.probe.stop()
        if self.gates:
            await self.gates.stop()

    @property
    def found(self) -> tuple[Evidence, ...]:
        return self.gates.found if self.gates else ()

    def _raise(self, alarm: Alarm) -> None:
        if self.alarm is not None and not self.alarm.done() and not alarm.cancelled():
            self.alarm.set_result(alarm.result())
