"""A version whose Deployment selects its pods otherwise: that is made anew, behind a side that carries everybody."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools

import pytest
from changing import PODS, own_selector
from cutoff import carried_out, gone_on
from edges import autoscaler, shop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.kube.objects import DEPLOYMENT, SERVICE, Obj, get
from rollway.release.model import Release
from rollway.routing import fit
from rollway.ship import run as shipping
from rollway.ship.asking import ask
from rollway.ship.status import status
from rollway.ship.windows import window_of
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, Stand, World, in_world, release, stand_of
from witness import Witness, live

ANEW = ("canary", "ab")
LISTENS = dict.fromkeys(("v1", "v2", "v3"), 8080)


@functools.cache
def begun(strategy: str, *, is_adopted: bool) -> Stand:
    return stand_of(lambda world: live(world, own_selector("v1", strategy), strategy, is_adopted=is_adopted))


async def gone_through(world: World, wanted: Release, strategy: str) -> None:
    result = await world.ship("apply", wanted, strategy=strategy)
    while result.is_ok and result.phase == "Paused":
        result = await world.ship("promote", wanted, strategy=strategy)
    assert result.phase == "Promoted", result.failure


def assert_alone(world: World, tag: str) -> None:
    """The application's own Deployment is that version at full size, with its selector, and nothing else of it is left."""
    assert world.pods() == {f"shop {tag}": PODS}
    (own,) = world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)
    assert own["spec"]["selector"] == {"matchLabels": {"app": "shop", "version": tag}}
    assert fit.plain(world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")) == {"app": "shop", "version": tag}


@pytest.mark.parametrize("is_adopted", [False, True], ids=["ours", "found"])
@pytest.mark.parametrize("strategy", ANEW)
def test_it_goes_there_and_back_and_loses_nobody(strategy: str, is_adopted: bool) -> None:
    """To the next version, back, and there again over what the way back has left: at every moment as many pods are reached as the
    application has."""

    async def story(world: World) -> None:
        seen = Witness(world, LISTENS)
        for _ in range(2):
            await gone_through(world, own_selector("v2", strategy), strategy)
            await asyncio.sleep(60)
            assert_alone(world, "v2")
            back = await world.ship("rollback", own_selector("v2", strategy))
            assert back.is_ok, back.failure
            await asyncio.sleep(60)
            assert_alone(world, "v1")

        assert seen.fewest == PODS

    in_world(story, stand=begun(strategy, is_adopted=is_adopted))


@pytest.mark.parametrize("strategy", ANEW)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_wherever_it_is_cut_off_both_ways_lose_nobody(strategy: str, data: st.DataObject) -> None:
    """Every prefix of the plan to everybody, then the rollback, or the same command again."""
    cut, goes_on, is_adopted = data.draw(st.integers(1, 24)), data.draw(st.booleans()), data.draw(st.booleans())
    wanted = own_selector("v2", strategy)

    async def story(world: World) -> None:
        seen = Witness(world, LISTENS)
        plan = await shipping.plan(world.cluster, wanted, Request("apply", 100), strategy=strategy, is_override=True)
        await carried_out(world, plan, wanted, cut)
        await gone_on(world, wanted, strategy, to_the_end=goes_on)
        assert_alone(world, "v2" if goes_on else "v1")
        assert seen.fewest >= PODS - (not goes_on)

    in_world(story, stand=begun(strategy, is_adopted=is_adopted))


def test_a_share_is_told_of_pods_that_another_selector_chooses() -> None:
    """By status, and by what gates measure: pods of both versions are known, though no one selector has them all."""

    async def story(world: World) -> None:
        wanted = own_selector("v2", "canary")
        result = await world.ship("apply", wanted, strategy="canary", weight=25)
        assert result.phase == "Paused"

        for asked in (wanted, own_selector("v1", "canary")):  # whichever the file is of
            seen = await status(world.cluster, asked)
            assert seen.given is not None
            assert seen.given > 0
        window = await window_of(world.cluster, wanted, seen.last, "v1", weight=25, seconds=60, number=1)
        assert window is not None
        assert window.stable is not None
        assert (len(window.new.names), len(window.stable.names)) == (1, PODS)

    in_world(story, stand=begun("canary", is_adopted=False))


def test_a_rehearsal_learns_from_the_pods_that_run_however_the_next_version_selects_its_own() -> None:
    """How long they took to start; another application's beside them say nothing of it."""

    async def story(world: World) -> None:
        await world.ship("apply", dataclasses.replace(release("v1"), app="api", workload=other_workload("api")))
        asked = await ask(world.cluster, own_selector("v2", "canary"))

        assert asked.startup.pods == PODS

    in_world(story, stand=begun("canary", is_adopted=False))


def other_workload(name: str) -> Obj:
    made = copy.deepcopy(release("v1").workload)
    made["metadata"] = {"name": name, "namespace": NAMESPACE_NAME}
    made["spec"]["selector"] = {"matchLabels": {"app": name}}
    made["spec"]["template"]["metadata"]["labels"] = {"app": name}
    return made


@pytest.mark.parametrize("strategy", ["canary", "ab"])
def test_an_autoscaled_one_comes_back_at_its_size(strategy: str) -> None:
    """While its Deployment is made anew nothing scales it; it comes with as many pods as it had."""

    def scaled(tag: str) -> Release:
        def versioned(workload: dict) -> None:
            for labels in (workload["spec"]["selector"]["matchLabels"], workload["spec"]["template"]["metadata"]["labels"]):
                labels["version"] = tag

        return shop(tag, strategy=strategy, more=(autoscaler(),), change=versioned, replicas=None)

    async def story(world: World) -> None:
        await world.ship("apply", scaled("v1"))
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 5}}, subresource="scale", manager="hpa")
        await asyncio.sleep(60)
        await gone_through(world, scaled("v2"), strategy)
        await asyncio.sleep(60)

        assert world.pods() == {"shop v2": 5}
        assert not world.emptied

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "recreate"])
def test_what_rolls_in_place_refuses_it_before_anything_is_touched(strategy: str) -> None:
    """And names what does not."""

    async def story(world: World) -> None:
        mark = world.sandbox.store.version
        with pytest.raises(BadInput, match="selects its pods by") as refused:
            await world.ship("apply", own_selector("v2", strategy), strategy=strategy)

        assert "blue-green" in refused.value.hint
        assert "canary" in refused.value.hint
        assert world.changed_since(mark) <= {"Lease"}

    in_world(story, stand=begun(strategy, is_adopted=False))


@pytest.mark.parametrize("strategy", ["canary", "blue-green"])
def test_a_found_service_that_the_manifests_call_otherwise_is_served_until_the_routes_leave_it(strategy: str) -> None:
    """Each version's own Service, as in many examples: an Ingress leads to the former until it leads to the new."""

    def named(tag: str) -> Release:
        made = own_selector(tag, strategy)
        made.services[0]["metadata"]["name"] = f"shop-{tag}"
        made.others[-1]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = f"shop-{tag}"
        return made

    async def story(world: World) -> None:
        await live(world, named("v1"), strategy, is_adopted=True)
        await gone_through(world, named("v2"), strategy)
        assert world.ready_endpoints("shop-v2") == PODS
        assert "shop-v1" not in world.emptied
        back = await world.ship("rollback", named("v2"))
        assert back.is_ok, back.failure
        assert world.ready_endpoints("shop-v1") == PODS
        ingress = next(obj for name, obj in world.standing().items() if name.startswith("Ingress"))
        assert get(ingress, "spec", "rules") == named("v1").others[-1]["spec"]["rules"]

    in_world(story)


@pytest.mark.parametrize("strategy", ["blue-green", "ab"])
def test_a_service_that_only_differs_in_a_label_is_named(strategy: str) -> None:
    """The manifests have one, and it selects another version's pods: which label is in the way is said."""

    async def story(world: World) -> None:
        other = own_selector("v2", strategy)
        (service,) = own_selector("v1", strategy).services
        wanted = release("v2", strategy=strategy)
        wanted = Release(**{**vars(wanted), "workload": other.workload, "services": (), "others": (service,)})
        with pytest.raises(BadInput, match="has no Service") as refused:
            await world.ship("apply", wanted)
        assert (
            refused.value.hint == "Service shop selects version=v1, and the pods carry version=v2: leave that out of its selector"
        )

    in_world(story)
