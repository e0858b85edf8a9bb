"""One plan, executed under the lock, and its way back where it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ..cluster.alarm import Alarm
from ..cluster.events import Failure, RunBegan, RunFailed
from ..cluster.execute import Executor
from ..cluster.journal import Journal
from ..cluster.lock import Lock
from ..cluster.port import Cluster
from ..errors import FieldsOwned, RollwayError
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..plan.revision import Revision, before
from ..plan.steps import Phase, Record
from ..release.model import Release
from ..strategies.base import Strategy
from . import ours
from .look import look
from .options import Options
from .result import Result
from .watch import settle
from .watches import Watches


@dataclass
class Execution:
    """`observed` is what the plan was made of, `strategy` what made it."""

    cluster: Cluster
    release: Release
    strategy: Strategy
    plan: Plan
    observed: Observed
    lock: Lock
    options: Options
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal.of(self.observed.history, self.plan)
        self._began = asyncio.get_running_loop().time()
        self._is_back = self.plan.action == "rollback"
        self._alarm = None if self._is_back else self.options.watches.alarm

    async def run(self) -> Result:
        """Raises FieldsOwned where a field of the plan has become somebody's meanwhile, with what had begun unwound."""
        failure = await self._forward()
        if failure is None:
            return self._result(self.plan.phase, self.plan.weight)
        self.options.emit(RunFailed(failure))
        is_promoted = self._stands is not None and self._stands.phase == "Promoted" and not self._is_back
        was_live = self.observed.live is not None and self.observed.live.number == self.plan.revision
        if is_promoted and (was_live or not self._is_alarmed):
            return self._result("Promoted", 100, failure)  # it is live; only what was to be tidied up after it failed
        executor = self._executor(is_begun=True)  # which heeds no alarm
        if not self._is_back and self._stands and self._stands.started:
            await executor.keep(self.plan.revision, failure, _told(failure))
        back, why_not = await executor.insist(lambda: self._plan_back(failure))
        if back is not None:
            return await self._go_back(executor, back, failure)
        if is_promoted:
            return self._result("Promoted", 100, failure, back_failure=why_not)
        await self._record_failed(executor, failure)
        return self._result("Failed", self.plan.weight, failure, back_failure=why_not)

    @property
    def _stands(self) -> Revision | None:
        """The plan's revision, as the history has it by now."""
        return self.journal.revisions.get(self.plan.revision)

    @property
    def _is_alarmed(self) -> bool:
        return self._alarm is not None and self._alarm.done()

    def _executor(self, *, is_begun: bool) -> Executor:
        options, alarm = self.options, None if is_begun else self._alarm
        written: Callable[[Revision], None] = options.teller.written if options.teller else lambda revision: None
        note, seen = ("", None) if is_begun else (options.skip_gates, self.observed.objects)
        return Executor(
            self.cluster, self.lock, self.journal, options.emit, alarm, by=options.by, note=note, seen=seen, is_begun=is_begun,
            written=written,
        )  # fmt: skip

    async def _forward(self) -> Failure | None:
        """The plan itself, watched by all who look on."""
        options, watches = self.options, self.options.watches
        # what is taken back may be broken, and what was never there cannot answer
        is_up = bool(self.plan.from_version) and not self._is_back
        await watches.start(None if self._is_back else self._stands, self.plan.from_version, is_up=is_up)
        if not self._is_alarmed:  # raised in the pause before: nothing of this plan begins
            options.emit(RunBegan(self.plan))
        executor = self._executor(is_begun=False)
        try:
            failure = await executor.run(self.plan)
        except FieldsOwned as theirs:
            await executor.unwind(self.observed.history, theirs.summary)
            raise
        if failure is None and watches.alarm and (reason := await self._settle(watches, self._alarm)):
            return Failure(reason, after_s=asyncio.get_running_loop().time() - self._began)
        return failure

    async def _go_back(self, executor: Executor, back: Plan, failure: Failure) -> Result:
        self.options.emit(RunBegan(back, is_way_back=True))
        back_failure = await executor.run(back)
        if self.options.watches.probe:
            await self._settle(Watches(self.options.watches.probe), None)
        if back_failure:
            await self._record_failed(executor, back_failure)
        after: Phase = "Failed" if back_failure else self.journal.revisions[self.plan.revision].phase
        weight = 0 if after == "RolledBack" else self.plan.weight
        return self._result(after, weight, failure, back=back, back_failure=back_failure)

    async def _settle(self, watches: Watches, alarm: Alarm | None) -> str:
        return await settle(self.cluster, self.release, ours.workloads(self.release, self.observed), watches, alarm)

    async def _record_failed(self, executor: Executor, failure: Failure) -> None:
        """Of a release: a rollback that failed is none that is under way."""
        if not self._is_back:
            plan = self.plan
            await executor.record(Record(number=plan.revision, phase="Failed", weight=plan.weight, message=_told(failure)))

    async def _plan_back(self, failure: Failure) -> tuple[Plan | None, Failure | None]:
        """The way back from where the failed plan has got to: to what was live before it. None for a first release, where none
        is wanted, and, with the reason, where none can be planned."""
        if not self.options.goes_back:
            return None, None
        number = 0 if self._is_back else self.plan.revision  # a rollback that failed goes back to what is live
        observed = await look(self.cluster, self.release, self.strategy.name)
        live = observed.live
        if live and live.number == number:  # it has been promoted already
            live = before(observed.history, number)
        if live is None:
            return None, None
        told = tuple(
            revision.model_copy(update={"message": _told(failure)})
            if revision.is_in_flight or revision.number == number
            else revision
            for revision in observed.history
        )
        try:
            return self.strategy.rollback(replace(observed, history=told), live.number, force=not failure.is_theirs), None
        except RollwayError as error:
            return None, Failure(f"the way back could not be planned: {error.summary}")

    def _result(
        self,
        phase: Phase,
        weight: int,
        failure: Failure | None = None,
        *,
        back: Plan | None = None,
        back_failure: Failure | None = None,
    ) -> Result:
        seconds = asyncio.get_running_loop().time() - self._began
        noticed = tuple(self.journal.noticed)
        return Result(
            self.plan, phase, weight, failure, back, back_failure, seconds=seconds, noticed=noticed, stands=self._stands
        )


def _told(failure: Failure) -> str:
    first = failure.pods[0].reason if failure.pods else ""
    return failure.summary if first in failure.summary else f"{failure.summary} ({first})"
