"""What status says is what is so: images that run, who changed them, and the share of requests that a version really gets."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest
from byroute import http_route, routed
from rollway.cli.views.paint import Paint
from rollway.cli.views.standing_text import status_lines
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, HPA, HTTP_ROUTE, SERVICE, Kind
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.status import Status, status
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}}


def patched(world: World, kind: Kind, name: str, patch: dict[str, Any], manager: str) -> None:
    world.sandbox.api.patch(kind, NAMESPACE_NAME, name, patch, type_="strategic", manager=manager)


def image(tag: str) -> dict[str, Any]:
    template = {"spec": {"containers": [{"name": "shop", "image": f"ghcr.io/acme/shop:{tag}"}]}}
    return {"spec": {"template": template}}


def told(seen: Status) -> str:
    return "\n".join(status_lines(seen, Paint(False)))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_image_that_somebody_set_is_told(strategy: str) -> None:
    """What runs, what the history says, who changed it and when; a plan beside it says so, too."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await asyncio.sleep(60)
        name = next(s.name for s in (await status(world.cluster, release("v1", strategy=strategy))).sides if s.is_routed)
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, name)
        assert live is not None
        containers = [{**live["spec"]["template"]["spec"]["containers"][0], "image": "ghcr.io/acme/shop:hotfix"}]
        patched(world, DEPLOYMENT, name, {"spec": {"template": {"spec": {"containers": containers}}}}, "kubectl-set")
        await asyncio.sleep(60)
        seen = await status(world.cluster, release("v1", strategy=strategy))

        side = next(side for side in seen.sides if side.is_routed)
        assert (side.version, side.image) == ("hotfix", "ghcr.io/acme/shop:hotfix")
        assert side.other_than == "revision 1 is ghcr.io/acme/shop:v1"
        assert [(changed.by, bool(changed.at)) for changed in side.changed] == [("kubectl-set", True)]
        assert "changed since the release by kubectl-set" in told(seen)

    in_world(story)


@pytest.mark.parametrize("strategy", ["recreate", "ramped", "canary", "ab"])
def test_what_others_had_added_and_a_rollback_has_left_is_told(strategy: str) -> None:
    """An apply takes away what it held alone: the pods of a version that was gone back to are not as its revision says. A restart
    and what the API server has filled in are none of it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await promoted(world, "v2", strategy)
        await asyncio.sleep(60)
        containers = [{"name": "shop", "env": [{"name": "FIX", "value": "1"}]}]
        patched(world, DEPLOYMENT, "shop", {"spec": {"template": {"spec": {"containers": containers}}}}, "kubectl-set")
        patched(
            world, DEPLOYMENT, "shop", {"spec": {"template": {"metadata": {"annotations": {"team": "a"}}}}}, "kubectl-annotate"
        )
        patched(world, DEPLOYMENT, "shop", RESTART, "kubectl-rollout")
        await asyncio.sleep(60)
        await world.ship("rollback", release("v2", strategy=strategy))
        seen = await status(world.cluster, release("v2", strategy=strategy))

        side = next(side for side in seen.sides if side.is_routed)
        assert (side.version, side.changed) == ("v1", ())
        env = '.spec.template.spec.containers[name="shop"].env[name="FIX"]'
        fields = {
            "kubectl-set": (env,),
            "kubectl-annotate": (".spec.template.metadata.annotations.team",),
        }
        assert {kept.by: kept.fields for kept in side.kept} == fields
        assert "not of the release, and kept by it: added by kubectl-set (" in told(seen)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_label_that_somebody_has_made_another_is_told(strategy: str) -> None:
    """Of labels and annotations those that the manifest says: what others add of theirs changes nothing of the release."""

    async def story(world: World) -> None:
        wanted = release("v1", strategy=strategy)
        wanted.workload["metadata"]["labels"] = {"team": "a"}
        wanted.workload["metadata"]["annotations"] = {"example.org/owner": "a"}
        await world.ship("apply", wanted, weight=100)
        await asyncio.sleep(60)
        patched(world, DEPLOYMENT, "shop", {"metadata": {"labels": {"theirs": "1"}, "annotations": {"theirs": "1"}}}, "helm")
        assert told(await status(world.cluster, wanted)).count("changed since") == 0
        patched(world, DEPLOYMENT, "shop", {"metadata": {"labels": {"team": "b"}}}, "kubectl-label")
        patched(world, DEPLOYMENT, "shop", {"metadata": {"annotations": {"example.org/owner": "b"}}}, "kubectl-annotate")
        (side,) = (await status(world.cluster, wanted)).sides

        fields = {"kubectl-label": (".metadata.labels.team",), "kubectl-annotate": (".metadata.annotations.example.org/owner",)}
        assert {changed.by: changed.fields for changed in side.changed} == fields

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_is_told_of_what_an_adopted_application_was_made_with(strategy: str) -> None:
    """`kubectl apply` holds what the API server has filled in beside what it was told: all of it is as the manifests say."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        await asyncio.sleep(60)
        await promoted(world, "v2", strategy)
        seen = await status(world.cluster, release("v2", strategy=strategy))

        assert [(side.changed, side.kept) for side in seen.sides] == [((), ())] * len(seen.sides)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_nothing_is_told_of_what_is_as_released(strategy: str) -> None:
    """Neither of a side that is live alone, nor in the middle of a release; nor of what controllers write."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await world.ship("apply", release("v2", strategy=strategy))
        seen = await status(world.cluster, release("v2", strategy=strategy))

        assert [(side.other_than, side.changed, side.kept) for side in seen.sides] == [("", (), ())] * len(seen.sides)
        assert "!" not in told(seen)

    in_world(story)


DEPLOYED = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
HPA_OF_SHOP: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        "minReplicas": 4,
        "maxReplicas": 8,
    },
}


@pytest.mark.parametrize(("kind", "name", "patch", "field"), [
    (CONFIG_MAP, "shop-settings", {"data": {"currency": "KRW"}}, ".data.currency"),
    (HPA, "shop", {"spec": {"maxReplicas": 20}}, ".spec.maxReplicas"),
])  # fmt: skip
def test_what_stands_beside_the_pods_is_told_of_as_well(kind: Kind, name: str, patch: dict[str, Any], field: str) -> None:
    async def story(world: World) -> None:
        wanted = dataclasses.replace(release("v1"), others=(*release("v1").others, HPA_OF_SHOP))
        await world.ship("apply", wanted)
        await asyncio.sleep(60)
        before = told(await status(world.cluster, wanted))
        patched(world, kind, name, patch, "kubectl-edit")

        assert "!" not in before
        assert f"{kind.name} {name} has been changed since the release by kubectl-edit: {field}" in told(
            await status(world.cluster, wanted)
        )

    in_world(story)


@pytest.mark.parametrize("rule", [{}, {"timeouts": {"request": "9s"}}])
def test_who_applies_what_was_released_has_changed_nothing(rule: dict[str, Any]) -> None:
    """As Argo CD does: it is told of where it says something else, and of that field alone."""

    async def story(world: World) -> None:
        wanted = routed("v1")
        await world.ship("apply", wanted)
        await asyncio.sleep(60)
        theirs = http_route({"backendRefs": [{"name": "shop", "port": 80}], **rule})
        how = {"manager": "argocd-controller", "force": True}
        for manifest, kind in ((theirs, HTTP_ROUTE), (wanted.services[0], SERVICE), (wanted.others[0], CONFIG_MAP)):
            world.sandbox.api.patch(kind, NAMESPACE_NAME, manifest["metadata"]["name"], manifest, "apply", **how)

        remark = "HTTPRoute shop has been changed since the release by argocd-controller: .spec.rules"
        assert (await status(world.cluster, wanted)).remarks == ((remark,) if rule else ())

    in_world(story)


def test_who_has_taken_every_field_of_ours_is_told() -> None:
    """As `kubectl apply --server-side --force-conflicts` does: nothing is left on the object that says when it was released."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        await asyncio.sleep(60)
        live = world.sandbox.store.get(CONFIG_MAP, NAMESPACE_NAME, "shop-settings")
        assert live is not None
        theirs = {**release("v1").others[0], "data": dict.fromkeys(live["data"], "KRW")}
        world.sandbox.api.patch(CONFIG_MAP, NAMESPACE_NAME, "shop-settings", theirs, "apply", manager="kubectl", force=True)
        taken = world.sandbox.store.get(CONFIG_MAP, NAMESPACE_NAME, "shop-settings")

        assert taken is not None
        assert {entry["manager"] for entry in taken["metadata"]["managedFields"]} == {"kubectl"}
        seen = told(await status(world.cluster, release("v1")))
        assert "ConfigMap shop-settings has been changed since the release by kubectl: .data.currency" in seen

    in_world(story)


def test_a_held_share_that_somebody_has_loosened_is_told() -> None:
    """By `kubectl rollout resume` and the like, which leave no trace; the next command says so and holds it anew."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        wanted = release("v2", strategy="ramped")
        await world.ship("apply", wanted, weight=50)
        held = told(await status(world.cluster, wanted))
        patched(world, DEPLOYMENT, "shop", {"spec": {"paused": None}}, "kubectl-rollout")
        loose = told(await status(world.cluster, wanted))
        result = await world.ship("promote", wanted, weight=75)

        assert "loosened" not in held
        assert "somebody has loosened what holds the share (.spec.paused): more than 50% may come" in loose
        assert "somebody has loosened what held the share (.spec.paused): it is held anew" in result.plan.notes
        assert "loosened" not in told(await status(world.cluster, wanted))

    in_world(story)


def test_the_share_is_the_one_that_is_given() -> None:
    """By the ready pods that the Service reaches, beside the one that was asked for, whoever has scaled meanwhile."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        even = await status(world.cluster, release("v2", strategy="canary"))
        patched(world, DEPLOYMENT, "shop", {"spec": {"replicas": 6}}, "kubectl")
        await asyncio.sleep(60)
        scaled = await status(world.cluster, release("v2", strategy="canary"))
        patched(world, DEPLOYMENT, "shop-canary", {"spec": {"replicas": 0}}, "kubectl")
        await asyncio.sleep(60)
        none = await status(world.cluster, release("v2", strategy="canary"))

        assert [each.given for each in (even, scaled, none)] == [50.0, 25.0, 0.0]
        assert "paused at 50%\n" in told(even)
        assert "paused at 50%; 25% of requests reach it" in told(scaled)
        assert [side.percent for side in scaled.sides] == [75.0, 25.0]
        assert "shop-canary has no pod: nothing of v2 runs" in told(none)

    in_world(story)


def test_a_share_of_clients_is_no_share_of_requests() -> None:
    """A Service with session affinity is named."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        patched(world, SERVICE, "shop", {"spec": {"sessionAffinity": "ClientIP"}}, "kubectl")

        assert "Service shop keeps a client on its pod" in told(await status(world.cluster, release("v2", strategy="canary")))

    in_world(story)


CLIENTS = "Service shop keeps a client on its pod (sessionAffinity): shares are of clients, not of requests"


@pytest.mark.parametrize(
    ("strategy", "weight"), [("canary", 50), ("ramped", 50), ("ramped", 100), ("recreate", 100), ("blue-green", 0)]
)
def test_a_plan_says_so_of_every_share_of_pods(strategy: str, weight: int) -> None:
    """Before anything is changed; not where there is no share."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        wanted = release("v2", strategy=strategy)
        wanted.services[0]["spec"]["sessionAffinity"] = "ClientIP"
        made = await shipping.plan(world.cluster, wanted, Request("apply", weight=weight))

        assert made.notes.count(CLIENTS) == (weight == 50)

    in_world(story)


def test_a_share_that_a_route_gives_is_of_requests_whatever_the_service_keeps() -> None:
    async def story(world: World) -> None:
        v1, v2 = (routed(tag, strategy="canary") for tag in ("v1", "v2"))
        await promoted(world, v1)
        patched(world, SERVICE, "shop", {"spec": {"sessionAffinity": "ClientIP"}}, "kubectl")
        result = await world.ship("apply", v2, weight=50)

        assert (result.phase, result.plan.router, CLIENTS in result.plan.notes) == ("Paused", "gateway", False)
        assert CLIENTS not in (await status(world.cluster, v2)).remarks

    in_world(story)


@pytest.mark.parametrize(("strategy", "words"), [
    ("ab", "paused: requests with x-version: b go to v2"), ("blue-green", "paused, staged, with no request on it"),
])  # fmt: skip
def test_no_share_of_all_requests_has_its_own_words(strategy: str, words: str) -> None:
    """Never "paused at 0%"."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        wanted = release("v2", strategy=strategy, options={"ab": {"match": [{"headers": {"x-version": "b"}}]}})
        await world.ship("apply", wanted, weight=0)
        seen = await status(world.cluster, wanted)

        assert words in told(seen)
        assert seen.given == 0.0

    in_world(story)


def test_a_side_that_was_to_be_put_away_is_told() -> None:
    """After Ctrl-C in the hold of blue-green the old one still runs, and is paid for."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        wanted = release("v2", strategy="blue-green", options={"blueGreen": {"scaleDownDelaySeconds": 600}})
        running = asyncio.create_task(world.ship("apply", wanted, weight=100))
        await asyncio.sleep(120)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        seen = await status(world.cluster, wanted)
        assert "still runs 4 pods of v1, and gets no request" in told(seen)
        await world.ship("apply", wanted)

        assert (await status(world.cluster, wanted)).remarks == ()

    in_world(story)


def test_a_pause_that_is_edited_while_it_stands_is_of_its_new_length_from_when_it_began() -> None:
    """Taken up by the same command, which changes nothing of the cluster but the history; said again, it does nothing."""

    def lasting(pause: str) -> Release:
        return release("v2", strategy="canary", options={"canary": {"steps": [{"weight": 50, "pause": pause}]}})

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", lasting("100s"))
        await asyncio.sleep(55)
        mark = world.sandbox.store.version
        edited = await world.ship("apply", lasting("300s"))
        assert (edited.phase, edited.weight) == ("Paused", 50)
        assert world.changed_since(mark) <= {"Lease", "Secret"}
        assert 240 < (await status(world.cluster, lasting("300s"))).pause_left_s <= 245

        assert (await world.ship("apply", lasting("300s"))).plan.is_empty
        await asyncio.sleep(10)
        assert 230 < (await status(world.cluster, lasting("300s"))).pause_left_s <= 235
        assert (await world.ship("apply", lasting("60s"))).phase == "Paused"
        assert (await status(world.cluster, lasting("60s"))).pause_left_s == 0
        ended = await world.ship("apply", lasting("60s"), goes_on=True)
        assert ended.phase == "Promoted"

    in_world(story)


def test_what_is_left_of_a_pause_is_told_until_it_is_over() -> None:
    async def story(world: World) -> None:
        options = {"canary": {"steps": [{"weight": 50, "pause": "100s"}]}}
        await promoted(world, "v1", "canary", options)
        wanted = release("v2", strategy="canary", options=options)
        await world.ship("apply", wanted)
        await asyncio.sleep(55)
        seen = await status(world.cluster, wanted)
        assert "left of its pause: 45 s" in "\n".join(status_lines(seen, Paint(False)))
        await asyncio.sleep(61)
        assert (await status(world.cluster, wanted)).pause_left_s == 0

    in_world(story)
