"""One run at a time: a Lease `rollway-<app>`, held while something is being changed.

The holder renews it; a holder that died stops doing so, and after the Lease's duration anybody may take it over. Taking over
replaces the object (delete by uid, then create), so that a holder who comes back late can tell: its Lease's uid is gone, and it
can neither renew nor delete the other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from ..errors import ClusterError, Conflict, Locked, NotFound
from ..kube.clock import micro_timestamp, now, parse_timestamp
from ..kube.objects import LEASE, Obj, Ref, annotations_of, get
from ..plan.observed import APP_LABEL
from .port import Cluster
from .who import user_here

DURATION_S = 30
RENEW_EVERY_S = 10
PROCESS_ANNOTATION = "rollway.dev/process"


class Held(NamedTuple):
    """Who holds a lock, since when (a timestamp). `is_silent`: its time is over, so whoever acts next takes it over."""

    holder: str
    since: str
    is_silent: bool


def held_by(lease: Obj) -> Held:
    renewed = get(lease, "spec", "renewTime") or get(lease, "spec", "acquireTime")
    lasts = timedelta(seconds=get(lease, "spec", "leaseDurationSeconds", default=DURATION_S))
    return Held(
        holder=str(get(lease, "spec", "holderIdentity", default="")),
        since=str(get(lease, "spec", "acquireTime", default="")),
        is_silent=not renewed or parse_timestamp(renewed) + lasts < now(),
    )


def this_process() -> str:
    """Who holds the lock, as another user would want to read it: `alice@ci-7/4711`."""
    return f"{user_here()}/{os.getpid()}"


def lock_ref(app: str, namespace: str) -> Ref:
    return Ref(LEASE.api_version, LEASE.name, namespace, f"rollway-{app}")


class Lock:
    """An async context manager. Entering raises Locked where somebody else holds it."""

    def __init__(self, cluster: Cluster, app: str, namespace: str, holder: str) -> None:
        self._cluster = cluster
        self._ref = lock_ref(app, namespace)
        self._app = app
        self._holder = holder
        self._process = f"{_here()}/{os.getpid()}/{uuid.uuid4().hex}"
        self._lease: Obj | None = None
        self._good_until = 0.0
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Lock:
        await self.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.release()

    async def acquire(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        try:
            self._lease = await self._cluster.create(self._wanted())
        except Conflict:
            asked_at = await self._take_over()
        except asyncio.CancelledError:
            await self._drop_unseen()
            raise
        self._good_until = asked_at + DURATION_S
        self._renewing = asyncio.create_task(self._renew())

    async def release(self) -> None:
        """Gives the lock back. What cannot be given back expires by itself; where this is cancelled it can be done again."""
        if self._renewing:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
            self._renewing = None
        if self._lease:
            with contextlib.suppress(ClusterError):
                await self._cluster.delete(self._ref, uid=self._lease["metadata"]["uid"])
            self._lease = None

    async def _drop_unseen(self) -> None:
        """After a signal cut off the request for the lock: it may be ours all the same."""
        with contextlib.suppress(ClusterError):
            held = await self._cluster.get(self._ref)
            if held and annotations_of(held).get(PROCESS_ANNOTATION) == self._process:
                await self._cluster.delete(self._ref, uid=held["metadata"]["uid"])

    def check(self) -> None:
        """Raises Locked where the lock has been lost, or may have been: nothing may be changed any more.

        A process that stood still (a closed lid, Ctrl-S, a starved container) finds its time over before it does anything.
        """
        if self._lease is None or asyncio.get_running_loop().time() >= self._good_until:
            raise Locked(
                f"the lock of {self._app} was lost while this run was under way",
                hint="see who holds it with `deploy status`, then run the same command again",
            )

    async def _take_over(self) -> float:
        """Takes the lock from a dead holder; answers the moment from which it is ours. Raises Locked where the holder lives."""
        held = await self._cluster.get(self._ref)
        if held is not None:
            if not await self._is_dead(held):
                raise self._locked(held)
            with contextlib.suppress(Conflict, NotFound):
                await self._cluster.delete(self._ref, uid=held["metadata"]["uid"])
        asked_at = asyncio.get_running_loop().time()
        try:
            self._lease = await self._cluster.create(self._wanted())
        except Conflict:
            raise self._locked(await self._cluster.get(self._ref) or {}) from None
        return asked_at

    async def _is_dead(self, lease: Obj) -> bool:
        """Whether the holder is gone: it was this very lock, or a process of this machine that is no more, or its time is over.

        Clocks differ between machines, so a Lease that looks expired is looked at again after one round of renewal.
        """
        process = annotations_of(lease).get(PROCESS_ANNOTATION, "")
        if process == self._process or _is_dead_here(process):
            return True
        if not held_by(lease).is_silent:
            return False
        await asyncio.sleep(RENEW_EVERY_S + 1)
        again = await self._cluster.get(self._ref)
        return again is None or again["metadata"]["resourceVersion"] == lease["metadata"]["resourceVersion"]

    async def regain(self) -> None:
        """After an outage of the API server: the lock again, if nobody has taken it meanwhile. Raises Locked where somebody has.

        Whoever takes a lock over makes a Lease of its own, so one that is still ours says that nobody has acted. It is asked for
        also where it is good for a while yet: that it is answered says that the API server is back.
        """
        if self._lease is None:
            return  # given back, or lost and known to be
        held = await self._cluster.get(self._ref)
        is_ours = held is not None and annotations_of(held).get(PROCESS_ANNOTATION) == self._process
        if held is None or not is_ours:
            self._lease = None
            self.check()
            return
        if asyncio.get_running_loop().time() < self._good_until - RENEW_EVERY_S:
            return
        self._lease = held
        await self._extend()
        self.check()
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Renews until released, or until its time is over: `check` then says so."""
        while self._lease is not None:
            await asyncio.sleep(RENEW_EVERY_S)
            try:
                async with asyncio.timeout_at(self._good_until):
                    await self._extend()
            except TimeoutError:
                return
            except ClusterError:
                continue  # tried again while it lasts; `check` knows when it does not

    async def _extend(self) -> None:
        """Renews once; knows from the answer whether the Lease is ours still."""
        assert self._lease is not None, "renewed only while it is held"
        lease = {**self._lease, "spec": {**self._lease["spec"], "renewTime": micro_timestamp(now())}}
        asked_at = asyncio.get_running_loop().time()
        try:
            renewed = await self._cluster.replace(lease)
        except (Conflict, NotFound):
            self._lease = None
            return
        # A Lease may be made anew by an update: then somebody had removed ours.
        is_ours = renewed["metadata"]["uid"] == lease["metadata"]["uid"]
        self._lease = renewed if is_ours else None
        self._good_until = asked_at + DURATION_S

    def _wanted(self) -> Obj:
        moment = micro_timestamp(now())
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {
                "name": self._ref.name,
                "namespace": self._ref.namespace,
                "labels": {APP_LABEL: self._app},
                "annotations": {PROCESS_ANNOTATION: self._process},
            },
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": DURATION_S,
                "acquireTime": moment,
                "renewTime": moment,
            },
        }

    def _locked(self, lease: Obj) -> Locked:
        holder = get(lease, "spec", "holderIdentity", default="another run")
        since = str(get(lease, "spec", "acquireTime", default=""))[:19].replace("T", " ")
        return Locked(
            f"{self._app} is locked by {holder}" + (f" since {since} UTC" if since else ""),
            hint=f"wait for it to end; a run that died is taken over {DURATION_S} s after its last sign of life",
        )


def _here() -> str:
    """This machine since it was started, and this namespace of process ids: only here a pid says something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""  # not Linux: processes of this machine then expire as others do


def _is_dead_here(process: str) -> bool:
    """Whether the holder was a process of this machine that no longer runs."""
    place, _, rest = process.rpartition("/")
    place, _, pid = place.rpartition("/")
    if not rest or not place or place != _here() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
