"""The verbs as use cases: status, waiting, time limits, ownership."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import random

import pytest
from mortal import Mortal
from rollway.errors import BadInput, FieldsOwned, NotFound, RollwayError, TimedOut
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, HPA, Obj, as_manifest
from rollway.plan.steps import Apply, Scale
from rollway.release.config import is_pinned, pinned
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.status import status, wait_for_phase
from rollway.strategies import by_name
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

OPTIONS = shipping.Options(holder="test@nowhere/0")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_release_that_the_history_cannot_hold_is_refused_before_anything_is_touched(strategy: str) -> None:
    """Also the snapshot of an adopted application, and by `plan` as by `apply`: in the middle of a run it would be too late."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        noise = random.Random(7)  # does not compress
        texts = {f"part-{index}": noise.randbytes(2**19).hex() for index in range(3)}
        blobs = [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {name: text}}
            for name, text in texts.items()
        ]
        wanted = release("v2", strategy=strategy)
        wanted = dataclasses.replace(wanted, others=(*wanted.others, *blobs))
        before = world.sandbox.store.version

        with pytest.raises(BadInput, match="a Secret holds 1 MiB"):
            await shipping.plan(world.cluster, wanted, Request("apply"))
        with pytest.raises(BadInput, match="a Secret holds 1 MiB"):
            await world.ship("apply", wanted)

        assert world.changed_since(before) <= {"Lease"}

    in_world(story)


def test_somebody_elses_change_is_not_overruled_silently() -> None:
    """A human's `kubectl scale` after the last release is named, and taken only with force."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        await asyncio.sleep(60)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 6}}, manager="kubectl")

        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply", release("v2"))
        assert ".spec.replicas is managed by kubectl" in refused.value.detail
        assert world.pods() == {"shop v1": 6}

        done = await world.ship("apply", release("v2"), force=True)
        assert done.phase == "Promoted"
        assert world.pods() == {"shop v2": 4}

    in_world(story)


HORIZONTAL: Obj = {
    "apiVersion": HPA.api_version,
    "kind": HPA.name,
    "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "maxReplicas": 9},
}


@pytest.mark.parametrize("strategy", ["ramped", "recreate", "canary", "ab"])
def test_an_autoscalers_count_is_left_alone(strategy: str) -> None:
    """The file says 4, the HPA made it 7: it stays 7 through a release, and through its rollback."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        world.sandbox.api.create(HPA, NAMESPACE_NAME, copy.deepcopy(HORIZONTAL), manager="kubectl")
        world.sandbox.api.patch(
            DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 7}}, subresource="scale", manager="kube-controller-manager",
        )  # fmt: skip
        await asyncio.sleep(20)

        await promoted(world, "v2", strategy)
        assert world.pods() == {"shop v2": 7}

        await world.ship("rollback", release("v2", strategy=strategy))
        assert world.pods() == {"shop v1": 7}

    in_world(story)


def test_an_autoscaler_follows_the_live_side() -> None:
    """A blue-green switch re-targets the HPA, the new side starts at the live count, and the way back brings both back."""

    def target(world: World) -> str:
        return str(world.sandbox.store.get(HPA, NAMESPACE_NAME, "shop")["spec"]["scaleTargetRef"]["name"])

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        world.sandbox.api.create(HPA, NAMESPACE_NAME, copy.deepcopy(HORIZONTAL), manager="kubectl")
        scaled = {"spec": {"replicas": 7}}
        world.sandbox.api.patch(
            DEPLOYMENT, NAMESPACE_NAME, "shop", scaled, subresource="scale", manager="kube-controller-manager"
        )
        await asyncio.sleep(20)

        await promoted(world, "v2", "blue-green")
        assert (world.pods(), target(world)) == ({"shop v1": 0, "shop-green v2": 7}, "shop-green")

        await world.ship("rollback", release("v2", strategy="blue-green"))
        assert (world.pods(), target(world)) == ({"shop v1": 7, "shop-green v2": 0}, "shop")

        await promoted(world, "v3", "blue-green")
        await promoted(world, "v4", "ramped")
        assert (world.pods(), target(world)) == ({"shop v4": 7}, "shop")
        assert world.emptied == []

    in_world(story)


def test_a_time_limit_leaves_the_release_as_it_is() -> None:
    """TimedOut, and the same command goes on from there."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        with pytest.raises(TimedOut, match="not done after 1 s"):
            await world.ship("apply", release("v2", strategy="canary"), timeout_s=1)
        done = await world.ship("apply", release("v2", strategy="canary"))
        assert (done.phase, done.weight) == ("Paused", 10)

    in_world(story)


def test_status_says_who_serves_what() -> None:
    """Both sides of a canary with their versions, ready pods and routes."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        seen = await status(world.cluster, release("v2", strategy="canary"))

        assert (seen.phase, seen.live and seen.live.version, seen.last and seen.last.version) == ("Paused", "v1", "v2")
        assert [(s.name, s.version, s.ready, s.wanted, s.is_routed) for s in seen.sides] == [
            ("shop", "v1", 2, 2, True), ("shop-canary", "v2", 2, 2, True),
        ]  # fmt: skip
        assert seen.lock == ""

    in_world(story)


def test_waiting_for_a_phase() -> None:
    """It returns when the phase comes, gives up when it cannot come any more, and in time."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        with pytest.raises(RollwayError, match="promoted, and will not be paused"):
            await wait_for_phase(world.cluster, "shop", NAMESPACE_NAME, "Paused", timeout_s=60)
        applying = asyncio.create_task(world.ship("apply", release("v2", strategy="canary")))
        await asyncio.sleep(1)
        assert (await wait_for_phase(world.cluster, "shop", NAMESPACE_NAME, "Paused", timeout_s=60)).version == "v2"
        await applying

        with pytest.raises(TimedOut):
            await wait_for_phase(world.cluster, "shop", NAMESPACE_NAME, "Promoted", timeout_s=5)
        waiting = asyncio.create_task(wait_for_phase(world.cluster, "shop", NAMESPACE_NAME, "Promoted", timeout_s=60))
        await world.ship("rollback", release("v2", strategy="canary"))
        with pytest.raises(RollwayError, match="rolled back, and will not be promoted"):
            await waiting

    in_world(story)


def test_nothing_to_promote_and_nothing_to_roll_back_to() -> None:
    """Said plainly: nothing needs doing where something is live, whatever the file names by now."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        for tag in ("v1", "v2"):
            nothing = await world.ship("promote", release(tag, strategy="canary"))
            assert nothing.plan.is_empty
            assert nothing.plan.notes[0].startswith("nothing to promote: v1 is live everywhere, promoted 2")
        with pytest.raises(BadInput, match="no earlier version"):
            await world.ship("rollback", release("v1", strategy="canary"))
        with pytest.raises(BadInput, match="there is no revision 9"):
            await world.ship("rollback", release("v1", strategy="canary"), to_revision=9)

    in_world(story)


def test_without_an_earlier_version_the_way_back_from_a_hotfix_is_named() -> None:
    """The only version was changed by kubectl: there is none before it, yet what was changed can be put back."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        hotfix = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/shop:fix"}]}}}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", hotfix, "strategic", manager="kubectl-set")
        await asyncio.sleep(60)
        with pytest.raises(BadInput, match="no earlier version") as refused:
            await world.ship("rollback", release("v1", strategy="canary"))
        assert "shop runs ghcr.io/acme/shop:fix" in refused.value.detail
        assert "`deploy rollback --to-revision 1`" in refused.value.hint

        assert (await world.ship("rollback", release("v1", strategy="canary"), to_revision=1)).is_ok
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_a_missing_namespace_is_told() -> None:
    """The API server's own words, before anything is there, and how to make it; by every verb that looks for it."""

    async def story(world: World) -> None:
        elsewhere = dataclasses.replace(release("v1"), namespace="nowhere")
        plan = shipping.plan(world.cluster, elsewhere, Request("apply"))
        for act in (*(world.ship(action, elsewhere) for action in ("apply", "promote", "rollback")), plan):
            with pytest.raises(NotFound, match='namespaces "nowhere" not found') as missing:
                await act
            assert "kubectl create namespace nowhere" in missing.value.hint

    in_world(story)


def test_a_namespace_that_is_made_before_the_run_is_no_reason_not_to_plan() -> None:
    """As in the sandbox, where `apply` makes it: the plan is that of a first release."""

    async def story(world: World) -> None:
        elsewhere = dataclasses.replace(release("v1"), namespace="nowhere")
        made = await shipping.plan(world.cluster, elsewhere, Request("apply"), prepares=True)
        assert (made.from_version, made.to_version) == ("", "v1")
        assert [type(step) for step in made.steps].count(Apply) == 3

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "ab"])
def test_a_release_may_bring_its_own_namespace(strategy: str) -> None:
    """It is there before the lock that lives in it; planned, with Istio's objects in it, before it is there."""

    async def story(world: World) -> None:
        own: Obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fresh"}}
        plain = release("v1")
        moved = [{**obj, "metadata": {**obj["metadata"], "namespace": "fresh"}} for obj in (*plain.others, *plain.services)]
        workload = {**plain.workload, "metadata": {**plain.workload["metadata"], "namespace": "fresh"}}
        bringing = dataclasses.replace(plain, namespace="fresh", workload=workload, services=(moved[1],), others=(own, moved[0]))
        planned = await shipping.plan(world.cluster, bringing, Request("apply"), strategy=strategy)
        assert any(isinstance(step, Apply) and step.manifest["kind"] == "Namespace" for step in planned.steps)

        assert (await world.ship("apply", bringing, strategy=strategy)).phase == "Promoted"

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_render_answers_what_is_applied(strategy: str) -> None:
    """Every manifest of a whole release is among the rendered ones, but for the number of pods and the share of requests."""

    def identity(manifest: Obj) -> Obj:
        out = as_manifest(manifest)
        out["spec"] = {key: value for key, value in out.get("spec", {}).items() if key not in ("replicas", "http")}
        if manifest["metadata"]["name"].endswith("-preview"):
            out["spec"].pop("selector")
        return out

    async def story(world: World) -> None:
        wanted = release("v2", strategy=strategy)
        rendered = [identity(manifest) for manifest in by_name(strategy)(wanted).render()]
        first = await world.ship("apply", wanted, strategy=strategy)
        applied = [step.manifest for step in first.plan.steps if isinstance(step, Apply)]
        await promoted(world, "v1", strategy)
        for weight in (None, 100):
            result = await world.ship("promote" if weight else "apply", wanted, strategy=strategy, weight=weight)
            applied += [step.manifest for step in result.plan.steps if isinstance(step, Apply)]
            assert not any(isinstance(step, Scale) and step.replicas > 4 for step in result.plan.steps)

        assert len(applied) >= 4
        assert [manifest for manifest in applied if identity(manifest) not in rendered] == []

    in_world(story)


def test_a_ramped_release_makes_at_most_twelve_requests() -> None:
    """Of one Deployment and one Service, with the lock and the history: 11 for an upgrade, 12 for the first version."""

    async def story(world: World) -> list[int]:
        counts = []
        for tag in ("v1", "v2"):
            cluster = Mortal(world.cluster)
            wanted = dataclasses.replace(release(tag), others=())
            assert (await world.ship("apply", wanted, cluster=cluster)).phase == "Promoted"
            counts.append(cluster.calls)
        return counts

    first, upgrade = in_world(story)
    assert first <= 12
    assert upgrade <= 12


def test_a_blue_green_upgrade_asks_for_no_deployment_that_a_list_has_told_of() -> None:
    """Both sides carry the application's label by the third version: the list of those is all that is read of them."""

    async def story(world: World) -> list[int]:
        counts = []
        for tag in ("v1", "v2", "v3"):
            cluster = Mortal(world.cluster)
            plain = release(tag, strategy="blue-green", options={"blueGreen": {"scaleDownDelaySeconds": 0}})
            wanted = dataclasses.replace(plain, others=())
            assert (await world.ship("apply", wanted, cluster=cluster)).phase == "Promoted"
            counts.append(cluster.calls)
        return counts

    _, second, third = in_world(story)
    assert second <= 17
    assert third <= 16


def configured(tag: str, currency: str) -> Release:
    """The shop with its settings read by its pods, named by content."""
    plain = release(tag, strategy="canary")
    workload = copy.deepcopy(plain.workload)
    workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "shop-settings"}}]
    settings = {**plain.others[0], "data": {"currency": currency}}
    workload, others = pinned(workload, plain.services, (settings,))
    return dataclasses.replace(plain, workload=workload, others=others)


def test_each_version_keeps_its_own_configuration() -> None:
    """In mid-release both are there, each read by its own pods; a rollback needs nothing written anew."""

    def read_by(deployment: Obj) -> str:
        source = deployment["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]
        return str(source["configMapRef"]["name"])

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", configured("v1", "EUR"))
        await world.ship("apply", configured("v1", "KRW"))

        own, canary = (store.get(DEPLOYMENT, NAMESPACE_NAME, name) for name in ("shop", "shop-canary"))
        assert store.get(CONFIG_MAP, NAMESPACE_NAME, read_by(own))["data"] == {"currency": "EUR"}
        assert store.get(CONFIG_MAP, NAMESPACE_NAME, read_by(canary))["data"] == {"currency": "KRW"}

        await world.ship("apply", configured("v1", "KRW"), weight=100)
        await world.ship("rollback", configured("v1", "KRW"))
        assert read_by(store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")) == read_by(own)

    in_world(story)


def test_history_and_configuration_are_pruned_together() -> None:
    """Of twelve releases the last ten are kept, with the configuration that they name and no other."""

    async def story(world: World) -> None:
        for number in range(12):
            wanted = configured(f"v{number}", f"currency-{number}")
            await world.ship("apply", wanted, strategy="ramped", weight=100)

        history = await world.history()
        assert [revision.number for revision in history] == list(range(3, 13))
        kept = {obj["metadata"]["name"] for revision in history for obj in revision.release["others"]}
        live = {obj["metadata"]["name"] for obj in world.sandbox.store.list(CONFIG_MAP, NAMESPACE_NAME) if is_pinned(obj)}
        assert live == kept

    in_world(story)
