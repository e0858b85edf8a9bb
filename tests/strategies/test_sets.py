"""StatefulSets and DaemonSets as the application: what is theirs alone."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import re
from functools import partial
from typing import Any

import pytest
from mortal import Killed, Mortal
from permitted import Permitted
from rollway.errors import BadInput
from rollway.kube.objects import (
    DAEMON_SET,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SERVICE,
    STATEFUL_SET,
    Obj,
    Ref,
    get,
    kind_of,
    labels_of,
)
from rollway.plan.steps import Apply, Renew
from rollway.release.model import Release
from rollway.ship.rights import rights
from rollway.ship.status import status
from rollway.ship.windows import window_of
from sets import SET_WAYS, provide
from shop import NAMESPACE_NAME, World, in_world, promoted, release

ORDERED = "ramped StatefulSet"
DAEMONS = "ramped DaemonSet"
IN_ORDER = ["OrderedReady", "Parallel"]


def shop(tag: str, way: str = ORDERED, **spec: Any) -> Release:
    wanted = release(tag, strategy=way)
    return dataclasses.replace(wanted, workload={**wanted.workload, "spec": {**wanted.workload["spec"], **spec}})


def live(world: World, way: str = ORDERED) -> Obj:
    kind = STATEFUL_SET if way.endswith(STATEFUL_SET.name) else DAEMON_SET
    found: Obj = world.sandbox.store.get(kind, NAMESPACE_NAME, "shop")
    return found


def running(world: World) -> dict[str, tuple[str, str]]:
    """uid and version of each pod, by its name."""
    pods = world.sandbox.store.list(POD, NAMESPACE_NAME)
    images = {pod["metadata"]["name"]: (pod["metadata"]["uid"], pod["spec"]["containers"][0]["image"]) for pod in pods}
    return {name: (uid, image.rpartition(":")[2]) for name, (uid, image) in images.items()}


@pytest.mark.parametrize("policy", IN_ORDER)
@pytest.mark.parametrize(("weight", "kept"), [(25, 3), (50, 2), (75, 1)])
def test_a_statefulsets_share_is_its_highest_pods(policy: str, weight: int, kept: int) -> None:
    """The partition comes in the request that brings the template: no other pod ever moves, and none while nobody looks."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", podManagementPolicy=policy))
        before = running(world)
        result = await world.ship("apply", shop("v2", podManagementPolicy=policy), weight=weight)
        assert (result.phase, result.plan.split.stable) == ("Paused", kept)
        (applied,) = [step for step in result.plan.steps if isinstance(step, Apply)]
        assert get(applied.manifest, "spec", "updateStrategy", "rollingUpdate", "partition") == kept
        await asyncio.sleep(900)
        after = running(world)
        assert [after[f"shop-{n}"][1] for n in range(4)] == ["v1"] * kept + ["v2"] * (4 - kept)
        assert all(after[f"shop-{n}"] == before[f"shop-{n}"] for n in range(kept))

    in_world(story)


def test_a_pod_that_is_lost_comes_back_as_what_it_was() -> None:
    """Below the partition as the old version, above it as the new one."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1"))
        await world.ship("apply", shop("v2"), weight=50)
        for name in ("shop-0", "shop-3"):
            await world.cluster.delete(kind_ref(POD, name))
        await asyncio.sleep(60)
        assert [running(world)[f"shop-{n}"][1] for n in range(4)] == ["v1", "v1", "v2", "v2"]

    in_world(story)


def kind_ref(kind: Any, name: str) -> Any:
    return Ref(kind.api_version, kind.name, NAMESPACE_NAME, name)


@pytest.mark.parametrize("way", [ORDERED, DAEMONS])
def test_a_share_is_never_passed_wherever_the_client_is_killed(way: str) -> None:
    """And however long nobody comes back: more than half is new at no moment."""

    async def story(world: World, lives: int) -> bool:
        await promoted(world, shop("v1", way))
        most = [0]

        def look(change: Any) -> None:
            most.append(world.versions().get("v2", 0))

        world.sandbox.store.subscribe(look)
        try:
            await world.ship("apply", shop("v2", way), weight=50, cluster=Mortal(world.cluster, lives))
            is_over = True
        except Killed:
            is_over = False
        await asyncio.sleep(900)
        assert max(most) <= 2, f"killed after call {lives}"
        return is_over

    lives = 1
    while not in_world(partial(story, lives=lives)):
        lives += 1
    assert lives > 5


@pytest.mark.parametrize("weight", [None, 50])
@pytest.mark.parametrize("tag", ["bad", "gone", "crash"])
@pytest.mark.parametrize("policy", IN_ORDER)
def test_the_way_back_deletes_the_pod_that_blocks_it(policy: str, tag: str, weight: int | None) -> None:
    """An ordered set replaces nothing while a pod is broken. The plan says so before, and the others are not touched."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", podManagementPolicy=policy))
        before = running(world)
        result = await world.ship("apply", shop(tag, podManagementPolicy=policy), weight=weight)
        assert result.phase == "RolledBack"
        assert any(isinstance(step, Renew) for step in result.plan.undo) == (policy == "OrderedReady")
        assert world.versions() == {"v1": 4}
        assert [running(world)[f"shop-{n}"] for n in range(3)] == [before[f"shop-{n}"] for n in range(3)]

    in_world(story)


def test_what_is_left_standing_broken_does_not_block_the_next_version() -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1"))
        assert (await world.ship("apply", shop("bad"), goes_back=False)).phase == "Failed"
        result = await world.ship("apply", shop("v2"))
        assert any(isinstance(step, Renew) for step in result.plan.steps)
        assert (result.phase, world.versions()) == ("Promoted", {"v2": 4})

    in_world(story)


def test_a_daemonsets_share_is_held_by_what_is_deleted() -> None:
    """Under OnDelete nothing moves by itself; at the end its own way of rolling is there again."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", DAEMONS))
        for weight, new in ((50, 2), (75, 3)):
            result = await world.ship("apply", shop("v2", DAEMONS), weight=weight)
            assert (result.phase, world.versions()["v2"]) == ("Paused", new)
            assert any("no partition" in note for note in result.plan.notes)
            assert live(world, DAEMONS)["spec"]["updateStrategy"] == {"type": "OnDelete"}
        assert (await world.ship("promote", shop("v2", DAEMONS))).phase == "Promoted"
        assert live(world, DAEMONS)["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        assert world.versions() == {"v2": 4}

    in_world(story)


@pytest.mark.parametrize("way", [ORDERED, DAEMONS])
def test_a_way_of_rolling_that_is_the_users_comes_back(way: str) -> None:
    """OnDelete is the manifest's: it is released all the same, and stands as the manifest has it."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await promoted(world, shop(tag, way, updateStrategy={"type": "OnDelete"}))
            assert world.versions() == {tag: 4}
            assert live(world, way)["spec"]["updateStrategy"]["type"] == "OnDelete"

    in_world(story)


@pytest.mark.parametrize("way", [ORDERED, DAEMONS])
def test_whoever_loosens_a_share_is_found_out(way: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1", way))
        await world.ship("apply", shop("v2", way), weight=50)
        kind = STATEFUL_SET if way == ORDERED else DAEMON_SET
        rolling = {"rollingUpdate": {"partition": 1}} if way == ORDERED else {}
        await world.cluster.patch(kind_ref(kind, "shop"), {"spec": {"updateStrategy": {"type": "RollingUpdate", **rolling}}})
        await asyncio.sleep(60)
        told = await status(world.cluster, shop("v2", way))
        assert any("somebody has loosened what holds the share" in remark for remark in told.remarks)
        assert (await world.ship("promote", shop("v2", way), force=True)).phase == "Promoted"

    in_world(story)


@pytest.mark.parametrize("way", SET_WAYS)
def test_what_somebody_else_deployed_is_taken_up_without_a_restart(way: str) -> None:
    """The same pods in the manifests as in the cluster: none of them is replaced; and there is a way back to what was found."""

    async def story(world: World) -> None:
        await deployed(world, shop("v1", way))
        before = running(world)
        result = await world.ship("apply", shop("v1", way))
        assert result.phase == "Promoted", result.failure
        assert running(world) == before
        await promoted(world, shop("v2", way))
        back = await world.ship("rollback", shop("v2", way), to_revision=1)
        assert (back.phase, world.versions()) == ("RolledBack", {"v1": 4})

    in_world(story)


async def deployed(world: World, wanted: Release) -> None:
    """What `kubectl apply` would have left."""
    provide(world.sandbox.store, wanted.workload)
    for manifest in (*wanted.others, *wanted.services, wanted.workload):
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
    await asyncio.sleep(60)


CLAIMS = [
    {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
]


@pytest.mark.parametrize("way", ["ramped StatefulSet", "recreate StatefulSet"])
def test_claims_stay_as_they_are(way: str) -> None:
    """Through a release, its failure and a rollback; and a second release of the same finds nothing to do."""

    def claimed(tag: str) -> Release:
        return shop(tag, way, volumeClaimTemplates=CLAIMS)

    async def story(world: World) -> None:
        await promoted(world, claimed("v1"))
        claims = {each["metadata"]["uid"] for each in world.sandbox.store.list(PERSISTENT_VOLUME_CLAIM, NAMESPACE_NAME)}
        assert len(claims) == 4
        assert (await world.ship("apply", claimed("v1"))).plan.is_empty
        await promoted(world, claimed("v2"))
        await world.ship("apply", claimed("bad"))
        await world.ship("rollback", claimed("v2"), to_revision=1)
        assert claims == {each["metadata"]["uid"] for each in world.sandbox.store.list(PERSISTENT_VOLUME_CLAIM, NAMESPACE_NAME)}
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_recreate_never_scales_claims_away() -> None:
    async def story(world: World) -> None:
        kept = {"volumeClaimTemplates": CLAIMS, "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}
        await promoted(world, shop("v1", "recreate StatefulSet", **kept))
        with pytest.raises(BadInput, match="deletes its claims then"):
            await world.ship("apply", shop("v2", "recreate StatefulSet", **kept))
        assert len(list(world.sandbox.store.list(PERSISTENT_VOLUME_CLAIM, NAMESPACE_NAME))) == 4
        await world.ship("apply", shop("v2", ORDERED, **kept))
        assert world.versions() == {"v2": 4}

    in_world(story)


@pytest.mark.parametrize(
    ("way", "changed", "field"),
    [
        (ORDERED, {"serviceName": "other"}, "serviceName"),
        (ORDERED, {"podManagementPolicy": "Parallel"}, "podManagementPolicy"),
        (ORDERED, {"volumeClaimTemplates": [CLAIMS[0] | {"metadata": {"name": "other"}}]}, "volumeClaimTemplates"),
        (DAEMONS, {"selector": {"matchLabels": {"app": "shop", "part": "web"}}}, "selector"),
    ],
)
def test_what_cannot_be_changed_is_refused_before(way: str, changed: dict[str, Any], field: str) -> None:
    """With what can be done about it; nothing is touched."""

    async def story(world: World) -> None:
        first: dict[str, Any] = {"volumeClaimTemplates": CLAIMS} if way == ORDERED else {}
        await promoted(world, shop("v1", way, **first))
        version = world.sandbox.store.version
        wanted = shop("v2", way, **(first | changed))
        labels = {"app": "shop", "part": "web"}
        wanted.workload["spec"]["template"]["metadata"]["labels"] = labels
        with pytest.raises(BadInput, match=field) as refused:
            await world.ship("apply", wanted)
        assert "--cascade=orphan" in refused.value.hint
        assert world.changed_since(version) <= {"Lease"}

    in_world(story)


@pytest.mark.parametrize("strategy", ["blue-green", "canary", "ab"])
@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_strategies_refuse_it_before_anything_is_touched(strategy: str, kind: str) -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(5)
        version = world.sandbox.store.version
        with pytest.raises(BadInput, match=f"shop is a {kind}") as refused:
            await world.ship("apply", release("v1", strategy=f"{strategy} {kind}"))
        assert "ramped" in refused.value.hint
        assert world.changed_since(version) <= {"Lease", "Node"}

    in_world(story)


def test_an_application_keeps_its_kind() -> None:
    """There is no way back from one to the other."""

    async def story(world: World) -> None:
        await promoted(world, release("v1"))
        with pytest.raises(BadInput, match="shop is live as Deployment shop, and the manifests call it StatefulSet shop"):
            await world.ship("apply", shop("v2"))

    in_world(story)


@pytest.mark.parametrize("way", SET_WAYS)
def test_headless_services_and_none_at_all(way: str) -> None:
    async def story(world: World, services: tuple[Obj, ...]) -> None:
        for tag in ("v1", "v2"):
            await promoted(world, dataclasses.replace(shop(tag, way), services=services))
        assert world.versions() == {"v2": 4}

    headless = copy.deepcopy(release("v1").services[0])
    headless["spec"]["clusterIP"] = "None"
    for services in ((headless,), ()):
        in_world(lambda world, services=services: story(world, services))


@pytest.mark.parametrize("way", [ORDERED, DAEMONS])
def test_one_pod_at_a_time_is_missing(way: str) -> None:
    """On the way there, held, and back: never fewer than three of four are ready."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", way))
        least = [4]
        world.sandbox.store.subscribe(lambda change: least.append(world.ready_endpoints()))
        await world.ship("apply", shop("v2", way), weight=50)
        await world.ship("promote", shop("v2", way))
        await world.ship("rollback", shop("v2", way))
        assert min(least) == 3

    in_world(story)


def test_a_statefulset_is_never_taken_for_the_deployment_of_its_name() -> None:
    """A Deployment beside it has its own pods; the release leaves them alone."""

    async def story(world: World) -> None:
        beside = copy.deepcopy(release("v1").workload)
        beside["spec"]["selector"]["matchLabels"] = beside["spec"]["template"]["metadata"]["labels"] = {"app": "beside"}
        wanted = shop("v1")
        await promoted(world, dataclasses.replace(wanted, others=(*wanted.others, beside)))
        pods = {name: uid for name, (uid, _) in running(world).items()}
        wanted = shop("v2")
        await promoted(world, dataclasses.replace(wanted, others=(*wanted.others, beside)))
        now = {name: uid for name, (uid, _) in running(world).items()}
        others = [
            pod["metadata"]["name"] for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if labels_of(pod)["app"] == "beside"
        ]
        assert len(others) == 4
        assert all(pods[name] == now[name] for name in others)

    in_world(story)


def test_the_service_comes_first() -> None:
    """Pods of a StatefulSet have their names by a headless Service: it is there before them."""
    result = in_world(lambda world: world.ship("apply", shop("v1")))
    kinds = [step.ref.kind for step in result.plan.steps if isinstance(step, Apply)]
    assert kinds.index(SERVICE.name) < kinds.index(STATEFUL_SET.name)


@pytest.mark.parametrize("way", [ORDERED, DAEMONS])
def test_gates_measure_each_side_by_its_own_pods(way: str) -> None:
    """Both versions' pods are called alike: what is asked of one names no pod of the other, though no image tells them apart."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", way))
        await world.ship("apply", shop("v2", way), weight=50)
        revision = (await world.history())[-1]
        found = await window_of(world.cluster, shop("v2", way), revision, "v1", weight=50, seconds=60, number=1)
        assert found is not None
        assert found.stable is not None
        pods = {name: tag for name, (_, tag) in running(world).items()}
        assert {pods[name] for name in found.new.names} == {"v2"}
        assert {pods[name] for name in found.stable.names} == {"v1"}
        for side in (found.new, found.stable):
            assert {name for name in pods if re.fullmatch(side.pods, name)} == set(side.names)
        assert found.share == 0.5

    in_world(story)


@pytest.mark.parametrize("way", SET_WAYS)
def test_what_rbac_grants_is_enough(way: str) -> None:
    """For releases, a share, a rollback and the way back; and recreate deletes no pod itself."""

    async def story(world: World) -> None:
        allowed = rights(shop("v1", way), [way.partition(" ")[0]])
        assert any((right.verb, right.resource) == ("delete", "pods") for right in allowed) is way.startswith("ramped")
        permitted: Any = Permitted(world.cluster, allowed)
        for tag, weight, phase in (("v1", None, "Promoted"), ("v2", None, "Promoted"), ("bad", None, "RolledBack")):
            assert (await world.ship("apply", shop(tag, way), weight=weight, cluster=permitted)).phase == phase
        if way.startswith("ramped"):
            assert (await world.ship("apply", shop("v3", way), weight=50, cluster=permitted)).phase == "Paused"
        assert (await world.ship("rollback", shop("v2", way), cluster=permitted)).phase == "RolledBack"

    in_world(story)
