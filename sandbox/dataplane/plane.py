"""The data plane as a whole: follows the store, tells Envoy, and says how things stand."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from ...kube.clock import now
from ...kube.objects import (
    API_GATEWAY,
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    GATEWAY,
    INGRESS,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
    get,
    labels_of,
)
from ..api.addresses import may_listen
from ..controllers import gateway as gateway_api
from ..controllers.attachment import Known
from ..durations import Lag
from ..events import record
from ..node.processes.ledger import Ledger
from ..store.store import Change, Store
from .admin import Admin
from .discovery import Discovery
from .endpoints import Place, Slice, View, slice_of
from .gateway import KIND as API_GATEWAY_PROBLEM
from .gateway_route import ROLE as GATEWAY_ROLE
from .model import Cluster, Config, Problem, Source, Target
from .publisher import Publisher
from .report import report
from .supervisor import Supervisor
from .translate import EDGE, Edge, Objects, translate

_log = logging.getLogger(__name__)

COMPONENT = "sandbox-dataplane"
RETRY_S, MOST_RETRY_S = 2.0, 30.0
"""Until a listener whose address is in use is tried again, longer each time: each is logged, and others wait meanwhile."""
RESTS = 4  # times as long as the last translation took, before the next
LOOK_EVERY_S, LOOKS = 0.05, 100
REPORT_AFTER_S = 0.1
LONGEST_SOCKET = 100  # of a unix socket's path: the system takes a few more
_ROUTING = (SERVICE, INGRESS, GATEWAY, VIRTUAL_SERVICE, DESTINATION_RULE)
_TOLD = {kind.name: kind for kind in _ROUTING} | {API_GATEWAY_PROBLEM: API_GATEWAY}
"""The kinds by the names that problems have for them."""
_CHANGES_ROUTES = frozenset((kind.group, kind.name) for kind in (*_ROUTING, *gateway_api.OWN))
_BESIDE_GATEWAYS = (NAMESPACE, SECRET)  # which change routes where there is a Gateway

Balanced = Callable[[tuple[str, str, str]], tuple[Target, ...]]
"""The targets that a slow load balancer has for a port of a Service; see `controllers.loadbalancer`."""


@dataclass
class Pending:
    """Slices that the proxy will learn of later: the handles of what is to come, and when the last of each is due."""

    handles: set[asyncio.TimerHandle] = field(default_factory=set)
    due_s: dict[Place, float] = field(default_factory=dict)

    def due(self, place: Place, at_s: float) -> float:
        """When what a slice says now is known: at that moment, but after all that it said before. Of timers of one moment the
        loop does not say which is first, and an earlier state must not be the last."""
        return max(at_s, math.nextafter(self.due_s[place], math.inf)) if place in self.due_s else at_s


class DataPlane:
    """`balanced`: given, Ingresses go to those pods that the load balancer has. `edge_lost` is called if the edge is in use."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        program: Path,
        edge: Edge,
        *,
        lag: Lag = Lag(),  # noqa: B008  (frozen)
        balanced: Balanced | None = None,
        seed: int = 0,
        edge_lost: Callable[[], None] = lambda: None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.glob("*.json"):
            path.unlink()  # an earlier run's, which may name what is gone
        self._store, self._folder, self._lag, self._edge_lost = store, folder, lag, edge_lost
        self.edge, self.balanced = edge, balanced
        self._random, self._view, self._config = Random(seed), View(), Config()
        self._by_service: dict[Place, list[str]] = {}
        self._pending, self._concerned, self._rested_s = Pending(), set[Place](), 0.0
        self._changing: asyncio.TimerHandle | None = None
        self._called: asyncio.Handle | None = None
        self._told: set[Problem] = set()
        self._gateways = Known()  # what is carried out of them
        self._refused: dict[str, str] = {}  # why a listener is not served
        self._retry_s = RETRY_S
        self._refused_routes: dict[str, str] = {}
        is_long = len(str(folder / "discovery.sock")) > LONGEST_SOCKET
        self._temporary = tempfile.TemporaryDirectory(prefix="rollway-") if is_long else None
        sockets = Path(self._temporary.name) if self._temporary is not None else folder
        self._admin = Admin(admin := str(sockets / "admin.sock"))
        self._discovery = Discovery(str(sockets / "discovery.sock"))
        self._publisher = Publisher(folder, self._discovery, self._admin.untaken)
        ledger = Ledger(folder.parent / "processes")
        self._supervisor = Supervisor(program, folder, admin, self._discovery.path, ledger, self._restarted)
        self._report: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._is_to_look = False
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Begins with what the store holds, and without lag: a proxy that starts has just read everything."""
        self._loop = asyncio.get_running_loop()
        for obj in self._store.list(ENDPOINT_SLICE):
            self._view.put(_place(obj), slice_of(obj, self._labels))
        self._translate()
        self._unsubscribe = self._store.subscribe(self._note)
        await self._publisher.settled()  # Envoy does not start without its files
        await self._discovery.start()
        self._supervisor.start()
        self._write_report()

    async def stop(self) -> None:
        self._unsubscribe()
        for handle in (*self._pending.handles, self._changing, self._called, self._report, self._retry):
            if handle is not None:
                handle.cancel()
        if self._looking is not None:
            self._looking.cancel()
        await self._publisher.stop()
        await self._supervisor.stop()
        self._discovery.stop()
        await self._admin.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    @property
    def pid(self) -> int:
        """Envoy's; 0 while it does not run."""
        return self._supervisor.pid

    @property
    def restarts(self) -> int:
        """How often Envoy had to be brought back."""
        return max(self._supervisor.starts - 1, 0)

    def reconfigure(self, edge: Edge, lag: Lag, balanced: Balanced | None) -> None:
        """From now on."""
        self.edge, self._lag, self.balanced = edge, lag, balanced
        self._change()

    async def settled(self) -> None:
        """Until Envoy has what the objects say now, but for what it is behind with on purpose."""
        if self._changing is not None:
            self._changing.cancel()
            self._translate()
        if self._called is not None:
            self._called.cancel()
            self._flush()
        await self._publisher.settled()

    def balanced_changed(self, service: Place) -> None:
        """The load balancer has other targets for a Service."""
        self._concern({service})

    # noticing

    def _note(self, change: Change) -> None:
        if change.kind.is_a(ENDPOINT_SLICE):
            self._learn(_place(change.obj), slice_of(change.obj, self._labels) if change.type != "DELETED" else None)
        elif change.kind.is_a(POD):
            if change.before is not None and change.type == "MODIFIED" and labels_of(change.before) != labels_of(change.obj):
                for obj in self._store.list(ENDPOINT_SLICE, change.obj["metadata"]["namespace"]):
                    self._learn(_place(obj), slice_of(obj, self._labels))
        elif self._concerns_routes(change.kind) and (change.type != "MODIFIED" or _wanted(change.before) != _wanted(change.obj)):
            self._change()

    def _concerns_routes(self, kind: Kind) -> bool:
        if (kind.group, kind.name) in _CHANGES_ROUTES:
            return True
        return any(kind.is_a(each) for each in _BESIDE_GATEWAYS) and next(self._store.list(API_GATEWAY), None) is not None

    def _learn(self, place: Place, known: Slice | None) -> None:
        """Now, or with the lag; never before an earlier state of the same slice, also where that is overdue."""
        now_s = self._loop.time()
        due_s = self._pending.due(place, now_s + self._lag.draw_s(self._random))
        if due_s <= now_s and place not in self._pending.due_s:
            self._concern(self._view.put(place, known))
            return

        def learned() -> None:
            self._pending.handles.discard(handle)
            if self._pending.due_s.get(place) == due_s:
                del self._pending.due_s[place]
            self._concern(self._view.put(place, known))

        self._pending.due_s[place] = due_s
        handle = self._loop.call_at(due_s, learned)
        self._pending.handles.add(handle)

    def _concern(self, services: set[Place]) -> None:
        self._concerned |= services
        if self._called is None:
            self._called = self._loop.call_soon(self._flush)

    def _change(self) -> None:
        """Many changes in a row are taken together, so that the loop has most of its time for others."""
        if self._changing is None:
            self._changing = self._loop.call_at(max(self._loop.time(), self._rested_s), self._translate)

    def _labels(self, namespace: str, name: str) -> Mapping[str, str]:
        return labels_of(self._store.find(POD, namespace, name) or {})

    # telling

    def _flush(self) -> None:
        """The endpoints that changed."""
        self._called = None
        concerned, self._concerned = self._concerned, set()
        names = [name for service in concerned for name in self._by_service.get(service, ())]
        self._publisher.endpoints({name: self._targets(self._config.clusters[name]) for name in names})
        self._report_soon()

    def _translate(self) -> None:
        self._changing, began_s = None, self._loop.time()
        try:
            objects = self._objects()
            config = translate(objects, self.edge, may_listen, by_load_balancer=self.balanced is not None)
        except Exception:  # a mistake of ours: what was carried out before goes on
            _log.exception("the objects could not be translated")
            return
        self._gateways = objects.gateway_api
        self._take(config)
        self._report_soon()
        self._rested_s = self._loop.time() + RESTS * (self._loop.time() - began_s)

    def _take(self, config: Config) -> None:
        self._config = config
        self._by_service = {}
        for name, cluster in config.clusters.items():
            for source in cluster.sources:
                self._by_service.setdefault((source.namespace, source.service), []).append(name)
        self._publisher.publish(config, {name: self._targets(each) for name, each in config.clusters.items()})
        self._tell()
        self._address_ingresses()
        self._look()

    def _targets(self, cluster: Cluster) -> tuple[Target, ...]:
        return next((found for source in cluster.sources if (found := self._of_source(source))), ())

    def _of_source(self, source: Source) -> tuple[Target, ...]:
        if source.by_load_balancer and self.balanced is not None:
            return self.balanced((source.namespace, source.service, source.port))
        return self._view.targets(source)

    def _objects(self) -> Objects:
        services, ingresses, gateways, virtual, rules = (tuple(self._store.list(kind)) for kind in _ROUTING)
        return Objects(services, ingresses, gateways, virtual, rules, gateway_api.known(self._store))

    def _tell(self) -> None:
        """What is not served, as events: once for as long as it lasts."""
        problems = [*self._config.problems, *self._refusals()]
        for problem in [each for each in problems if each not in self._told]:
            kind: Kind = _TOLD[problem.kind]
            if (obj := self._store.find(kind, problem.namespace, problem.name)) is not None:
                record(
                    self._store, kind, obj, reason="NotServed", message=problem.message, now=now(), component=COMPONENT,
                    type_="Warning",
                )  # fmt: skip
        self._told = set(problems)

    def _refusals(self) -> Iterable[Problem]:
        for name, why in (self._refused | self._refused_routes).items():
            if name.startswith("service/"):
                _, namespace, service, port = name.split("/")
                yield Problem("Service", namespace, service, f"port {port} is not served: {why}")
            elif name.startswith(f"{GATEWAY_ROLE}/"):
                _, namespace, gateway, port, *_ = name.split("/")
                yield Problem(API_GATEWAY_PROBLEM, namespace, gateway, f"port {port} is not served: {why}")

    def _address_ingresses(self) -> None:
        """Writes where an Ingress is reached into its status, as its controller does."""
        at = [{"ip": self.edge.address, "ports": [{"port": self.edge.port, "protocol": "TCP"}]}]
        for ingress in self._store.list(INGRESS):
            if get(ingress, "status", "loadBalancer", "ingress") != at:
                self._store.update(INGRESS, ingress | {"status": {"loadBalancer": {"ingress": at}}})

    def _look(self) -> None:
        """At what Envoy has made of it: once at a time, again where something changed meanwhile."""
        self._is_to_look = True
        if self._looking is None:
            self._looking = self._loop.create_task(self._look_for_refusals())

    async def _look_for_refusals(self) -> None:
        try:
            while self._is_to_look:
                self._is_to_look = False
                await self._publisher.settled()
                self._tell_gateways()
                await self._take_refusals()
        except Exception:
            _log.exception("Envoy could not be asked")
        finally:
            self._looking = None

    async def _take_refusals(self) -> None:
        """An address in use, or what Envoy does not understand: told, and tried again."""
        for _ in range(LOOKS):  # one that has just been started
            if self.pid and await self._admin.is_live():
                break
            await asyncio.sleep(LOOK_EVERY_S)
        before, self._refused = self._refused, await self._admin.refusals()
        if before != self._refused:
            self._retry_s = RETRY_S
            self._tell_gateways()
        why = f"Envoy refuses its routes: see {self._folder / 'envoy.log'}"
        self._refused_routes = dict.fromkeys(self._publisher.refused, why)
        self._tell()
        self._report_soon()
        if EDGE in self._refused:
            self._edge_lost()
        if self._refused and self._retry is None:
            self._retry = self._loop.call_later(self._retry_s, self._try_again)
            self._retry_s = min(self._retry_s * 2, MOST_RETRY_S)

    def _tell_gateways(self) -> None:
        """What became of the Gateway API's objects, now that it is carried out."""
        refused = {}
        for whole, why in self._refused.items():
            if whole.startswith(f"{GATEWAY_ROLE}/"):
                _, namespace, name, port, *_ = whole.split("/")
                refused[(namespace, name), int(port)] = why
        gateway_api.tell(self._store, replace(self._gateways, refused=refused), now())

    def _try_again(self) -> None:
        self._retry = None
        self._publisher.renew_listeners()
        self._change()

    def _restarted(self) -> None:
        """Envoy has started or ended: what it could not open may be another by now."""
        self._look()
        self._report_soon()

    # the report

    def _report_soon(self) -> None:
        if self._report is None:
            self._report = self._loop.call_later(REPORT_AFTER_S, self._write_report)

    def _write_report(self) -> None:
        if self._report is not None:
            self._report.cancel()
            self._report = None
        found = report(self._objects(), self._config, self._view, self.edge, may_listen, self._refused | self._refused_routes)
        found["envoy"] = {"pid": self.pid, "restarts": self.restarts}
        found["envoy"] |= {"problem": self._supervisor.trouble} if self._supervisor.trouble and not self.pid else {}
        fresh = self._folder / ".report.new"
        fresh.write_text(json.dumps(found))
        fresh.replace(self._folder / "report")


def _place(obj: Obj) -> Place:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _wanted(obj: Obj | None) -> tuple[object, object]:
    """What of an object changes how it is served."""
    obj = obj or {}
    return (obj.get("spec"), obj.get("data")), (get(obj, "metadata", "annotations"), get(obj, "metadata", "labels"))
