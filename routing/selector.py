"""Service selectors: the label `rollway.dev/track` says which of two Deployments a Service reaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..kube.objects import SERVICE, Obj, get, is_a, ref_of, selects, template_labels
from ..kube.workload import is_workload, pods_of
from ..plan.observed import TRACK_LABEL

STABLE = "stable"
"""The track of the user's own Deployment, whatever it is called."""


def pinned(service: Mapping[str, Any], track: str) -> Obj:
    """The Service, reaching only the pods of one track."""
    selector = {**get(service, "spec", "selector", default={}), TRACK_LABEL: track}
    return {**service, "spec": {**service["spec"], "selector": selector}}


def led_home(second: Mapping[str, Any], first: Mapping[str, Any]) -> Obj:
    """A second Service, reaching the stable pods the way that the first one does: their labels, and what they call their ports,
    may be others than those of the pods that it has reached."""
    targets = {_number(port): port["targetPort"] for port in get(first, "spec", "ports", default=()) if "targetPort" in port}
    ports = [
        {**port, "targetPort": targets[_number(port)]} if _number(port) in targets else port
        for port in get(second, "spec", "ports", default=())
    ]
    chosen = {**get(first, "spec", "selector", default={}), TRACK_LABEL: STABLE}
    return {**second, "spec": {**second["spec"], "selector": chosen, "ports": ports}}


def _number(port: Mapping[str, Any]) -> tuple[int, str]:
    return port["port"], port.get("protocol", "TCP")


def track_of(service: Mapping[str, Any] | None) -> str | None:
    """The track a live Service is pinned to, or None where it reaches every track."""
    track: str | None = get(service, "spec", "selector", default={}).get(TRACK_LABEL)
    return track


def live_track(services: Iterable[Mapping[str, Any] | None]) -> str:
    """The track that gets the requests. Services that disagree (a switch was cut off between two) count as the first one."""
    return next((track for service in services if (track := track_of(service))), STABLE)


def reaching_only(workload: Obj, objects: Iterable[Obj]) -> Iterator[Obj]:
    """The Services among live objects that reach this workload, and no other one that wants pods."""
    objects = list(objects)
    others = [obj for obj in objects if is_workload(obj) and pods_of(obj) and ref_of(obj) != ref_of(workload)]
    for service in (obj for obj in objects if is_a(obj, SERVICE)):
        chosen = get(service, "spec", "selector")
        if selects(chosen, template_labels(workload)) and not any(selects(chosen, template_labels(other)) for other in others):
            yield service


def preview(service: Mapping[str, Any], name: str, track: str) -> Obj:
    """A Service beside the user's, of its own name, that reaches one track only and is not exposed outside."""
    written = get(service, "spec", "ports", default=())
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in written]
    meta = {"name": name, "labels": dict(get(service, "metadata", "labels", default={}))}
    if namespace := get(service, "metadata", "namespace"):
        meta["namespace"] = namespace
    selector = {**get(service, "spec", "selector", default={}), TRACK_LABEL: track}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": selector, "ports": ports}}
