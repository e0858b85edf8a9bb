"""Somebody who looks at the application from outside while it is released: the port, and what a run does with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Protocol

from ..cluster.alarm import Alarm, pause
from ..cluster.port import Cluster
from ..errors import ClusterError
from ..kube.objects import POD, Obj, get
from ..kube.workload import labels_of_all
from ..release.model import Release
from . import ours

if TYPE_CHECKING:
    from ..load.verdict import Verdict
    from .watches import Watches

LEARNT_S = 1.0
LONGEST_S = 60.0
LOOK_EVERY_S = 1.0


class Watch(Protocol):
    """One run's observer. `alarm` is done, with the reason, when the release must not go on."""

    @property
    def alarm(self) -> Alarm: ...

    async def start(self, *, is_up: bool) -> None:
        """Begins to look; where the application `is_up` already, returns once it is seen to be. Called again, does nothing.

        Raises RollwayError where it is not: nothing has been changed yet.
        """
        ...

    def mark(self, moment: object) -> None:
        """What is seen from here on belongs to `moment`: a step, or words."""
        ...

    async def rest(self) -> None:
        """Returns when what was begun by now is known."""
        ...

    async def stop(self) -> Verdict:
        """Ends looking. Called again, answers the same."""
        ...


@contextlib.asynccontextmanager
async def watched(watches: Watches) -> AsyncIterator[None]:
    """Nothing goes on looking after a run, however it ends."""
    try:
        yield
    finally:
        await watches.stop()


async def settle(cluster: Cluster, release: Release, known: Sequence[Obj], watches: Watches, alarm: Alarm | None) -> str:
    """Looks on after the last step, until what it changed can lose nothing any more. `known` are the application's workloads
    (ship.ours), those too that have gone since. Answers the alarm's reason, or nothing.

    Pods that terminate may still be asked by proxies that have not learnt of it: so until they are gone, for as long as they may
    take (their grace period, at most a minute), and then for a proxy's interval more.
    """
    if watches.probe:
        watches.probe.mark("after the last step")
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LONGEST_S
    while (
        (left_s := await _terminating_s(cluster, release.namespace, known))
        and loop.time() < ends_at
        and not (alarm and alarm.done())
    ):
        await pause(min(LOOK_EVERY_S, left_s, ends_at - loop.time()), alarm)
    await pause(release.traffic.proxy_sync + LEARNT_S, alarm)
    if not (alarm and alarm.done()):
        await watches.rest()
    return alarm.result() if alarm and alarm.done() else ""


async def _terminating_s(cluster: Cluster, namespace: str, known: Sequence[Obj]) -> float:
    """The longest that a pod of these that is to go may still take; 0 where none is to, or where we may not know."""
    try:
        pods = ours.of_these(await cluster.list(POD, namespace, labels=labels_of_all(known)), known)
    except ClusterError:
        return 0.0
    return max((_grace_s(pod) for pod in pods if get(pod, "metadata", "deletionTimestamp")), default=0.0)


def _grace_s(pod: Obj) -> float:
    # one that may take no time at all is still there
    return max(float(get(pod, "metadata", "deletionGracePeriodSeconds", default=0) or 0), 1.0)
