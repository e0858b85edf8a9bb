"""What is live after a release, beside the user's own files: `kubectl diff` of them is empty."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
from typing import Any

import pytest
from byroute import ROUTES, Followed, routed
from mortal import Killed, Mortal
from rollway.kube.objects import DEPLOYMENT, HPA, kind_of
from rollway.plan.diff import changes
from rollway.release.model import Release
from sets import SET_WAYS, provide
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

OPTIONS: dict[str, Any] = {
    "canary": {"steps": [{"weight": 25}]},
    "ab": {"match": [{"headers": {"x-beta": "yes"}}]},
    "blueGreen": {"scaleDownDelaySeconds": 5, "comeHome": True},
}
HOME = {"blueGreen": {**OPTIONS["blueGreen"], "autoPromote": True}}
AWAY = {"blueGreen": {"scaleDownDelaySeconds": 5}}


def user(tag: str, strategy: str, router: str) -> Release:
    """With what users write into a Deployment beside that."""
    known: dict[str, Any] = {"strategy": strategy, "options": OPTIONS}
    found = release(tag, **known) if router == "replicas" else routed(tag, router=router, **known)
    found.workload["spec"] |= {
        "minReadySeconds": 1, "revisionHistoryLimit": 3, "progressDeadlineSeconds": 90,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}},
    }  # fmt: skip
    return found


def left(world: World, files: Release) -> dict[str, list[str]]:
    """What `kubectl diff --server-side --force-conflicts` shows of the files: object to fields."""
    api, found = world.sandbox.api, {}
    for manifest in files.manifests:
        kind, name = kind_of(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]["name"]
        assert kind is not None
        live = world.sandbox.store.get(kind, NAMESPACE_NAME, name)
        options = {"manager": "kubectl", "force": True, "dry_run": True}
        after = api.patch(kind, NAMESPACE_NAME, name, copy.deepcopy(manifest), "apply", **options)
        if moved := changes(live, after):
            found[f"{kind.name} {name}"] = [change.path for change in moved]
    return found


async def by_hand(world: World, files: Release) -> None:
    for manifest in files.manifests:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
    await asyncio.sleep(20)


@pytest.mark.parametrize("router", ["replicas", *ROUTES])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_promoted_release_is_what_the_files_say(strategy: str, router: str) -> None:
    """And there it stays, said a second time: no Service is bound to a side and let go again."""
    if (strategy, router) == ("ab", "replicas"):
        router = "istio"  # ab asks what requests carry

    async def story(world: World) -> None:
        await by_hand(world, user("v1", strategy, router))
        for tag in ("v2", "v3"):
            await promoted(world, user(tag, strategy, router))
            await asyncio.sleep(60)
            assert left(world, user(tag, strategy, router)) == {}
            again = await world.ship("apply", user(tag, strategy, router), weight=100)
            assert again.plan.is_empty, [step.type for step in again.plan.steps]
        await world.ship("rollback", user("v3", strategy, router))
        await asyncio.sleep(60)
        if strategy != "blue-green":  # which goes back to a side, in one patch
            assert left(world, user("v2", strategy, router)) == {}

    in_world(story)


def test_blue_green_stays_on_its_side_unless_it_is_told_to_come_home() -> None:
    """What the documents name: the user's own Deployment at 0 pods, and the Service bound to the other."""

    async def story(world: World) -> None:
        await promoted(world, release("v1", strategy="blue-green", options=AWAY))
        wanted = release("v2", strategy="blue-green", options=AWAY)
        await promoted(world, wanted)
        await asyncio.sleep(60)
        assert set(left(world, wanted)) == {"Deployment shop", "Service shop"}
        assert world.pods() == {"shop v1": 0, "shop-green v2": 4}

        result = await world.ship("promote", wanted, come_home=True)
        await asyncio.sleep(60)
        assert (result.phase, world.pods(), left(world, wanted)) == ("Promoted", {"shop v2": 4}, {})
        assert world.routed_versions() == {"v2"}
        assert not world.emptied
        again = await world.ship("promote", wanted, come_home=True)
        assert again.plan.is_empty

    in_world(story)


@pytest.mark.parametrize("calls", range(2, 70, 4))
def test_cut_off_on_its_way_home_it_goes_on(calls: int) -> None:
    async def story(world: World) -> None:
        followed = Followed(world)
        await promoted(world, release("v1", strategy="blue-green", options=HOME))
        wanted = release("v2", strategy="blue-green", options=HOME)
        with contextlib.suppress(Killed):
            await world.ship("apply", wanted, cluster=Mortal(world.cluster, calls))
        await asyncio.sleep(60)
        again = await world.ship("apply", wanted, holder="test@nowhere/1")
        if again.plan.is_empty:
            await world.ship("promote", wanted, holder="test@nowhere/1")
        await asyncio.sleep(60)
        assert world.pods() == {"shop v2": 4}
        assert left(world, wanted) == {}
        assert not followed.astray
        assert not world.emptied
        back = await world.ship("rollback", wanted)
        assert (back.phase, world.versions()) == ("RolledBack", {"v1": 4})

    in_world(story)


def test_an_autoscaler_comes_home_with_the_requests() -> None:
    """It scales whatever is live, and in the end the manifests' own Deployment, at as many pods as it had decided on."""
    scaler = {
        "apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "minReplicas": 2, "maxReplicas": 9,
        },
    }  # fmt: skip

    def scaled(tag: str) -> Release:
        plain = release(tag, strategy="blue-green", options=HOME, replicas=None)
        return dataclasses.replace(plain, others=(*plain.others, scaler))

    async def story(world: World) -> None:
        await by_hand(world, scaled("v1"))
        world.sandbox.api.patch(
            DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 5}}, manager="somebody", subresource="scale"
        )
        await asyncio.sleep(20)
        for tag in ("v2", "v3"):
            await promoted(world, scaled(tag))
            await asyncio.sleep(60)
            assert world.pods() == {f"shop {tag}": 5}
            target = world.sandbox.store.get(HPA, NAMESPACE_NAME, "shop")["spec"]["scaleTargetRef"]["name"]
            assert (target, left(world, scaled(tag))) == ("shop", {})
        assert not world.emptied

    in_world(story)


def test_a_version_with_another_selector_comes_home_to_a_deployment_made_anew() -> None:
    """Nothing is routed to it by then, so that it may be deleted first."""

    def versioned(tag: str) -> Release:
        found = release(tag, strategy="blue-green", options=HOME)
        found.workload["spec"]["selector"]["matchLabels"]["version"] = tag
        found.workload["spec"]["template"]["metadata"]["labels"]["version"] = tag
        return found

    async def story(world: World) -> None:
        await promoted(world, versioned("v1"))
        for tag in ("v2", "v3"):
            await promoted(world, versioned(tag))
            await asyncio.sleep(60)
            assert (world.pods(), left(world, versioned(tag))) == ({f"shop {tag}": 4}, {})
        assert not world.emptied

    in_world(story)


def of_sets(tag: str, way: str) -> Release:
    """With what users write of how their pods are replaced."""
    wanted = release(tag, strategy=way)
    update = (
        {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}
        if way.endswith("DaemonSet")
        else {"type": "RollingUpdate"}
    )
    spec = {**wanted.workload["spec"], "minReadySeconds": 1, "revisionHistoryLimit": 3, "updateStrategy": update}
    return dataclasses.replace(wanted, workload={**wanted.workload, "spec": spec})


@pytest.mark.parametrize("share", [None, 50], ids=["at once", "by a share"])
@pytest.mark.parametrize("way", SET_WAYS)
def test_a_promoted_set_is_what_the_files_say(way: str, share: int | None) -> None:
    """Its number of pods, its nodes and how it replaces pods are as written, whatever the release has needed of them."""
    if share and way.startswith("recreate"):
        pytest.skip("recreate has no shares")

    async def story(world: World) -> None:
        first = of_sets("v1", way)
        provide(world.sandbox.store, first.workload)
        await by_hand(world, first)
        for tag in ("v2", "v3"):
            wanted = of_sets(tag, way)
            if share:
                paused = await world.ship("apply", wanted, strategy=way, weight=share)
                assert paused.phase == "Paused"
            await promoted(world, wanted)
            await asyncio.sleep(60)
            assert left(world, wanted) == {}
        await world.ship("rollback", of_sets("v3", way))
        await asyncio.sleep(60)
        assert left(world, of_sets("v2", way)) == {}

    in_world(story)
