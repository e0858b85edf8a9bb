"""Writes down, while a release runs on the embedded cluster, what its clients will feel: when each pod listens and stops, and at
which port, which endpoints the proxies are told of, where requests are routed, how many pods there are."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..kube.objects import (
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    HTTP_ROUTE,
    INGRESS,
    POD,
    REPLICA_SET,
    SERVICE,
    SERVICE_NAME,
    VIRTUAL_SERVICE,
    Obj,
    annotations_of,
    get,
    is_a,
    labels_of,
)
from ..routing import fit
from ..routing.fit import Side
from ..sandbox.controllers.index import controller_of, is_ready
from ..sandbox.node.behaviour import BEHAVIOUR, VERSIONS, Life, life_of, stop_of
from ..sandbox.store.store import Change, Store
from .census import Census, endpoints_changed, states_of
from .lives import PodLife, Stint
from .proxies import KUBE_PROXY, Proxy, Routing, Target, Told
from .results import Version
from .routes import routed
from .routes.model import Group
from .traffic import Recording

ROUTERS = (INGRESS, HTTP_ROUTE, VIRTUAL_SERVICE)
MESH = "mesh"
_DEAF, _AGAIN = "@", "~"  # no pod's name has one


class _Make(NamedTuple):
    """What pods of one template have in common. `numbers`: the ports at which they listen, where that is known."""

    version: Version
    life: Life
    numbers: frozenset[int] | None


@dataclass
class _Pod:
    """A pod as it is known so far. `restarts` is that of the stint that runs, -1 where none does."""

    version: Version
    life: Life
    numbers: frozenset[int] | None
    labels: Mapping[str, str]
    stints: list[Stint] = field(default_factory=list)
    restarts: int = -1
    gone_s: float = math.inf
    is_leaving: bool = False


class Recorder(Census):
    """Follows one namespace of a sandbox from the moment it is made. Times are relative to `zero_s` on the loop's clock.

    `version_of` tells which version a pod is; `service` is the one that clients ask for; `matching` is the share of the requests
    that a rule by header catches. `services` are each version's own, which say where its pods listen beside the ports that they
    declare.
    """

    def __init__(
        self,
        store: Store,
        namespace: str,
        service: str,
        version_of: Callable[[Obj], Version],
        *,
        zero_s: float,
        matching: float,
        services: Mapping[Version, Sequence[Obj]] | None = None,
    ) -> None:
        super().__init__()
        self._own = services or {}
        self._store, self._namespace, self._service, self._matching = store, namespace, service, matching
        self._version_of, self._zero_s = version_of, zero_s
        self._loop = asyncio.get_running_loop()
        self._pods: dict[str, _Pod] = {}
        self._makes: dict[tuple[object, ...], _Make] = {}
        self._names: dict[str, str] = {}  # by uid
        self._lives = Counter[str]()
        self._told: list[Told] = []
        self._groups: dict[str, list[Group]] = {}  # by the Service whose endpoints they are taken from
        self._states: dict[tuple[str, str], str] = {}
        self._slices: dict[str, dict[str, dict[str, str]]] = {}  # by Service and name, as they were last seen
        self._seen_with: dict[tuple[str, str], Obj | None] = {}  # the Service, by the same
        self._routings: list[Routing] = []
        self._copies: list[Routing] = []
        self.new_is_asked = asyncio.Event()
        self._proxy: Proxy = KUBE_PROXY
        self._asks: tuple[int, str] | None = None
        for pod in store.list(POD, namespace):
            self._note_pod(pod, is_known=True)
        self._route()
        for piece in store.list(ENDPOINT_SLICE, namespace):
            self._note_slice(piece, None)
        self._stop = store.subscribe(self._note)

    def stop(self) -> None:
        self._stop()

    @property
    def is_draining(self) -> bool:
        """Whether pods are there that terminate."""
        return self.everything.values[-1] > self.active.values[-1]

    def recording(self, from_s: float, to_s: float) -> Recording:
        """Of what has been so far."""
        lives = {name: PodLife(name, pod.version, tuple(pod.stints), pod.gone_s) for name, pod in self._pods.items()}
        for deaf in {told.pod for told in self._told} - lives.keys():
            pod = self._pods[_pod_of(deaf)]
            lives[deaf] = PodLife(deaf, pod.version, (), pod.gone_s)
        copies = tuple(self._copies) if any(each.targets for each in self._copies) else ()
        return Recording(lives, tuple(self._told), tuple(self._routings), from_s, to_s, self._proxy, copies)

    def so_far(self, seconds: float) -> Recording:
        """Of the time until now."""
        return self.recording(self._now_s() - seconds, self._now_s())

    def _now_s(self) -> float:
        return self._loop.time() - self._zero_s

    def _note(self, change: Change) -> None:
        if change.obj["metadata"].get("namespace") != self._namespace:
            return
        match change.kind.name:
            case POD.name:
                self._note_pod(change.obj, is_gone=change.type == "DELETED")
            case ENDPOINT_SLICE.name:
                self._note_slice(None if change.type == "DELETED" else change.obj, change.before)
            case VIRTUAL_SERVICE.name | DESTINATION_RULE.name | HTTP_ROUTE.name | INGRESS.name | SERVICE.name:
                self._route()

    # pods

    def _note_pod(self, obj: Obj, *, is_gone: bool = False, is_known: bool = False) -> None:
        meta, now_s = obj["metadata"], self._now_s()
        name, labels = self._name_of(meta), labels_of(obj)
        pod = self._pods.get(name)
        if pod is None:
            pod = self._pods[name] = _Pod(*self._make_of(obj), labels)
        if labels is not pod.labels and labels != pod.labels:
            self._relabel(name, pod, labels)
        self.count_pod(meta["name"], pod.version, now_s, obj, is_gone=is_gone)
        status: Obj = next(iter(get(obj, "status", "containerStatuses", default=())), {})
        is_running = "running" in status.get("state", {})
        if is_running and pod.restarts != status.get("restartCount", 0) and not pod.is_leaving:
            self._begin(pod, status, -math.inf if is_known and is_ready(obj) else now_s)
        elif not is_running and pod.restarts >= 0 and not pod.is_leaving:
            self._end(pod, now_s, now_s)  # crashed, or killed by a probe
        if "deletionTimestamp" in meta and not pod.is_leaving:
            self._leave(pod, obj, now_s)
        if pod.is_leaving and not is_running and pod.gone_s == math.inf:
            pod.gone_s = now_s  # with the last container the pod's network goes
        if is_gone:
            pod.gone_s = min(pod.gone_s, now_s)

    def _name_of(self, meta: Obj) -> str:
        """A pod's name; of one that has come after another of its name, as those of a StatefulSet do, with a number behind it."""
        name, uid = meta["name"], meta.get("uid", "")
        if uid not in self._names:
            self._lives[name] += 1
            self._names[uid] = name if self._lives[name] == 1 else f"{name}{_AGAIN}{self._lives[name]}"
        return self._names[uid]

    def _make_of(self, pod: Obj) -> _Make:
        """Found once for all pods that a ReplicaSet has made, if they are told to behave alike."""
        owner, notes = controller_of(pod), annotations_of(pod)
        if owner is None or not is_a(owner, REPLICA_SET):
            return self._made(pod)
        key = owner["uid"], notes.get(BEHAVIOUR), notes.get(VERSIONS)
        if (make := self._makes.get(key)) is None:
            make = self._makes[key] = self._made(pod)
        return make

    def _made(self, pod: Obj) -> _Make:
        version = self._version_of(pod)
        return _Make(version, life_of(pod), self._listens(version, pod))

    def _listens(self, version: Version, pod: Obj) -> frozenset[int] | None:
        own = self._own.get(version)
        return None if own is None else Side(version, {"spec": {"template": pod}}, own).numbers

    def _relabel(self, name: str, pod: _Pod, labels: Mapping[str, str]) -> None:
        """A subset holds it from now on, or no longer."""
        was, pod.labels = pod.labels, labels
        for (service, other), state in self._states.items():
            for group in self._groups_of(service) if _pod_of(other) == name else ():
                if group.holds(was) != group.holds(labels):
                    self._told.append(Told(self._now_s(), group.name, other, state if group.holds(labels) else ""))

    def _begin(self, pod: _Pod, status: Obj, started_s: float) -> None:
        pod.restarts = status.get("restartCount", 0)
        behaviour = pod.life.behaviour
        pod.stints.append(Stint(math.inf if behaviour.fails == "crash" else started_s + behaviour.start_s))

    def _end(self, pod: _Pod, closes_s: float, ends_s: float) -> None:
        pod.stints[-1] = pod.stints[-1]._replace(closes_s=closes_s, ends_s=ends_s)
        pod.restarts = -1

    def _leave(self, pod: _Pod, obj: Obj, now_s: float) -> None:
        pod.is_leaving = True
        if pod.restarts >= 0:
            stop = stop_of(pod.life, float(obj["metadata"].get("deletionGracePeriodSeconds") or 0))
            # Who hears SIGTERM takes no new connections; who ignores it works until it is killed.
            closes_s = stop.exit_s if pod.life.behaviour.ignores_sigterm else stop.sigterm_s
            self._end(pod, now_s + closes_s, now_s + stop.exit_s)

    # endpoints and routes

    def _note_slice(self, piece: Obj | None, before: Obj | None) -> None:
        service = labels_of(piece or before or {}).get(SERVICE_NAME, "")
        name = (piece or before or {})["metadata"]["name"]
        known = self._slices.setdefault(service, {})
        was = known.setdefault(name, {})
        maybe_gone, told = self._told_by(service, piece, before, was)
        gone = [pod for pod in maybe_gone if pod in was and pod not in told]
        changed = {pod: state for pod, state in told.items() if was.get(pod) != state}
        for pod in gone:
            del was[pod]
        was |= changed
        left = {pod: next((each[pod] for each in known.values() if pod in each), "") for pod in gone}
        groups = [(group, group.name) for group in self._groups_of(service)]
        for pod, state in (left | changed).items():
            if service == self._service and pod in self._pods:
                self.endpoints.add(self._now_s(), (state == "ready") - (self._states.get((service, pod)) == "ready"))
            self._states[(service, pod)] = state
            for group, called in groups:
                if group.holds(self._labels(pod)):
                    self._told.append(Told(self._now_s(), called, pod, state))
                    self._note_asked(called, pod, state)

    def _told_by(
        self, service: str, piece: Obj | None, before: Obj | None, was: Mapping[str, str]
    ) -> tuple[Iterable[str], Mapping[str, str]]:
        """(pods that a slice may hold no longer, what it says of those of which it may say something else) at the Service's port
        that clients ask for: of nobody where it lacks that port; by a name of its own where the pod does not listen there. `was`
        is what `before` said: of a hundred endpoints mostly one is another."""
        live = self._store.find(SERVICE, self._namespace, service)
        ports, pieces = fit.ports_of(live), (piece or {}).get("ports") or ()
        if not piece or not ports:
            return was, states_of(piece, self._name_of)
        asked = next((port for port in ports if fit.number_of(port) == self._asks), ports[0])
        number = next((each["port"] for each in pieces if each.get("name", "") == asked.get("name", "")), None)
        if number is None:
            return was, {}
        key = service, piece["metadata"]["name"]
        is_as_before = before is not None and self._seen_with.get(key) is live and before.get("ports") == piece.get("ports")
        self._seen_with[key] = live
        gone, fresh = endpoints_changed(before if is_as_before else None, piece, self._name_of)
        told = {self._called(pod, number): state for pod, state in fresh.items()}
        return [self._called(pod, number) for pod in gone] if is_as_before else was, told

    def _called(self, pod: str, number: int) -> str:
        known = self._pods[pod].numbers if pod in self._pods else None
        return pod if known is None or number in known else f"{pod}{_DEAF}"

    def _note_asked(self, group: str, pod: str, state: str) -> None:
        """From the first endpoint of the new version on, that requests are sent to, somebody may notice it."""
        is_asked = state == "ready" and any(target.group == group for target in self._routings[-1].targets)
        if is_asked and pod in self._pods and self._pods[pod].version == "new":
            self.new_is_asked.set()

    def _groups_of(self, service: str) -> list[Group]:
        return self._groups.setdefault(service, [Group(service, {})])

    def _labels(self, pod: str) -> Mapping[str, str]:
        known = self._pods.get(_pod_of(pod))
        return known.labels if known else {}

    def _route(self) -> None:
        """Where requests go from now on. A group that is new is told all that is known of its pods."""
        routes = routed(self._store, self._namespace, self._service, self._matching)
        self._proxy = self._proxy if routes.proxy == KUBE_PROXY else routes.proxy
        targets = () if self._is_astray() else tuple(Target(share, group.name) for share, group in routes.shares)
        if not self._routings or self._routings[-1].targets != targets:
            self._routings.append(Routing(self._now_s(), targets))
        copied = tuple(Target(share, group.name) for share, group in routes.copies)
        if not self._copies or self._copies[-1].targets != copied:
            self._copies.append(Routing(self._now_s(), copied))
        for _, group in (*routes.shares, *routes.copies):
            groups = self._groups_of(group.service)
            is_new = group not in groups
            if is_new:
                groups.append(group)
            for (service, pod), state in self._states.items():
                if service == group.service and group.holds(self._labels(pod)):
                    if is_new:
                        self._told.append(Told(self._now_s(), group.name, pod, state))
                    self._note_asked(group.name, pod, state)

    def _is_astray(self) -> bool:
        """Whether requests meet a port that the Service does not have: the one by which a route leads to it, or, where clients
        ask for the Service itself, the first one that it had."""
        live = self._store.find(SERVICE, self._namespace, self._service)
        if live is None:
            return False
        self._asks = self._asks or next(map(fit.number_of, fit.ports_of(live)), None)
        routers = [router for kind in ROUTERS for router in self._store.list(kind, self._namespace) if _is_way_in(router)]
        if any(each.service == self._service for router in routers for each in fit.backends(router)):
            return any(fit.lacks(router, {self._service: live}) for router in routers)
        return self._asks is not None and self._asks not in map(fit.number_of, fit.ports_of(live))


def _is_way_in(router: Obj) -> bool:
    """Whether clients ask for it, and not for the Service: what routes within a mesh they never see."""
    if is_a(router, VIRTUAL_SERVICE):
        return any(name != MESH for name in get(router, "spec", "gateways", default=()))
    return not any(ref.get("kind") == SERVICE.name for ref in get(router, "spec", "parentRefs", default=()))


def _pod_of(name: str) -> str:
    return name.removesuffix(_DEAF)
