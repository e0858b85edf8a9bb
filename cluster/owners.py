"""Whose fields an apply would take, by an object's managedFields."""

from __future__ import annotations

import contextlib

from ..errors import ApplyConflict, Conflict, FieldConflict, NotFound
from ..kube.objects import DEPLOYMENT, Obj, get, merged
from ..plan.observed import FIELD_MANAGER
from ..plan.steps import Apply
from .port import Cluster


async def apply_ours(cluster: Cluster, step: Apply, seen: Obj | None) -> Obj | None:
    """Where the plan, made from what was `seen`, takes nothing over, only our own other writes of a Deployment can be in the way,
    as the number of its pods: they are taken at once, of just that object as it was seen. None where it is another one by now, or
    gone."""
    if seen is None or step.creates or step.takes_over or not step.ref.is_a(DEPLOYMENT) or not _is_written_otherwise(seen):
        return None
    version = seen["metadata"]["resourceVersion"]
    with contextlib.suppress(Conflict, NotFound):
        return await cluster.apply(merged(step.manifest, {"metadata": {"resourceVersion": version}}), force=True)
    return None


async def in_the_way(cluster: Cluster, step: Apply, conflict: ApplyConflict, seen: Obj | None) -> list[FieldConflict]:
    """The fields of others that the plan, made from what was `seen`, does not take over, or whose owners have written since."""
    foreign = [cause for cause in conflict.conflicts if cause.manager != FIELD_MANAGER]
    if seen is None or not foreign:
        return [cause for cause in foreign if cause not in step.takes_over]
    live = await cluster.get(step.ref)
    return [c for c in foreign if c not in step.takes_over or _last_written(live, c.manager) > _last_written(seen, c.manager)]


def _last_written(live: Obj | None, manager: str) -> str:
    """When a manager has last written an object; empty where that is not noted."""
    entries = get(live, "metadata", "managedFields", default=[]) if live else []
    return max((entry.get("time", "") for entry in entries if entry.get("manager") == manager), default="")


def _is_written_otherwise(live: Obj) -> bool:
    """Whether we have fields of it by more than an apply: by a patch, or a scale."""
    entries = get(live, "metadata", "managedFields", default=[])
    return any(entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Update" for entry in entries)
