"""The shop at versions whose Service, pods and Ingress differ."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field

from rollway.kube.objects import Obj
from rollway.release.model import Release
from shop import NAMESPACE_NAME, release

PODS = 4


@dataclass(frozen=True)
class Look:
    """One version's manifests, where they differ: the pods' labels beside `app`, the Service's selector, its port and targetPort
    (None: it says none), what the container declares, what it listens on, and by which port the Ingress asks."""

    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=lambda: {"app": "shop"})
    name: str = "http"
    port: int = 80
    target: str | int | None = "http"
    declared: str = "http"
    listens: int = 8080
    backend: str | int = "http"
    protocol: str = "TCP"


FITTING: dict[str, tuple[Look, Look]] = {
    "label": (
        Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"}),
        Look(labels={"tier": "front"}, selector={"app": "shop", "tier": "front"}),
    ),
    "narrower": (Look(labels={"tier": "web"}), Look(labels={"tier": "web"}, selector={"tier": "web"})),
    "new label": (Look(), Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"})),
    "named target": (Look(), Look(listens=9090)),
    "numeric target, named ports": (Look(target=8080), Look(target=9090, listens=9090)),
    "target's name": (Look(), Look(target="web", declared="web")),
    "port's name": (Look(), Look(name="web", backend="web")),
    "port's number": (Look(backend=80), Look(port=8080, backend=8080)),
    "number of a port without a name": (Look(name="", backend=80), Look(name="", port=8080, backend=8080)),
    "port's name goes": (Look(backend=80), Look(name="", port=8080, backend=8080)),
    "port's number, by name": (Look(), Look(port=8080)),
    "name and number": (Look(), Look(name="web", port=8080, backend="web")),
    "number and target": (Look(target=8080, backend=80), Look(port=8080, target=9090, listens=9090, backend=8080)),
    "protocol": (Look(target=8080, backend=80), Look(target=8080, backend=80, protocol="UDP")),
    "all of it": (
        Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"}, target=8080),
        Look({"tier": "front"}, {"app": "shop", "tier": "front"}, "web", 8080, 9090, "http", 9090, "web"),
    ),
}
"""What one Service can serve in a form of its own, with its Ingress."""

PARTED: dict[str, tuple[Look, Look]] = {
    "numeric target": (Look(target=8080, declared=""), Look(target=9090, declared="", listens=9090)),
    "a target that comes": (
        Look(name="", port=8080, target=None, declared="", backend=8080),
        Look(name="", port=8080, target=9090, declared="", listens=9090, backend=8080),
    ),
    "a target that goes": (
        Look(name="", port=8080, target=9090, declared="", listens=9090, backend=8080),
        Look(name="", port=8080, target=None, declared="", backend=8080),
    ),
    "another name at another number": (Look(), Look(target="web", declared="web", listens=9090)),
}
"""What no one Service can serve."""

CHANGES = FITTING | PARTED


def version(tag: str, look: Look, strategy: str) -> Release:
    """The shop at a version, with those manifests."""
    made = release(tag, strategy=strategy, replicas=PODS)
    workload, service = copy.deepcopy(made.workload), copy.deepcopy(made.services[0])
    template = workload["spec"]["template"]
    template["metadata"]["labels"] = {"app": "shop", **look.labels}
    container = template["spec"]["containers"][0]
    declared = {"name": look.declared, "containerPort": look.listens, "protocol": look.protocol}
    container["ports"] = [declared] if look.declared else []
    container["readinessProbe"]["httpGet"]["port"] = look.listens
    port = {"name": look.name or None, "port": look.port, "targetPort": look.target, "protocol": look.protocol}
    written = {key: value for key, value in port.items() if value is not None}
    service["spec"] = {"selector": dict(look.selector), "ports": [written]}
    asked = {"number": look.backend} if isinstance(look.backend, int) else {"name": look.backend}
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": asked}}}]
    ingress: Obj = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
        "spec": {"rules": [{"host": "shop.example", "http": {"paths": paths}}]},
    }
    return Release(
        app=made.app,
        namespace=made.namespace,
        workload=workload,
        services=(service,),
        others=(*made.others, ingress),
        strategy=made.strategy,
        options=made.options,
    )


def own_selector(tag: str, strategy: str) -> Release:
    """Manifests that carry their version in the Deployment's selector, and so in the Service's."""
    made = version(tag, Look(labels={"version": tag}, selector={"app": "shop", "version": tag}), strategy)
    made.workload["spec"]["selector"] = {"matchLabels": {"app": "shop", "version": tag}}
    return made
