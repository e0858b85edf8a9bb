"""Services: a listener a port, at the address that stands for the cluster IP on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ...kube.objects import Obj, get
from ..api.addresses import loopback_address, loopback_port
from .endpoints import Place
from .model import Balancing, Cluster, Problem, Source

_HTTP2 = ("grpc", "grpc-web", "http2", "kubernetes.io/h2c")
_NOT_HTTP = ("tcp", "udp", "tls", "https", "mongo", "mysql", "redis", "kubernetes.io/wss")


@dataclass(frozen=True)
class Port:
    """One TCP port of a Service. `address` and `local_port`: where it is reached from this machine; empty if headless."""

    service: Place
    name: str
    number: int
    address: str
    local_port: int
    is_http: bool
    is_http2: bool

    @property
    def url(self) -> str:
        return f"{'http' if self.is_http else 'tcp'}://{self.address}:{self.local_port}"


@dataclass
class Clusters:
    """Those that something refers to, collected on the way."""

    known: dict[str, Cluster] = field(default_factory=dict)

    def of(
        self,
        role: str,
        port: Port,
        balancing: Balancing,
        *,
        subset: tuple[str, Mapping[str, str]] = ("", {}),
        connect_timeout_s: float | None = None,
        by_load_balancer: bool = False,
        is_grpc: bool = False,
    ) -> str:
        """The name of the cluster of these endpoints. `subset` is a name and the labels that it stands for."""
        namespace, service = port.service
        name = "/".join(part for part in (role, namespace, service, str(port.number), subset[0]) if part)
        source = Source(namespace, service, port.name, tuple(sorted(subset[1].items())), by_load_balancer)
        is_http2 = (port.is_http2 or is_grpc) and role != "service"
        cluster = Cluster(name, source, balancing, is_http2)
        if connect_timeout_s is not None:
            cluster = Cluster(name, source, balancing, is_http2, connect_timeout_s)
        self.known[name] = cluster
        return name

    def with_fallback(self, name: str, other: str) -> str:
        """The name of a cluster with the endpoints of the first; while there are none, those of the other."""
        both = f"{name}/else/{other}"
        self.known[both] = replace(self.known[name], name=both, fallback=self.known[other].source)
        return both


def ports_of(service: Obj, may_listen: Callable[[int], bool]) -> list[Port]:
    """The TCP ports."""
    meta, cluster_ip = service["metadata"], get(service, "spec", "clusterIP", default="")
    address = loopback_address(cluster_ip)
    found = []
    for port in get(service, "spec", "ports", default=()):
        if port.get("protocol", "TCP") != "TCP":
            continue
        kind = port.get("appProtocol") or port.get("name", "").partition("-")[0]
        found.append(
            Port(
                service=(meta["namespace"], meta["name"]),
                name=port.get("name", ""),
                number=port["port"],
                address=address,
                local_port=loopback_port(port["port"], may_listen=may_listen(port["port"])),
                is_http=kind.lower() not in _NOT_HTTP,
                is_http2=kind.lower() in _HTTP2,
            )
        )
    return found


def problems_of(service: Obj) -> Iterable[Problem]:
    meta, spec = service["metadata"], service["spec"]
    place = (meta["namespace"], meta["name"])
    if spec.get("type") == "ExternalName":
        yield Problem("Service", *place, "an ExternalName has no address here: the sandbox has no DNS")
    for port in spec.get("ports") or ():
        if port.get("protocol", "TCP") != "TCP":
            yield Problem("Service", *place, f"port {port['port']} is {port['protocol']}: only TCP is served")
    if spec.get("sessionAffinity") == "ClientIP":
        yield Problem("Service", *place, "sessionAffinity ClientIP is not followed: each connection goes to a pod at random")
