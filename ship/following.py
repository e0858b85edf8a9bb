"""Following a runner from outside, as if it ran here: by the logs of its pods, one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable

from ..cluster import jobs
from ..cluster.awaiting import hindrance_of
from ..cluster.events import RunEvent
from ..cluster.port import Cluster
from ..errors import NotFound, RollwayError, Unreachable
from ..kube.objects import POD, Obj, get
from .launching import Launched
from .lines import Erred, Said, decoded
from .podlogs import has_ended, has_started, passes
from .run import Result
from .runner import CONTAINER, FINAL

SETTLE_S = 5.0
"""What the last lines of a log may come later than the end of its Job."""

Hear = Callable[[RunEvent | Said], None]


class Follower:
    """`hear` is told what a run tells, and what its pods wait for."""

    def __init__(self, cluster: Cluster, launched: Launched, hear: Hear) -> None:
        self._cluster, self._ref, self._uid, self._hear = cluster, launched.ref, launched.uid, hear
        self._started: set[str] = set()
        self._told = ""

    async def end(self) -> Result | RollwayError:
        """How the run has ended. Raises NotFound where somebody has deleted its Job."""
        reading = asyncio.ensure_future(self._read_all())
        ending = asyncio.ensure_future(jobs.ended(self._cluster, self._ref, math.inf, self._look))
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await asyncio.wait({reading}, timeout=SETTLE_S)
            if reading.done():
                return reading.result()
            job = ending.result()
        finally:
            for each in (reading, ending):
                each.cancel()
            await asyncio.gather(reading, ending, return_exceptions=True)
        return self._untold(job)

    def _untold(self, job: Obj | None) -> RollwayError:
        end = jobs.end_of(job)
        if end is None:
            raise NotFound(404, "NotFound", f"{self._ref} is gone: somebody deleted it, and the release stands as it left it")
        if end["type"] == "Complete":
            return Unreachable(f"{self._ref} has ended well, and its log cannot be read", hint="see `deploy history`")
        why = str(end.get("message") or end.get("reason") or "it failed")
        return RollwayError(f"{self._ref} failed: {why}", hint=f"`kubectl logs {self._ref.kind.lower()}/{self._ref.name}`")

    # its pods

    async def _read_all(self) -> Result | RollwayError:
        labels = {"batch.kubernetes.io/controller-uid": self._uid}
        async with contextlib.aclosing(self._cluster.watch(POD, self._ref.namespace, labels=labels)) as events:
            async for event in events:
                pod = event.obj["metadata"]["uid"]
                if event.type == "DELETED" or pod in self._started or not has_started(event.obj):
                    continue
                self._started.add(pod)
                if end := await self._read(event.obj):
                    return end
        raise AssertionError("a watch has no end")

    async def _read(self, pod: Obj) -> Result | RollwayError | None:
        """The log from its first line on; where the connection drops, again without what has been heard. None where the pod has
        ended without the run's end: another one goes on."""
        name, heard = pod["metadata"]["name"], 0
        async with contextlib.aclosing(passes(self._cluster, pod, CONTAINER)) as reading:
            async for now, lines in reading:
                number = 0
                async for text in lines:
                    number += 1
                    if number > heard:
                        heard = number
                        if (end := self._take(text)) is not None:
                            return end
                if has_ended(now) and number < heard:
                    heard = 0  # it was rotated, or dropped: rather told twice than its end not heard
                elif has_ended(now):
                    self._hear(Said(f"pod {name} has ended; another one goes on with it"))
                    return None
        raise AssertionError("a log is read without end")

    def _take(self, text: str) -> Result | RollwayError | None:
        line = decoded(text)
        match line:
            case Result():
                return line
            case Erred(code=code) if code in FINAL:
                return line.error
            case Erred(summary=summary):
                self._hear(Said(f"its pod stopped: {summary}"))
            case None:
                self._hear(Said(text))  # such as what its Python or its image say
            case _:
                self._tell(line, text)
        return None

    def _tell(self, line: RunEvent | Said, text: str) -> None:
        """A log may have lost its first lines, be of another rollway, or hold whatever looks like a run's."""
        try:
            self._hear(line)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
            self._hear(Said(text))

    async def _look(self, job: Obj) -> None:
        """What is waited for before its first pod runs, or the next one."""
        if get(job, "status", "ready", default=0):
            self._told = ""
            return
        message = await hindrance_of(self._cluster, job)
        if message and message != self._told:
            self._told = message
            self._hear(Said(f"the runner waits: {message}"))
