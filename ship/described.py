"""How another tool releases what runs: its Rollout or Canary, and what that refers to, as they are in the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..cluster.port import Cluster
from ..errors import Forbidden, NotFound
from ..kube.objects import DEPLOYMENT, DESTINATION_RULE, Kind, Obj, Ref, get, is_a
from ..kube.routes import ROUTES

ROLLOUT = Kind("argoproj.io/v1alpha1", "Rollout", "rollouts")
CANARY = Kind("flagger.app/v1beta1", "Canary", "canaries")
KRUISE_ROLLOUT = Kind("rollouts.kruise.io/v1beta1", "Rollout", "rollouts")
TEMPLATE = Kind("argoproj.io/v1alpha1", "AnalysisTemplate", "analysistemplates")
CLUSTER_TEMPLATE = Kind("argoproj.io/v1alpha1", "ClusterAnalysisTemplate", "clusteranalysistemplates", namespaced=False)
METRIC_TEMPLATE = Kind("flagger.app/v1beta1", "MetricTemplate", "metrictemplates")


class Described(NamedTuple):
    """`docs` are the Rollout or Canary and the templates that it refers to; `deployment` is the Deployment that it names, where
    its pods are of one, and `replicas` how many of them serve. `routes` are those by which it splits requests."""

    docs: Sequence[Obj]
    deployment: str
    replicas: int | None
    routes: Sequence[Obj] = ()


async def described(cluster: Cluster, namespace: str, name: str) -> Described | None:
    """The Rollout or Canary of that name, or of a Deployment of that name. None where there is none, or where the cluster does
    not know such kinds or does not show them."""
    for kind in (ROLLOUT, CANARY, KRUISE_ROLLOUT):
        for obj in await _all(cluster, kind, namespace):
            deployment = _deployment(obj)
            if name in (obj["metadata"]["name"], deployment):
                docs = [obj, *await _templates(cluster, obj, namespace)]
                routes = await _routes(cluster, obj, namespace)
                return Described(docs, deployment, await _replicas(cluster, obj, deployment), routes)
    return None


def _deployment(obj: Obj) -> str:
    for ref in (("workloadRef",), ("targetRef",), ("objectRef", "workloadRef")):
        if get(obj, "spec", *ref, "kind") == DEPLOYMENT.name:
            return str(get(obj, "spec", *ref, "name", default=""))
    return ""


async def _replicas(cluster: Cluster, obj: Obj, deployment: str) -> int | None:
    """A Rollout's own; of a Canary those of the second Deployment that Flagger makes, as it keeps the first at none."""
    count = get(obj, "spec", "replicas")
    if is_a(obj, CANARY) and deployment:
        ref = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, obj["metadata"].get("namespace", ""), f"{deployment}-primary")
        count = get(await cluster.get(ref), "spec", "replicas")
    return count if isinstance(count, int) else None


async def _routes(cluster: Cluster, doc: Obj, namespace: str) -> list[Obj]:
    """The user's own that it names; what Flagger makes by itself is none of them."""
    named = (get(doc, "spec", "strategy", "canary", "trafficRouting"), get(doc, "spec", "ingressRef"))
    names = {text.partition(".")[0] for text in _texts(named)}
    kinds = (*ROUTES, DESTINATION_RULE) if names else ()
    return [obj for kind in kinds for obj in await _all(cluster, kind, namespace) if obj["metadata"]["name"] in names]


def is_one_versions(doc: Obj, service: Obj) -> bool:
    """Whether a Service is one of the two that Flagger makes for the versions of a Canary, beside the one that users ask."""
    name = get(doc, "spec", "service", "name", default="") or _deployment(doc)
    return is_a(doc, CANARY) and service["metadata"]["name"] in (f"{name}-canary", f"{name}-primary")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _texts(below)


async def _all(cluster: Cluster, kind: Kind, namespace: str) -> Sequence[Obj]:
    try:
        return await cluster.list(kind, namespace)
    except (NotFound, Forbidden):
        return ()


async def _templates(cluster: Cluster, doc: Obj, namespace: str) -> list[Obj]:
    """All that are referred to, also by one another."""
    if is_a(doc, CANARY):
        refs = [ref for ref in _under(doc, "templateRef") if isinstance(ref, dict)]
        places = {namespace, *(str(ref.get("namespace") or namespace) for ref in refs)}
        wanted = [ref.get("name") for ref in refs]
        known = [each for place in sorted(places) for each in await _all(cluster, METRIC_TEMPLATE, place)]
        return [each for each in known if each["metadata"]["name"] in wanted]
    known = [*await _all(cluster, TEMPLATE, namespace), *await _all(cluster, CLUSTER_TEMPLATE, "")]
    found: list[Obj] = []
    open_docs = [doc]
    while open_docs:
        names = {name for name in _under(open_docs.pop(), "templateName") if isinstance(name, str)}
        for each in known:
            if each["metadata"]["name"] in names and each not in found:
                found.append(each)
                open_docs.append(each)
    return found


def _under(value: Any, key: str) -> Iterator[Any]:
    """Everything that stands under that key, at whatever depth."""
    if isinstance(value, dict):
        for name, below in value.items():
            if name == key and isinstance(below, str | dict):
                yield below
            yield from _under(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from _under(below, key)
