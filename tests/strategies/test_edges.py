"""What a review found, one story a finding: shapes of applications, neighbours, humans and failures at the edges."""

from __future__ import annotations

import asyncio
import base64
import copy
import dataclasses
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from rollway.cli.views.failure_text import failure_lines
from rollway.cli.views.paint import Paint
from rollway.cluster.port import Cluster, Event
from rollway.errors import ApiError, BadInput, ClusterError, FieldsOwned, Forbidden
from rollway.kube.objects import (
    DEPLOYMENT,
    DESTINATION_RULE,
    HPA,
    POD,
    SECRET,
    SERVICE,
    VIRTUAL_SERVICE,
    Obj,
    Ref,
    get,
    kind_of,
)
from rollway.plan.observed import TRACK_LABEL
from rollway.plan.plan import Split
from rollway.plan.steps import Route
from rollway.release.model import Release
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

STAGED: dict[str, Any] = {"blueGreen": {"autoPromote": False}}


def shop(
    tag: str,
    *,
    services: tuple[Obj, ...] | None = None,
    more: tuple[Obj, ...] = (),
    change: Callable[[Obj], object] = lambda workload: None,
    **kw: Any,
) -> Release:
    """The shop with other Services, further objects, or a changed Deployment."""
    made = release(tag, **kw)
    change(made.workload)
    return dataclasses.replace(
        made, services=made.services if services is None else services, others=(*made.others, *more), workload=made.workload
    )


def service(name: str, **spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return _object("v1", "Service", name, {"selector": {"app": "shop"}, "ports": ports} | spec)


def virtual_service(name: str, *targets: Obj) -> Obj:
    route = list(targets) or [{"destination": {"host": name}}]
    return _object(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, name, {"hosts": [name], "http": [{"route": route}]})


def destination_rule(name: str) -> Obj:
    policy = {"loadBalancer": {"simple": "LEAST_REQUEST"}}
    return _object(DESTINATION_RULE.api_version, DESTINATION_RULE.name, name, {"host": name, "trafficPolicy": policy})


def autoscaler() -> Obj:
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"minReplicas": 2, "maxReplicas": 10, "scaleTargetRef": target, "metrics": [{"type": "Resource", "resource": metric}]}
    return _object(HPA.api_version, HPA.name, "shop", spec)


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE_NAME}, "spec": spec}


def put(world: World, *objects: Obj) -> None:
    """As `kubectl create` would."""
    for obj in objects:
        kind = kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(obj), manager="kubectl-client-side-apply")


def scale(world: World, replicas: int, *, manager: str = "kubectl") -> None:
    patch = {"spec": {"replicas": replicas}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, subresource="scale", manager=manager)


def set_image(world: World, tag: str) -> None:
    """As `kubectl set image` would."""
    containers = [{"name": "shop", "image": f"ghcr.io/acme/shop:{tag}"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, type_="strategic", manager="kubectl-set")


async def found(world: World, kind: str) -> list[str]:
    """The names of the live objects of a kind."""
    return sorted(name.split()[1] for name in world.standing() if name.split()[0] == kind)


async def told(world: World) -> list[tuple[str, str]]:
    return [(revision.version, revision.phase) for revision in await world.history()]


class Between:
    """A Cluster with something between it and the run."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cluster, name)


# Services under blue-green


def test_blue_green_needs_a_service() -> None:
    """Without one there is nothing to switch, and the new version would be scaled away: refused."""

    async def story(world: World) -> None:
        with pytest.raises(BadInput, match="no Service to switch"):
            await world.ship("apply", shop("v1", services=(), strategy="blue-green"))
        assert world.pods() == {}

    in_world(story)


@pytest.mark.parametrize("tag", ["v3", "bad"])
def test_a_new_service_does_not_hide_which_side_is_live(tag: str) -> None:
    """Green is live; the next version brings a Service that is listed first and not bound yet. The way back keeps green."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        after = shop(tag, strategy="blue-green", options=STAGED)
        after = dataclasses.replace(after, services=(service("admin"), *after.services))

        result = await world.ship("apply", after)
        if result.phase == "Paused":
            result = await world.ship("rollback", after)

        assert result.phase == "RolledBack"
        assert (world.routed_versions(), world.ready_endpoints(), world.emptied) == ({"v2"}, 4, [])

    in_world(story)


def test_a_service_that_left_the_manifests_follows_the_switch() -> None:
    """It is live, and somebody may call it: it is never left on the side that is scaled to 0."""

    async def story(world: World) -> None:
        kw = {"strategy": "blue-green"}
        both = (*release().services, service("shop-old"))
        await world.ship("apply", shop("v1", services=both, **kw))
        await world.ship("apply", release("v2", strategy="blue-green"))

        assert (world.routed_versions("shop-old"), world.ready_endpoints("shop-old"), world.emptied) == ({"v2"}, 4, [])

    in_world(story)


@pytest.mark.parametrize(("verb", "version"), [("rollback", "v1"), ("promote", "v3")])
def test_the_release_under_way_counts_and_not_the_file_of_today(verb: str, version: str) -> None:
    """The file has lost a Service and changed its version since: the Service of the record is switched with the others."""

    async def story(world: World) -> None:
        both = (*release().services, service("shop-old"))
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, services=both, strategy="blue-green"))
        if verb == "promote":
            await world.ship("apply", shop("v3", services=both, strategy="blue-green", options=STAGED))

        await world.ship(verb, release("v9", strategy="blue-green"))

        assert {world.ready_endpoints("shop"), world.ready_endpoints("shop-old")} == {4}
        assert world.routed_versions("shop") == world.routed_versions("shop-old") == {version}
        assert world.emptied == []

    in_world(story)


def test_a_port_moves_together_with_the_selector() -> None:
    """The new version listens elsewhere: no request meets the old pods on the new port, or the new ones on the old."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        seen: set[tuple[str, int]] = set()

        def look(live: Obj) -> None:
            if live["metadata"]["name"] == "shop":
                seen.add((live["spec"]["selector"].get(TRACK_LABEL, "any"), live["spec"]["ports"][0]["targetPort"]))

        world.sandbox.store.subscribe(lambda change: look(change.obj) if change.kind == SERVICE else None)
        moved = service("shop", ports=[{"name": "http", "port": 80, "targetPort": 9090}])
        result = await world.ship("apply", shop("v2", services=(moved,), strategy="blue-green"))

        switch = next(step for step in result.plan.steps if isinstance(step, Route) and step.selector[TRACK_LABEL] == "green")
        assert switch.ports is not None
        assert seen - {("any", 8080)} <= {("stable", 8080), ("green", 9090)}
        assert ("green", 9090) in seen

    in_world(story)


# Istio


def test_ab_is_left_with_no_route_to_a_subset() -> None:
    """The user's VirtualService has left the manifests meanwhile: it loses its subsets before their rule goes."""

    async def story(world: World) -> None:
        mesh = virtual_service("shop-mesh", {"destination": {"host": "shop"}})
        mesh["metadata"]["labels"] = {"team": "web"}
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, strategy="ab", more=(mesh,)))
        await world.ship("promote", shop("v2", strategy="ab", more=(mesh,)), weight=100)

        result = await world.ship("apply", release("v3"))

        assert result.phase == "Promoted"
        assert await found(world, "DestinationRule") == []
        assert world.standing()["VirtualService shop-mesh"]["spec"]["http"] == mesh["spec"]["http"]

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_istio_object_of_the_manifests_is_applied(strategy: str) -> None:
    """Two routes to the application, and those of another host: none is left out, whatever the strategy."""

    async def story(world: World) -> None:
        mesh, edge = (virtual_service(name, {"destination": {"host": "shop"}}) for name in ("shop-mesh", "shop-edge"))
        more = (mesh, edge, virtual_service("cart"), destination_rule("shop"), destination_rule("cart"))
        await world.ship("apply", shop("v1", strategy=strategy, more=more))

        assert await found(world, "VirtualService") == ["cart", "shop-edge", "shop-mesh"]
        assert await found(world, "DestinationRule") == ["cart", "shop"]

    in_world(story)


def test_ab_splits_every_route_to_the_application() -> None:
    """From the mesh and from the edge, a share is the same share; and what the manifests change on the way is applied."""

    async def story(world: World) -> None:
        def more(timeout: str) -> tuple[Obj, ...]:
            routes = [virtual_service(name, {"destination": {"host": "shop"}}) for name in ("shop-mesh", "shop-edge")]
            for vs in routes:
                vs["spec"]["http"][0]["timeout"] = timeout
            return tuple(routes)

        await world.ship("apply", shop("v1", strategy="ab", more=more("3s")))
        await world.ship("apply", shop("v2", strategy="ab", more=more("5s")), weight=30)

        for name in ("shop-mesh", "shop-edge"):
            rule = world.standing()[f"VirtualService {name}"]["spec"]["http"][-1]
            assert rule["timeout"] == "5s"
            assert [(get(target, "destination", "subset"), target["weight"]) for target in rule["route"]] == [
                ("rollway-stable", 70),
                ("rollway-b", 30),
            ]

    in_world(story)


def test_a_part_that_goes_elsewhere_keeps_its_share() -> None:
    """90% here, 10% to a legacy service: only our part is told apart."""

    async def story(world: World) -> None:
        targets = [{"destination": {"host": "shop"}, "weight": 90}, {"destination": {"host": "legacy"}, "weight": 10}]
        more = (virtual_service("shop", *targets),)
        await world.ship("apply", shop("v1", strategy="ab", more=more))

        route = world.standing()["VirtualService shop"]["spec"]["http"][0]["route"]
        assert [(target["destination"]["host"], target["weight"]) for target in route] == [("shop", 90), ("legacy", 10)]

    in_world(story)


def test_a_service_that_istio_does_not_split_reaches_the_stable_version() -> None:
    """An application of two Services under ab: the second one's callers never meet the variant."""

    async def story(world: World) -> None:
        both = (*release().services, service("shop-internal"))
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, services=both, strategy="ab"))

        assert (world.routed_versions("shop-internal"), world.ready_endpoints("shop-internal")) == ({"v1"}, 4)

    in_world(story)


# neighbours


def test_a_neighbours_routes_of_our_name_stay() -> None:
    """A VirtualService and a DestinationRule called like the application, which rollway did not make."""

    async def story(world: World) -> None:
        put(world, virtual_service("shop"), destination_rule("shop"))
        before = world.standing()
        gateway = _object(VIRTUAL_SERVICE.api_version, "Gateway", "gw", {"selector": {"istio": "ingressgateway"}, "servers": []})
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, more=(gateway,)))

        after = world.standing()
        assert all(after[name] == before[name] for name in ("VirtualService shop", "DestinationRule shop"))

    in_world(story)


def test_a_neighbours_preview_service_stays() -> None:
    """Blue-green would need its name: refused, and left as it is."""

    async def story(world: World) -> None:
        put(world, service("shop-preview", selector={"app": "preview-env"}))
        before = world.standing()["Service shop-preview"]
        await promoted(world, "v1", "ramped")
        with pytest.raises(BadInput, match="Service shop-preview is there already"):
            await world.ship("apply", release("v2", strategy="blue-green"))
        await promoted(world, "v3", "canary")

        assert world.standing()["Service shop-preview"] == before

    in_world(story)


@pytest.mark.parametrize(("strategy", "name"), [("canary", "shop-canary"), ("blue-green", "shop-green"), ("ab", "shop-b")])
def test_a_neighbours_deployment_stays(strategy: str, name: str) -> None:
    """Another application is called as our second Deployment would be: the plan refuses, and no step of ours touches it."""

    async def story(world: World) -> None:
        neighbour = copy.deepcopy(release("v9").workload)
        neighbour["metadata"] |= {"name": name, "labels": {"app": name}}
        neighbour["spec"]["selector"] = {"matchLabels": {"app": name}}
        neighbour["spec"]["template"]["metadata"]["labels"] = {"app": name}
        put(world, neighbour)
        before = world.standing()[f"Deployment {name}"]
        await promoted(world, "v1", strategy)
        with pytest.raises(BadInput, match=f"Deployment {name} is there already, and not of shop") as refused:
            await world.ship("apply", release("v2", strategy=strategy))

        assert "choose a strategy without a second Deployment" in refused.value.hint
        assert await told(world) == [("v1", "Promoted")]
        assert world.standing()[f"Deployment {name}"] == before
        assert (world.routed_versions(), world.emptied) == ({"v1"}, [])

    in_world(story)


# what cannot be changed


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_renamed_deployment_is_refused(strategy: str) -> None:
    """Two Deployments of one application would share its requests for ever."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        before = world.standing()
        with pytest.raises(BadInput, match="live as Deployment shop, and the manifests call it shop-web"):
            await world.ship(
                "apply", shop("v2", strategy=strategy, change=lambda workload: workload["metadata"].update(name="shop-web"))
            )
        assert world.standing() == before

    in_world(story)


def test_a_changed_selector_is_refused_by_the_plan() -> None:
    """The API server would refuse it in mid-run: it is told before anything is written."""

    async def story(world: World) -> None:
        def tiered(workload: Obj) -> None:
            workload["spec"]["selector"]["matchLabels"]["tier"] = "web"
            workload["spec"]["template"]["metadata"]["labels"]["tier"] = "web"

        await promoted(world, "v1", "ramped")
        with pytest.raises(BadInput, match="selects its pods by"):
            await world.ship("apply", shop("v2", change=tiered))
        assert await told(world) == [("v1", "Promoted")]

    in_world(story)


@pytest.mark.parametrize(
    ("strategy", "replicas", "block", "is_down"),
    [
        ("ramped", 3, {"ramped": {"maxSurge": 0, "maxUnavailable": "100%"}}, True),
        ("ramped", 1, {"ramped": {"maxSurge": 1, "maxUnavailable": 1}}, True),
        ("ramped", 1, {"ramped": {"maxSurge": 1, "maxUnavailable": 0}}, False),
        ("canary", 1, {"canary": {"maxSurge": 0}}, True),
        ("canary", 1, {"canary": {"maxSurge": 1}}, False),
    ],
)
def test_a_plan_says_when_there_will_be_downtime(strategy: str, replicas: int, block: dict[str, Any], is_down: bool) -> None:
    """Whether by the strategy or by its options: where the last pod may go before a new one is ready, it is told; else not."""

    async def story(world: World) -> None:
        kw: dict[str, Any] = {"strategy": strategy, "replicas": replicas, "options": block}
        await world.ship("apply", release("v1", **kw))
        result = await world.ship("apply", release("v2", **kw), weight=100)

        assert any("there will be downtime" in note for note in result.plan.notes) == is_down
        assert bool(world.emptied) == is_down

    in_world(story)


# the number of pods


@pytest.mark.parametrize(("strategy", "is_paused"), [("canary", True), ("ramped", True), ("ramped", False)])
def test_an_autoscaler_may_move_in_mid_release(strategy: str, is_paused: bool) -> None:
    """The wait is for whatever the autoscaler asks for by then."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        put(world, autoscaler())
        after = release("v2", strategy=strategy, replicas=None)
        if is_paused:
            await world.ship("apply", after, weight=50)
            scale(world, 8, manager="kube-controller-manager")
            await asyncio.sleep(30)
            result = await world.ship("promote", after, weight=100)
        else:
            run = asyncio.create_task(world.ship("apply", after))
            await asyncio.sleep(4)
            scale(world, 8, manager="kube-controller-manager")
            result = await run

        assert (result.phase, world.versions()) == ("Promoted", {"v2": 8})

    in_world(story)


@pytest.mark.parametrize(("tag", "phase", "version"), [("v2", "Promoted", "v2"), ("bad", "RolledBack", "v1")])
def test_more_pods_by_hand_in_mid_release(tag: str, phase: str, version: str) -> None:
    """Somebody needs capacity right now: a good release goes through with it, and a bad one comes back with it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release(tag)))
        await asyncio.sleep(5)
        scale(world, 6)

        assert (await run).phase == phase
        assert world.versions() == {version: 6}

    in_world(story)


@pytest.mark.parametrize("is_paused", [False, True])
def test_scaling_by_hand_is_not_undone_silently(is_paused: bool) -> None:
    """The manifest says 4 and a human 10: whose number it is to be has to be said."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        after = release("v2", strategy="canary")
        if is_paused:
            await world.ship("apply", after)
        scale(world, 10)
        await asyncio.sleep(20)

        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply", after, weight=50)
        assert ".spec.replicas is managed by kubectl" in refused.value.detail
        assert (await world.ship("apply", after, weight=50, force=True)).phase == "Paused"

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_way_back_has_the_pods_of_before(strategy: str) -> None:
    """A version that brings 8 pods instead of 4 and is taken back in mid-release, or fails, takes its number along."""

    async def story(world: World) -> None:
        kw: dict[str, Any] = {"strategy": strategy, "options": {"blueGreen": {"autoPromote": False}}}
        await promoted(world, "v1", strategy)
        if strategy != "recreate":
            await world.ship("apply", release("v2", replicas=8, **kw), weight=0 if strategy == "blue-green" else 25)
            await world.ship("rollback", release("v2", replicas=8, **kw))
        result = await world.ship("apply", release("bad", replicas=8, **kw), weight=100)
        await asyncio.sleep(30)

        assert (result.phase, world.versions()) == ("RolledBack", {"v1": 4})

    in_world(story)


def test_the_way_back_keeps_what_somebody_made_of_it() -> None:
    """Scaled by hand in mid-release, up or down: the number is theirs, not the new version's and not the old one's."""

    async def story(world: World, pods: int) -> None:
        await promoted(world, "v1", "ramped")
        await world.ship("apply", release("v2", replicas=8), weight=25)
        scale(world, pods)
        await world.ship("rollback", release("v2", replicas=8))
        await asyncio.sleep(30)
        assert world.versions() == {"v1": pods}

    for pods in (3, 10):
        in_world(lambda world, pods=pods: story(world, pods))


@pytest.mark.parametrize("strategy", ["canary", "ramped", "ab"])
def test_an_application_that_was_scaled_to_zero(strategy: str) -> None:
    """Of no pods there is no share: refused, and nothing touched. What is routed by match gets a pod."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        scale(world, 0, manager="keda-operator")
        put(world, autoscaler())
        await asyncio.sleep(10)
        after = release("v2", strategy=strategy, replicas=None)
        if strategy == "ab":
            assert any("0 pods: nothing shows" in note for note in (await world.ship("apply", after)).plan.notes)
            assert world.versions() == {"v2": 1}
            return
        with pytest.raises(BadInput, match="shop has 0 pods: there is nothing of which v2 could have 50%"):
            await world.ship("apply", after, weight=50)
        assert [revision.version for revision in await world.history()] == ["v1"]
        assert (await world.ship("apply", after, weight=100)).phase == "Promoted"

    in_world(story)


# humans in mid-release


def test_the_way_back_overrules_what_a_human_did_meanwhile() -> None:
    """A rollout that somebody paused or edited would never end: the way back unpauses it and takes its fields."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release("v2")))
        await asyncio.sleep(2)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"paused": True}}, manager="kubectl-rollout")
        set_image(world, "hot")

        result = await run
        assert (result.phase, result.way_back_failure) == ("RolledBack", None)
        assert (world.versions(), world.emptied) == ({"v1": 4}, [])

    in_world(story)


def test_what_others_put_in_is_not_promoted() -> None:
    """`kubectl set image` in mid-run: the history must not say that v2 runs."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release("v2")))
        await asyncio.sleep(2)
        set_image(world, "hot")

        result = await run
        assert result.failure is not None
        assert "runs something else" in result.failure.summary
        assert (await told(world), world.versions()) == ([("v1", "Promoted"), ("v2", "RolledBack")], {"v1": 4})

    in_world(story)


def test_an_edit_after_the_plan_is_not_overwritten() -> None:
    """An adoption takes the fields that its plan names, and no others that somebody takes in the meantime."""

    async def story(world: World) -> None:
        class Late(Between):
            is_done = False

            async def apply(self, obj: Obj, **options: Any) -> Obj:
                if obj["kind"] == "Deployment" and not self.is_done:
                    self.is_done = True
                    containers = [{"name": "shop", "env": [{"name": "HOTFIX", "value": "1"}]}]
                    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
                    api = world.sandbox.api
                    api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, type_="strategic", manager="kubectl-edit")
                return await self.cluster.apply(obj, **options)

        def cold(workload: Obj) -> None:
            workload["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "HOTFIX", "value": "0"}]

        await world.deploy_by_hand()
        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply", shop("v1", change=cold), cluster=Late(world.cluster), goes_back=False)

        assert "kubectl-edit" in refused.value.detail
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "HOTFIX", "value": "1"}]

    in_world(story)


def test_a_deleted_canary_is_made_again_by_apply() -> None:
    """And a paused release tells its share as it is, when there is nothing to do."""

    async def story(world: World) -> None:
        after = release("v2", strategy="canary")
        await promoted(world, "v1", "canary")
        await world.ship("apply", after, weight=50)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop-canary"))
        await asyncio.sleep(20)

        await world.ship("apply", after)
        assert world.versions() == {"v1": 2, "v2": 2}

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_a_paused_release_tells_its_share_when_nothing_is_to_do(strategy: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        for _ in range(2):
            result = await world.ship("apply", release("v2", strategy=strategy), weight=50)
            assert result.plan.split == Split(stable=2, canary=2, percent=50.0)
        assert result.plan.is_empty

    in_world(story)


# failures


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


# the history, and what is applied


def test_an_unreadable_revision_is_named_with_what_to_do() -> None:
    """Whatever broke the Secret, it is an error in the product's words; nothing is changed."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        good = base64.b64decode(world.sandbox.store.get(SECRET, NAMESPACE_NAME, "rollway.shop.v1")["data"]["revision"])
        for broken in (b"hello", good[:40] + b"\xff" * 20 + good[60:], good[:-9]):
            data = {"data": {"revision": base64.b64encode(broken).decode()}}
            world.sandbox.api.patch(SECRET, NAMESPACE_NAME, "rollway.shop.v1", data)
            with pytest.raises(ClusterError, match=r"Secret rollway\.shop\.v1 is no readable revision") as refused:
                await world.ship("apply", release("v2"))
            assert "kubectl delete secret rollway.shop.v1" in refused.value.hint
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_what_is_live_can_be_repaired_though_its_predecessor_is_forgotten() -> None:
    """The Secret of the version before was deleted: there is no way back to it, and no more than that."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        await promoted(world, "v2", "ramped")
        for kind, name in (("Secret", "rollway.shop.v1"), ("ConfigMap", "shop-settings")):
            await world.cluster.delete(Ref("v1", kind, NAMESPACE_NAME, name))
        result = await world.ship("apply", release("v2"))

        assert result.plan.undo == ()
        assert await found(world, "ConfigMap") == ["shop-settings"]

    in_world(story)


def test_a_key_may_hold_nothing() -> None:
    """An empty value is a value: a ConfigMap that gains one is applied."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        after = release("v2")
        after.others[0]["data"]["FEATURES"] = ""
        await world.ship("apply", after)

        assert world.standing()["ConfigMap shop-settings"]["data"] == {"currency": "EUR", "FEATURES": ""}

    in_world(story)


def test_what_was_found_with_recreate_comes_back_with_it() -> None:
    """A rollback to what somebody else deployed leaves the Deployment's own way of replacing pods."""

    async def story(world: World) -> None:
        before = release("v0")
        before.workload["spec"]["strategy"] = {"type": "Recreate"}
        put(world, *before.others, *before.services, before.workload)
        await asyncio.sleep(20)
        await promoted(world, "v1", "ramped")
        await world.ship("rollback", release("v1"), to_revision=1)

        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert live["spec"]["strategy"] == {"type": "Recreate"}
        assert world.versions() == {"v0": 4}

    in_world(story)


def test_the_last_label_may_go() -> None:
    """A ConfigMap had labels in v1 and has none in v2: its name stays."""

    async def story(world: World) -> None:
        before = release("v1")
        before.others[0]["metadata"]["labels"] = {"team": "web"}
        await world.ship("apply", before)
        result = await world.ship("apply", release("v2"))

        assert result.phase == "Promoted"
        assert "labels" not in world.standing()["ConfigMap shop-settings"]["metadata"]

    in_world(story)


@pytest.mark.parametrize(("policy", "is_mixed"), [(None, False), ("TerminationComplete", False), ("TerminationStarted", True)])
def test_recreate_says_when_new_pods_do_not_wait_for_old_ones(policy: str | None, is_mixed: bool) -> None:
    """podReplacementPolicy decides on it (KEP-5882)."""

    def policed(tag: str) -> Release:
        made = release(tag, strategy="recreate")
        made.workload["spec"] |= {"podReplacementPolicy": policy} if policy else {}
        return made

    async def story(world: World) -> None:
        await promoted(world, policed("v1"))
        together: list[bool] = []

        def look(change: Any) -> None:
            pods = world.sandbox.store.list(POD, NAMESPACE_NAME)
            running = [
                pod for pod in pods if "running" in get(pod, "status", "containerStatuses", default=[{}])[0].get("state", {})
            ]
            together.append(len({pod["spec"]["containers"][0]["image"] for pod in running}) > 1)

        world.sandbox.store.subscribe(look)
        result = await world.ship("apply", policed("v2"))
        assert result.phase == "Promoted"
        assert any(together) is is_mixed
        assert any("TerminationStarted" in note for note in result.plan.notes) is is_mixed

    in_world(story)
