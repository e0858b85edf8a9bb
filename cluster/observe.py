"""Reading what a plan starts from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from ..kube.objects import DEPLOYMENT, DESTINATION_RULE, GATEWAY, HPA, SERVICE, VIRTUAL_SERVICE, Kind, Obj, Ref, ref_of
from ..plan.observed import APP_LABEL, Observed
from . import history
from .port import Cluster


async def observe(cluster: Cluster, app: str, namespace: str, manifests: Iterable[Obj], *, with_istio: bool) -> Observed:
    """Everything of the application that is live: the manifests' counterparts, every Deployment that carries its label, previews
    and routes, autoscalers, and the history. All at once: the reads do not depend on each other."""
    refs = {ref_of(manifest) for manifest in manifests}
    names = {ref.name for ref in refs if ref.kind == DEPLOYMENT.name}
    refs |= {_ref(SERVICE, namespace, f"{name}-preview") for name in names}
    if with_istio:
        refs |= {_ref(kind, namespace, name) for kind in (VIRTUAL_SERVICE, DESTINATION_RULE, GATEWAY) for name in names}
    ordered = sorted(refs)
    async with asyncio.TaskGroup() as reads:
        revisions = reads.create_task(history.load(cluster, app, namespace))
        labelled = reads.create_task(_listed(cluster, DEPLOYMENT, namespace, {APP_LABEL: app}))
        autoscalers = reads.create_task(_listed(cluster, HPA, namespace))
        found = [reads.create_task(_found(cluster, ref)) for ref in ordered]
    objects: dict[Ref, Obj | None] = {ref: task.result() for ref, task in zip(ordered, found, strict=True)}
    objects |= {ref_of(deployment): deployment for deployment in labelled.result()}
    return Observed(objects=objects, history=revisions.result(), autoscalers=tuple(autoscalers.result()))


async def _listed(cluster: Cluster, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> Sequence[Obj]:
    return await cluster.list(kind, namespace, labels=labels)


async def _found(cluster: Cluster, ref: Ref) -> Obj | None:
    return await cluster.get(ref)


def _ref(kind: Kind, namespace: str, name: str) -> Ref:
    return Ref(kind.api_version, kind.name, namespace, name)
