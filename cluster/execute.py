"""Carrying out a plan: the only place that changes a cluster. One short arm a step kind.

Whatever stops it, every step that was begun is absolute and can be done again: the next plan is computed from what is live then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from ..errors import (
    ApiError,
    ApplyConflict,
    BadInput,
    ClusterError,
    FieldsOwned,
    Invalid,
    NotFound,
    Unreachable,
)
from ..health.routes import is_route
from ..kube.clock import micro_timestamp, now, timestamp
from ..kube.objects import Obj, Ref, get, ref_of
from ..kube.workload import RESTARTED, is_workload, pods_of, workload_of
from ..plan.plan import Plan
from ..plan.revision import Entry, HookRun, Revision
from ..plan.steps import Apply, Delete, GiveBack, Hold, Label, Patch, Pause, Record, Renew, Route, Run, Scale, Step, Wait
from . import history, hooks, jobs, meanwhile
from .alarm import Alarm, Alarmed, check, pause, unless
from .awaiting import is_other, wait_for_other
from .events import Failure, Noticed, RunEvent, StepBegan, StepEnded, StepMoved
from .journal import Journal
from .label import label
from .lock import Lock
from .owners import apply_ours, in_the_way
from .port import Cluster
from .renew import renew
from .returning import claim, give_back
from .standing import Standing, followed_together
from .waiting import StepFailed, wait_for

T = TypeVar("T")
DEADLINE_S = 600.0
"""How long an API server that is away is waited for, where a step has no deadline of its own."""
AWAY_PAUSE_S = 2.0
STEADY_S = 30.0
"""So long after it has come back an API server that goes again is away anew; before, it has not really come back."""
Emit = Callable[[RunEvent], None]


class Theirs(StepFailed):
    """Somebody else has changed what the step would write: the way back must not overwrite it either."""


class Executor:
    """Runs the steps of one plan. `lock` is held by the caller and checked before each change; `alarm` ends it as a failure;
    `by` is who acts, for the history, and `note` what is said of it there."""

    def __init__(
        self,
        cluster: Cluster,
        lock: Lock,
        journal: Journal,
        emit: Emit,
        alarm: Alarm | None = None,
        *,
        by: str = "",
        note: str = "",
        seen: Mapping[Ref, Obj | None] | None = None,
        is_begun: bool = False,
        written: Callable[[Revision], None] = lambda revision: None,
    ) -> None:
        """`seen` is what the plan was made from. `is_begun`: something has been changed already, so that giving up would leave it
        half done. `written` hears of each turn that the history has."""
        self._cluster = cluster
        self._lock = lock
        self._journal = journal
        self._emit = emit
        self._alarm = alarm
        self._by, self._note = by, note
        self._seen, self._written = seen or {}, written
        self._has_changed = is_begun
        self._has_touched = is_begun  # anything but the history
        self._has_held = False
        self._applied: dict[Ref, Obj] = {}
        self._before: dict[Ref, Obj] = {}  # the Deployments as they were when this run last wrote them
        self._stands: dict[Ref, None] = {}  # the Deployments that were waited for, and are to be there at the end

    async def run(self, plan: Plan) -> Failure | None:
        """Answers None when every step is done, or why one failed. Raises only where we could not find out or did not start."""
        self._standing = Standing(self._cluster, plan.app, followed_together(plan, self._seen))
        try:
            return await self._steps(plan)
        finally:
            await self._standing.close()

    async def _steps(self, plan: Plan) -> Failure | None:
        began = asyncio.get_running_loop().time()
        for index, step in enumerate(plan.steps):
            started = asyncio.get_running_loop().time()
            try:
                check(self._alarm)
                self._emit(StepBegan(index, step))
                await self._insist(partial(self._do, index, step), _deadline_s(step))
            except Alarmed as alarmed:
                return Failure(str(alarmed), after_s=asyncio.get_running_loop().time() - began)
            except StepFailed as failed:
                after_s = asyncio.get_running_loop().time() - began
                return Failure(failed.summary, failed.pods, failed.logs, after_s, is_theirs=isinstance(failed, Theirs))
            except ApiError as error:
                if not self._has_changed or error.may_pass:
                    raise
                # What was begun has to be taken back, whatever the API server did not like about going on.
                return Failure(f"{step.type} was refused: {error.message}", after_s=asyncio.get_running_loop().time() - began)
            self._emit(StepEnded(index, step, asyncio.get_running_loop().time() - started))
        return None

    async def insist(self, do: Callable[[], Awaitable[T]]) -> T:
        """What stands between two plans of a run, waited for like a step."""
        return await self._insist(do, DEADLINE_S)

    async def _insist(self, do: Callable[[], Awaitable[T]], deadline_s: float) -> T:
        """Does it, again and again while the API server is away, each time at most for `deadline_s`; but not for what begins a
        run."""
        clock, away_at, back_at, is_begun = asyncio.get_running_loop().time, 0.0, 0.0, self._has_changed

        def tell_back() -> None:
            self._notice(f"the API server did not answer for {back_at - away_at:.0f} s; it was waited for")

        while True:
            try:
                if away_at:
                    await self._lock.regain()
                    back_at = clock()
                done = await do()
            except ClusterError as error:
                if away_at < back_at < clock() - STEADY_S:  # it had come back: this is another absence
                    tell_back()
                    away_at = 0.0
                if not (error.may_pass and is_begun) or (away_at and clock() - away_at >= deadline_s):
                    raise
                if not away_at:
                    away_at = clock()
                    self._emit(Noticed(f"the API server does not answer since {timestamp(now())}; waiting for it"))
                await pause(AWAY_PAUSE_S, self._alarm)
                check(self._alarm)
            else:
                if away_at:
                    tell_back()
                return done

    async def _do(self, index: int, step: Step) -> None:
        match step:
            case Apply():
                await self._apply(step)
            case Patch():
                self._before_change()
                self._standing.wrote(step.ref, await self._cluster.patch(step.ref, step.patch))
            case Label():
                self._before_change()
                self._standing.forget(step.ref)
                await label(self._cluster, step)
            case Scale():
                await self._scale(step)
            case Renew():
                self._before_change()
                await unless(self._alarm, renew(self._cluster, step))
            case Route():
                await self._route(index, step)
            case Wait():
                await self._wait(index, step)
            case Run():
                await self._run(index, step)
            case GiveBack():
                self._before_change()
                if not await give_back(self._cluster, step):
                    self._notice(f"{step.ref} keeps rollway as a manager of {len(step.loans)} fields that were others' before")
            case Delete():
                self._before_change()
                self._stands.pop(step.ref, None)
                await self._cluster.delete(step.ref)
            case Hold():
                await self._hold(step)
            case Record():
                if step.phase in ("Paused", "Promoted"):
                    await self._look_again()
                await self._record(step)
            case Pause():
                pass

    async def _wait(self, index: int, step: Wait) -> None:
        def moved(message: str, ready: int, wanted: int) -> None:
            self._emit(StepMoved(index, step, message, ready, wanted))

        if is_other(step.ref):
            live = await unless(self._alarm, wait_for_other(self._cluster, step, moved))
            if live is None or not is_workload(live):
                return
        else:
            live = await unless(self._alarm, wait_for(self._cluster, step, moved, self._before.get(step.ref), self._standing))
        if live is not None and step.until != "drained":
            self._stands.pop(step.ref, None)
            self._stands[step.ref] = None
        self._notice_scaling(step, live)
        ours = self._applied.get(step.ref)
        if not live or not ours or step.until != "rolled-out" or _template(live) == _template(ours):
            return
        if _template(live, but=RESTARTED) != _template(ours, but=RESTARTED):
            raise StepFailed(f"{step.ref} runs something else: somebody changed its pods while this run was under way")
        self._notice(f"somebody restarted the pods of {step.ref.name} meanwhile; they were waited for")
        self._applied[step.ref] = live

    async def _run(self, index: int, step: Run) -> None:
        def moved(message: str, ready: int, wanted: int) -> None:
            self._emit(StepMoved(index, step, message, ready, wanted))

        async def keep(run: HookRun) -> None:
            self._before_change()
            # known here first: whatever cuts the writing off, the way back writes it along
            kept = self._journal.revisions[step.number] = self._journal.revisions[step.number].with_run(run)
            await history.write(self._cluster, kept)

        self._before_change()
        known = self._journal.revisions[step.number].run_of(step.moment, step.hook)
        try:
            await unless(self._alarm, hooks.run(self._cluster, step, known, keep, moved))
        except StepFailed as failed:
            if not step.goes_on:
                raise
            self._notice(f"{failed.summary}; it goes on all the same")

    def _notice_scaling(self, step: Wait, live: Obj | None) -> None:
        asked = pods_of(live) if live is not None and workload_of(live).is_scaled else 0
        if step.until == "rolled-out" and asked > step.pods and not step.is_autoscaled:
            self._notice(
                f"somebody scaled {step.ref.name} to {asked} meanwhile: all of them were waited for, not {step.pods} only"
            )

    def _notice(self, message: str) -> None:
        self._journal.noticed.append(message)
        self._emit(Noticed(message))

    def _before_change(self, *, touches: bool = True) -> None:
        self._lock.check()
        self._has_changed = True
        self._has_touched = self._has_touched or touches

    async def _apply(self, step: Apply) -> None:
        """Fields of our own other writes (scale, selector patch), and those the plan says it takes over, are taken; no others."""
        had_changed, had_touched = self._has_changed, self._has_touched
        self._before_change()
        if step.drops and not await claim(self._cluster, step):
            self._notice(f"{step.ref} keeps {len(step.drops)} fields that kubectl has applied and the manifests no longer have")
        try:
            seen = None if step.ref in self._before else self._seen.get(step.ref)
            self._took(step, await apply_ours(self._cluster, step, seen) or await self._cluster.apply(step.manifest))
        except ApplyConflict as conflict:
            foreign = await in_the_way(self._cluster, step, conflict, self._seen.get(step.ref))
            if not foreign:
                self._took(step, await self._cluster.apply(step.manifest, force=True))
                return
            owners = "\n".join(f"{cause.field} is managed by {cause.manager}" for cause in foreign)
            summary = f"{ref_of(step.manifest)} was changed by somebody else while this run was under way"
            if had_touched:
                raise Theirs(f"{summary}: {owners}") from conflict
            raise FieldsOwned(summary, detail=owners, hint="plan again to see what changed") from conflict
        except Invalid as invalid:
            summary = f"the API server refuses {ref_of(step.manifest)}: {invalid.message}"
            if had_changed:
                raise StepFailed(summary) from invalid
            raise BadInput(summary, hint="correct the manifest; nothing was changed") from invalid

    def _took(self, step: Apply, live: Obj) -> None:
        self._applied[step.ref] = self._before[step.ref] = live
        self._standing.wrote(step.ref, live)

    async def unwind(self, known: Sequence[Revision], message: str) -> None:
        """The history as it was, where nothing else has been changed yet; what was begun is told as taken back."""
        was = {revision.number: revision for revision in known}
        for number, revision in list(self._journal.revisions.items()):
            if number in was and revision != was[number]:
                await history.write(self._cluster, was[number])
            elif number not in was and revision.entries and not revision.is_adopted:
                await self._record(Record(number=number, phase="RolledBack", weight=0, message=message, to=revision.base))

    async def _look_again(self) -> None:
        """Before the history says that all is as planned: what was waited for first may be gone by now."""
        for ref in list(self._stands)[:-1]:
            if await self._cluster.get(ref) is None:
                raise StepFailed(f"{ref} is gone: somebody deleted it while this run was under way")

    async def _scale(self, step: Scale) -> None:
        """Pods that somebody has added since the plan was made are left to them, but where nothing is routed any more."""
        if step.replicas:
            live = await self._cluster.get(step.ref)
            now = int(get(live, "spec", "replicas", default=step.was))
            if live is not None:
                self._before[step.ref] = live
            if now > step.replicas and now != step.was:
                self._notice(f"somebody scaled {step.ref.name} to {now} meanwhile: it is left at that, not at {step.replicas}")
                return
        else:
            self._stands.pop(step.ref, None)
            if self._has_held and not step.is_dark:
                await meanwhile.refuse_reached(self._cluster, step.ref, self._seen)
        self._before_change()
        try:
            await self._set_replicas(step.ref, step.replicas)
        except NotFound:
            if step.replicas:
                raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way") from None

    async def _set_replicas(self, ref: Ref, replicas: int) -> None:
        answer = await self._cluster.patch(ref, {"spec": {"replicas": replicas}}, subresource="scale")
        self._standing.wrote(ref, answer)

    async def _route(self, index: int, step: Route) -> None:
        """Looks at both sides in the moment before the switch, so that it is never to fewer pods than the live side has."""
        min_ready, seen = step.min_ready, step.former_pods
        while True:
            ready, asked = await asyncio.gather(self._standing.ready(step), self._standing.asked_of(step.former))
            if step.side is None or asked <= seen:
                break
            min_ready = seen = asked
            if await self._standing.asked_of(step.side) < asked:
                await self._grow(index, step, step.side, asked)
        if ready < min_ready:
            raise StepFailed(f"{step.ref} was not switched: {ready} of {min_ready} pods behind the new selector are ready")
        self._before_change()
        patch: list[Obj] = [{"op": "replace", "path": "/spec/selector", "value": step.selector}]
        if step.ports is not None:
            patch.append({"op": "replace", "path": "/spec/ports", "value": list(step.ports)})
        await self._cluster.patch(step.ref, patch)

    async def _grow(self, index: int, step: Route, side: Ref, replicas: int) -> None:
        """The live side was scaled up since the plan was made: the other one is, too, before it takes all requests."""
        former = step.former.name if step.former else ""
        self._notice(f"{former} was scaled to {replicas} meanwhile: {side.name} is brought to as many before the switch")
        self._before_change()
        await self._set_replicas(side, replicas)
        why = "as many as the live side has by now"
        await self._wait(index, Wait(ref=side, until="rolled-out", pods=replicas, deadline_s=step.deadline_s, why=why))

    async def _hold(self, step: Hold) -> None:
        """The lock is given back meanwhile, so that a rollback from elsewhere need not wait; who acted then has the say."""
        before = self._journal.in_order
        await self._lock.release()
        await pause(step.seconds, self._alarm)
        await self.insist(self._lock.acquire)
        app, namespace = before[-1].app, before[-1].namespace
        known = await self.insist(partial(history.load, self._cluster, app, namespace))
        meanwhile.refuse_acted(known, before)
        self._has_held = True

    async def keep(self, number: int, failure: Failure, message: str) -> None:
        """Writes why a revision fails, before the way back takes the pods away that say so; what cannot be written is let go."""
        self._lock.check()
        kept = self._journal.revisions[number].model_copy(update={"message": message, "told": failure.told})
        self._journal.revisions[number] = kept
        with contextlib.suppress(ApiError, Unreachable):
            await history.write(self._cluster, kept)

    async def record(self, step: Record) -> None:
        """Writes how a revision stands, as a step does."""
        await self.insist(partial(self._record, step))

    async def _record(self, step: Record) -> None:
        self._before_change(touches=False)
        moment = now()
        entry = Entry(at=timestamp(moment), by=self._by, phase=step.phase, weight=step.weight, to=step.to, note=self._note)
        written = self._journal.revisions[step.number].entered(
            entry, pause_s=step.pause_s, message=step.message, exact_at=micro_timestamp(moment)
        )
        await history.write(self._cluster, written)
        self._journal.revisions[step.number] = written
        self._written(written)
        if step.phase == "Promoted":
            await history.prune(self._cluster, self._journal.in_order)


def _deadline_s(step: Step) -> float:
    if isinstance(step, Run):
        return step.deadline_s + jobs.GRACE_S
    if isinstance(step, Wait) and is_route(step.ref):
        return DEADLINE_S  # its own is for who serves the route, who may well be there when the API server is not
    return float(step.deadline_s) if isinstance(step, Wait | Route | Renew) else DEADLINE_S


def _template(deployment: Obj, *, but: str = "") -> object:
    """What the pods are made of; `but` an annotation."""
    template = deployment["spec"]["template"]
    kept = {key: value for key, value in get(template, "metadata", "annotations", default={}).items() if key != but}
    return {**template, "metadata": {**template.get("metadata", {}), "annotations": kept}}
