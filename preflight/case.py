"""What the rules look at: a release, by the strategy that would run, and the cluster where there is one to be asked.

Manifests are taken as they come: what is of another shape than Kubernetes knows is not seen here, and never a reason to stumble.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..kube.objects import (
    HPA,
    INGRESS,
    SECRET,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
    get,
    is_a,
    selects,
    template_labels,
)
from ..kube.schema import types
from ..kube.workload import Limits, workload_of
from ..plan.observed import Observed, scales
from ..release.config import is_pinned
from ..release.file import nearest
from ..release.model import Key, Release, key_of
from ..release.yamlfile import Path
from ..routing.fit import is_aside
from ..routing.ratio import Pods, beside, split
from ..routing.routers import BY_PODS, chosen
from ..strategies.app import App
from .makers import Maker, chooses, is_meant, makers

if TYPE_CHECKING:
    from ..strategies.base import Strategy
    from ..strategies.manifests import Rolling

POD = ("spec", "template", "spec")


class Container(NamedTuple):
    """A container of the pods, and where it stands in the Deployment."""

    spec: Obj
    path: Path

    @property
    def name(self) -> str:
        return str(self.spec.get("name", ""))

    @property
    def ports(self) -> list[Obj]:
        return [port for _, port in mappings(self.spec, "ports")]

    def has(self, field: str) -> bool:
        """Whether the field is there, or something that is probably meant to be it, which is a finding of its own."""
        known = types()["Container"].fields
        return bool(self.spec.get(field)) or any(nearest(key, [field]) for key in self.spec if key not in known)

    def declares(self, port: Any) -> bool:
        """Whether one of its ports has this name or this number."""
        return any(port in (each.get("name"), each.get("containerPort")) for each in self.ports)


@dataclass(frozen=True)
class Case:
    release: Release
    strategy: str
    observed: Observed = field(default_factory=Observed)
    is_live: bool = False
    """Whether a cluster was asked: only then what `observed` does not hold is not there."""

    # the pods

    @property
    def workload(self) -> Obj:
        return self.release.workload

    @property
    def key(self) -> Key:
        return key_of(self.workload)

    @property
    def pod(self) -> Obj:
        found: Obj = get(self.workload, *POD, default={})
        return found

    @property
    def labels(self) -> dict[str, str]:
        return template_labels(self.workload)

    @cached_property
    def containers(self) -> tuple[Container, ...]:
        """Those that run beside each other, sidecars included."""
        sidecars = [
            Container(spec, (*POD, "initContainers", place))
            for place, spec in mappings(self.pod, "initContainers")
            if spec.get("restartPolicy") == "Always"
        ]
        return (*(Container(spec, (*POD, "containers", place)) for place, spec in mappings(self.pod, "containers")), *sidecars)

    @property
    def app_container(self) -> Container:
        names = (self.release.container, self.release.app, self.workload["metadata"]["name"])
        found = (each for name in names for each in self.containers if name and each.name == name)
        return next(found, self.containers[0])

    @cached_property
    def serving(self) -> tuple[Container, ...]:
        """The containers that answer requests; none of a worker.

        Requests come by a Service, or by a route that names the application. Where the manifests have neither, a container that
        declares a port and a readiness probe is taken to be waiting for some: its Service is somewhere else.
        """
        if not self.containers:
            return ()
        if self.services:
            wanted = [port.get("targetPort", port.get("port")) for service in self.services for port in ports_of(service)]
            found = tuple(each for each in self.containers if any(each.declares(port) for port in wanted))
            return found or (self.app_container,)
        if self._is_routed:
            return (self.app_container,)
        return tuple(each for each in self.containers if each.spec.get("readinessProbe") and main_port(each) is not None)

    @cached_property
    def services(self) -> tuple[Obj, ...]:
        """The Services that select the pods, of the manifests and live; and those meant to that select nothing."""
        lost = [each for each in self.lost if self.is_meant(each)]
        known = {service["metadata"]["name"] for service in self.written(SERVICE)}
        live = [service for service in self.live(SERVICE) if service["metadata"]["name"] not in known]
        return (*self.release.services, *lost, *(each for each in live if selects(_selector(each), self.labels)))

    @cached_property
    def makers(self) -> tuple[Maker, ...]:
        """The objects of the manifests that make pods."""
        return tuple(makers(self.release.manifests))

    @cached_property
    def lost(self) -> tuple[Obj, ...]:
        """The Services of the manifests that choose none of the pods that are made by them."""
        return tuple(each for each in self.selecting if not any(chooses(_selector(each), maker) for maker in self.makers))

    def is_meant(self, service: Obj) -> bool:
        """Whether a Service that selects nothing was meant for the released pods."""
        others = [each for each in self.written(SERVICE) if each is not service] + list(self.live(SERVICE))
        return is_meant(service, self.workload, self.release.app, others, self.observed.history)

    @property
    def selecting(self) -> tuple[Obj, ...]:
        """The Services of the manifests that choose pods."""
        chosen = (each for each in self.written(SERVICE) if get(each, "spec", "type") != "ExternalName")
        return tuple(each for each in chosen if _selector(each))

    @property
    def _is_routed(self) -> bool:
        names = {self.release.app, self.workload["metadata"]["name"]}
        return any(name in names for obj in self.release.others for name in _backends(obj))

    # how they are replaced

    @cached_property
    def chosen(self) -> Strategy:
        from ..strategies import of_release

        return of_release(self.strategy, self.release)

    @property
    def rolling(self) -> Rolling:
        return self.chosen.rolling

    @cached_property
    def replicas(self) -> int | None:
        """The pods at least: an autoscaler's minimum, else the manifest's number; None where neither says."""
        for autoscaler in self.autoscalers:
            return number(get(autoscaler, "spec", "minReplicas"), 1)
        if self.release.replicas is not None:
            return self.release.replicas
        known, live = workload_of(self.workload), self.live_workload
        return known.wanted(live) if live else None

    @cached_property
    def live_workload(self) -> Obj | None:
        """The application's own, as it runs."""
        kind, name = workload_of(self.workload).kind, self.workload["metadata"]["name"]
        return self.observed.find(kind, self.release.namespace, name)

    @cached_property
    def autoscalers(self) -> tuple[Obj, ...]:
        name, kind = self.workload["metadata"]["name"], workload_of(self.workload).kind
        found = [*self.all(HPA)]
        return tuple(
            each for each in found if isinstance(get(each, "spec", "scaleTargetRef", "name"), str) and _scales(each, name, kind)
        )

    @property
    def surge(self) -> int:
        """Pods above the number of replicas while a release is under way; replicas that nobody says count as one."""
        count = self.replicas if self.replicas is not None else 1
        if self.strategy == "blue-green":
            return count
        if self.strategy == "ab":
            return self.release.options.ab.replicas or count
        if self.strategy == "recreate":
            return 0
        if self.strategy == "canary" and self.router != BY_PODS:
            return count  # in the end, when the new version has everybody
        if self.strategy == "canary":
            return max(self.pods_at(step.weight, count).canary for step in self.release.options.canary.steps)
        return self.limits(count).surge

    def limits(self, replicas: int) -> Limits:
        """How many pods of so many there may be above and below that number, by the rolling update that would run."""
        from ..strategies.manifests import stanza

        rolling = {"spec": {workload_of(self.workload).stanza: stanza(self.workload, self.rolling)}}
        return workload_of(self.workload).limits(rolling, replicas)

    @property
    def router(self) -> str:
        """What splits requests for canary and ab."""
        return chosen(self.release, App(self.release).host)

    def pods_at(self, weight: int, replicas: int) -> Pods:
        """The pods on each side of a canary at a share of requests."""
        if self.autoscalers:
            return beside(replicas, weight)
        return split(replicas, weight, may_surge=self.release.options.canary.may_surge)

    @property
    def runs_beside(self) -> bool:
        """Whether old and new pods run at the same time, so that a new one needs room of its own."""
        return self.surge > 0

    # the other objects

    def all(self, kind: Kind) -> Iterator[Obj]:
        """The objects of that kind: the manifests', and live ones that the manifests do not replace."""
        written = {obj["metadata"]["name"] for obj in self.written(kind)}
        yield from self.written(kind)
        yield from (obj for obj in self.live(kind) if obj["metadata"]["name"] not in written)

    def written(self, kind: Kind) -> Iterator[Obj]:
        yield from (obj for obj in self.release.manifests if is_a(obj, kind))

    def as_written(self) -> Iterator[Obj]:
        """The objects as they stand in the files: Secrets with their texts, configuration not yet named by its content."""
        sources, loaded = self.release.sources.objects, {key_of(obj) for obj in self.release.manifests}
        for obj in self.release.manifests:
            if (item := sources.get(key_of(obj))) is not None:
                yield item.obj if is_a(obj, SECRET) else obj
            elif not is_pinned(obj):
                yield obj
        yield from (item.obj for key, item in sources.items() if key not in loaded)

    def live(self, kind: Kind) -> Iterator[Obj]:
        yield from (obj for obj in self.observed.objects.values() if obj is not None and is_a(obj, kind))

    def is_written(self, obj: Obj) -> bool:
        return any(each is obj for each in self.release.manifests)


def mappings(holder: Any, *path: str) -> list[tuple[int, Obj]]:
    """The mappings of a list, each with its place in it."""
    found = get(holder, *path) if isinstance(holder, Mapping) else None
    return [(place, item) for place, item in enumerate(found) if isinstance(item, dict)] if isinstance(found, list) else []


def mapping(holder: Any, *path: str) -> Obj:
    """The mapping at a path; an empty one where there is none."""
    found = get(holder, *path) if isinstance(holder, Mapping) else None
    return found if isinstance(found, dict) else {}


def texts(holder: Any, *path: str) -> list[str]:
    """The texts of a list."""
    found = get(holder, *path) if isinstance(holder, Mapping) else None
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []


def number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def ports_of(service: Obj) -> list[Obj]:
    return [port for _, port in mappings(service, "spec", "ports")]


def main_port(container: Container) -> str | int | None:
    """The port that requests come in by, by name where it has one; None where there is none but for metrics and the like."""
    for port in container.ports:
        name, value = port.get("name"), port.get("containerPort")
        if isinstance(name, str) and is_aside(name):
            continue
        if isinstance(value, int):
            return name if isinstance(name, str) and name else value
    return None


def named(obj: Obj) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def _selector(service: Obj) -> dict[str, str]:
    return mapping(service, "spec", "selector")


def _scales(autoscaler: Obj, name: str, kind: Kind) -> bool:
    target = get(autoscaler, "spec", "scaleTargetRef")
    return isinstance(target.get("apiVersion", ""), str) and target.get("kind") is not None and scales(autoscaler, name, kind)


def _backends(obj: Obj) -> Iterator[str]:
    """The names of the Services that an Ingress, an HTTPRoute or a VirtualService sends requests to."""
    is_route = obj["kind"] == "HTTPRoute" and obj["apiVersion"].startswith("gateway.networking.k8s.io/")
    if not (is_route or is_a(obj, INGRESS) or is_a(obj, VIRTUAL_SERVICE) or obj["apiVersion"] == "extensions/v1beta1"):
        return
    pending: list[Any] = [obj.get("spec")]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            service = value.get("service")
            names = (
                value.get("serviceName"),
                service.get("name") if isinstance(service, dict) else None,
                get(value, "destination", "host") if isinstance(value.get("destination"), dict) else None,
                value.get("name") if "backendRefs" not in value and "port" in value and "weight" in value else None,
            )
            yield from (name for name in names if isinstance(name, str))
