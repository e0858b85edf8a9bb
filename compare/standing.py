"""What was seen on a cluster, set up on an embedded one: somebody's release at rest, its pods started anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from ..cluster import history
from ..kube.objects import DEPLOYMENT, NAMESPACE, NODE, RESOURCE_QUOTA, SERVER_SET_META, Obj, kind_of
from ..kube.workload import pods_of, workload_of
from ..plan.observed import Observed
from ..release.model import Release
from ..sandbox.timeline import run_virtual
from ..sandbox.world import Sandbox
from .rehearsal import NODES, REST_S, Base, are_whole, on_nodes, saying, service_of

_ROOM = (NODE, RESOURCE_QUOTA)
"""What is judged by the figures (compare.room): in a rehearsal there always is some."""


def standing(release: Release, observed: Observed, said: Mapping[str, str]) -> Base | None:
    """`said`: how pods behave that do not say it themselves, as the annotation has it. None where they do not get ready. Raises
    RollwayError where the embedded cluster refuses what was seen."""
    return run_virtual(_standing(release, observed, said))


def workloads(observed: Observed) -> list[Obj]:
    """The Deployments, and what else is of the application's kind."""
    kinds = (DEPLOYMENT, observed.kind)
    return [obj for ref, obj in observed.objects.items() if obj is not None and any(map(ref.is_a, kinds))]


async def _standing(release: Release, observed: Observed, said: Mapping[str, str]) -> Base | None:
    async with Sandbox(admit=partial(saying, said), presumes=True) as sandbox:
        store = sandbox.store
        for name in (release.namespace, *release.elsewhere):
            if store.find(NAMESPACE, "", name) is None:
                sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in observed.objects.values():
            kind = kind_of(obj["apiVersion"], obj["kind"]) if obj else None
            if obj and kind and kind != NAMESPACE and kind not in _ROOM:
                store.create(kind, _unborn(obj))
        for revision in observed.history:
            await history.write(sandbox.client(), revision)
        replicas, known = 0, workload_of(release.workload)
        if not known.is_scaled:
            own = observed.workload(release.namespace, release.workload["metadata"]["name"])
            on_nodes(store, release, pods_of(own) or NODES)
        for live in workloads(observed):
            replicas += pods_of(live)
        if not await are_whole(store, release.namespace, known.kind):
            return None
        await asyncio.sleep(REST_S)
        service = service_of(release) if replicas else ""
        return Base(store.snapshot(), asyncio.get_running_loop().time(), release.namespace, service, replicas, said)


def _unborn(obj: Obj) -> Obj:
    """Without what a server and its controllers gave it; who manages which field is kept: a plan depends on it."""
    gone = set(SERVER_SET_META) - {"managedFields", "generation"}
    meta = {key: value for key, value in obj["metadata"].items() if key not in gone and key != "ownerReferences"}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}
