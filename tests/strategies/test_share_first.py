"""On the way back a version that answers wrongly loses its share first, where the pods that are left may carry it."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.health.pods import is_ready
from rollway.kube.objects import POD, Obj
from rollway.plan.steps import Scale
from rollway.release.model import Release
from shop import NAMESPACE_NAME, World, in_world, release


def shop(tag: str, strategy: str, limits: dict[str, Any] | None) -> Release:
    made = release(tag, strategy=strategy)
    if limits:
        made.workload["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, **limits}}
    return made


def serving(world: World) -> tuple[int, int]:
    """(old, new) ready pods that do not leave."""
    pods = [pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if is_ready(pod) and not _leaves(pod)]
    new = sum(pod["spec"]["containers"][0]["image"].endswith(":v2") for pod in pods)
    return len(pods) - new, new


def _leaves(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"]


@pytest.mark.parametrize(
    ("strategy", "weight", "limits", "is_first"),
    [
        ("canary", 10, None, True),  # 4 + 1: all old pods are there
        ("canary", 25, None, True),  # 3 + 1: Kubernetes lets a quarter be missing where nobody says otherwise
        ("canary", 25, {"maxUnavailable": 0}, False),
        ("canary", 50, None, False),  # 2 + 2: half of the pods are not enough
        ("canary", 50, {"maxUnavailable": 2}, True),
        ("ramped", 25, None, True),
        ("ramped", 50, None, True),  # as many at a time as may be missing
        ("ramped", 50, {"maxUnavailable": 0}, False),
    ],
)
def test_its_share_goes_first_where_the_rest_may_carry_it(
    strategy: str, weight: int, limits: dict[str, Any] | None, is_first: bool
) -> None:
    """What may be missing is the manifest's maxUnavailable, else Kubernetes' 25%; where more would be missing, old pods come
    first. The first change that users feel says which it was, and never are fewer pods ready than may be."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", strategy, limits))
        await world.ship("apply", shop("v2", strategy, limits), weight=weight)
        before = serving(world)
        seen: list[tuple[int, int]] = []
        world.sandbox.store.subscribe(lambda change: seen.append(serving(world)) if change.kind == POD else None)
        result = await world.ship("rollback", shop("v2", strategy, limits))

        first = next(now for now in seen if now != before)
        assert (first < before and first[1] < before[1] and first[0] == before[0]) == is_first, (before, first)
        may_lack = limits["maxUnavailable"] if limits else 1
        assert min(old + new for old, new in seen) >= min(4 - may_lack, sum(before))
        assert (world.versions(), world.emptied) == ({"v1": 4}, [])
        if strategy == "canary":
            scales = [step for step in result.plan.steps if isinstance(step, Scale)]
            assert (scales[0].ref.name == "shop-canary" and "ends at once" in scales[0].why) == is_first

    in_world(story)


def test_ab_is_routed_away_first() -> None:
    """Its route goes before its pods do; the first variant is at full size all the time."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1", strategy="ab"))
        await world.ship("apply", release("v2", strategy="ab"), weight=30)
        result = await world.ship("rollback", release("v2", strategy="ab"))
        changes = [step.ref.kind for step in result.plan.steps if step.type in ("apply", "scale", "delete")]
        assert changes[:2] == ["VirtualService", "Deployment"]
        told, held, gone = result.plan.steps[:3]
        assert (told.type, held.type, gone.type) == ("apply", "hold", "scale"), "proxies hear of endpoints before routes"

    in_world(story)
