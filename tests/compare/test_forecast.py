"""What `deploy plan` says a plan will take, beside what it then takes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from byroute import ROUTED_WAYS, by_way
from changing import CHANGES, Look, version
from rollway.compare.forecast import MOST_PODS, forecast
from rollway.compare.pace import Pace
from rollway.kube.objects import DEPLOYMENT, INGRESS, is_a
from rollway.release.model import Release
from rollway.ship import asking
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import STRATEGIES, World, in_world, promoted, release

ABOUT = 0.15  # of the time it takes


def planned(strategy: str, *, tag: str = "v2", request: Request | None = None) -> Any:
    """(the plan, what was asked of the cluster, how long the run then took) of the shop at v1."""
    request = request or Request("apply")

    async def story(world: World) -> Any:
        await promoted(world, replace(by_way("v1", strategy), strategy="ramped"))
        wanted = by_way(tag, strategy)
        plan = await shipping.plan(world.cluster, wanted, request, strategy=wanted.strategy)
        asked = await asking.ask(world.cluster, wanted, wanted.strategy, with_room=False)
        began = asyncio.get_running_loop().time()
        await world.ship(request.action, wanted, strategy=wanted.strategy)
        return plan, asked, asyncio.get_running_loop().time() - began

    return in_world(story)


@pytest.mark.parametrize("strategy", [*STRATEGIES, *ROUTED_WAYS])
def test_the_time_foretold_is_the_time_it_takes(strategy: str) -> None:
    """Within what starting and stopping vary by; the steps' times are parts of it."""
    (plan, asked, took_s), wanted = planned(strategy), by_way("v2", strategy)

    told = forecast(wanted, Request("apply"), wanted.strategy, asked.observed, pace=Pace(), steady_pods=plan.steady_pods)

    assert told is not None
    assert told.seconds.median == pytest.approx(took_s, rel=ABOUT, abs=0.6)
    assert sum(told.steps_s) <= told.seconds.median + 0.5
    assert plan.peak_pods <= told.peak_pods <= plan.peak_pods + 1  # a controller may make one before another has taken one away
    assert (told.lost.median > 50) == (strategy == "recreate")


@pytest.mark.parametrize("strategy", ["blue-green", "ab"])
def test_an_adoption_is_foretold_as_it_goes(strategy: str) -> None:
    """Somebody else's application is what is live, and taking it up restarts no pod: plan, forecast and the cluster agree."""

    async def story(world: World) -> Any:
        await world.deploy_by_hand()
        wanted = release("v1", strategy=strategy)
        plan = await shipping.plan(world.cluster, wanted, Request("apply"), strategy=strategy)
        asked = await asking.ask(world.cluster, wanted, strategy, with_room=False)
        world.peak_pods = 0
        await world.ship("apply", wanted, strategy=strategy)
        return plan, asked, world.peak_pods

    plan, asked, peak = in_world(story)
    told = forecast(
        release("v1", strategy=strategy), Request("apply"), strategy, asked.observed, pace=Pace(), steady_pods=plan.steady_pods
    )

    assert asked.live is not None
    assert (asked.live.version, told is not None) == ("v0", True)
    assert (told.lost.median, told.peak_pods, plan.peak_pods) == (0, peak, peak)


def test_how_long_pods_take_to_listen_is_taken_from_those_that_run() -> None:
    """The shop listens a second after its start and is looked at every second."""
    _, asked, _ = planned("ramped")

    assert asked.startup.app_s == pytest.approx(1.0, abs=0.6)


def test_what_is_half_way_is_not_foretold() -> None:
    """A rollout that stands still has pods of two versions behind one Deployment: a rehearsal cannot begin there."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "ramped")
        await world.ship("apply", release("v2", strategy="ramped"), strategy="ramped", weight=50)
        asked = await asking.ask(world.cluster, release("v2", strategy="ramped"), "ramped", with_room=False)
        assert any(d["spec"].get("paused") for d in world.sandbox.store.list(DEPLOYMENT))
        return asked

    asked = in_world(story)

    assert forecast(release("v2"), Request("promote"), "ramped", asked.observed, pace=Pace(), steady_pods=4) is None


def test_a_plan_of_many_pods_does_not_wait_for_its_forecast() -> None:
    """The plan is the answer; the forecast is an addition."""
    plan, asked, _ = planned("ramped")

    assert forecast(release("v2"), Request("apply"), "ramped", asked.observed, pace=Pace(), steady_pods=MOST_PODS + 1) is None
    assert plan.steady_pods == 4


def test_a_first_release_has_a_time_and_nothing_to_lose() -> None:
    """Nobody asks what is not there yet."""

    async def story(world: World) -> Any:
        return await asking.ask(world.cluster, release("v1"), "ramped", with_room=False)

    told = forecast(release("v1"), Request("apply"), "ramped", in_world(story).observed, pace=Pace(), steady_pods=0)

    assert told is not None
    assert told.seconds.median > 1
    assert (told.sent.median, told.lost.median) == (0, 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_custom_resources_cost_nothing(strategy: str) -> None:
    """The embedded cluster does not know a ServiceMonitor; the forecast is that of the release without it."""
    plan, asked, _ = planned(strategy)
    wanted = release("v2", strategy=strategy)
    meta = {"name": "shop", "namespace": wanted.namespace}
    monitor = {"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": meta, "spec": {}}
    monitored = replace(wanted, others=(*wanted.others, monitor))

    told, told_without = (
        forecast(each, Request("apply"), strategy, asked.observed, pace=Pace(), steady_pods=plan.steady_pods)
        for each in (monitored, wanted)
    )

    assert told is not None
    assert told_without is not None
    assert told.seconds.median == pytest.approx(told_without.seconds.median, abs=0.1)


def test_what_a_rehearsal_refuses_is_not_foretold() -> None:
    """The cluster's plan is the answer, whatever the embedded one thinks of it."""
    plan, asked, _ = planned("ramped")

    told = forecast(release("v2"), Request("apply", 0), "ramped", asked.observed, pace=Pace(), steady_pods=plan.steady_pods)

    assert told is None


def told_of(first: Look, second: Look, strategy: str) -> Any:
    """The forecast of a release that changes the Service, the pods or the Ingress so."""
    return told_between(version("v1", first, strategy), version("v2", second, strategy))


def told_between(first: Release, second: Release) -> Any:
    async def story(world: World) -> Any:
        await world.ship("apply", first, strategy=first.strategy)
        return await asking.ask(world.cluster, second, second.strategy, with_room=False)

    observed = in_world(story).observed
    return forecast(second, Request("apply", 100), second.strategy, observed, pace=Pace(), steady_pods=4)


@pytest.mark.parametrize("change", ["label", "numeric target, named ports", "all of it"])
@pytest.mark.parametrize("strategy", ["ramped", "blue-green"])
def test_what_is_served_all_the_way_is_foretold_so(strategy: str, change: str) -> None:
    """A Service that changes with the version, in forms that serve both."""
    told = told_of(*CHANGES[change], strategy)

    assert told is not None
    assert told.lost.median == 0


def asked_itself(tag: str, look: Look, strategy: str) -> Release:
    """That version where clients ask for the Service itself: there is no Ingress."""
    made = version(tag, look, strategy)
    return replace(made, others=tuple(obj for obj in made.others if not is_a(obj, INGRESS)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_who_asks_for_a_port_that_goes_is_lost(strategy: str) -> None:
    """Of the Service itself: whoever comes by an Ingress is led along."""
    look, moved = Look(), Look(port=8080)

    lost = told_between(asked_itself("v1", look, strategy), asked_itself("v2", moved, strategy))
    led = told_of(look, moved, strategy)

    assert lost.lost.median > led.lost.median + 100
    assert (led.lost.median == 0) == (strategy != "recreate")


def test_who_asks_by_another_protocol_is_lost() -> None:
    first, second = (Look(target=8080, protocol=protocol) for protocol in ("TCP", "UDP"))

    told = told_between(asked_itself("v1", first, "ramped"), asked_itself("v2", second, "ramped"))

    assert told.lost.median > 100


def test_a_port_that_comes_first_is_not_what_clients_ask_for() -> None:
    """They keep to the one they know, wherever it stands."""
    first, second = asked_itself("v1", Look(), "ramped"), asked_itself("v2", Look(), "ramped")
    second.services[0]["spec"]["ports"].insert(0, {"name": "metrics", "port": 9100, "targetPort": "metrics"})

    assert told_between(first, second).lost.median == 0


@pytest.mark.parametrize(
    "wrong",
    [
        Look(target="web"),  # which no container declares
        Look(backend="web"),  # which the Service does not have
        Look(labels={"tier": "a"}, selector={"app": "shop", "tier": "b"}),  # which no pod carries
    ],
)
def test_what_leads_nowhere_is_never_foretold_as_no_loss(wrong: Look) -> None:
    """Ports, selectors and Ingresses count: somebody who forces such a release is told what it costs."""
    told = told_of(Look(), wrong, "blue-green")

    assert told is None or told.lost.median > 0
