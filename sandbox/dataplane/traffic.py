"""The data plane as a part of the sandbox in the background: its port, its settings, and what is said of it from outside."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Protocol

from ...errors import BadInput
from ...kube.objects import Obj
from .. import ports
from ..durations import Lag
from ..settings import Settings
from ..store.store import Store
from .loadbalancer import LoadBalancerController
from .plane import DataPlane
from .supervisor import binary, missing
from .translate import Edge

HOST = "127.0.0.1"
DEFAULT_PORT = 8080


def standing(state_dir: Path) -> Obj:
    """How the data plane of a running sandbox stands: see `report`; or `missing`, the sentence why there is none."""
    found: Obj = json.loads((_folder(state_dir) / "report").read_text())
    return found


def check_port(port: int | None) -> None:
    """Raises BadInput where a port that was asked for is in use."""
    if port and not ports.is_free(HOST, port):
        who = ports.holder(port)
        raise BadInput(
            f"--ingress-port {port}: {HOST}:{port} is in use{f' by {who}' if who else ''}",
            hint="--ingress-port 0 takes one that is free",
        )


class Served(Protocol):
    """What of the sandbox the data plane serves. The load balancer is there once the sandbox runs, where it has one at all."""

    @property
    def store(self) -> Store: ...

    @property
    def load_balancer(self) -> LoadBalancerController | None: ...


class Traffic:
    """`start` and `stop` with the sandbox; `apply` new settings at any time."""

    def __init__(self, state_dir: Path, sandbox: Served, settings: Settings) -> None:
        self._folder, self._sandbox, self._settings = _folder(state_dir), sandbox, settings
        self._plane: DataPlane | None = None

    async def start(self) -> None:
        program, balancer = binary(), self._sandbox.load_balancer
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if program is None:
            (self._folder / "report").write_text(json.dumps({"missing": missing()}))
            return
        self._plane = DataPlane(
            self._sandbox.store,
            self._folder,
            program,
            self._edge(),
            lag=self._settings.endpoint_lag,
            balanced=balancer.targets if balancer and self._settings.lb_lag else None,
            seed=Random().getrandbits(32),
            edge_lost=self._edge_lost,
        )
        if balancer is not None:
            balancer.leave_lag = self._settings.lb_leave_lag
            balancer.changed = self._plane.balanced_changed
        await self._plane.start()

    async def stop(self) -> None:
        if self._plane is not None:
            await self._plane.stop()

    def apply(self, settings: Settings) -> None:
        has_moved = settings.ingress_port != self._settings.ingress_port
        self._settings, balancer = settings, self._sandbox.load_balancer
        if balancer is not None:
            balancer.lag, balancer.leave_lag = settings.lb_lag or Lag(), settings.lb_leave_lag
        if self._plane is not None:
            edge = self._edge() if has_moved else self._plane.edge
            self._plane.reconfigure(edge, settings.endpoint_lag, balancer.targets if balancer and settings.lb_lag else None)

    def _edge(self) -> Edge:
        """The port that was asked for; else that of last time, the default one, or any, whichever is free."""
        kept, wanted = self._folder / "port", self._settings.ingress_port
        candidates = [wanted] if wanted else []
        if not wanted:
            candidates = [int(kept.read_text())] if kept.exists() else []
            candidates += [DEFAULT_PORT] if wanted is None else []
            candidates = [port for port in candidates if ports.is_free(HOST, port)]
        port = candidates[0] if candidates else ports.free_port(HOST)
        kept.write_text(str(port))
        return Edge(HOST, port)

    def _edge_lost(self) -> None:
        """Somebody else was quicker at the port. One that was asked for is tried again; of others there are more."""
        if self._plane is not None and not self._settings.ingress_port:
            self._plane.reconfigure(self._edge(), self._settings.endpoint_lag, self._plane.balanced)


def _folder(state_dir: Path) -> Path:
    return state_dir / "dataplane"
