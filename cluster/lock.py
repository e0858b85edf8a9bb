"""One run at a time: a Lease `rollway-<app>`, held while something is being changed.

The holder renews it; a holder that died stops doing so, and after the Lease's duration anybody may take it over. Taking over
replaces the object (delete by uid, then create), so that a holder who comes back late can tell: its Lease's uid is gone, and it
can neither renew nor delete the other's.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from datetime import datetime, timedelta

from ..errors import ClusterError, Conflict, Locked, NotFound
from ..kube.clock import micro_timestamp, now, parse_timestamp
from ..kube.objects import LEASE, Obj, Ref, get
from ..plan.observed import APP_LABEL
from .port import Cluster

DURATION_S = 30
RENEW_EVERY_S = 10


def this_process() -> str:
    """Who holds the lock, as another user would want to read it: `alice@ci-7/4711`."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "somebody"
    return f"{user}@{socket.gethostname()}/{os.getpid()}"


class Lock:
    """An async context manager. Entering raises Locked where somebody else holds it."""

    def __init__(self, cluster: Cluster, app: str, namespace: str, holder: str) -> None:
        self._cluster = cluster
        self._ref = Ref(LEASE.api_version, LEASE.name, namespace, f"rollway-{app}")
        self._app = app
        self._holder = holder
        self._lease: Obj | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Lock:
        await self.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.release()

    async def acquire(self) -> None:
        try:
            self._lease = await self._cluster.create(self._wanted())
        except Conflict:
            await self._take_over()
        self._renewing = asyncio.create_task(self._renew())

    async def release(self) -> None:
        """Gives the lock back. What cannot be given back expires by itself."""
        if self._renewing:
            self._renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
        lease, self._lease = self._lease, None
        if lease:
            with contextlib.suppress(ClusterError):
                await self._cluster.delete(self._ref, uid=lease["metadata"]["uid"])

    def check(self) -> None:
        """Raises Locked where the lock has been lost: nothing may be changed any more."""
        if self._lease is None:
            raise Locked(
                f"the lock of {self._app} was lost while this run was under way",
                hint="see who holds it with `deploy status`, then run the same command again",
            )

    async def _take_over(self) -> None:
        held = await self._cluster.get(self._ref)
        if held is not None:
            if not self._is_dead(held, now()):
                raise self._locked(held)
            with contextlib.suppress(Conflict, NotFound):
                await self._cluster.delete(self._ref, uid=held["metadata"]["uid"])
        try:
            self._lease = await self._cluster.create(self._wanted())
        except Conflict:
            raise self._locked(await self._cluster.get(self._ref) or {}) from None

    def _is_dead(self, lease: Obj, moment: datetime) -> bool:
        renewed = get(lease, "spec", "renewTime") or get(lease, "spec", "acquireTime")
        if not renewed:
            return True
        expires = parse_timestamp(renewed) + timedelta(seconds=get(lease, "spec", "leaseDurationSeconds", default=DURATION_S))
        holder = get(lease, "spec", "holderIdentity", default="")
        # One of our own name is one that we could not give back.
        return expires < moment or holder == self._holder or _is_dead_here(holder)

    async def _renew(self) -> None:
        """Renews until released. What cannot be renewed while it lasts is lost, and `check` then says so."""
        loop = asyncio.get_running_loop()
        good_until = loop.time() + DURATION_S
        while self._lease is not None:
            await asyncio.sleep(RENEW_EVERY_S)
            lease = {**self._lease, "spec": {**self._lease["spec"], "renewTime": micro_timestamp(now())}}
            started = loop.time()
            try:
                async with asyncio.timeout_at(good_until):
                    self._lease = await self._cluster.replace(lease)
                good_until = started + DURATION_S
            except (Conflict, NotFound, TimeoutError):
                self._lease = None
            except ClusterError:
                if loop.time() + RENEW_EVERY_S >= good_until:
                    self._lease = None

    def _wanted(self) -> Obj:
        moment = micro_timestamp(now())
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace, "labels": {APP_LABEL: self._app}},
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


def _is_dead_here(holder: str) -> bool:
    """Whether the holder was a process of this machine that no longer runs."""
    place, _, pid = holder.rpartition("/")
    if place.rpartition("@")[2] != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
