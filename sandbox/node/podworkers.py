"""The pods that a node looks after: what is written and told of each, and what comes next of it, on the event loop's time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Literal

from ...kube.objects import POD, Obj
from ..agenda import Agenda
from ..controllers.engine import Queue
from ..events import record
from ..store.store import Store
from .podrun import Run, Stage
from .podstatus import pod_status
from .scheduler import Place


class PodWorkers:
    """A container waits for one step at a time, the node for the first of all."""

    def __init__(self, store: Store, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._queue, self._now = store, queue, now
        self._runs: dict[Place, Run] = {}
        self._stages: dict[Stage, int] = {"creating": 0, "running": 0, "stopping": 0}
        self._loop = asyncio.get_running_loop()
        self._agenda = Agenda(self._loop)

    def stop(self) -> None:
        """Looks after no pod any more. They stay as they are."""
        self._runs.clear()
        self._agenda.clear()

    def _add(self, place: Place, run: Run) -> None:
        self._runs[place] = run
        self._stages[run.stage] += 1

    def _remove(self, place: Place) -> None:
        run = self._runs.pop(place)
        self._stages[run.stage] -= 1
        run.next_.clear()
        run.runtime.abandon()

    def _write(self, place: Place, run: Run, *, address: str = "") -> None:
        pod = self._store.get(POD, *place)
        status = pod_status(pod, run.containers, self._now(), address=address)
        if status != pod.get("status"):
            self._store.update(POD, pod | {"status": status})

    def _tell(
        self,
        pod: Obj,
        reason: str,
        message: str,
        type_: Literal["Normal", "Warning"] = "Normal",
        component: str = "kubelet",
        *,
        container: int | None = None,
    ) -> None:
        """`container`: which of the pod's it is about, where it is about one."""
        now, part = self._now(), "" if container is None else f"spec.containers{{{pod['spec']['containers'][container]['name']}}}"
        record(self._store, POD, pod, reason=reason, message=message, now=now, component=component, type_=type_, part=part)

    def _at(self, place: Place, run: Run, when_s: float, do: Callable[..., None], *args: object, slot: int = 0) -> None:
        """What happens to the container next, instead of anything that was to happen."""
        run.next_[slot] = self._agenda.add(when_s, self._step, place, run, slot, do, args)

    def _step(self, number: int, place: Place, run: Run, slot: int, do: Callable[..., None], args: tuple[object, ...]) -> None:
        # Deleted a moment ago, and not looked at since: the queue's turn comes first.
        if run.next_.get(slot) == number and self._is_current(place, run):
            del run.next_[slot]
            self._queue.guarded(do, place, run, *args)

    def _is_current(self, place: Place, run: Run) -> bool:
        return self._runs.get(place) is run and self._store.find(POD, *place) is not None

    def _stage(self, run: Run, stage: Stage) -> None:
        self._stages[run.stage] -= 1
        self._stages[stage] += 1
        run.stage = stage
