"""Others act on the application while it is released: restarts, scaling, deletions, evictions. It is survived, and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from rollway.cluster.events import Noticed
from rollway.errors import ApiError, BadInput, Refused
from rollway.kube.objects import DEPLOYMENT, HPA, PDB, POD, SECRET, Ref, labels_of
from rollway.ship import run as shipping
from rollway.ship.run import Result
from rollway.ship.status import status
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

STAGED: dict[str, Any] = {"blueGreen": {"autoPromote": False, "scaleDownDelaySeconds": 2}}
SECONDS = {"canary": "shop-canary", "ab": "shop-b", "blue-green": "shop-green"}
EACH = pytest.mark.parametrize("strategy", STRATEGIES)


def wanted(tag: str, strategy: str, **kw: Any) -> Any:
    return release(tag, strategy=strategy, options=STAGED, **kw)


def restart(world: World, name: str) -> None:
    """As `kubectl rollout restart`."""
    stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}
    patch = {"spec": {"template": stamp}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, patch, type_="strategic", manager="kubectl-rollout")


def scale(world: World, name: str, replicas: int, manager: str = "kubectl") -> None:
    patch = {"spec": {"replicas": replicas}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, patch, subresource="scale", manager=manager)


async def meanwhile(
    world: World, strategy: str, at_s: float, act: Callable[[], object], *, weight: int
) -> tuple[Result, list[str]]:
    """v2 over v1, with `act` so long after its start; and what was told of it on the way."""
    told: list[str] = []
    emit = lambda event: told.append(event.message) if isinstance(event, Noticed) else None  # noqa: E731
    run = asyncio.create_task(world.ship("apply", wanted("v2", strategy), weight=weight, emit=emit))
    await asyncio.sleep(at_s)
    act()
    result = await run
    await asyncio.sleep(30)
    return result, told


# restarts


@EACH
@pytest.mark.parametrize("at_s", [1.2, 2.0, 3.0])
def test_a_restart_in_mid_run_is_survived_and_told(strategy: str, at_s: float) -> None:
    """`kubectl rollout restart` of what is just being rolled: its pods are waited for once more, and the release goes on."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        name = "shop-green" if strategy == "blue-green" else "shop"
        world.emptied.clear()
        result, told = await meanwhile(world, strategy, at_s, lambda: restart(world, name), weight=100)

        assert (result.phase, result.failure, world.versions()) == ("Promoted", None, {"v2": 4})
        if at_s == 1.2:
            assert told == [f"somebody restarted the pods of {name} meanwhile; they were waited for"]
        assert result.noticed == tuple(told)
        assert not world.emptied or strategy == "recreate"

    in_world(story)


@pytest.mark.parametrize("verb", ["promote", "rollback"])
@pytest.mark.parametrize("strategy", sorted(SECONDS))
def test_a_restart_at_a_pause_is_survived(strategy: str, verb: str) -> None:
    """Of either side; both verbs then do what they always do."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await world.ship("apply", wanted("v2", strategy), weight=None if strategy == "blue-green" else 50)
        restart(world, "shop")
        restart(world, SECONDS[strategy])
        await asyncio.sleep(30)
        world.emptied.clear()
        await world.ship(verb, wanted("v2", strategy), weight=100 if verb == "promote" else None)
        await asyncio.sleep(10)

        assert (world.versions(), world.emptied) == ({"v2" if verb == "promote" else "v1": 4}, [])

    in_world(story)


# scaling


@pytest.mark.parametrize("manager", ["kubectl", "kube-controller-manager"])
@pytest.mark.parametrize("live", ["shop", "shop-green"])
def test_a_live_side_that_grows_while_the_other_is_staged(live: str, manager: str) -> None:
    """By a human or an autoscaler, whichever side is live: the new side is brought to as many before it takes all requests."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        if live == "shop-green":
            await world.ship("apply", wanted("v0", "blue-green"), weight=100)
        if manager != "kubectl":
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": live}
            spec = {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": target}
            hpa = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "shop"}, "spec": spec}
            world.sandbox.api.create(HPA, NAMESPACE_NAME, hpa)
        ready_at_switch: list[int] = []
        world.sandbox.store.subscribe(
            lambda change: ready_at_switch.append(world.versions().get("v2", 0)) if change.kind.name == "Service" else None
        )
        result, told = await meanwhile(world, "blue-green", 1.2, lambda: scale(world, live, 7, manager), weight=100)

        other = "shop" if live == "shop-green" else "shop-green"
        assert (result.phase, world.versions()) == ("Promoted", {"v2": 7})
        assert ready_at_switch[-1] == 7
        assert told == [f"{live} was scaled to 7 meanwhile: {other} is brought to as many before the switch"]

    in_world(story)


def test_fewer_pods_in_the_file_stay_fewer() -> None:
    """Nobody scaled anything: the new version has as many pods as its manifest says, though the live side has more."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        result = await world.ship("apply", wanted("v2", "blue-green", replicas=2), weight=100)

        assert (result.phase, world.versions(), result.noticed) == ("Promoted", {"v2": 2}, ())

    in_world(story)


def test_pods_added_by_hand_before_the_plan_takes_some_away() -> None:
    """The canary's plan goes from 4 to 2 old pods; by then there are 6 of somebody's making: they stay, and it is told."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        result, told = await meanwhile(world, "canary", 1.2, lambda: scale(world, "shop", 6), weight=50)

        assert (result.phase, world.versions()) == ("Paused", {"v1": 6, "v2": 2})
        assert told[0] == "somebody scaled shop to 6 meanwhile: it is left at that, not at 2"

    in_world(story)


def test_a_stable_side_of_an_autoscaler_is_left_to_it() -> None:
    """In mid-canary it scales up, and down again: what it decides is neither taken to zero nor undone."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"minReplicas": 1, "maxReplicas": 10, "scaleTargetRef": target}
        hpa = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "shop"}, "spec": spec}
        world.sandbox.api.create(HPA, NAMESPACE_NAME, hpa)
        asked: list[int] = []
        world.sandbox.store.subscribe(
            lambda change: (
                asked.append(change.obj["spec"]["replicas"])
                if change.kind == DEPLOYMENT and change.obj["metadata"]["name"] == "shop"
                else None
            )
        )
        after = wanted("v2", "canary", replicas=None)
        await world.ship("apply", after, weight=20)
        for replicas, weight in ((9, 50), (3, 75)):
            scale(world, "shop", replicas, "kube-controller-manager")
            await asyncio.sleep(30)
            await world.ship("promote", after, weight=weight)
            assert world.versions()["v1"] == replicas
        await world.ship("rollback", after)

        assert (set(asked), world.versions(), world.emptied) == ({9, 3}, {"v1": 3}, [])

    in_world(story)


# deleted Deployments


@pytest.mark.parametrize(
    ("verb", "weight", "versions"),
    [
        ("apply", None, None),
        ("promote", 70, None),
        ("promote", 100, {"v2": 4}),
        ("rollback", None, {"v1": 4}),
    ],
)
@pytest.mark.parametrize("strategy", sorted(SECONDS))
def test_a_second_deployment_that_was_deleted(
    strategy: str, verb: str, weight: int | None, versions: dict[str, int] | None
) -> None:
    """At a pause: status says so, and every verb goes on from there, with a note; no request is routed to nothing meanwhile."""
    if strategy == "blue-green" and weight == 70:
        weight = 0

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        after = wanted("v2", strategy)
        await world.ship("apply", after, weight=None if strategy == "blue-green" else 50)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, SECONDS[strategy]))
        await asyncio.sleep(20)
        assert (await status(world.cluster, after)).gone == (SECONDS[strategy],)
        world.emptied.clear()
        result = await world.ship(verb, after, weight=weight)

        assert result.failure is None
        assert f"Deployment {SECONDS[strategy]} is gone: somebody deleted it" in result.plan.notes
        assert world.versions() == versions if versions else {"v1", "v2"} == set(world.versions())
        assert world.emptied == []
        assert (await status(world.cluster, after)).gone == ()

    in_world(story)


def test_a_deleted_variant_gets_no_share_while_it_is_missing() -> None:
    """ab routes half of all requests to it: the first step takes them back, before any pod is waited for."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ab")
        await world.ship("apply", wanted("v2", "ab"), weight=50)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop-b"))
        await asyncio.sleep(20)
        for verb, weight in (("promote", 70), ("promote", 100), ("rollback", None)):
            planned = await world.ship(verb, wanted("v2", "ab"), weight=weight)
            kinds = [f"{step.type} {step.ref.kind}" for step in planned.plan.steps if step.type in ("apply", "wait")]
            if weight == 70:
                assert kinds[:3] == ["apply VirtualService", "apply Deployment", "wait Deployment"]
                await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop-b"))
                await asyncio.sleep(20)
            if weight == 100:
                assert kinds[0] == "apply VirtualService"

    in_world(story)


def test_what_was_waited_for_first_is_looked_at_again() -> None:
    """The canary is deleted while the old pods leave: the history does not say that half of the requests reach it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        gone: list[bool] = []

        def act(change: Any) -> None:
            if (
                change.kind == DEPLOYMENT
                and change.obj["metadata"]["name"] == "shop"
                and change.obj["spec"]["replicas"] == 2
                and not gone
            ):
                gone.append(True)
                ref = Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop-canary")
                asyncio.get_running_loop().create_task(world.cluster.delete(ref))

        world.sandbox.store.subscribe(act)
        result = await world.ship("apply", wanted("v2", "canary"), weight=50)

        assert result.failure is not None
        assert result.failure.summary == "Deployment shop-canary is gone: somebody deleted it while this run was under way"
        assert (result.phase, world.versions(), world.emptied) == ("RolledBack", {"v1": 4}, [])

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary", "ab"])
def test_nothing_is_shared_with_what_is_gone(strategy: str) -> None:
    """The application's own Deployment was deleted at a pause: said, with the two ways on; and both work."""

    async def story(world: World, verb: str) -> None:
        await promoted(world, "v1", strategy)
        after = wanted("v2", strategy)
        await world.ship("apply", after, weight=50)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop"))
        await asyncio.sleep(20)
        with pytest.raises(BadInput, match="Deployment shop is gone") as refused:
            await world.ship("promote", after, weight=70)
        assert "`deploy rollback` brings v1 back" in refused.value.hint
        await world.ship(verb, after, weight=100 if verb == "promote" else None)

        assert world.versions() == {"v2" if verb == "promote" else "v1": 4}

    for verb in ("promote", "rollback"):
        in_world(lambda world, verb=verb: story(world, verb))


def test_an_idle_side_that_was_deleted_is_made_again() -> None:
    """Green is live, and somebody has removed the Deployment that had no pods: the next version is switched to all the same."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await world.ship("apply", wanted("v2", "blue-green"), weight=100)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop"))
        await asyncio.sleep(5)
        result = await world.ship("apply", wanted("v3", "blue-green"), weight=100)

        assert (result.phase, world.routed_versions(), world.versions(), world.emptied) == ("Promoted", {"v3"}, {"v3": 4}, [])

    in_world(story)


@pytest.mark.parametrize("begun", ["staged", "switched"])
def test_a_live_side_that_was_deleted_comes_back_as_what_it_was(begun: str) -> None:
    """Somebody deletes the side that has all requests: a rollback leads to the version before, not to the one under way."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        after = wanted("v3", "blue-green")
        await world.ship("apply", after, weight=100)
        if begun == "staged":
            after = wanted("v4", "blue-green")
            await world.ship("apply", after)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop"))
        await asyncio.sleep(5)
        result = await world.ship("rollback", after)

        came_back = "v3" if begun == "staged" else "v2"
        assert (result.phase, result.plan.to_version) == ("RolledBack", came_back)
        assert (world.routed_versions(), world.versions()) == ({came_back}, {came_back: 4})

    in_world(story)


# disruption budgets


@EACH
def test_a_drained_node_in_mid_release_is_survived(strategy: str) -> None:
    """Under a PodDisruptionBudget of the release's own: pods are evicted as far as it lets them, and the release goes through."""

    async def story(world: World) -> None:
        spec = {"minAvailable": 3, "selector": {"matchLabels": {"app": "shop"}}}
        budget = {
            "apiVersion": PDB.api_version,
            "kind": PDB.name,
            "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
            "spec": spec,
        }
        await promoted(world, "v1", strategy)
        world.sandbox.api.create(PDB, NAMESPACE_NAME, budget)
        evicted: list[str] = []

        async def drain() -> None:
            for _ in range(12):
                await asyncio.sleep(0.5)
                for pod in world.sandbox.store.list(POD, NAMESPACE_NAME):
                    name = pod["metadata"]["name"]
                    try:
                        world.sandbox.api.evict(NAMESPACE_NAME, name)
                    except ApiError:
                        continue
                    evicted.append(labels_of(pod)["app"])
                    break

        draining = asyncio.create_task(drain())
        world.emptied.clear()
        result = await world.ship("apply", wanted("v2", strategy), weight=100)
        await draining
        await asyncio.sleep(30)

        assert evicted
        assert (result.phase, result.failure, world.versions()) == ("Promoted", None, {"v2": 4})
        assert not world.emptied or strategy == "recreate"

    in_world(story)


def test_a_label_that_goes_before_a_wait_begins_does_not_keep_it_waiting() -> None:
    """One watch by label tells of both sides, and says nothing of one that has lost its label by then."""

    class Unlabelled:
        """Somebody takes the label from the new side just before it is watched for the first time."""

        def __init__(self, world: World) -> None:
            self._world, self.is_done = world, False

        def __getattr__(self, name: str) -> Any:
            return getattr(self._world.cluster, name)

        def watch(self, kind: Any, namespace: str, **how: Any) -> Any:
            if how.get("labels") and kind == DEPLOYMENT and not self.is_done:
                self.is_done = True
                without = {"metadata": {"labels": {"rollway.dev/app": None}}}
                self._world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop-green", without, manager="somebody")
            return self._world.cluster.watch(kind, namespace, **how)

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        await promoted(world, "v3", "blue-green")
        unlabelled = Unlabelled(world)
        result = await world.ship("apply", release("v4", strategy="blue-green"), cluster=unlabelled)
        assert unlabelled.is_done
        assert (result.phase, world.routed_versions()) == ("Promoted", {"v4"}), result.failure

    in_world(story)


# deleted records


def forget(world: World, number: int) -> None:
    """As `kubectl delete secret`."""
    world.sandbox.api.delete(SECRET, NAMESPACE_NAME, f"rollway.shop.v{number}")


@EACH
def test_the_record_of_what_is_live_was_deleted(strategy: str) -> None:
    """Status says so, promote is refused, and a rollback leads to the version before what runs, not one further."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2", "v3"):
            await promoted(world, tag, strategy)
        forget(world, 3)
        last = wanted("v3", strategy)
        assert any(
            "the record of v3, which shop" in line and "(v2)" in line for line in (await status(world.cluster, last)).remarks
        )
        with pytest.raises(Refused, match="the history lacks what runs") as refused:
            await world.ship("promote", last)
        assert "the record of v3" in refused.value.detail
        next_one = await shipping.plan(world.cluster, wanted("v4", strategy), Request("apply"))
        assert (next_one.from_version, next_one.to_version) == ("v3", "v4")

        result = await world.ship("rollback", last)
        assert result.is_ok, result.failure
        assert (result.plan.from_version, result.plan.to_version) == ("v3", "v2")
        assert any("the record of v3" in note for note in result.plan.notes)
        await asyncio.sleep(60)
        assert (world.routed_versions(), world.versions()) == ({"v2"}, {"v2": 4})
        assert (await status(world.cluster, last)).remarks == ()
        assert (await world.ship("rollback", last)).plan.to_version == "v1"

    in_world(story)


@EACH
def test_the_record_of_what_is_live_is_written_again_by_the_same_release(strategy: str) -> None:
    """No pod is restarted by it, and the way back is what it was."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await promoted(world, tag, strategy)
        forget(world, 2)
        pods = set(world.pods())
        result = await world.ship("apply", wanted("v2", strategy), weight=100)

        assert (result.phase, [each.version for each in await world.history()]) == ("Promoted", ["v1", "v2"]), result.failure
        if strategy != "blue-green":  # which has a side for it, and does not know whose the live one is
            assert set(world.pods()) == pods
        assert (await world.ship("rollback", wanted("v2", strategy))).plan.to_version == "v1"

    in_world(story)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "recreate"])
def test_the_record_of_what_is_under_way_was_deleted(strategy: str) -> None:
    """It is seen all the same: a rollback takes it back, and nothing else."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await promoted(world, tag, strategy)
        last = wanted("v3", strategy)
        await world.ship("apply", last, weight=0 if strategy == "blue-green" else 50)
        forget(world, 3)
        assert any("the record of v3" in line for line in (await status(world.cluster, last)).remarks)
        with pytest.raises(Refused):
            await world.ship("promote", last)

        result = await world.ship("rollback", last)
        assert result.is_ok, result.failure
        assert (result.plan.from_version, result.plan.to_version) == ("v3", "v2")
        await asyncio.sleep(60)
        assert (world.routed_versions(), world.versions(), world.emptied) == ({"v2"}, {"v2": 4}, [])

    in_world(story)
