"""Carrying out a plan: the only place that changes a cluster. One short arm a step kind.

Whatever stops it, every step that was begun is absolute and can be done again: the next plan is computed from what is live then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import ApiError, ApplyConflict, BadInput, FieldsOwned, Invalid, NotFound, StalePlan
from ..health.pods import is_ready
from ..kube.clock import now, timestamp
from ..kube.objects import POD, Obj, Ref, ref_of
from ..plan.observed import FIELD_MANAGER
from ..plan.plan import Plan
from ..plan.revision import Revision
from ..plan.steps import Apply, Delete, Hold, Patch, Pause, Record, Route, Scale, Step, Wait
from . import history
from .alarm import Alarm, Alarmed, check, pause, unless
from .events import Failure, RunEvent, StepBegan, StepEnded, StepMoved
from .lock import Lock
from .port import Cluster
from .waiting import StepFailed, wait_for

Emit = Callable[[RunEvent], None]


@dataclass
class Journal:
    """The history as the run knows it; `revisions` are those of the cluster and the plan's new ones."""

    revisions: dict[int, Revision]

    @staticmethod
    def of(known: Sequence[Revision], plan: Plan) -> Journal:
        return Journal({revision.number: revision for revision in (*plan.new_revisions, *known)})

    @property
    def in_order(self) -> tuple[Revision, ...]:
        return tuple(self.revisions[number] for number in sorted(self.revisions))


class Executor:
    """Runs the steps of one plan. `lock` is held by the caller and checked before each change; `alarm` ends it as a failure."""

    def __init__(self, cluster: Cluster, lock: Lock, journal: Journal, emit: Emit, alarm: Alarm | None = None) -> None:
        self._cluster = cluster
        self._lock = lock
        self._journal = journal
        self._emit = emit
        self._alarm = alarm
        self._has_changed = False
        self._applied: dict[Ref, Obj] = {}

    async def run(self, plan: Plan) -> Failure | None:
        """Answers None when every step is done, or why one failed. Raises only where we could not find out or did not start."""
        began = asyncio.get_running_loop().time()
        for index, step in enumerate(plan.steps):
            started = asyncio.get_running_loop().time()
            self._emit(StepBegan(index, step))
            try:
                check(self._alarm)
                await self._do(index, step)
            except Alarmed as alarmed:
                return Failure(str(alarmed), after_s=asyncio.get_running_loop().time() - began)
            except StepFailed as failed:
                return Failure(failed.summary, failed.pods, failed.logs, asyncio.get_running_loop().time() - began)
            except ApiError as error:
                if not self._has_changed:
                    raise
                # What was begun has to be taken back, whatever the API server did not like about going on.
                return Failure(f"{step.type} was refused: {error.message}", after_s=asyncio.get_running_loop().time() - began)
            self._emit(StepEnded(index, step, asyncio.get_running_loop().time() - started))
        return None

    async def _do(self, index: int, step: Step) -> None:
        match step:
            case Apply():
                await self._apply(step)
            case Patch():
                self._before_change()
                await self._cluster.patch(step.ref, step.patch)
            case Scale():
                await self._scale(step)
            case Route():
                await self._route(step)
            case Wait():
                await self._wait(index, step)
            case Delete():
                self._before_change()
                await self._cluster.delete(step.ref)
            case Hold():
                await self._hold(step)
            case Record():
                await self.record(step)
            case Pause():
                pass

    async def _wait(self, index: int, step: Wait) -> None:
        def moved(message: str, ready: int, wanted: int) -> None:
            self._emit(StepMoved(index, step, message, ready, wanted))

        live = await unless(self._alarm, wait_for(self._cluster, step, moved))
        ours = self._applied.get(step.ref)
        if live and ours and step.until == "rolled-out" and _template(live) != _template(ours):
            raise StepFailed(f"{step.ref} runs something else: somebody changed its pods while this run was under way")

    def _before_change(self) -> None:
        self._lock.check()
        self._has_changed = True

    async def _apply(self, step: Apply) -> None:
        """Fields of our own other writes (scale, selector patch), and those the plan says it takes over, are taken; no others."""
        had_changed = self._has_changed
        self._before_change()
        try:
            self._applied[step.ref] = await self._cluster.apply(step.manifest)
        except ApplyConflict as conflict:
            planned = {*step.takes_over}
            foreign = [cause for cause in conflict.conflicts if cause.manager != FIELD_MANAGER and cause not in planned]
            if not foreign:
                self._applied[step.ref] = await self._cluster.apply(step.manifest, force=True)
                return
            owners = "\n".join(f"{cause.field} is managed by {cause.manager}" for cause in foreign)
            summary = f"{ref_of(step.manifest)} was changed by somebody else while this run was under way"
            if had_changed:
                raise StepFailed(f"{summary}: {owners}") from conflict
            raise FieldsOwned(summary, detail=owners, hint="plan again to see what changed") from conflict
        except Invalid as invalid:
            summary = f"the API server refuses {ref_of(step.manifest)}: {invalid.message}"
            if had_changed:
                raise StepFailed(summary) from invalid
            raise BadInput(summary, hint="correct the manifest; nothing was changed") from invalid

    async def _scale(self, step: Scale) -> None:
        self._before_change()
        try:
            await self._cluster.patch(step.ref, {"spec": {"replicas": step.replicas}}, subresource="scale")
        except NotFound:
            if step.replicas:
                raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way") from None

    async def _route(self, step: Route) -> None:
        pods = await self._cluster.list(POD, step.ref.namespace, labels=step.selector)
        ready = sum(1 for pod in pods if is_ready(pod))
        if ready < step.min_ready:
            raise StepFailed(f"{step.ref} was not switched: {ready} of {step.min_ready} pods behind the new selector are ready")
        self._before_change()
        patch: list[Obj] = [{"op": "replace", "path": "/spec/selector", "value": step.selector}]
        if step.ports is not None:
            patch.append({"op": "replace", "path": "/spec/ports", "value": list(step.ports)})
        await self._cluster.patch(step.ref, patch)

    async def _hold(self, step: Hold) -> None:
        """The lock is given back meanwhile, so that a rollback from elsewhere need not wait; who acted then has the say."""
        before = self._journal.in_order
        await self._lock.release()
        await pause(step.seconds, self._alarm)
        await self._lock.acquire()
        app, namespace = before[-1].app, before[-1].namespace
        if _standing(await history.load(self._cluster, app, namespace)) != _standing(before):
            raise StalePlan(
                "another run has acted on the release while this one waited",
                detail="this run stops here and leaves the rest to that one",
                hint="see `deploy status`",
            )

    async def record(self, step: Record) -> None:
        """Writes how a revision stands."""
        self._before_change()
        revision = self._journal.revisions[step.number]
        moment = timestamp(now())
        update: dict[str, object] = {"phase": step.phase, "weight": step.weight, "started": revision.started or moment}
        if step.message:
            update["message"] = step.message
        update["was_promoted"] = revision.was_promoted or step.phase == "Promoted"
        update["ended"] = moment if step.phase in ("Promoted", "RolledBack", "Failed") else ""
        written = revision.model_copy(update=update)
        await history.write(self._cluster, written)
        self._journal.revisions[step.number] = written
        if step.phase == "Promoted":
            await history.prune(self._cluster, self._journal.in_order)


def _template(deployment: Obj) -> object:
    return deployment["spec"]["template"]


def _standing(revisions: Sequence[Revision]) -> list[tuple[int, str, int]]:
    """What matters of a history to whoever waits: the last revision."""
    return [(revision.number, revision.phase, revision.weight) for revision in revisions[-1:]]
