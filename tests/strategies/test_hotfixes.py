"""Somebody changes by kubectl what rollway released: neither carried on nor undone without a word; a rollback always works."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from byroute import EDGE, http_route, routed
from rollway.cluster.events import StepBegan
from rollway.errors import FieldsOwned
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, HTTP_ROUTE, SERVICE
from rollway.plan.marks import track_of
from rollway.plan.steps import Apply, Record
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.status import status
from rollway.strategies.base import Request
from rollway.strategies.hotfix import owners_of
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)
SHARES = {"ramped": 50, "canary": 50, "ab": 50, "blue-green": 0}
HOLDERS = {"ramped": "shop", "canary": "shop-canary", "ab": "shop-b", "blue-green": "shop-green"}
"""Where the version under way is."""


def patched(world: World, name: str, patch: dict[str, Any], manager: str) -> None:
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, patch, type_="strategic", manager=manager)


def set_image(world: World, name: str, tag: str = "hotfix") -> None:
    containers = [{"name": "shop", "image": f"ghcr.io/acme/shop:{tag}"}]
    patched(world, name, {"spec": {"template": {"spec": {"containers": containers}}}}, "kubectl-set")


def set_env(world: World, name: str) -> None:
    containers = [{"name": "shop", "env": [{"name": "FIX", "value": "1"}]}]
    patched(world, name, {"spec": {"template": {"spec": {"containers": containers}}}}, "kubectl-set")


def undo(world: World, name: str) -> None:
    """As `kubectl rollout undo`."""
    set_image(world, name, "v1")


def scale(world: World, name: str) -> None:
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, {"spec": {"replicas": 6}}, subresource="scale", manager="kubectl")


def label(world: World, name: str) -> None:
    patched(world, name, {"metadata": {"labels": {"app": "other"}}}, "kubectl-label")


def mark(world: World, name: str) -> None:
    """With a label by which rollway tells its own second Deployments."""
    patched(world, name, {"metadata": {"labels": {"rollway.dev/track": "blue"}}}, "kubectl-label")


def unmark(world: World, name: str) -> None:
    patched(world, name, {"metadata": {"labels": {"rollway.dev/app": None, "rollway.dev/track": None}}}, "kubectl-label")


def give_away(world: World, name: str) -> None:
    """With both labels, as though it were another application's."""
    patched(world, name, {"metadata": {"labels": {"rollway.dev/app": "other", "rollway.dev/track": "blue"}}}, "kubectl-label")


def annotate(world: World, name: str) -> None:
    patched(world, name, {"metadata": {"annotations": {"rollway.dev/version": "mine"}}}, "kubectl-annotate")


def image(world: World, name: str) -> str:
    own = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, name)
    return str(own["spec"]["template"]["spec"]["containers"][0]["image"]).rpartition(":")[2]


@EACH
@pytest.mark.parametrize("change", [set_image, set_env, undo, scale, label, mark, unmark, give_away, annotate])
def test_a_rollback_is_never_refused_for_somebodys_field(strategy: str, change: Callable[[World, str], None]) -> None:
    """Whatever was changed of what is live, by whatever tool; and whose fields it takes is in the plan."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            result = await world.ship("apply", release(tag, strategy=strategy), strategy=strategy, weight=100)
        live = "shop-green" if strategy == "blue-green" else "shop"
        await asyncio.sleep(60)
        change(world, live)
        await asyncio.sleep(30)
        seen = await status(world.cluster, release("v2", strategy=strategy))
        result = await world.ship("rollback", release("v2", strategy=strategy))
        await asyncio.sleep(30)

        assert [side.name for side in seen.sides].count(live) == 1
        assert (result.phase, result.failure) == ("RolledBack", None)
        if change is label and strategy != "blue-green":
            assert any("undoes what kubectl-label changed of Deployment shop" in note for note in result.plan.notes)
        assert world.routed_versions() == {"v1"}

    in_world(story)


@pytest.mark.parametrize("change", [unmark, give_away])
@pytest.mark.parametrize("at", ["paused", "live", "back"])
@pytest.mark.parametrize("strategy", ["blue-green", "canary", "ab"])
def test_a_side_whose_labels_somebody_has_taken_is_still_the_applications(strategy: str, at: str, change: Any) -> None:
    """Whatever comes next: it is known by its selector, and by who has made it. None stays behind that nobody knows of."""

    async def story(world: World) -> None:
        def wanted(tag: str) -> Release:
            return release(tag, strategy=strategy, options={"blueGreen": {"scaleDownDelaySeconds": 0}})

        share = {"live": 100, "back": 100}.get(at, SHARES[strategy])

        await world.ship("apply", wanted("v1"), weight=100)
        await world.ship("apply", wanted("v2"), weight=share)
        if at == "back":
            await world.ship("rollback", wanted("v2"))
        seconds = [d["metadata"]["name"] for d in world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME) if track_of(d)]
        for name in seconds:
            change(world, name)
        await asyncio.sleep(20)

        if change is give_away and (strategy, at) == ("blue-green", "paused"):  # that side is to be written
            with pytest.raises(FieldsOwned, match="shop-green has been changed by somebody else"):
                await world.ship("apply", wanted("v3"), weight=100, replace=True)
        done = await world.ship("apply", wanted("v3"), weight=100, replace=True, force=True)
        assert done.is_ok, done.failure
        await asyncio.sleep(60)
        assert world.versions().keys() == {"v3"}
        back = await world.ship("rollback", wanted("v3"))
        assert back.is_ok, back.failure
        assert world.routed_versions() == {"v1" if at != "live" else "v2"}

    in_world(story)


@pytest.mark.parametrize("change", [set_image, set_env])
@pytest.mark.parametrize("strategy", SHARES)
def test_a_hotfix_of_a_paused_release_is_in_the_way_of_its_promotion(strategy: str, change: Callable[[World, str], None]) -> None:
    """To any share: refused with whose it is, and nothing is changed; overruled when asked."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        wanted = release("v2", strategy=strategy, options={"blueGreen": {"autoPromote": False}})
        await world.ship("apply", wanted, weight=SHARES[strategy])
        await asyncio.sleep(60)
        change(world, HOLDERS[strategy])
        await asyncio.sleep(30)
        for weight in (75, 100) if SHARES[strategy] else (100,):
            version = world.sandbox.store.version
            with pytest.raises(FieldsOwned) as refused:
                await world.ship("promote", wanted, weight=weight)
            assert "kubectl-set" in refused.value.detail
            assert world.changed_since(version) <= {"Lease"}
        assert (await world.ship("promote", wanted, weight=100, force=True)).phase == "Promoted"

    in_world(story)


@pytest.mark.parametrize("strategy", ["recreate", "ramped"])
def test_a_hotfix_while_apply_starts_is_not_undone(strategy: str) -> None:
    """Between the plan and the first change: refused (exit 3), the hotfix stays, and the history says that nothing came of it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await asyncio.sleep(60)

        def emit(event: object) -> None:
            if isinstance(event, StepBegan) and isinstance(event.step, Record) and event.index == 0:
                set_image(world, "shop")

        with pytest.raises(FieldsOwned):
            await world.ship("apply", release("v2", strategy=strategy), emit=emit)
        await asyncio.sleep(30)

        assert (image(world, "shop"), world.versions()) == ("hotfix", {"hotfix": 4})
        assert [each.phase for each in await world.history()] == ["Promoted", "RolledBack"]

    in_world(story)


def test_a_hotfix_by_the_tool_whose_fields_are_taken_over_is_seen() -> None:
    """The application is adopted from kubectl; kubectl writes the very same field once more after the plan."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        containers = [{"name": "shop", "image": "ghcr.io/acme/shop:hotfix"}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        done: list[bool] = []

        def emit(event: object) -> None:
            if isinstance(event, StepBegan) and isinstance(event.step, Apply) and not done:
                done.append(True)
                patched(world, "shop", patch, "kubectl-client-side-apply")

        with pytest.raises(FieldsOwned):
            await world.ship("apply", release("v2"), emit=emit)
        await asyncio.sleep(30)
        assert image(world, "shop") == "hotfix"

    in_world(story)


def test_a_promotion_that_meets_a_hotfix_leaves_the_release_where_it_was() -> None:
    """Somebody changes the old pods after the plan of the last step was made: refused, and paused as before."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=75)
        before = await world.history()
        await asyncio.sleep(60)

        def emit(event: object) -> None:
            if isinstance(event, StepBegan) and isinstance(event.step, Apply) and event.step.ref.name == "shop":
                set_image(world, "shop")

        with pytest.raises(FieldsOwned):
            await world.ship("promote", release("v2", strategy="canary"), weight=100, emit=emit)
        await asyncio.sleep(60)

        assert (await world.history(), image(world, "shop")) == (before, "hotfix")
        assert not world.emptied

    in_world(story)


@pytest.mark.parametrize("change", [set_image, label])
def test_what_was_changed_of_a_side_that_is_idle_by_now_is_in_nobodys_way(change: Callable[[World, str], None]) -> None:
    """A hotfix that a rollback took back with its side: the next release says what it undoes, and needs no flag for it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        await asyncio.sleep(2)
        change(world, "shop-green")
        await asyncio.sleep(20)
        await world.ship("rollback", release("v2", strategy="blue-green"))
        result = await world.ship("apply", release("v3", strategy="blue-green"), weight=100)

        assert result.failure is None
        assert world.routed_versions() == {"v3"}
        assert any("undoes what kubectl" in note for note in result.plan.notes)

    in_world(story)


SERVICE_EDITS: tuple[dict[str, Any], ...] = (
    {"spec": {"selector": {"tier": "web"}}},
    {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9999}]}},
    {"spec": {"ports": [{"name": "http", "port": 81, "targetPort": "http"}]}},
    {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "debug", "port": 99}]}},
)


@EACH
@pytest.mark.parametrize("edit", SERVICE_EDITS, ids=["selector", "targetPort", "another port", "one port more"])
def test_what_somebody_made_of_the_service_is_told_and_not_undone_without_a_word(strategy: str, edit: dict[str, Any]) -> None:
    """By status; an apply is refused, and a rollback says whose change it undoes."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        await asyncio.sleep(2)
        world.sandbox.api.patch(SERVICE, NAMESPACE_NAME, "shop", edit, manager="kubectl-patch")
        remarks = (await status(world.cluster, release("v2", strategy=strategy))).remarks
        with pytest.raises(FieldsOwned, match="Service shop has been changed by somebody else"):
            await world.ship("apply", release("v3", strategy=strategy), weight=100)
        result = await world.ship("rollback", release("v2", strategy=strategy))

        assert [line for line in remarks if "Service shop has been changed since the release by kubectl-patch" in line]
        assert result.failure is None
        assert world.ready_endpoints() == 4
        assert any("undoes what kubectl-patch changed of Service" in note for note in result.plan.notes)

    in_world(story)


@EACH
@pytest.mark.parametrize("has_more", [False, True], ids=["one port", "a port that goes"])
def test_a_target_that_the_manifests_leave_unsaid_is_not_undone_without_a_word(strategy: str, has_more: bool) -> None:
    """Somebody gives the port one all the same; also where the release rewrites the list of ports, as one of them goes."""

    def silent(tag: str, *more: dict[str, Any]) -> Release:
        made = release(tag, strategy=strategy)
        service = copy.deepcopy(made.services[0])
        service["spec"]["ports"] = [{"name": "http", "port": 8080}, *more]
        return dataclasses.replace(made, services=(service,))

    extra = ({"name": "extra", "port": 9000},) if has_more else ()

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            assert (await world.ship("apply", silent(tag, *extra), weight=100)).is_ok
        await asyncio.sleep(2)
        edit = {"spec": {"ports": [{"name": "http", "port": 8080, "targetPort": "http"}, *extra]}}
        world.sandbox.api.patch(SERVICE, NAMESPACE_NAME, "shop", edit, manager="kubectl-edit")
        with pytest.raises(FieldsOwned, match="Service shop has been changed by somebody else"):
            await world.ship("apply", silent("v3"), weight=100)
        result = await world.ship("rollback", silent("v2", *extra))

        assert result.failure is None
        port = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["ports"][0]
        assert (port["port"], port["targetPort"]) == (8080, 8080)
        assert any("undoes what kubectl-edit changed of Service" in note for note in result.plan.notes)

    in_world(story)


@EACH
def test_a_deployment_that_is_released_as_another_application_is_not_taken(strategy: str) -> None:
    """Two histories of one Deployment would undo each other: refused by name, unless it is overruled."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        wanted = dataclasses.replace(release("v2", strategy=strategy), app="other")
        with pytest.raises(FieldsOwned, match="Deployment shop is released as shop, not as other"):
            await world.ship("apply", wanted, weight=100)
        result = await world.ship("apply", wanted, weight=100, force=True)

        assert result.failure is None
        assert world.routed_versions() == {"v2"}

    in_world(story)


@EACH
def test_who_has_changed_all_that_rollway_held_of_an_object_is_heard_as_well(strategy: str) -> None:
    """Nothing of rollway's is left in its managedFields then: an apply is refused, and a rollback says what it undoes."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        await asyncio.sleep(2)
        edit = {"data": {"currency": "USD"}}
        world.sandbox.api.patch(CONFIG_MAP, NAMESPACE_NAME, "shop-settings", edit, manager="kubectl-edit")
        with pytest.raises(FieldsOwned, match="ConfigMap shop-settings has been changed by somebody else"):
            await world.ship("apply", release("v3", strategy=strategy), weight=100)
        result = await world.ship("rollback", release("v2", strategy=strategy))

        assert result.failure is None
        assert any("undoes what kubectl-edit changed of ConfigMap" in note for note in result.plan.notes)

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary", "ab", "blue-green"])
def test_a_change_that_git_and_the_cluster_agree_on_is_in_nobodys_way(strategy: str) -> None:
    """Argo CD has synced a route, changed in Git since the last release, before the pipeline releases it: a list without
    keys conflicts as a whole, by the defaults that the API server has written into it."""
    changed = http_route({"backendRefs": [{"name": "shop", "port": 80}], "timeouts": {"request": "9s"}})

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy=strategy))
        await asyncio.sleep(60)
        how = {"manager": "argocd-controller", "force": True}
        world.sandbox.api.patch(HTTP_ROUTE, NAMESPACE_NAME, "shop", copy.deepcopy(changed), "apply", **how)
        with pytest.raises(FieldsOwned) as refused:  # by files that say something else
            await world.ship("apply", routed("v2", strategy=strategy), weight=100)
        assert ".spec.rules is managed by argocd-controller" in refused.value.detail

        wanted = routed("v2", strategy=strategy, others=(EDGE, changed))
        result = await world.ship("apply", wanted, weight=100)

        assert (result.phase, result.noticed, world.routed_versions()) == ("Promoted", (), {"v2"})
        assert not any("undoes" in note for note in result.plan.notes)
        live = world.sandbox.store.get(HTTP_ROUTE, NAMESPACE_NAME, "shop")
        assert (live["spec"]["rules"][0]["timeouts"], owners_of(live, "rules")) == ({"request": "9s"}, ["argocd-controller"])

    in_world(story)


@pytest.mark.parametrize("action", ["apply", "rollback"])
@pytest.mark.parametrize("strategy", ["recreate", "ramped", "canary", "ab"])
def test_what_somebody_has_added_to_the_pods_goes_along_and_is_told(strategy: str, action: str) -> None:
    """An apply leaves what rollway has never held: the next version has it, too, and so has the one that is gone back to. Pods
    that were restarted are as they were."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        restart = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}
        patched(world, "shop", {"spec": {"template": restart}}, "kubectl-rollout")
        await asyncio.sleep(30)
        wanted, request = release("v3", strategy=strategy), Request(action, 100 if action == "apply" else None)
        before = await shipping.plan(world.cluster, wanted, request)
        set_env(world, "shop")
        await asyncio.sleep(30)
        plan = await shipping.plan(world.cluster, wanted, request)
        await world.ship(action, wanted, weight=100 if action == "apply" else None)

        told = [note for note in plan.notes if " keeps what " in note]
        added = '.spec.template.spec.containers[name="shop"].env[name="FIX"]'
        assert told == [f"Deployment shop keeps what kubectl-set has added to its pods: {added}"]
        assert not any(" keeps what " in note for note in before.notes)
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "FIX", "value": "1"}]

    in_world(story)
