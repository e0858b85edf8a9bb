"""Plans that are saved, read back, carried out, and edited between."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from rollway.cluster.port import Cluster
from rollway.kube.objects import Obj
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.run import Result
from rollway.ship.saved import SavedPlan, bind, run_saved
from rollway.strategies.base import Request
from shop import World, release

APPLY = Request("apply")
OPTIONS = shipping.Options(holder="test@nowhere/0")


async def saved(world: World, strategy: str, request: Request = APPLY, wanted: Release | None = None) -> SavedPlan:
    """Read back from its file."""
    wanted = wanted or release("v2", strategy=strategy)
    made = await shipping.plan(world.cluster, wanted, request, strategy=strategy)
    bound = await bind(world.cluster, wanted, request, made, strategy=strategy, is_override=False, force=False)
    return SavedPlan.model_validate_json(bound.model_dump_json())


async def carried_out(world: World, plan: SavedPlan, cluster: Cluster | None = None, **more: Any) -> Result:
    return await run_saved(cluster or world.cluster, plan.release, plan, options=dataclasses.replace(OPTIONS, **more))


def edited(plan: SavedPlan, edit: Callable[[Any], object]) -> SavedPlan:
    """As somebody with an editor leaves its file."""
    data = plan.model_dump(mode="json")
    edit(data)
    return SavedPlan.model_validate(data)


def another_object(plan: Any) -> None:
    meta = {"name": "x", "namespace": "kube-system"}
    manifest: Obj = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta}
    plan["steps"].insert(1, {"type": "apply", "creates": True, "manifest": manifest, "why": "labels"})
