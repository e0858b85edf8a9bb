"""A Service, what routes to it, and the pods of both versions fit together at every moment of a release and of its way back."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
from itertools import product

import pytest
from byroute import routed
from changing import CHANGES, FITTING, PARTED, PODS, Look, own_selector, version
from cutoff import carried_out, gone_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.health.pods import is_ready
from rollway.kube.objects import DEPLOYMENT, INGRESS, POD, SERVICE, labels_of, selects
from rollway.release.model import Release
from rollway.routing import fit
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, Stand, World, in_world, release, stand_of
from witness import Witness, live


@functools.cache
def begun(strategy: str, change: str, *, is_adopted: bool = False) -> Stand:
    """The first version of a change, live. The way there is gone once."""
    first = version("v1", CHANGES[change][0], strategy)
    return stand_of(lambda world: live(world, first, strategy, is_adopted=is_adopted))


PAIRS = [*product(STRATEGIES, FITTING), *product(("recreate", "blue-green"), PARTED)]
"""Every strategy with every change that it can make."""
RELEASED = [(strategy, change, False) for strategy, change in PAIRS]
OF_OTHERS = ("label", "named target", "a target that goes", "protocol", "all of it")
"""What an apply alone would leave of whoever applied it first, and some that it would not."""
FOUND = [(strategy, change, True) for strategy, change in PAIRS if change in OF_OTHERS]


@pytest.mark.parametrize(("strategy", "change", "is_adopted"), RELEASED + FOUND)
def test_a_release_and_its_rollback_lose_nobody(strategy: str, change: str, is_adopted: bool) -> None:
    """From the first step to the last one, and all the way back, no fewer pods are reached than the application allows (one that
    was found has Kubernetes's own limits), none at a port that it does not have, and the Ingress always finds its port; at both
    ends all is as in the manifests."""
    before, after = CHANGES[change]
    first, second = version("v1", before, strategy), version("v2", after, strategy)

    async def story(world: World) -> None:
        seen = Witness(world, {"v1": before.listens, "v2": after.listens})
        result = await world.ship("apply", second, strategy=strategy)
        while result.is_ok and result.phase == "Paused":
            result = await world.ship("promote", second, strategy=strategy)
        assert result.phase == "Promoted", result.failure
        await asyncio.sleep(60)
        assert_as_written(world, second)
        back = await world.ship("rollback", second)
        assert back.is_ok, back.failure
        await asyncio.sleep(60)

        assert_as_written(world, first)
        assert seen.amiss == [] if strategy != "recreate" else not any("Ingress" in each for each in seen.amiss)
        assert seen.fewest >= PODS - is_adopted or strategy == "recreate"

    in_world(story, stand=begun(strategy, change, is_adopted=is_adopted))


def assert_as_written(world: World, wanted: Release) -> None:
    """The Service without its track, and the Ingress."""
    service = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")
    ingress = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop")
    assert fit.plain(service) == wanted.services[0]["spec"]["selector"]
    ports = [(each.get("name"), each["port"], fit.target_of(each)) for each in fit.ports_of(service)]
    assert ports == [(each.get("name"), each["port"], fit.target_of(each)) for each in fit.ports_of(wanted.services[0])]
    assert ingress["spec"] == wanted.others[-1]["spec"]


@pytest.mark.parametrize(("change", "port"), [("port's number, by name", "80"), ("protocol", "80 by TCP")])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_port_that_goes_is_told_by_number_and_where_that_stays_by_protocol(strategy: str, change: str, port: str) -> None:
    """At the step that takes it away: a patch of the ports, or a switch that moves them with the pods."""
    told = f": whoever still asks for {port} gets no answer"

    async def story(world: World) -> None:
        result = await world.ship("apply", version("v2", CHANGES[change][1], strategy), strategy=strategy, weight=100)
        assert [step.why for step in result.plan.steps if getattr(step, "why", "").endswith(told)]

    in_world(story, stand=begun(strategy, change))


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_wherever_a_plan_is_cut_off_the_way_back_loses_nobody(strategy: str, data: st.DataObject) -> None:
    """Every prefix of a plan to any share, then the rollback, or the same command again. On the way back one pod may lack, as the
    manifests have Kubernetes's own limits."""
    change = data.draw(st.sampled_from([name for which, name in PAIRS if which == strategy]))
    weight = 100 if strategy in ("recreate", "blue-green") else data.draw(st.sampled_from([None, 25, 50, 75, 100]))
    cut, goes_on = data.draw(st.integers(1, 14)), data.draw(st.booleans())
    is_adopted = data.draw(st.booleans())
    before, after = CHANGES[change]
    first, second = version("v1", before, strategy), version("v2", after, strategy)

    async def story(world: World) -> None:
        seen = Witness(world, {"v1": before.listens, "v2": after.listens})
        request = Request("apply", weight)
        plan = await shipping.plan(world.cluster, second, request, strategy=strategy, is_override=True)
        await carried_out(world, plan, second, cut)
        await gone_on(world, second, strategy, to_the_end=goes_on)
        assert_as_written(world, second if goes_on else first)
        assert seen.amiss == [] if strategy != "recreate" else not any("Ingress" in each for each in seen.amiss)
        assert seen.fewest >= PODS - (is_adopted or not goes_on) or strategy == "recreate"

    in_world(story, stand=begun(strategy, change, is_adopted=is_adopted))


@pytest.mark.parametrize(("strategy", "change"), list(product(("ramped", "canary", "ab"), PARTED)))
def test_what_one_service_cannot_serve_is_refused_before_anything_is_touched(strategy: str, change: str) -> None:
    """With the port that is in the way, and the ways out: a named port, blue-green."""
    before, after = CHANGES[change]

    async def story(world: World) -> None:
        await live(world, version("v1", before, strategy), strategy, is_adopted=False)
        mark = world.sandbox.store.version

        with pytest.raises(BadInput) as refused:
            await world.ship("apply", version("v2", after, strategy), strategy=strategy)

        assert f"port {before.name or before.port} of Service shop" in refused.value.summary
        assert "targetPort" in refused.value.hint
        assert "blue-green" in refused.value.hint
        assert world.changed_since(mark) <= {"Lease"}

    in_world(story)


@pytest.mark.parametrize(("strategy", "change"), PAIRS)
def test_a_version_that_never_gets_ready_goes_back_the_way_it_came(strategy: str, change: str) -> None:
    """The Service and its Ingress are as before, and nobody was lost on the way."""
    before, after = CHANGES[change]
    first, second = version("v1", before, strategy), version("bad", after, strategy)

    async def story(world: World) -> None:
        seen = Witness(world, {"v1": before.listens, "bad": after.listens})
        result = await world.ship("apply", second, strategy=strategy)

        assert result.phase == "RolledBack"
        assert result.way_back_failure is None
        await asyncio.sleep(60)
        assert_as_written(world, first)
        assert seen.amiss == [] if strategy != "recreate" else not any("Ingress" in each for each in seen.amiss)
        assert seen.fewest >= PODS - 1 or strategy == "recreate"

    in_world(story, stand=begun(strategy, change))


@pytest.mark.parametrize("following", STRATEGIES)
def test_after_a_blue_green_release_with_another_selector_the_next_ones_work(following: str) -> None:
    """A side that has no pods is made anew with the selector that it needs; a rollback finds its way, too."""

    async def story(world: World) -> None:
        listens = dict.fromkeys(("v1", "v2"), 8080)
        await live(world, own_selector("v1", "blue-green"), "blue-green", is_adopted=False)
        seen = Witness(world, listens)
        await world.ship("apply", own_selector("v2", "blue-green"), strategy="blue-green")
        back = await world.ship("rollback", own_selector("v2", "blue-green"))
        assert back.is_ok, back.failure
        assert world.routed_versions() == {"v1"}
        await world.ship("apply", own_selector("v2", "blue-green"), strategy="blue-green")
        if following == "blue-green":
            listens["v3"] = 8080
            result = await world.ship("apply", own_selector("v3", following), strategy=following)
        else:
            following_release = own_selector("v2", following)
            following_release.workload["spec"]["template"]["metadata"]["annotations"]["note"] = "another one"
            result = await world.ship("apply", following_release, strategy=following)
            while result.is_ok and result.phase == "Paused":
                result = await world.ship("promote", following_release, strategy=following)

        assert result.phase == "Promoted", result.failure
        assert seen.fewest == PODS or following == "recreate"
        assert seen.amiss == []

    in_world(story)


def other_service(made: Release, name: str, selector: dict[str, str]) -> Release:
    """With its Service under another name, and the Ingress that leads there."""
    made.services[0]["metadata"]["name"] = name
    made.services[0]["spec"]["selector"] = selector
    made.others[-1]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = name
    return made


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "recreate"])
def test_an_ingress_moves_to_another_service_when_that_reaches_the_new_pods(strategy: str) -> None:
    """Not before; and the former Service serves all pods until then."""
    first = other_service(version("v1", Look(labels={"tier": "a"}), strategy), "shop-a", {"tier": "a"})
    second = other_service(version("v2", Look(labels={"tier": "b"}), strategy), "shop-b", {"tier": "b"})
    fewest: list[int] = []

    async def story(world: World) -> None:
        await live(world, first, strategy, is_adopted=False)
        store = world.sandbox.store

        def look(change: object) -> None:
            name = next(fit.backends(store.get(INGRESS, NAMESPACE_NAME, "shop"))).service
            chosen = store.get(SERVICE, NAMESPACE_NAME, name)["spec"]["selector"]
            pods = [
                pod for pod in store.list(POD, NAMESPACE_NAME) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
            ]
            fewest.append(sum(selects(chosen, labels_of(pod)) for pod in pods))

        store.subscribe(look)
        result = await world.ship("apply", second, strategy=strategy)
        while result.is_ok and result.phase == "Paused":
            result = await world.ship("promote", second, strategy=strategy)

        assert result.phase == "Promoted", result.failure
        assert min(fewest) == PODS
        assert next(fit.backends(store.get(INGRESS, NAMESPACE_NAME, "shop"))).service == "shop-b"

    in_world(story)


def test_a_wider_selector_is_not_taken_where_other_pods_would_be_reached() -> None:
    """Pods of others are looked for in the namespace before a selector is widened."""
    before, after = CHANGES["label"]

    async def story(world: World) -> None:
        await live(world, version("v1", before, "ramped"), "ramped", is_adopted=False)
        worker = copy.deepcopy(release("v1").workload)
        worker["metadata"]["name"] = "worker"
        labels = {"app": "shop", "tier": "worker"}
        worker["spec"] |= {"selector": {"matchLabels": labels}, "replicas": 1}
        worker["spec"]["template"]["metadata"]["labels"] = labels
        world.sandbox.api.create(DEPLOYMENT, NAMESPACE_NAME, worker, manager="kubectl")
        await asyncio.sleep(20)

        with pytest.raises(BadInput, match="other pods have as well"):
            await world.ship("apply", version("v2", after, "ramped"), strategy="ramped")

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary", "blue-green"])
def test_pods_of_a_release_that_is_taken_back_first_are_nobody_elses(strategy: str) -> None:
    """Neither those of a canary that the next release replaces, nor those that leave as the next one begins: what they have in
    common with the application's is no stranger's."""
    before, after = CHANGES["label"]

    async def story(world: World) -> None:
        await live(world, version("v1", before, "canary"), "canary", is_adopted=False)
        await world.ship("apply", version("v2", after, "canary"), strategy="canary", weight=50)
        result = await world.ship("apply", version("v3", after, strategy), strategy=strategy, weight=100, replace=True)
        assert result.phase == "Promoted", result.failure

        await world.ship("apply", version("bad", before, "canary"), strategy="canary", weight=50)
        result = await world.ship("apply", version("v4", after, strategy), strategy=strategy, weight=100)
        assert result.phase == "Promoted", result.failure
        assert world.emptied == []

    in_world(story)


@pytest.mark.parametrize("change", FITTING)
def test_a_service_that_a_release_left_behind_hurries_no_other(change: str) -> None:
    """It is bound to a track still; a canary by pods serves both versions by the application's own Service all the same."""
    before, after = CHANGES[change]

    async def story(world: World) -> None:
        first, third = version("v1", before, "blue-green"), version("v3", after, "canary")
        await live(world, first, "blue-green", is_adopted=False)
        extra = copy.deepcopy(first.services[0])
        extra["metadata"]["name"] = "shop-two"
        second = version("v2", before, "blue-green")
        second = dataclasses.replace(second, services=(*second.services, extra))
        assert (await world.ship("apply", second, strategy="blue-green")).is_ok
        assert (await world.ship("rollback", second)).is_ok
        seen = Witness(world, {"v1": before.listens, "v2": before.listens, "v3": after.listens})

        for verb in ("apply", "promote"):
            result = await world.ship(verb, third, strategy="canary", weight=50 if verb == "apply" else 100)
            assert result.is_ok, result.failure
        assert (seen.amiss, seen.fewest) == ([], PODS)

    in_world(story)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "recreate"])
@pytest.mark.parametrize("tag", ["v3", "bad"])
def test_a_service_of_another_name_hides_no_side_that_is_live(strategy: str, tag: str) -> None:
    """Where green is live, and the next version's manifests have another Service: neither forth nor back the pods that serve are
    taken for none."""

    async def story(world: World) -> None:
        for first in ("v1", "v2"):
            assert (await world.ship("apply", release(first, replicas=PODS), strategy="blue-green")).is_ok
        third = release(tag, replicas=PODS)
        service = copy.deepcopy(third.services[0])
        service["metadata"]["name"] = "shop-two"
        world.emptied.clear()
        result = await world.ship("apply", dataclasses.replace(third, services=(service,)), strategy=strategy, weight=100)

        assert result.is_ok == (tag != "bad")
        assert result.way_back_failure is None
        assert world.emptied == []
        assert world.ready_endpoints("shop-two") == PODS
        assert tag != "bad" or world.ready_endpoints("shop") == PODS

    in_world(story)


@pytest.mark.parametrize("router", ["gateway", "istio", "nginx"])
def test_a_service_that_comes_with_the_new_version_and_means_its_pods_alone_is_bound_to_no_other_side(router: str) -> None:
    """There is nothing to bind it to: the pods of the version before are not what it selects."""
    strategy = "ab" if router == "istio" else "canary"

    async def story(world: World) -> None:
        assert (await world.ship("apply", routed("v1", router=router), strategy=strategy)).is_ok
        second = routed("v2", router=router)
        second.workload["spec"]["template"]["metadata"]["labels"]["version"] = "v2"
        extra = copy.deepcopy(second.services[0])
        extra["metadata"]["name"], extra["spec"]["selector"] = "shop-two", {"app": "shop", "version": "v2"}
        second = dataclasses.replace(second, services=(*second.services, extra))

        result = await world.ship("apply", second, strategy=strategy, weight=50)
        assert (result.failure, result.phase) == (None, "Paused")
        assert world.routed_versions("shop-two") == {"v2"}
        result = await world.ship("promote", second, weight=100)
        assert result.phase == "Promoted", result.failure
        assert world.ready_endpoints("shop-two") == PODS

    in_world(story)


def test_an_ingress_of_somebody_else_does_not_lose_its_port() -> None:
    """It is not in the manifests, so it is not changed; the release that takes the port away is refused."""
    before, after = CHANGES["port's name"]

    async def story(world: World) -> None:
        first = version("v1", before, "ramped")
        await live(world, first, "ramped", is_adopted=False)
        foreign = copy.deepcopy(first.others[-1])
        foreign["metadata"]["name"] = "partners"
        world.sandbox.api.create(INGRESS, NAMESPACE_NAME, foreign, manager="kubectl")

        with pytest.raises(BadInput, match="Ingress partners, which is not in the manifests, sends requests to port http"):
            await world.ship("apply", version("v2", after, "ramped"), strategy="ramped")

    in_world(story)
