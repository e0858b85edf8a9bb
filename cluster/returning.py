"""Making those the managers of an object's fields again that were before a release: a JSON patch of who manages what, and of
nothing else, tied to the object as it was read."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ApiError
from ..kube.objects import Obj, Ref
from ..plan import lending
from ..plan.steps import Apply, GiveBack
from .port import Cluster

TRIES = 4
"""Somebody may write the object between reading and patching it."""


async def give_back(cluster: Cluster, step: GiveBack) -> bool:
    """Answers whether all that is as it was found is its owners' again, by what the API server said last. Raises only what may
    pass, as an API server that is away."""
    return await _manage(cluster, step.ref, lambda live: lending.given_back(live, step.loans))


async def claim(cluster: Cluster, step: Apply) -> bool:
    """The same of what kubectl has applied and an apply is to take away: whether it is rollway's to take."""
    return await _manage(cluster, step.ref, lambda live: lending.claimed(live, step.drops, step.manifest["apiVersion"]))


async def _manage(cluster: Cluster, ref: Ref, wanted: Callable[[Obj], list[Obj] | None]) -> bool:
    """Whether the managedFields of a live object are as `wanted`, which answers None where they are."""
    live = await cluster.get(ref)
    for _ in range(TRIES):
        entries = wanted(live) if live else None
        if live is None or entries is None:
            return True
        version = live["metadata"]["resourceVersion"]
        try:
            live = await cluster.patch(
                ref,
                [
                    {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                    {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                ],
            )
        except ApiError as error:
            if error.may_pass:
                raise
            live = await cluster.get(ref)
    return live is None or wanted(live) is None
