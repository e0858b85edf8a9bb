"""The release's other objects: waited for, taken back, named when the manifests have them no more; others' autoscalers."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from rollway.errors import BadInput, FieldsOwned, TimedOut
from rollway.health.pods import is_ready
from rollway.health.workloads import WORKLOADS
from rollway.kube.objects import (
    CONFIG_MAP,
    DEFINITION,
    DEPLOYMENT,
    HPA,
    INGRESS,
    NAMESPACE,
    POD,
    RESOURCE_QUOTA,
    STATEFUL_SET,
    Kind,
    Obj,
    kind_of,
)
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.status import status
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


def api(tag: str, *, deadline_s: int | None = 15) -> Obj:
    """Another Deployment, beside the shop."""
    made = copy.deepcopy(release(tag, replicas=2).workload)
    labels = {"app": "api"}
    made["metadata"] = {"name": "api", "namespace": NAMESPACE_NAME}
    made["spec"]["selector"] = {"matchLabels": labels}
    made["spec"]["template"]["metadata"]["labels"] = labels
    made["spec"]["template"]["spec"]["containers"][0]["image"] = f"ghcr.io/acme/api:{tag}"
    if deadline_s:
        made["spec"]["progressDeadlineSeconds"] = deadline_s
    return made


def config(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": NAMESPACE_NAME}, "data": {"a": "1"}}


def ingress() -> Obj:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    spec = {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]}
    meta = {"name": "shop", "namespace": NAMESPACE_NAME}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


def with_others(tag: str, *others: Obj, strategy: str = "ramped") -> Release:
    return dataclasses.replace(release(tag, strategy=strategy), others=others)


def image_of(world: World, name: str) -> str:
    pod = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, name)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


@EACH
def test_another_deployment_is_waited_for(strategy: str) -> None:
    """Before the application's own pods or requests move; all of it is there when the release is promoted."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", api("v2"), strategy=strategy), weight=100)

        assert result.is_ok
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "api")["status"]
        assert (live["updatedReplicas"], live["availableReplicas"], live["replicas"]) == (2, 2, 2)
        steps = [(step.type, step.ref.name) for step in result.plan.steps if step.type in ("apply", "wait")]  # type: ignore[union-attr]
        own = next(index for index, (_, name) in enumerate(steps) if name.startswith("shop"))
        assert steps.index(("wait", "api")) < own

    in_world(story)


@EACH
def test_one_that_never_gets_ready_takes_the_release_back(strategy: str) -> None:
    """The application's own version never moved, and the other one is what it was."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", api("bad"), strategy=strategy), weight=100)

        assert (result.phase, result.is_ok) == ("RolledBack", False)
        assert result.failure is not None
        assert "api" in result.failure.summary
        assert image_of(world, "api") == "v1"
        assert world.routed_versions() == {"v1"}
        assert world.emptied == []

    in_world(story)


def stateful_set(tag: str) -> Obj:
    made = api(tag, deadline_s=None)
    labels = {"app": "db"}
    made |= {"kind": "StatefulSet", "metadata": {"name": "db", "namespace": NAMESPACE_NAME}}
    made["spec"] = {
        "serviceName": "db", "replicas": 2, "selector": {"matchLabels": labels}, "template": made["spec"]["template"],
        "podManagementPolicy": "Parallel",
    }  # fmt: skip
    made["spec"]["template"]["metadata"]["labels"] = labels
    return made


def daemon_set(tag: str) -> Obj:
    made = stateful_set(tag)
    spec = {key: made["spec"][key] for key in ("selector", "template")}
    return made | {"kind": "DaemonSet", "spec": spec}


def job(tag: str) -> Obj:
    made = api(tag, deadline_s=None)
    pod = made["spec"]["template"]["spec"]
    pod["containers"][0] = {"name": "migrate", "image": f"ghcr.io/acme/migrate:{tag}"}
    pod["restartPolicy"] = "Never"
    if tag == "bad":
        made["spec"]["template"]["metadata"]["annotations"] = {"sandbox.rollway.dev/behaviour": "{fails: crash, exitCode: 3}"}
    meta = {"name": f"migrate-{tag}", "namespace": NAMESPACE_NAME}
    spec = {"backoffLimit": 0, "template": made["spec"]["template"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


def replication_controller(tag: str) -> Obj:
    made = stateful_set(tag)
    spec = {"replicas": 2, "selector": {"app": "db"}, "template": made["spec"]["template"]}
    return made | {"apiVersion": "v1", "kind": "ReplicationController", "spec": spec}


@EACH
def test_another_deployment_that_its_manifest_pauses_is_told_of_once(strategy: str) -> None:
    async def story(world: World) -> None:
        paused = api("v1")
        paused["spec"]["paused"] = True
        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", paused, strategy=strategy), weight=100)

        assert result.is_ok, result.failure
        told = [note for note in result.plan.notes if "paused" in note]
        assert told == ["Deployment api is paused as its manifest has it, and not waited for"]

    in_world(story)


@EACH
def test_status_tells_of_another_deployment_that_the_release_went_through_without(strategy: str) -> None:
    """Somebody has paused it, so it was not waited for: its pods are of the version before, and its Deployment says otherwise."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "api", {"spec": {"paused": True}}, manager="kubectl-rollout")
        wanted = with_others("v2", api("v2"), strategy=strategy)
        result = await world.ship("apply", wanted, weight=100)
        seen = await status(world.cluster, wanted)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "api", {"spec": {"paused": None}}, manager="kubectl-rollout")
        await asyncio.sleep(60)

        assert result.is_ok, result.failure
        assert "Deployment api: 0 of 2 pods updated; paused by kubectl-rollout" in seen.remarks
        assert (await status(world.cluster, wanted)).remarks == ()

    in_world(story)


@pytest.mark.parametrize("made", [stateful_set, daemon_set, job], ids=lambda made: made.__name__)
def test_status_tells_of_another_workload_that_is_not_ready(made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        wanted = with_others("v1", made("v1"))
        await world.ship("apply", wanted, weight=100)
        whole = await status(world.cluster, wanted)
        broken = with_others("v2", made("bad"))
        result = await world.ship("apply", broken, weight=100, goes_back=False)
        (remark,) = (await status(world.cluster, broken)).remarks

        assert (whole.remarks, result.phase) == ((), "Failed")
        obj = broken.others[0]
        assert remark.startswith(f"{obj['kind']} {obj['metadata']['name']}: ")

    in_world(story)


RENEWED = (stateful_set, daemon_set, job)
OTHERS = pytest.mark.parametrize("made", [*RENEWED, replication_controller], ids=lambda made: made.__name__)


@OTHERS
@EACH
def test_other_workloads_are_waited_for(strategy: str, made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", made("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", made("v2"), strategy=strategy), weight=100)

        assert result.is_ok, result.failure
        kind = kind_of(made("v2")["apiVersion"], made("v2")["kind"])
        assert kind is not None
        live = world.sandbox.store.get(kind, NAMESPACE_NAME, made("v2")["metadata"]["name"])
        assert WORKLOADS[(kind.group, kind.name)](live).is_done
        waits = [(step.ref.kind, index) for index, step in enumerate(result.plan.steps) if step.type == "wait"]
        assert waits[0][0] == kind.name
        assert not any("not waited for" in note for note in result.plan.notes)

    in_world(story)


@pytest.mark.parametrize("made", RENEWED, ids=lambda made: made.__name__)
@pytest.mark.parametrize("strategy", ["ramped", "canary", "blue-green"])
def test_another_workload_that_fails_takes_the_release_back(strategy: str, made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", made("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", made("bad"), strategy=strategy), weight=100)

        assert (result.phase, result.is_ok) == ("RolledBack", False)
        assert result.failure is not None
        assert made("bad")["kind"] in result.failure.summary
        assert world.routed_versions() == {"v1"}
        assert world.emptied == []

    in_world(story)


@pytest.mark.parametrize("made", [stateful_set, daemon_set, replication_controller], ids=lambda made: made.__name__)
def test_a_refused_pod_of_another_workload_is_told(made: Callable[[str], Obj]) -> None:
    """They have no condition for it: the reason is in their events."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        hard = {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "3"}}}
        world.sandbox.api.create(RESOURCE_QUOTA, NAMESPACE_NAME, hard)
        result = await world.ship("apply", with_others("v2", made("v1")), weight=100)

        assert not result.is_ok
        assert result.failure is not None
        assert made("v1")["kind"] in result.failure.summary
        assert "exceeded quota: team" in result.failure.summary
        assert world.routed_versions() == {"v1"}

    in_world(story)


def ordered(tag: str) -> Obj:
    made = stateful_set(tag)
    made["spec"]["podManagementPolicy"] = "OrderedReady"
    return made


def images_of_ready(world: World) -> list[str]:
    """Of the ordered set's pods."""
    pods = (pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if pod["metadata"]["labels"].get("app") == "db")
    return sorted(pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods if is_ready(pod))


@EACH
def test_an_ordered_set_beside_comes_back(strategy: str) -> None:
    """It replaces nothing while a pod is broken, not even that one: the way back deletes the pod that the release has broken, and
    so does the release that mends what somebody else has."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", ordered("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", ordered("bad"), strategy=strategy), weight=100)
        assert (result.phase, result.way_back_failure) == ("RolledBack", None)
        assert images_of_ready(world) == ["v1", "v1"]
        assert world.routed_versions() == {"v1"}

        hotfix = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/api:bad"}]}}}}
        world.sandbox.api.patch(STATEFUL_SET, NAMESPACE_NAME, "db", hotfix, type_="strategic", manager="kubectl-set")
        await asyncio.sleep(60)
        assert images_of_ready(world) == ["v1"]
        mended = with_others("v2", ordered("v2"), strategy=strategy)
        result = await world.ship("apply", mended, weight=100, force=True)
        assert result.is_ok, result.failure
        assert images_of_ready(world) == ["v2", "v2"]
        assert [step.ref.name for step in result.plan.steps if step.type in ("renew", "wait")].count("db") == 2

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
def test_a_way_back_that_was_cut_off_is_not_over_before_the_others_are_ready(strategy: str) -> None:
    """All that it had to write was written; whoever comes after waits for what it would have waited for."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", ordered("v1"), strategy=strategy), weight=100)
        wanted = with_others("v2", ordered("bad"), strategy=strategy)
        with pytest.raises(TimedOut):
            await world.ship("apply", wanted, weight=100, timeout_s=15)
        with pytest.raises(TimedOut):
            await world.ship("rollback", wanted, timeout_s=0.3)
        assert image_of_set(world) == "v1"
        assert images_of_ready(world) == ["v1"]

        back = await world.ship("rollback", wanted)
        assert back.is_ok, back.failure
        assert images_of_ready(world) == ["v1", "v1"]

    in_world(story)


def image_of_set(world: World) -> str:
    pod = world.sandbox.store.get(STATEFUL_SET, NAMESPACE_NAME, "db")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


@EACH
def test_the_first_release_does_not_wait_for_who_may_need_it(strategy: str) -> None:
    """The application is there when the others are waited for."""

    async def story(world: World) -> None:
        result = await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)

        waits = [step.ref.name for step in result.plan.steps if step.type == "wait"]
        assert waits.index("shop") < waits.index("api")

    in_world(story)


def test_whoever_comes_after_a_kill_waits_as_well() -> None:
    """An apply that was carried out leaves no step, and the wait behind it is still owed."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1")))
        wanted = with_others("v2", api("v2"))
        with pytest.raises(TimedOut):
            await world.ship("apply", wanted, timeout_s=0.5)
        assert image_of(world, "api") == "v2"
        again = await world.ship("apply", wanted)

        assert again.is_ok
        assert "api" in [step.ref.name for step in again.plan.steps if step.type == "wait"]
        assert "api" not in [step.ref.name for step in again.plan.steps if step.type == "apply"]

    in_world(story)


@EACH
def test_what_the_manifests_no_longer_have_is_named_and_stays(strategy: str) -> None:
    """Until --prune: then it goes in the end, what needs others first, and the way back brings it back."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", config("old"), ingress(), strategy=strategy), weight=100)
        await world.ship("apply", with_others("v2", strategy=strategy), weight=100)
        told = await shipping.plan(world.cluster, with_others("v3", strategy=strategy), Request("apply", 100))

        assert any("no longer in the manifests: ConfigMap old, Ingress shop; left as they are" in note for note in told.notes)
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old")

        result = await world.ship("apply", with_others("v2", strategy=strategy), weight=100, prune=True)
        assert [step.ref.kind for step in result.plan.steps if step.type == "delete"] == ["Ingress", "ConfigMap"]
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old") is None
        assert store.find(INGRESS, NAMESPACE_NAME, "shop") is None

        await world.ship("rollback", release("v2", strategy=strategy))
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old")
        assert store.find(INGRESS, NAMESPACE_NAME, "shop")

    in_world(story)


@EACH
def test_what_has_been_gone_for_several_releases_is_still_named_and_pruned(strategy: str) -> None:
    """As long as the history knows of it: whoever learns of --prune later has it taken away, too. What somebody else has made of
    that name meanwhile is theirs, and nobody speaks of it."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", config("old"), config("theirs"), strategy=strategy), weight=100)
        for tag in ("v2", "v3"):
            await world.ship("apply", with_others(tag, strategy=strategy), weight=100)
        world.sandbox.api.delete(CONFIG_MAP, NAMESPACE_NAME, "theirs")
        world.sandbox.api.create(CONFIG_MAP, NAMESPACE_NAME, config("theirs"), manager="kubectl-create")

        result = await world.ship("apply", with_others("v4", strategy=strategy), weight=100)
        assert "no longer in the manifests: ConfigMap old; left as they are (--prune removes them)" in result.plan.notes
        again = await shipping.plan(world.cluster, with_others("v4", strategy=strategy), Request("apply", 100))
        assert again.steps == ()
        assert any("no longer in the manifests: ConfigMap old" in note for note in again.notes)
        result = await world.ship("apply", with_others("v5", strategy=strategy), weight=100, prune=True)
        assert [step.ref.name for step in result.plan.steps if step.type == "delete" and step.ref.kind == "ConfigMap"] == ["old"]
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old") is None
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "theirs")

    in_world(story)


@EACH
def test_status_names_what_rollway_has_put_there_and_no_version_wants(strategy: str) -> None:
    """As a Service of a version that failed: it may be asked for ever, and nothing answers behind it. What goes or is somebody
    else's is named no more."""

    async def story(world: World) -> None:
        async def left(tag: str) -> list[str]:
            seen = await status(world.cluster, with_others(tag, strategy=strategy))
            return [remark for remark in seen.remarks if "not in the manifests" in remark]

        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        assert await left("v1") == []
        failed = await world.ship("apply", with_others("bad", config("newer"), strategy=strategy), weight=100)
        assert failed.phase == "RolledBack"
        named = "ConfigMap newer (`deploy apply --prune` removes what it may)"
        assert await left("v1") == [f"not in the manifests of v1: {named}"]
        await world.ship("apply", with_others("v2", strategy=strategy), weight=100)
        assert await left("v2") == [f"not in the manifests of v2: {named}"]
        await world.ship("apply", with_others("v3", strategy=strategy), weight=100, prune=True)
        assert await left("v3") == []

    in_world(story)


@EACH
def test_a_way_back_names_what_the_version_that_is_given_up_has_brought(strategy: str) -> None:
    """It stays, as whatever is gone from the manifests: it may hold something, or be somebody's by now. Nor does the way back of
    a release that failed take it."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        await world.ship("apply", with_others("v2", config("new"), ingress(), strategy=strategy), weight=100)
        back = await world.ship("rollback", with_others("v2", config("new"), ingress(), strategy=strategy))
        told = "not in the manifests of v1: ConfigMap new, Ingress shop; left as they are (`deploy apply --prune` removes them)"
        assert told in back.plan.notes
        failed = await world.ship("apply", with_others("bad", config("newer"), strategy=strategy), weight=100)
        assert failed.way_back is not None
        assert any("ConfigMap new, ConfigMap newer, Ingress shop; left" in note for note in failed.way_back.notes)
        again = await world.ship("rollback", with_others("bad", config("newer"), strategy=strategy))
        assert again.plan.steps == ()

        await world.ship("apply", with_others("v1", strategy=strategy), weight=100, prune=True)
        assert [store.find(CONFIG_MAP, NAMESPACE_NAME, name) for name in ("new", "newer")] == [None, None]

    in_world(story)


def test_a_service_that_has_long_been_gone_from_the_manifests_goes_on_following_the_live_side() -> None:
    """As long as it is there, whoever asks by it is answered, however often the sides have taken turns since."""

    async def story(world: World) -> None:
        made = release("v1", strategy="blue-green")
        second = copy.deepcopy(made.services[0])
        second["metadata"]["name"] = "former"
        await world.ship("apply", dataclasses.replace(made, services=(*made.services, second)))
        for tag in ("v2", "v3", "v4", "v5"):
            assert (await world.ship("apply", release(tag, strategy="blue-green"))).is_ok
            assert world.routed_versions("former") == {tag}
        assert "former" not in world.emptied

    in_world(story)


def test_only_what_rollway_applied_is_pruned() -> None:
    """What somebody else made, or has made anew since, and what more hangs on, stays."""

    async def story(world: World) -> None:
        claim: dict[str, Any] = {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": NAMESPACE_NAME},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }  # fmt: skip
        await world.ship("apply", with_others("v1", config("theirs"), claim))
        world.sandbox.api.delete(CONFIG_MAP, NAMESPACE_NAME, "theirs")
        world.sandbox.api.create(CONFIG_MAP, NAMESPACE_NAME, config("theirs"), manager="kubectl-create")
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert any("which --prune does not take" in note for note in result.plan.notes)
        assert world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "theirs")

    in_world(story)


def test_what_another_application_has_taken_up_is_not_left_over() -> None:
    """An object that moved from one application's manifests to another's, or that both have, is the other's."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", config("shared")))
        other = api("v1")
        other["metadata"]["labels"] = {"app": "api"}
        await world.ship(
            "apply", dataclasses.replace(with_others("v1", config("shared")), app="api", workload=other, services=())
        )
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert not any("no longer in the manifests" in note for note in result.plan.notes)
        assert world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "shared")

    in_world(story)


WIDGET = Kind("example.com/v1", "Widget", "widgets", namespaced=False)


DEFINED: Obj = {
    "apiVersion": DEFINITION.api_version, "kind": DEFINITION.name, "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com", "scope": "Cluster", "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [{
            "name": "v1", "served": True, "storage": True,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }],
    },
}  # fmt: skip


def widget(size: int) -> Obj:
    """As loading its file gives it: whether the kind is in a namespace is known to the cluster alone."""
    meta = {"name": "wheel", "namespace": NAMESPACE_NAME}
    return {"apiVersion": WIDGET.api_version, "kind": WIDGET.name, "metadata": meta, "spec": {"size": size}}


def elsewhere(wanted: Release, namespace: str) -> Release:
    def placed(obj: Obj) -> Obj:
        return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}

    workload, others = placed(wanted.workload), tuple(map(placed, wanted.others))
    return dataclasses.replace(wanted, namespace=namespace, workload=workload, services=(), others=others)


def with_widgets(world: World) -> None:
    """The kind, and one of it that somebody has made."""
    world.sandbox.api.create(DEFINITION, "", copy.deepcopy(DEFINED), manager="kubectl-create")
    found = {**widget(3), "metadata": {"name": "wheel"}}
    world.sandbox.api.create(WIDGET, "", found, manager="kubectl-client-side-apply")


@EACH
def test_what_is_in_no_namespace_is_the_same_object_to_every_release(strategy: str) -> None:
    """Found with the application, changed by a release, gone back to as it was; and never "no longer in the manifests"."""

    async def story(world: World) -> None:
        with_widgets(world)
        await world.deploy_by_hand(tag="v1")
        same = with_others("v1", widget(3), strategy=strategy)
        made = await shipping.plan(world.cluster, same, Request("apply"))
        await world.ship("apply", same, weight=100)
        again = await world.ship("apply", same, weight=100, prune=True)
        grown = await world.ship("apply", with_others("v2", widget(5), strategy=strategy), weight=100, prune=True)
        size = world.sandbox.store.get(WIDGET, "", "wheel")["spec"]["size"]
        await world.ship("rollback", same)

        assert not any(step.type == "apply" and step.ref.is_a(WIDGET) for step in made.undo)
        assert (again.plan.is_empty, size) == (True, 5)
        assert not any("no longer in the manifests" in note for result in (again, grown) for note in result.plan.notes)
        assert world.sandbox.store.get(WIDGET, "", "wheel")["spec"]["size"] == 3

    in_world(story)


def test_what_is_in_no_namespace_may_be_another_namespaces_application_s() -> None:
    """Whoever has it in its manifests holds it, wherever: --prune leaves it."""

    async def story(world: World) -> None:
        world.sandbox.api.create(DEFINITION, "", copy.deepcopy(DEFINED), manager="kubectl-create")
        await world.ship("apply", with_others("v1", widget(3)))
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "else"}})
        await world.ship("apply", elsewhere(with_others("v1", widget(3)), "else"))
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert not any("no longer in the manifests" in note for note in result.plan.notes)
        assert world.sandbox.store.get(WIDGET, "", "wheel")

    in_world(story)


def autoscaler(owner: str = "") -> Obj:
    owners = [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": owner, "uid": "1", "controller": True}]
    meta = {"name": "scaler", "namespace": NAMESPACE_NAME} | ({"ownerReferences": owners} if owner else {})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def test_an_autoscaler_that_a_controller_owns_is_not_written_past() -> None:
    """blue-green cannot take it along, and says so before anything is touched; what keeps the Deployment goes on."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        world.sandbox.api.create(HPA, NAMESPACE_NAME, autoscaler("web"), manager="keda")
        before = world.sandbox.store.version

        with pytest.raises(BadInput, match="HorizontalPodAutoscaler scaler is ScaledObject web's"):
            await shipping.plan(world.cluster, release("v2", strategy="blue-green"), Request("apply"))
        assert world.sandbox.store.version == before

        for tag, strategy in (("v2", "canary"), ("v3", "ramped")):
            assert (await world.ship("apply", release(tag, strategy=strategy), weight=100)).is_ok
        target = world.sandbox.store.get(HPA, NAMESPACE_NAME, "scaler")["spec"]["scaleTargetRef"]
        assert target["name"] == "shop"

    in_world(story)


def test_one_of_nobody_s_goes_with_the_requests() -> None:
    """As before: it scales whichever side is live."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        world.sandbox.api.create(HPA, NAMESPACE_NAME, autoscaler(), manager="kubectl")
        await world.ship("apply", release("v2", strategy="blue-green"))

        assert world.sandbox.store.get(HPA, NAMESPACE_NAME, "scaler")["spec"]["scaleTargetRef"]["name"] == "shop-green"

    in_world(story)


@EACH
def test_what_a_controller_makes_is_not_written_past(strategy: str) -> None:
    """Neither a Deployment that is an operator's: refused by name, unless it is overruled; a way back only says so."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1", strategy=strategy), weight=100)
        await world.ship("apply", release("v2", strategy=strategy), weight=100)
        owners = [{"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "1", "controller": True}]
        for deployment in list(world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)):
            patch, name = {"metadata": {"ownerReferences": owners}}, deployment["metadata"]["name"]
            world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, patch, manager="operator")
        with pytest.raises(FieldsOwned, match="is App shop's"):
            await world.ship("apply", release("v3", strategy=strategy), weight=100)
        back = await world.ship("rollback", release("v2", strategy=strategy))
        result = await world.ship("apply", release("v3", strategy=strategy), weight=100, force=True)

        assert any("App shop's" in note for note in back.plan.notes)
        assert (back.phase, result.phase) == ("RolledBack", "Promoted")

    in_world(story)
