"""Which pods are behind a Service, as the proxy knows it: the EndpointSlices of a moment ago, where it lags."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ...kube.objects import SERVICE_NAME, Obj, get, labels_of
from .model import Source, Target

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
Labels = Mapping[str, str]
Place = tuple[str, str]  # (namespace, name)


@dataclass(frozen=True)
class Endpoint:
    """`is_modelled`: of a pod that is no process on this machine, so that nobody answers there."""

    address: str
    is_ready: bool
    is_serving: bool
    is_terminating: bool
    pod: str = ""
    labels: Labels = field(default_factory=dict)

    @property
    def is_modelled(self) -> bool:
        return bool(self.pod) and ipaddress.ip_address(self.address) not in LOOPBACK


@dataclass(frozen=True)
class Slice:
    """What an EndpointSlice says. `ports` are numbers by the names of the Service's ports."""

    service: Place
    ports: Mapping[str, int]
    endpoints: tuple[Endpoint, ...]


def slice_of(obj: Obj, labels_by_pod: Callable[[str, str], Labels]) -> Slice | None:
    """None for slices of no Service and of names instead of addresses. Labels are taken down now: later the pod may be gone."""
    service, namespace = labels_of(obj).get(SERVICE_NAME, ""), obj["metadata"]["namespace"]
    if not service or obj.get("addressType") != "IPv4":
        return None
    ports = {
        port.get("name") or "": port["port"]
        for port in obj.get("ports") or ()
        if port.get("port") and port.get("protocol", "TCP") == "TCP"
    }
    points = tuple(_endpoint(each, namespace, labels_by_pod) for each in obj.get("endpoints") or ())
    return Slice((namespace, service), ports, points)


def _endpoint(point: Obj, namespace: str, labels_by_pod: Callable[[str, str], Labels]) -> Endpoint:
    said = point.get("conditions") or {}
    is_ready = said.get("ready") is not False  # what is not said counts as ready
    target = point.get("targetRef") or {}
    pod = target["name"] if target.get("kind") == "Pod" else ""
    return Endpoint(
        address=point["addresses"][0],
        is_ready=is_ready,
        is_serving=said.get("serving", is_ready) is not False,
        is_terminating=bool(said.get("terminating")),
        pod=pod,
        labels=dict(labels_by_pod(get(target, "namespace", default=namespace), pod)) if pod else {},
    )


def in_use(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Those that get new connections: the ready ones; where there are none, those that still serve while they terminate."""
    known = list(endpoints)
    ready = [each for each in known if each.is_ready]
    return ready or [each for each in known if each.is_serving and each.is_terminating]


class View:
    """The slices that the proxy knows."""

    def __init__(self) -> None:
        self._slices: dict[Place, dict[Place, Slice]] = {}  # by service, then by slice

    def put(self, place: Place, known: Slice | None) -> set[Place]:
        """Learns what a slice says now, or that it is gone. Answers the Services that it was or is about."""
        concerned = set()
        for service, slices in self._slices.items():
            if place in slices and (known is None or known.service != service):
                del slices[place]
                concerned.add(service)
        if known is not None:
            self._slices.setdefault(known.service, {})[place] = known
            concerned.add(known.service)
        return concerned

    def targets(self, source: Source) -> tuple[Target, ...]:
        """Where new connections go, sorted."""
        slices = [one for one in self._of((source.namespace, source.service)) if source.port in one.ports]
        subset = dict(source.subset)
        fitting = [(each, one.ports[source.port]) for one in slices for each in one.endpoints if _has(each, subset)]
        used = in_use(each for each, _ in fitting)
        return tuple(sorted({Target(each.address, port) for each, port in fitting if each in used and not each.is_modelled}))

    def count(self, service: Place) -> tuple[int, int]:
        """How many endpoints are in use, and how many of them are modelled."""
        used = {each.address: each for each in in_use(each for one in self._of(service) for each in one.endpoints)}
        return len(used), sum(each.is_modelled for each in used.values())

    def _of(self, service: Place) -> Iterable[Slice]:
        return self._slices.get(service, {}).values()


def _has(endpoint: Endpoint, subset: Labels) -> bool:
    return all(endpoint.labels.get(key) == value for key, value in subset.items())
