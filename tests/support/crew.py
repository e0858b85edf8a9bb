"""Workers of a load in virtual time: pods that run on, and tell in their logs what real ones would."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

from rollway.kube.clock import now
from rollway.kube.objects import JOB, POD, SECRET, Obj, get
from rollway.load import share
from rollway.load.client import Answer
from rollway.load.told import Ended, Teller
from rollway.ship.workerjob import VARIABLE, index_of

GOOD = Answer(200, "v1")
TOOK_S = 0.01
STARTS_S = 0.3
BEHAVIOUR = "sandbox.rollway.dev/behaviour"


class Telling:
    """Passes calls on, but for the logs of workers. `answers` says what the request meets that is due at a moment (seconds since
    1970), `behaviour` how their pods run, `noise` what stands in the logs besides. After `cuts_s` seconds of a log its
    connection drops, once a pod. By so many `ahead_s` the clock of the last worker is."""

    def __init__(
        self,
        cluster: Any,
        answers: Callable[[float], Answer] = lambda moment: GOOD,
        *,
        behaviour: str = "{run: 24h}",
        noise: tuple[str, ...] = (),
        cuts_s: int = 0,
        ahead_s: float = 0.0,
    ) -> None:
        self._cluster, self._answers, self._ahead_s = cluster, answers, ahead_s
        self._behaviour, self._noise, self._cuts_s = behaviour, noise, cuts_s
        self._began: dict[str, float] = {}
        self._cut: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def create(self, obj: Obj) -> Any:
        if obj["kind"] == JOB.name:
            meta = get(obj, "spec", "template", "metadata")
            obj["spec"]["template"]["metadata"] = {**meta, "annotations": {BEHAVIOUR: self._behaviour}}
        return await self._cluster.create(obj)

    async def follow_log(self, namespace: str, pod: str, container: str) -> AsyncIterator[str]:
        """From its first line on, as often as it is asked for."""
        await asyncio.sleep(STARTS_S)
        found = await self._pod(namespace, pod)
        if found is None:
            return
        uid = found["metadata"]["uid"]
        began = self._began.setdefault(uid, now().timestamp())
        lines = self._lines(await self._share(found), began)
        for second, told in enumerate(lines):
            while now().timestamp() < began + second:
                await asyncio.sleep(min(began + second - now().timestamp(), 1.0))
                if await self._pod(namespace, pod) is None:
                    return
            if second == self._cuts_s > 0 and uid not in self._cut:
                self._cut.add(uid)
                return
            for line in (*self._noise, *told):
                yield line

    def _lines(self, own: share.Share, began: float) -> Any:
        """Of second after second, without end."""
        begin_s = began - own.epoch_s + (self._ahead_s if own.index == own.workers - 1 else 0.0)
        first = done = begun = own.slot_after(begin_s)
        teller, second = Teller(first, begin_s), 0
        while True:
            at_s = begin_s + second
            begun = own.slot_after(at_s)
            ended = []
            while done < begun and own.due_s(done) + TOOK_S <= at_s:
                ended.append(Ended(done, 0.0, TOOK_S, self._answers(own.epoch_s + own.due_s(done))))
                done += 1
            yield [*teller.lines(at_s, begun, (), ended)]
            second += 1

    async def _pod(self, namespace: str, name: str) -> Obj | None:
        found = await self._cluster.list(POD, namespace, fields={"metadata.name": name})
        return next((pod for pod in found if get(pod, "status", "phase") == "Running"), None)

    async def _share(self, pod: Obj) -> share.Share:
        (variable,) = [each for each in pod["spec"]["containers"][0]["env"] if each["name"] == VARIABLE]
        name = variable["valueFrom"]["secretKeyRef"]["name"]
        (secret,) = await self._cluster.list(SECRET, pod["metadata"]["namespace"], fields={"metadata.name": name})
        return share.decoded(base64.b64decode(secret["data"][VARIABLE]), index_of(pod))
