"""Applications and what stands around them, as a review has found them: the shop with other Services, routes, scalers."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

from rollway.cluster.port import Cluster
from rollway.kube.objects import (
    DEPLOYMENT,
    DESTINATION_RULE,
    HPA,
    VIRTUAL_SERVICE,
    Obj,
    kind_of,
)
from rollway.release.model import Release
from shop import NAMESPACE_NAME, World, release

STAGED: dict[str, Any] = {"blueGreen": {"autoPromote": False}}


def shop(
    tag: str,
    *,
    services: tuple[Obj, ...] | None = None,
    more: tuple[Obj, ...] = (),
    change: Callable[[Obj], object] = lambda workload: None,
    **kw: Any,
) -> Release:
    """The shop with other Services, further objects, or a changed Deployment."""
    made = release(tag, **kw)
    change(made.workload)
    return dataclasses.replace(
        made, services=made.services if services is None else services, others=(*made.others, *more), workload=made.workload
    )


def service(name: str, **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return _object("v1", "Service", name, {"selector": {"app": "shop"}, "ports": ports} | spec)


def virtual_service(name: str, *targets: Obj) -> Obj:
    route = list(targets) or [{"destination": {"host": name}}]
    return _object(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, name, {"hosts": [name], "http": [{"route": route}]})


def destination_rule(name: str) -> Obj:
    policy = {"loadBalancer": {"simple": "LEAST_REQUEST"}}
    return _object(DESTINATION_RULE.api_version, DESTINATION_RULE.name, name, {"host": name, "trafficPolicy": policy})


def autoscaler() -> Obj:
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": target, "metrics": [{"type": "Resource", "resource": metric}]}
    return _object(HPA.api_version, HPA.name, "shop", spec)


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE_NAME}, "spec": spec}


def put(world: World, *objects: Obj) -> None:
    """As `kubectl create` would."""
    for obj in objects:
        kind = kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(obj), manager="kubectl-client-side-apply")


def scale(world: World, replicas: int, *, manager: str = "kubectl") -> None:
    patch = {"spec": {"replicas": replicas}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, subresource="scale", manager=manager)


def set_image(world: World, tag: str) -> None:
    """As `kubectl set image` would."""
    containers = [{"name": "shop", "image": f"ghcr.io/acme/shop:{tag}"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, type_="strategic", manager="kubectl-set")


async def found(world: World, kind: str) -> list[str]:
    """The names of the live objects of a kind."""
    return sorted(name.split()[1] for name in world.standing() if name.split()[0] == kind)


async def told(world: World) -> list[tuple[str, str]]:
    return [(revision.version, revision.phase) for revision in await world.history()]


class Between:
    """A Cluster with something between it and the run."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cluster, name)
