"""By pods a canary's own Deployment comes home as many pods at a time as its second side carries, and grows then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mortal import Killed, Mortal
from rollway.cluster.lock import DURATION_S
from rollway.health.pods import is_ready
from rollway.kube.objects import DEPLOYMENT, POD, get, ref_of
from rollway.plan.plan import Plan
from rollway.plan.steps import Apply, Wait
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies import of_release
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, Stand, World, in_world, release, stand_of

OWN = {"maxSurge": "50%", "maxUnavailable": "50%"}


def shop(tag: str, replicas: int, options: dict[str, Any] | None = None, limits: dict[str, Any] | None = None) -> Release:
    made = release(tag, strategy="canary", replicas=replicas, options={"canary": options or {}})
    if limits is not None:
        made.workload["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": limits}
    return made


class Fewest:
    """The fewest pods at any moment that are ready and do not leave; and the least share that the new version has had of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.pods, self.share = 10_000, Fraction(100)
        world.sandbox.store.subscribe(lambda change: self._look() if change.kind == POD else None)

    def _look(self) -> None:
        pods = [pod for pod in self._world.sandbox.store.list(POD, NAMESPACE_NAME) if is_ready(pod)]
        staying = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        new = sum(pod["spec"]["containers"][0]["image"].endswith(":v2") for pod in staying)
        self.pods = min(self.pods, len(staying))
        self.share = min(self.share, Fraction(100 * new, max(len(staying), 1)))


def paused(replicas: int, weight: int, **shaped: Any) -> Stand:
    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", replicas, **shaped), strategy="canary")
        await world.ship("apply", shop("v2", replicas, **shaped), strategy="canary", weight=weight)
        await asyncio.sleep(30)

    return stand_of(story)


async def planned(world: World, wanted: Release) -> Plan:
    return await shipping.plan(world.cluster, wanted, Request("promote", 100), strategy="canary")


def limits_of(plan: Plan) -> list[Any]:
    """Of the own Deployment, as the plan applies it."""
    applied = (step.manifest for step in plan.steps if isinstance(step, Apply) and step.manifest["kind"] == "Deployment")
    return [get(each, "spec", "strategy", "rollingUpdate") for each in applied]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(replicas=st.integers(1, 9), weight=st.integers(1, 99), surge=st.sampled_from([None, 0, 1, "50%"]))
def test_never_fewer_pods_serve_than_the_user_has_asked_for(replicas: int, weight: int, surge: int | str | None) -> None:
    """Whatever the share and the surge; nor does the new version's share ever sink on the way to all of it."""
    options = {} if surge is None else {"maxSurge": surge}

    async def story(world: World) -> None:
        serving = sum(world.versions().values())
        fewest = Fewest(world)
        before = Fraction(100 * world.versions().get("v2", 0), serving)
        result = await world.ship("promote", shop("v2", replicas, options), weight=100)
        assert (result.phase, world.versions()) == ("Promoted", {"v2": replicas})
        assert fewest.pods >= min(serving, replicas) - (replicas == 1 and surge == 0)  # whose only pod may not have company
        assert fewest.share >= min(before, Fraction(100 * (replicas - 1), replicas))

    in_world(story, stand=paused(replicas, weight, options=options))


@pytest.mark.parametrize("weight", [25, 75])
def test_wherever_the_client_is_killed_as_many_pods_serve_and_every_way_on_is_open(weight: int) -> None:
    """Killed after any call and left alone past any deadline: going back and going on both lose nobody."""
    stand = paused(4, weight)

    async def counted(world: World) -> int:
        cluster = Mortal(world.cluster)
        await world.ship("promote", shop("v2", 4), weight=100, cluster=cluster)
        return cluster.calls

    async def story(world: World, lives: int, verb: str) -> None:
        fewest = Fewest(world)
        with pytest.raises(Killed):
            await world.ship("promote", shop("v2", 4), weight=100, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(lives % 3 or DURATION_S + 60)  # in the midst of it, and long after
        await asyncio.sleep(DURATION_S)
        assert fewest.pods >= 4, f"killed after call {lives}"
        result = await world.ship(
            verb, shop("v2", 4), strategy="canary" if verb == "apply" else None, weight=100 if verb == "apply" else None
        )
        if verb == "apply":
            assert world.versions() == {"v2": 4}, f"killed after call {lives}"
        else:
            assert set(world.versions()) == {"v1"}, f"killed after call {lives}: {result.failure}"
        lacking = 1 if verb == "rollback" else 0  # what is given up goes first, where the others may carry it: a quarter
        assert fewest.pods >= 4 - lacking, f"killed after call {lives}, then {verb}"

    calls = in_world(counted, stand=stand)
    for lives in range(1, calls + 1):
        for verb in ("apply", "rollback"):
            in_world(lambda world, lives=lives, verb=verb: story(world, lives, verb), stand=stand)


def test_it_takes_no_longer_the_more_pods_there_are() -> None:
    """The time of a few pods' starts, of 12 as of 48; and no more room than the share."""

    async def story(world: World, replicas: int) -> float:
        world.peak_pods = 0
        began = asyncio.get_running_loop().time()
        result = await world.ship("promote", shop("v2", replicas), weight=100)
        assert world.peak_pods == result.plan.peak_pods == replicas * 3 // 2
        return asyncio.get_running_loop().time() - began

    few, many = (in_world(lambda world, n=n: story(world, n), stand=paused(n, 50)) for n in (12, 48))
    assert many < few + 5


def test_the_plan_says_it() -> None:
    """How many at a time, and why; and it ends by the limits of the manifest."""

    async def story(world: World) -> None:
        plan = await planned(world, shop("v2", 4, limits=OWN))
        assert limits_of(plan) == [{"maxSurge": 2, "maxUnavailable": 0}, OWN]
        waits = [(step.pods, step.why) for step in plan.steps if isinstance(step, Wait) and step.ref.name == "shop"]
        assert waits == [(2, "shop-canary carries its share meanwhile: 2 at a time"), (4, "before anything else goes")]

    in_world(story, stand=paused(4, 50, limits=OWN))


def test_pods_that_are_not_ready_carry_nobody() -> None:
    """Where a second side has fewer ready than are lacking, these come before anything is rolled beside it."""

    async def story(world: World) -> None:
        wanted = shop("v2", 4)
        observed = await shipping.look(world.cluster, wanted, "canary")
        second = observed.find(DEPLOYMENT, NAMESPACE_NAME, "shop-canary")
        assert second is not None
        broken = {**second, "status": {**second["status"], "readyReplicas": 1}}
        plan = of_release("canary", wanted).plan(
            Request("promote", 100), replace(observed, objects={**observed.objects, ref_of(second): broken})
        )
        assert limits_of(plan) == [{"maxSurge": "25%", "maxUnavailable": 0}]

    in_world(story, stand=paused(4, 50))


@pytest.mark.parametrize(
    ("options", "limits", "wanted"),
    [
        ({}, None, {"maxSurge": "25%", "maxUnavailable": 0}),
        ({}, OWN, {"maxSurge": "50%", "maxUnavailable": 0}),
        ({}, {"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": 1, "maxUnavailable": 0}),
        ({"maxSurge": 2}, OWN, {"maxSurge": 2, "maxUnavailable": 0}),
        ({"maxSurge": 0}, OWN, {"maxSurge": 0, "maxUnavailable": 1}),
    ],
)
def test_the_way_back_of_a_whole_release_is_by_the_users_surge(options: Any, limits: Any, wanted: Any) -> None:
    """Nothing carries requests beside it: none may be missing, and the surge is the release file's, else the manifest's."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", 4, options, limits), strategy="canary")
        await world.ship("apply", shop("v2", 4, options, limits), strategy="canary", weight=100)
        plan = await shipping.plan(world.cluster, shop("v2", 4, options, limits), Request("rollback"), strategy="canary")
        assert limits_of(plan)[0] == wanted

    in_world(story)
