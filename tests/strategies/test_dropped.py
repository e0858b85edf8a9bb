"""What `kubectl apply` has put there and the manifests no longer have goes with the release, and comes back on the way back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import json
from typing import Any

import pytest
from edges import put
from mortal import Killed, Mortal
from rollway.kube import lastapplied
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, SERVICE, Obj, get, kind_of
from rollway.plan.steps import Apply
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

OLD = {"name": "OLD", "value": "1"}
KEPT = {"name": "KEPT", "value": "1"}


def richer(tag: str, strategy: str) -> Release:
    """With a variable, a label and a key of its configuration that later manifests do not have."""
    made = release(tag, strategy=strategy)
    container = made.workload["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [OLD, KEPT]
    made.workload["metadata"]["labels"]["old"] = "1"
    made.services[0]["metadata"]["annotations"] = {"old": "1"}
    made.others[0]["data"]["old"] = "1"
    return made


def plainer(tag: str, strategy: str) -> Release:
    made = release(tag, strategy=strategy)
    made.workload["spec"]["template"]["spec"]["containers"][0]["env"] = [KEPT]
    return made


def client_side(world: World, *objects: Obj) -> None:
    """As `kubectl apply` would: with what was applied noted beside it."""
    for obj in objects:
        noted = copy.deepcopy(obj)
        noted["metadata"].setdefault("annotations", {})
        text = json.dumps(noted)
        noted["metadata"]["annotations"][lastapplied.ANNOTATION] = text
        put(world, noted)


def server_side(world: World, *objects: Obj) -> None:
    for obj in objects:
        kind = kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        world.sandbox.api.patch(kind, NAMESPACE_NAME, obj["metadata"]["name"], copy.deepcopy(obj), "apply", manager="kubectl")


def variables(deployment: Obj) -> list[Any]:
    return get(deployment, "spec", "template", "spec", "containers")[0].get("env") or []


@pytest.mark.parametrize("applied", [client_side, server_side])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_kubectl_applied_goes_with_the_release_and_comes_back(applied: Any, strategy: str) -> None:
    """Of every kind; the plan shows it, and whose it was; what others have set, and the API server has filled in, stays."""

    async def story(world: World) -> None:
        applied(world, *richer("v1", strategy).manifests)
        await asyncio.sleep(20)
        patch = {"metadata": {"annotations": {"theirs": "1"}}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, manager="somebody")
        before = world.standing()
        wanted = plainer("v2", strategy)
        plan = await shipping.plan(world.cluster, wanted, Request("apply", 100))
        shown = [change.path for step in plan.steps if isinstance(step, Apply) for change in step.changes if change.after is None]
        if strategy != "blue-green":  # whose new side begins as the manifests have it
            assert [path for path in shown if "OLD" in path]
        assert ".data.old" in shown

        result = await world.ship("apply", wanted, weight=100)
        await asyncio.sleep(60)
        assert result.phase == "Promoted", result.failure
        live = next(d for d in world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME) if d["spec"]["replicas"])
        assert variables(live) == [KEPT]
        if strategy != "blue-green":
            assert "old" not in live["metadata"]["labels"]
            assert live["metadata"]["annotations"]["theirs"] == "1"
        assert "old" not in world.sandbox.store.get(CONFIG_MAP, NAMESPACE_NAME, "shop-settings")["data"]

        back = await world.ship("rollback", wanted)
        assert back.is_ok, back.failure
        await asyncio.sleep(60)
        assert differences(before, world.standing()) == []
        again = await world.ship("rollback", wanted)
        assert again.plan.steps == ()

    in_world(story)


def body(obj: Obj) -> Any:
    return obj.get("data", obj.get("spec"))


def differences(before: dict[str, Obj], after: dict[str, Obj]) -> list[str]:
    return [name for name in before if name in after and body(before[name]) != body(after[name])]


@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_a_later_version_drops_what_kubectl_held_beside_rollway(strategy: str) -> None:
    """Taken up with the same value, both hold it: it goes with the first manifests that do not have it."""

    async def story(world: World) -> None:
        client_side(world, *richer("v1", strategy).manifests)
        await asyncio.sleep(20)
        await world.ship("apply", richer("v2", strategy), weight=100)
        await world.ship("apply", plainer("v3", strategy), weight=100)
        assert variables(world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")) == [KEPT]

    in_world(story)


def test_what_somebody_has_added_since_stays() -> None:
    """By an apply of their own, beside rollway's: that is no leftover."""

    async def story(world: World) -> None:
        await world.ship("apply", plainer("v1", "ramped"))
        await asyncio.sleep(5)
        sidecar = {"name": "shop", "env": [{"name": "THEIRS", "value": "1"}]}
        theirs = {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
            "spec": {"template": {"spec": {"containers": [sidecar]}}},
        }  # fmt: skip
        server_side(world, theirs)
        await asyncio.sleep(30)
        result = await world.ship("apply", plainer("v2", "ramped"))
        assert result.is_ok, result.failure
        assert {each["name"] for each in variables(world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop"))} == {
            "KEPT",
            "THEIRS",
        }

    in_world(story)


def test_the_number_of_pods_is_not_dropped() -> None:
    """Manifests that no longer say it leave it to whoever scales: kubectl's own apply would make it one."""

    async def story(world: World) -> None:
        client_side(world, *release("v1").manifests)
        await asyncio.sleep(20)
        await world.ship("apply", release("v2", replicas=None))
        assert world.pods() == {"shop v2": 4}
        assert not world.emptied

    in_world(story)


def test_a_service_keeps_what_it_was_allotted() -> None:
    async def story(world: World) -> None:
        client_side(world, *richer("v1", "ramped").manifests)
        await asyncio.sleep(20)
        address = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["clusterIP"]
        await world.ship("apply", plainer("v2", "ramped"))
        service = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")
        assert (service["spec"]["clusterIP"], get(service, "metadata", "annotations", "old")) == (address, None)

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_killed_after_any_call_it_goes_with_the_next_run_or_stays_with_the_way_back(strategy: str) -> None:
    """Also between the two requests that it takes: whose it is, and the apply."""

    async def story(world: World, lives: int | None, calls: list[int]) -> None:
        client_side(world, *richer("v1", strategy).manifests)
        await asyncio.sleep(20)
        before, wanted, cluster = world.standing(), plainer("v2", strategy), Mortal(world.cluster, lives)
        with contextlib.suppress(Killed):
            await world.ship("apply", wanted, weight=100, cluster=cluster)
        calls.append(cluster.calls)
        await asyncio.sleep(60)
        goes_back = bool(lives and lives % 2) and len(await world.history()) > 1
        again = await (world.ship("rollback", wanted) if goes_back else world.ship("apply", wanted, weight=100))
        assert again.is_ok, again.failure
        await asyncio.sleep(60)
        if goes_back:
            assert differences(before, world.standing()) == []
        else:
            assert variables(world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")) == [KEPT]

    calls: list[int] = []
    in_world(functools.partial(story, lives=None, calls=calls))
    for lives in range(1, calls[0]):
        in_world(functools.partial(story, lives=lives, calls=calls))
