"""What is refused before anything is touched: a share that no strategy holds, a namespace that is not there."""

from __future__ import annotations

import contextlib

from ..cluster import history
from ..cluster.port import Cluster
from ..errors import BadInput, Forbidden, NotFound
from ..kube.objects import NAMESPACE, Obj, Ref
from ..plan.revision import in_flight_of
from ..release.model import Release
from ..strategies import of_release
from ..strategies.base import Request


async def refuse_share(cluster: Cluster, release: Release, request: Request, strategy: str | None) -> None:
    """Refuses a share that the strategy cannot hold before anything is touched, the lock included.

    Without a strategy's name it may be that of a release under way: only then the history is asked.
    """
    if request.weight is None:
        return
    try:
        of_release(strategy or release.strategy, release).check_weight(request.weight)
    except BadInput:
        if strategy is None and in_flight_of(await history.load(cluster, release.app, release.namespace)):
            return  # planning it will tell
        raise


def own_namespace(release: Release) -> Obj | None:
    """The release's own Namespace manifest, if it has one."""
    return next((o for o in release.others if (o["kind"], o["metadata"]["name"]) == (NAMESPACE.name, release.namespace)), None)


async def refuse_missing_namespace(cluster: Cluster, release: Release) -> None:
    """A plan for a namespace that is not there would not be the truth. Who may not read namespaces is believed."""
    if own_namespace(release):
        return
    with contextlib.suppress(Forbidden):
        if await cluster.get(Ref(NAMESPACE.api_version, NAMESPACE.name, "", release.namespace)) is None:
            details = {"name": release.namespace, "kind": "namespaces"}
            missing = NotFound(404, "NotFound", f'namespaces "{release.namespace}" not found', details)
            missing.hint = f"create it with `kubectl create namespace {release.namespace}`, or name another with -n"
            raise missing
