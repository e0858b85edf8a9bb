"""Making those the managers of an object's fields again that were before a release: a JSON patch of who manages what, and of
nothing else, tied to the object as it was read."""

from __future__ import annotations

from ..errors import ApiError
from ..plan import lending
from ..plan.steps import GiveBack
from .port import Cluster

TRIES = 4
"""Somebody may write the object between reading and patching it."""


async def give_back(cluster: Cluster, step: GiveBack) -> bool:
    """Answers whether all that is as it was found is its owners' again, by a look after the last try, too. Raises only what may
    pass, as an API server that is away."""
    for left in reversed(range(TRIES + 1)):
        live = await cluster.get(step.ref)
        entries = lending.given_back(live, step.loans) if live else None
        if live is None or entries is None:
            return True
        if not left:
            break
        version = live["metadata"]["resourceVersion"]
        try:
            await cluster.patch(
                step.ref,
                [
                    {"op": "test", "path": "/metadata/resourceVersion", "value": version},
                    {"op": "replace", "path": "/metadata/managedFields", "value": entries},
                ],
            )
        except ApiError as error:
            if error.may_pass:
                raise
    return False
