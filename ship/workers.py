"""Requests from inside the cluster: pods of a Job send them, and are heard by their logs. An origin of a load (load.origin).

The Job ends by itself two minutes after this process has let it live on for the last time, whatever becomes of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..cluster import jobs
from ..cluster.awaiting import problems_of, refused_of
from ..cluster.port import Cluster
from ..errors import ApiError, ClusterError, NotFound, RollwayError
from ..kube.clock import parse_timestamp
from ..kube.objects import JOB, POD, Obj, ref_of
from ..load import share, told
from ..load.afar import Afar
from ..load.client import Answer
from ..load.generator import Taken
from ..load.origin import Sending
from ..load.share import Share
from ..load.target import Target
from . import placing, workerjob
from .podlogs import AGAIN_S, has_ended, has_started, passes
from .runner import CONTAINER
from .workerjob import Crew

COME_UP_S = 120.0
LOOK_EVERY_S = 3.0
RENEW_S = 60.0
RETRY_S = 5.0
BEGUN_S = 3600.0
OF_IMAGE = "their image has to be a rollway as new as this one, and to be pulled"
LAST_WORDS, LONGEST_WORDS = 2, 200
GRANT = "`deploy rbac` names the rights of a release whose `probe:` has workers; somebody who may has to grant them"

Note = Callable[[str], None]


class Workers:
    """`crew` sends `rate` requests a second together. `note` is told what becomes of them."""

    is_inside = True

    def __init__(self, cluster: Cluster, target: Target, rate: float, crew: Crew, note: Note) -> None:
        self.target, self.rate = target, rate
        self._cluster, self._crew, self._note = cluster, crew, note
        self._afar = Afar(crew.workers, rate, target.timeout_s)
        self._job: Obj | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, Obj] = {}
        self._opening = asyncio.Lock()
        self._is_up = False

    # what measures ask

    async def open(self) -> None:
        async with self._opening:
            if self._job is not None:
                return
            try:
                await self._placed()
                await self._come_up()
            except BaseException:
                await self.close()
                raise
            self._is_up = True
            many = f"{self._crew.workers} workers" if self._crew.workers > 1 else "one worker"
            self._note(f"{many} in namespace {self._crew.namespace}: {ref_of(self._live)}, which goes with this command")

    async def close(self) -> None:
        """With its pods."""
        for task in (*self._tasks, *self._reading.values()):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._reading.values(), return_exceptions=True)
        self._tasks, self._reading = [], {}
        job, self._job = self._job, None
        if job is None:
            return
        try:
            await self._cluster.delete(ref_of(job), uid=job["metadata"]["uid"])
        except ClusterError as error:
            self._note(f"{ref_of(job)} could not be deleted ({error.summary}): it ends by itself within {workerjob.LIVES_S} s")

    def load(self, taken: Taken = lambda sample: None, *, at_least: float = 0.0) -> Sending:
        return self._afar.load(taken)

    async def until_good(self) -> None:
        if (await self._afar.first(is_good=True)).lost is not None:
            await asyncio.Event().wait()  # nobody is left to see one: whoever waits knows how long

    @property
    def is_over(self) -> bool:
        """Whether no worker is left."""
        return self._afar.is_over

    async def once(self) -> Answer:
        return await self._afar.first(is_good=False)

    # the Job

    @property
    def _live(self) -> Obj:
        assert self._job is not None
        return self._job

    async def _placed(self) -> None:
        crew = self._crew
        whole = Share(self.target, self.rate, crew.workers, 0.0)
        workerjob.refuse_large(share.encoded(whole))
        where = f"{crew.workers} workers cannot be started"
        await placing.refuse_missing_rights(self._cluster, workerjob.rights(), crew.namespace, where, GRANT)
        wanted = workerjob.job(crew, workerjob.name_of(crew.app))
        await placing.refuse_pod(self._cluster, wanted, _refused)
        await self._put_away()

        def beside(job: Obj) -> list[Obj]:
            # the cluster's clock, whatever is that of this machine; some time before, so that it has begun by every node's
            epoch = parse_timestamp(job["metadata"]["creationTimestamp"]).timestamp() - BEGUN_S
            return [workerjob.secret(crew, job, share.encoded(Share(self.target, self.rate, crew.workers, epoch)))]

        began = asyncio.get_running_loop().time()
        self._job = await placing.place(self._cluster, wanted, beside, _refused)
        self._tasks = [asyncio.create_task(self._keep(began)), asyncio.create_task(self._look_on())]

    async def _put_away(self) -> None:
        """What a release of this application has left that was killed: nobody else releases it now."""
        if self._crew.app:
            labels = {workerjob.WORKERS_LABEL: self._crew.app}
            for job in await self._cluster.list(JOB, self._crew.namespace, labels=labels):
                await self._cluster.delete(ref_of(job), uid=job["metadata"]["uid"])

    async def _keep(self, began: float) -> None:
        """Lets it live on, again and again."""
        loop, ref = asyncio.get_running_loop(), ref_of(self._live)
        pause_s = RENEW_S
        while True:
            await asyncio.sleep(pause_s)
            until_s = int(loop.time() - began) + workerjob.LIVES_S
            try:
                await self._cluster.patch(ref, {"spec": {"activeDeadlineSeconds": until_s}})
                pause_s = RENEW_S
            except NotFound:
                return  # its pods go, which is seen
            except ClusterError:
                pause_s = RETRY_S

    async def _come_up(self) -> None:
        """Until all are heard. Raises ClusterError, with what keeps one from coming up."""
        loop, ref = asyncio.get_running_loop(), ref_of(self._live)
        until_s, look_at, seen = loop.time() + COME_UP_S, loop.time() + LOOK_EVERY_S, ""
        while unheard := self._afar.merging.unheard:
            for index, why in self._afar.merging.gone.items():
                raise self._not_up(f"worker {index + 1} of {self._crew.workers} did not come up: {why}")
            await self._afar.changed(min(LOOK_EVERY_S, max(look_at - loop.time(), 0.01)))
            if loop.time() < look_at:
                continue
            look_at = loop.time() + LOOK_EVERY_S
            why, is_final = await self._hindrance()
            missing = f"{len(unheard)} of {self._crew.workers} workers"
            if is_final or loop.time() > until_s:
                raise self._not_up(f"{missing} did not come up: {why or f'nothing is heard of them after {COME_UP_S:g} s'}")
            if why and why != seen:
                seen = why
                self._note(f"{missing} of {ref} wait: {why}")
        if apart := self._afar.apart():
            index, ahead_s = apart
            how_far = f"{abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'}"
            raise self._not_up(
                f"the clock of worker {index + 1}'s node is {how_far} the others'",
                "its node wants a time service (NTP); one worker needs no other's clock",
            )

    async def _hindrance(self) -> tuple[str, bool]:
        """What keeps pods from running, and whether it always will."""
        problems = await problems_of(self._cluster, self._live)
        if problems:
            first = next((each for each in problems if each.is_final), problems[0])
            return f"{first.pod}: {first.reason}{f': {first.detail}' if first.detail else ''}", first.is_final
        found = await jobs.found(self._cluster, ref_of(self._live))
        if found is None:
            return "somebody deleted their Job", True
        return await refused_of(self._cluster, self._live), jobs.end_of(found) is not None

    def _not_up(self, why: str, hint: str = OF_IMAGE) -> ClusterError:
        return ClusterError(f"{why}; nothing was changed", hint=hint)

    # its pods

    async def _look_on(self) -> None:
        while True:
            with contextlib.suppress(ClusterError):  # an API server that is away: what was sent is heard later
                await self._look()
            await asyncio.sleep(AGAIN_S)

    async def _look(self) -> None:
        labels = {"batch.kubernetes.io/controller-uid": self._live["metadata"]["uid"]}
        async with contextlib.aclosing(self._cluster.watch(POD, self._crew.namespace, labels=labels)) as events:
            async for event in events:
                uid, index = event.obj["metadata"]["uid"], workerjob.index_of(event.obj)
                self._seen[uid] = event.obj
                if not 0 <= index < self._crew.workers or uid in self._reading:
                    continue
                if has_started(event.obj):
                    self._reading[uid] = asyncio.create_task(self._read(index, event.obj))
                elif event.type == "DELETED" or has_ended(event.obj):
                    self._lose(index, workerjob.why_gone(event.obj))

    async def _read(self, index: int, pod: Obj) -> None:
        """What a worker tells, to its end. What is no line of its own are perhaps its last words."""
        words: deque[str] = deque(maxlen=LAST_WORDS)
        now: Obj | None = pod
        while True:
            with contextlib.suppress(ClusterError):
                async with contextlib.aclosing(passes(self._cluster, pod, CONTAINER)) as reading:
                    async for now, lines in reading:
                        await self._hear(index, lines, words)
                        if has_ended(now):
                            self._lose(index, ": ".join([workerjob.why_gone(now or self._seen[pod["metadata"]["uid"]]), *words]))
                            return
            await asyncio.sleep(AGAIN_S)

    async def _hear(self, index: int, lines: AsyncIterator[str], words: deque[str]) -> None:
        async for text in lines:
            if (line := told.decoded(text)) is not None:
                self._afar.hear(index, line)
            elif text.strip():
                words.append(text.strip()[:LONGEST_WORDS])

    def _lose(self, index: int, why: str) -> None:
        if index in self._afar.merging.gone:
            return
        self._afar.lose(index, why)
        if self._is_up:
            left = self._crew.workers - len(self._afar.merging.gone)
            rest = "nobody sends any more" if not left else f"the other{'s go' if left > 1 else ' goes'} on"
            self._note(f"worker {index + 1} of {self._crew.workers} is missing: {why}; {rest}")


def _refused(error: ApiError) -> RollwayError:
    return placing.refused_pod(error, "the workers", "fewer workers, another namespace (-n), or from here: without --in-cluster")
