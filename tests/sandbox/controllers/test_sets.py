"""StatefulSets and DaemonSets among others: what is left behind and taken up, what is somebody else's, what is refused."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rollway.errors import Invalid
from rollway.kube.clock import now
from rollway.kube.objects import CONTROLLER_REVISION, DAEMON_SET, PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET, Kind, Obj
from rollway.sandbox.controllers.daemonset import fits
from rollway.sandbox.serving.tables import printer_of, table
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"
POD_SPEC: Obj = {"containers": [{"name": "a", "image": "a:1"}]}
BOTH = pytest.mark.parametrize("kind", [STATEFUL_SET, DAEMON_SET], ids=lambda kind: kind.name)


def in_sandbox(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    async def main() -> None:
        async with Sandbox() as sandbox:
            await story(sandbox)

    run_virtual(main())


def made(**spec: Any) -> Obj:
    template = {"metadata": {"labels": {"a": "s"}}, "spec": POD_SPEC}
    return {
        "metadata": {"name": "s"},
        "spec": {"selector": {"matchLabels": {"a": "s"}}, "template": copy.deepcopy(template)} | spec,
    }


def pods_of(sandbox: Sandbox) -> dict[str, Obj]:
    return {pod["metadata"]["name"]: pod for pod in sandbox.store.list(POD, SPACE)}


def owners_of(obj: Obj) -> list[str]:
    return [each["uid"] for each in obj["metadata"].get("ownerReferences") or ()]


def whole(kind: Kind, live: Obj) -> bool:
    return bool(live["status"].get("readyReplicas" if kind == STATEFUL_SET else "numberReady") == 1)


@BOTH
def test_what_was_left_behind_is_taken_up_by_the_next_one(kind: Kind) -> None:
    """Pods and revisions: nothing is made anew, and nothing restarts."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(kind, SPACE, made())
        await asyncio.sleep(30)
        before = pods_of(sandbox)
        sandbox.api.delete(kind, SPACE, "s", propagation="Orphan")
        await asyncio.sleep(30)
        assert [owners_of(pod) for pod in pods_of(sandbox).values()] == [[]]

        uid = sandbox.api.create(kind, SPACE, made())["metadata"]["uid"]
        await asyncio.sleep(30)
        after = pods_of(sandbox)
        assert {name: pod["metadata"]["uid"] for name, pod in after.items()} == {
            name: pod["metadata"]["uid"] for name, pod in before.items()
        }
        assert [owners_of(pod) for pod in after.values()] == [[uid]]
        revisions = list(sandbox.store.list(CONTROLLER_REVISION, SPACE))
        assert [(owners_of(each), each["revision"]) for each in revisions] == [([uid], 1)]
        assert whole(kind, sandbox.api.get(kind, SPACE, "s"))

    in_sandbox(story)


@BOTH
def test_a_revision_stays_what_it_was_and_comes_back_as_the_newest(kind: Kind) -> None:
    """As `kubectl rollout undo` does it: it writes the template of the old one."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(kind, SPACE, made())
        await asyncio.sleep(30)
        (first,) = sandbox.api.list(CONTROLLER_REVISION, SPACE).items
        image = {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "a:2"}]}}}}
        sandbox.api.patch(kind, SPACE, "s", image, "strategic")
        await asyncio.sleep(60)
        sandbox.api.patch(kind, SPACE, "s", first["data"], "strategic")
        await asyncio.sleep(60)
        assert [pod["spec"]["containers"][0]["image"] for pod in pods_of(sandbox).values()] == ["a:1"]
        revisions = sandbox.api.list(CONTROLLER_REVISION, SPACE)
        rows = [row["cells"] for row in table(printer_of(CONTROLLER_REVISION), revisions.items, now())["rows"]]
        assert sorted(row[2] for row in rows) == [2, 3]
        assert [row[1:3] for row in rows if row[0] == first["metadata"]["name"]] == [[f"{kind.name.lower()}.apps/s", 3]]
        with pytest.raises(Invalid, match="field is immutable"):
            sandbox.api.patch(CONTROLLER_REVISION, SPACE, first["metadata"]["name"], {"data": {"spec": None}})

    in_sandbox(story)


@BOTH
def test_a_revision_notes_what_the_set_was_annotated_with_as_it_came(kind: Kind) -> None:
    """As `kubectl rollout history` shows what caused each change; what is annotated later is said of later ones."""

    async def story(sandbox: Sandbox) -> None:
        def annotated(cause: str, image: str) -> Obj:
            obj = made()
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
            obj["metadata"]["annotations"] = {"kubernetes.io/change-cause": cause}
            return obj

        sandbox.api.create(kind, SPACE, annotated("first", "a:1"))
        await asyncio.sleep(30)
        sandbox.api.update(kind, SPACE, "s", annotated("second", "a:2"))
        await asyncio.sleep(60)
        revisions = sorted(sandbox.store.list(CONTROLLER_REVISION, SPACE), key=lambda each: int(each["revision"]))
        causes = [each["metadata"]["annotations"]["kubernetes.io/change-cause"] for each in revisions]
        assert causes == ["first", "second"]

    in_sandbox(story)


def test_sets_of_one_name_and_template_keep_apart() -> None:
    """Their revisions would be called alike."""

    async def story(sandbox: Sandbox) -> None:
        for kind in (STATEFUL_SET, DAEMON_SET):
            sandbox.api.create(kind, SPACE, made())
        await asyncio.sleep(30)
        for kind in (STATEFUL_SET, DAEMON_SET):
            assert whole(kind, sandbox.api.get(kind, SPACE, "s"))
        assert len(pods_of(sandbox)) == 2
        assert len(list(sandbox.store.list(CONTROLLER_REVISION, SPACE))) == 2

    in_sandbox(story)


@BOTH
def test_a_pod_that_loses_its_label_is_let_go_and_replaced(kind: Kind) -> None:
    """As one does to look at a pod in peace. An ordinal's name is taken until that pod is gone."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(kind, SPACE, made())
        await asyncio.sleep(30)
        (name,) = pods_of(sandbox)
        sandbox.api.patch(POD, SPACE, name, {"metadata": {"labels": {"a": "aside"}}})
        await asyncio.sleep(30)
        assert owners_of(pods_of(sandbox)[name]) == []
        assert whole(kind, sandbox.api.get(kind, SPACE, "s")) is (kind == DAEMON_SET)
        sandbox.api.delete(POD, SPACE, name)
        await asyncio.sleep(60)
        assert [len(owners_of(pod)) for pod in pods_of(sandbox).values()] == [1]
        assert whole(kind, sandbox.api.get(kind, SPACE, "s"))

    in_sandbox(story)


def test_a_stateful_set_waits_for_a_name_that_somebody_else_has() -> None:
    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(POD, SPACE, {"metadata": {"name": "s-0", "labels": {"b": "x"}}, "spec": copy.deepcopy(POD_SPEC)})
        sandbox.api.create(STATEFUL_SET, SPACE, made())
        await asyncio.sleep(30)
        assert sandbox.api.get(STATEFUL_SET, SPACE, "s")["status"]["replicas"] == 0
        sandbox.api.delete(POD, SPACE, "s-0")
        await asyncio.sleep(60)
        assert whole(STATEFUL_SET, sandbox.api.get(STATEFUL_SET, SPACE, "s"))

    in_sandbox(story)


@pytest.mark.parametrize(
    ("rolling", "message"),
    [
        ({"maxUnavailable": 0}, "maxUnavailable: Required value: cannot be 0 when maxSurge is 0"),
        ({"maxUnavailable": 1, "maxSurge": 1}, "maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero"),
        ({"maxUnavailable": "150%"}, 'maxUnavailable: Invalid value: "150%": must not be greater than 100%'),
        ({"maxUnavailable": 0, "maxSurge": "25%"}, ""),
        ({"maxUnavailable": "100%"}, ""),
    ],
)
def test_a_daemon_set_is_replaced_from_one_side(rolling: Obj, message: str) -> None:
    async def story(sandbox: Sandbox) -> None:
        wanted = made(updateStrategy={"type": "RollingUpdate", "rollingUpdate": rolling})
        if not message:
            assert sandbox.api.create(DAEMON_SET, SPACE, wanted)
            return
        with pytest.raises(Invalid) as refused:
            sandbox.api.create(DAEMON_SET, SPACE, wanted)
        assert message in str(refused.value)

    in_sandbox(story)


HERE: Obj = {"key": "metadata.name", "operator": "In", "values": ["here"]}


@pytest.mark.parametrize(
    ("terms", "runs"),
    [
        ([{"matchFields": [HERE]}], True),
        ([{"matchFields": [HERE | {"values": ["there"]}]}], False),
        ([{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}], "matchFields": [HERE]}], True),
        ([{"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}], "matchFields": [HERE]}], False),
        ([{}], False),
        ([{}, {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}], True),
    ],
)
def test_the_nodes_of_a_daemon_set_are_chosen_by_labels_and_name(terms: list[Obj], runs: bool) -> None:
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    set_ = made(template={"spec": {**POD_SPEC, "affinity": {"nodeAffinity": required}}})
    node = {"metadata": {"name": "here", "labels": {"zone": "a"}}}
    assert fits(set_, node).runs is runs


def with_claims(**policy: str) -> Obj:
    claim = {"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    return made(replicas=3, volumeClaimTemplates=[claim], persistentVolumeClaimRetentionPolicy=policy)


def claims_of(sandbox: Sandbox) -> list[str]:
    return sorted(each["metadata"]["name"] for each in sandbox.store.list(PERSISTENT_VOLUME_CLAIM, SPACE))


@pytest.mark.parametrize("when_scaled", ["Retain", "Delete"])
@pytest.mark.parametrize("when_deleted", ["Retain", "Delete"])
def test_claims_go_as_the_retention_policy_says(when_scaled: str, when_deleted: str) -> None:
    """Those of the pods that a smaller set loses, and those of the set that is deleted; a restarted pod keeps its own."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(STATEFUL_SET, SPACE, with_claims(whenScaled=when_scaled, whenDeleted=when_deleted))
        await asyncio.sleep(60)
        assert claims_of(sandbox) == ["d-s-0", "d-s-1", "d-s-2"]
        sandbox.api.delete(POD, SPACE, "s-2")
        await asyncio.sleep(60)
        assert claims_of(sandbox) == ["d-s-0", "d-s-1", "d-s-2"]

        sandbox.api.patch(STATEFUL_SET, SPACE, "s", {"spec": {"replicas": 1}})
        await asyncio.sleep(120)
        left = ["d-s-0"] if when_scaled == "Delete" else ["d-s-0", "d-s-1", "d-s-2"]
        assert (list(pods_of(sandbox)), claims_of(sandbox)) == (["s-0"], left)
        sandbox.api.patch(STATEFUL_SET, SPACE, "s", {"spec": {"replicas": 2}})
        await asyncio.sleep(60)
        left = sorted({*left, "d-s-1"})
        assert (sorted(pods_of(sandbox)), claims_of(sandbox)) == (["s-0", "s-1"], left)

        sandbox.api.delete(STATEFUL_SET, SPACE, "s", propagation="Background")
        await asyncio.sleep(60)
        assert claims_of(sandbox) == ([] if when_deleted == "Delete" else left)

    in_sandbox(story)


def test_a_policy_that_is_taken_back_keeps_the_claims() -> None:
    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(STATEFUL_SET, SPACE, with_claims(whenDeleted="Delete"))
        await asyncio.sleep(60)
        keep = {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain"}}}
        sandbox.api.patch(STATEFUL_SET, SPACE, "s", keep)
        await asyncio.sleep(10)
        sandbox.api.delete(STATEFUL_SET, SPACE, "s", propagation="Background")
        await asyncio.sleep(60)
        assert claims_of(sandbox) == ["d-s-0", "d-s-1", "d-s-2"]
        with pytest.raises(Invalid, match='Unsupported value: "Never": supported values: "Retain", "Delete"'):
            sandbox.api.create(STATEFUL_SET, SPACE, with_claims(whenScaled="Never"))

    in_sandbox(story)
