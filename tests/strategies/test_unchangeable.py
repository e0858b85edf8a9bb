"""What an application cannot become by a release, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from edges import shop, told
from rollway.errors import BadInput
from rollway.kube.objects import (
    Obj,
)
from shop import STRATEGIES, World, in_world, promoted, release


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_renamed_deployment_is_refused(strategy: str) -> None:
    """Two Deployments of one application would share its requests for ever."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        before = world.standing()
        with pytest.raises(BadInput, match="live as Deployment shop, and the manifests call it shop-web") as refused:
            await world.ship(
                "apply", shop("v2", strategy=strategy, change=lambda workload: workload["metadata"].update(name="shop-web"))
            )
        assert "`workloadName: shop` in the release file keeps that name" in refused.value.hint
        assert world.standing() == before

    in_world(story)


def test_a_changed_selector_is_refused_by_the_plan() -> None:
    """The API server would refuse it in mid-run: it is told before anything is written."""

    async def story(world: World) -> None:
        def tiered(workload: Obj) -> None:
            workload["spec"]["selector"]["matchLabels"]["tier"] = "web"
            workload["spec"]["template"]["metadata"]["labels"]["tier"] = "web"

        await promoted(world, "v1", "ramped")
        with pytest.raises(BadInput, match="selects its pods by"):
            await world.ship("apply", shop("v2", change=tiered))
        assert await told(world) == [("v1", "Promoted")]

    in_world(story)


@pytest.mark.parametrize(
    ("strategy", "replicas", "block", "is_down"),
    [
        ("ramped", 3, {"ramped": {"maxSurge": 0, "maxUnavailable": "100%"}}, True),
        ("ramped", 1, {"ramped": {"maxSurge": 1, "maxUnavailable": 1}}, True),
        ("ramped", 1, {"ramped": {"maxSurge": 1, "maxUnavailable": 0}}, False),
        ("canary", 1, {"canary": {"maxSurge": 0}}, True),
        ("canary", 1, {"canary": {"maxSurge": 1}}, False),
    ],
)
def test_a_plan_says_when_there_will_be_downtime(strategy: str, replicas: int, block: dict[str, Any], is_down: bool) -> None:
    """Whether by the strategy or by its options: where the last pod may go before a new one is ready, it is told; else not."""

    async def story(world: World) -> None:
        kw: dict[str, Any] = {"strategy": strategy, "replicas": replicas, "options": block}
        await world.ship("apply", release("v1", **kw))
        result = await world.ship("apply", release("v2", **kw), weight=100)

        assert any("there will be downtime" in note for note in result.plan.notes) == is_down
        assert bool(world.emptied) == is_down

    in_world(story)
