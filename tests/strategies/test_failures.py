"""What fails on the way, the way back too, and what is said of it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from edges import Between, put, set_image, shop, told
from rollway.cli.views.failure_text import failure_lines
from rollway.cli.views.paint import Paint
from rollway.cluster.port import Cluster, Event
from rollway.errors import ApiError, Forbidden
from rollway.kube.objects import (
    POD,
    RESOURCE_QUOTA,
    Obj,
)
from rollway.release.model import Release
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release


@pytest.mark.parametrize(("tag", "phase", "versions"), [("v2", "Paused", {"v1": 4, "v2": 1}), ("bad", "RolledBack", {"v1": 4})])
def test_a_broken_view_does_not_break_the_run(tag: str, phase: str, versions: dict[str, int]) -> None:
    """`deploy apply | head`: the pipe is gone, and the release goes on, or back."""

    async def story(world: World) -> None:
        def emit(event: object) -> None:
            raise BrokenPipeError(32, "Broken pipe")

        await promoted(world, "v1", "canary")
        result = await world.ship("apply", release(tag, strategy="canary"), emit=emit)
        assert (result.phase, world.versions()) == (phase, versions)

    in_world(story)


@pytest.mark.parametrize("strategy", ["canary", "ramped"])
@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_in_mid_run_has_a_way_back(strategy: str, status: int) -> None:
    """An admission webhook denies the pods after the history says that a release has begun."""

    async def story(world: World) -> None:
        error = (Forbidden if status == 403 else ApiError)(status, "Denied", 'admission webhook "policy" denied the request', {})

        class Denying(Between):
            async def apply(self, obj: Obj, **options: Any) -> Obj:
                if obj["kind"] == "Deployment" and ":v2" in str(obj):
                    raise error
                return await self.cluster.apply(obj, **options)

        await promoted(world, "v1", strategy)
        result = await world.ship("apply", release("v2", strategy=strategy), cluster=Denying(world.cluster))

        assert result.failure is not None
        assert 'admission webhook "policy" denied' in result.failure.summary
        assert (await told(world), world.versions()) == ([("v1", "Promoted"), ("v2", "RolledBack")], {"v1": 4})

    in_world(story)


class Spoiling(Between):
    """A version's image is gone meanwhile: its pods never get ready again."""

    def __init__(self, cluster: Cluster, tag: str) -> None:
        super().__init__(cluster)
        self.tag = tag

    async def apply(self, obj: Obj, **options: Any) -> Obj:
        if obj["kind"] == "Deployment" and obj["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":{self.tag}"):
            obj = copy.deepcopy(obj)
            behaviour = {"sandbox.rollway.dev/behaviour": "{fails: never-ready}"}
            obj["spec"]["template"]["metadata"]["annotations"] = behaviour
        return await self.cluster.apply(obj, **options)


def test_where_the_way_back_fails_too_the_history_says_failed() -> None:
    """Nobody is told that all is well; the release is there to be taken up again."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        result = await world.ship("apply", release("bad"), cluster=Spoiling(world.cluster, "v1"))

        assert result.way_back_failure is not None
        assert (result.phase, await told(world)) == ("Failed", [("v1", "Promoted"), ("bad", "Failed")])
        assert (await world.ship("rollback", release("bad"))).phase == "RolledBack"
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_a_rollback_that_fails_leaves_the_history_as_it_was() -> None:
    """v1's image is gone: v2 comes back, and stays what is live."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        await promoted(world, "v2", "ramped")
        result = await world.ship("rollback", release("v2"), cluster=Spoiling(world.cluster, "v1"))

        assert result.failure is not None
        assert (result.phase, world.versions()) == ("Promoted", {"v2": 4})
        assert await told(world) == [("v1", "Promoted"), ("v2", "Promoted")]

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary", "blue-green"])
def test_an_application_found_broken_can_be_cured(strategy: str) -> None:
    """Somebody's bad rollout is stuck. A strategy that needs healthy pods first fails without harm, and is no dead end."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        set_image(world, "bad")
        await asyncio.sleep(60)

        result = await world.ship("apply", release("v2", strategy=strategy))
        if strategy == "blue-green":
            assert result.phase == "Failed"
            assert "`deploy apply ramped` replaces it" in [*failure_lines(result, never_left=True, paint=Paint(False))][-1]
            result = await world.ship("apply", release("v2"), strategy="ramped")
        if result.phase == "Paused":
            result = await world.ship("apply", release("v2", strategy=strategy), weight=100)

        assert (result.phase, world.versions(), world.emptied) == ("Promoted", {"v2": 4}, [])

    in_world(story)


def test_a_fix_of_the_environment_gets_in_where_old_pods_crash() -> None:
    """The images are the same: whose pod crashes is told by its template, and only the new ones' end the release."""

    async def story(world: World) -> None:
        def crashing(workload: Obj) -> None:
            meta = workload["spec"]["template"]["metadata"]
            meta["annotations"]["sandbox.rollway.dev/behaviour"] = "{pull: 0.1s, start: 1s, fails: crash, exitCode: 1}"

        def fixed(workload: Obj) -> None:
            workload["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "PAYMENT_URL", "value": "http://pay"}]

        await world.ship("apply", shop("v1", change=crashing))
        await asyncio.sleep(120)
        result = await world.ship("apply", shop("v1", change=fixed))

        assert (result.phase, world.versions()) == ("Promoted", {"v1": 4})

    in_world(story)


def test_injected_containers_do_not_hide_what_is_wrong() -> None:
    """A sidecar that was put first: the pods of the new version are told by their ReplicaSet."""

    async def story(world: World) -> None:
        class Injecting(Between):
            async def watch(self, kind: Any, namespace: str, **options: Any) -> AsyncGenerator[Event, None]:
                async for event in self.cluster.watch(kind, namespace, **options):
                    pod = copy.deepcopy(event.obj)
                    if kind == POD:
                        pod["spec"]["containers"].insert(0, {"name": "istio-proxy", "image": "istio/proxyv2"})
                    yield Event(event.type, pod)

        await promoted(world, "v1", "ramped")
        result = await world.ship("apply", release("crash"), cluster=Injecting(world.cluster))

        assert result.failure is not None
        assert [problem.container for problem in result.failure.pods][:1] == ["shop"]
        assert result.phase == "RolledBack"

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_selector_may_be_made_of_expressions(strategy: str) -> None:
    """matchExpressions alone: releases go through, and a crash is told with its pods."""

    async def story(world: World) -> None:
        def expressed(workload: Obj) -> None:
            expression = {"key": "app", "operator": "In", "values": ["shop"]}
            workload["spec"]["selector"] = {"matchExpressions": [expression]}

        kw: dict[str, Any] = {"strategy": strategy, "change": expressed}
        await world.ship("apply", shop("v1", **kw))
        await world.ship("apply", shop("v2", **kw), weight=100)
        assert world.versions() == {"v2": 4}
        result = await world.ship("apply", shop("crash", **kw))

        assert result.failure is not None
        assert "exit 1" in result.failure.pods[0].reason
        assert (result.phase, world.routed_versions()) == ("RolledBack", {"v2"})

    in_world(story)


@pytest.mark.parametrize("is_found", [False, True], ids=["ours", "found"])
def test_a_quota_that_is_full_as_long_as_old_pods_leave_fails_neither_way(is_found: bool) -> None:
    """They take 20 s each: the new version's pods are refused all the while, and asked for again some time after; so are the old
    one's on the way back from a half."""
    options = {"ramped": {"maxSurge": 0, "maxUnavailable": 1, "progressDeadlineSeconds": 120}}

    def lingering(tag: str) -> Release:
        wanted = release(tag, options=options)
        behaviour = "{pull: 0.1s, start: 1s, stop: 20s}"
        wanted.workload["spec"]["template"]["metadata"]["annotations"]["sandbox.rollway.dev/behaviour"] = behaviour
        wanted.workload["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
        return wanted

    async def story(world: World) -> None:
        if is_found:
            put(world, *lingering("v1").manifests)
            await asyncio.sleep(30)
        else:
            await world.ship("apply", lingering("v1"))
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "4"}}}
        world.sandbox.api.create(RESOURCE_QUOTA, NAMESPACE_NAME, quota)
        half = await world.ship("apply", lingering("v2"), weight=50)
        assert (half.phase, half.failure) == ("Paused", None)

        back = await world.ship("rollback", lingering("v2"))

        assert (back.phase, back.failure, world.versions()) == ("RolledBack", None, {"v1": 4})

    in_world(story)


def test_a_quota_is_named_when_it_stops_the_pods() -> None:
    """There is no pod to ask: the Deployment says why none can be made."""

    async def story(world: World) -> None:
        message = 'pods "shop-canary-1" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'

        class Full(Between):
            async def watch(self, kind: Any, namespace: str, **options: Any) -> AsyncGenerator[Event, None]:
                async for event in self.cluster.watch(kind, namespace, **options):
                    if kind == POD:
                        continue
                    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
                    status = {"observedGeneration": event.obj["metadata"]["generation"], "conditions": [refused]}
                    yield Event(event.type, {**event.obj, "status": status})

        await promoted(world, "v1", "canary")
        result = await world.ship("apply", release("v2", strategy="canary"), cluster=Full(world.cluster), goes_back=False)

        assert result.failure is not None
        assert "exceeded quota: team" in result.failure.summary

    in_world(story)
