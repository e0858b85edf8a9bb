"""The Deployment controller: its arithmetic as tables, and what recordings do not show on the running sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from rollway.kube.intstr import fenceposts, resolve
from rollway.kube.objects import DEPLOYMENT, ENDPOINT_SLICE, EVENT, POD, REPLICA_SET, SERVICE, Obj, merged
from rollway.sandbox.controllers import deployment
from rollway.sandbox.controllers.arithmetic import Rollout, Size, new_size, old_sizes, proportional_sizes, rollout_of
from rollway.sandbox.controllers.index import Owned
from rollway.sandbox.controllers.scaledown import DELETION_COST, first_to_go
from rollway.sandbox.node.behaviour import VERSIONS
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"


@pytest.mark.parametrize(
    ("value", "total", "up", "down"),
    [(3, 10, 3, 3), ("25%", 10, 3, 2), ("100%", 7, 7, 7), ("0%", 7, 0, 0), ("34%", 3, 2, 1), ("200%", 2, 4, 4)],
)
def test_int_or_string(value: int | str, total: int, up: int, down: int) -> None:
    """Numbers are themselves, percentages round as they are asked to."""
    assert (resolve(value, total, round_up=True), resolve(value, total, round_up=False)) == (up, down)


@pytest.mark.parametrize("value", ["25", "a%", "%", "-5%", "2.5%", ""])
def test_int_or_string_refuses_the_rest(value: str) -> None:
    with pytest.raises(ValueError, match="whole"):
        resolve(value, 4, round_up=True)


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [("25%", "25%", 4, (1, 1)), ("25%", "25%", 1, (1, 0)), (0, "10%", 4, (0, 1)), (0, 0, 4, (0, 1)), (2, 0, 0, (2, 0))],
)
def test_fenceposts(surge: int | str, unavailable: int | str, replicas: int, expected: tuple[int, int]) -> None:
    """The surge rounds up, the unavailable down, and both 0 means one unavailable."""
    assert fenceposts(surge, unavailable, replicas) == expected


def test_a_rollout_never_misses_more_than_it_has() -> None:
    """maxUnavailable above the replicas is all of them; Recreate has neither surge nor unavailable."""
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 5}}

    assert rollout_of({"spec": {"replicas": 3, "strategy": rolling}}) == Rollout(3, 0, 3)
    assert rollout_of({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}}) == Rollout(3, 0, 0, is_rolling=False)


@pytest.mark.parametrize(
    ("rollout", "new", "total", "expected"),
    [
        (Rollout(10, 2, 0), 0, 10, 2),  # as many as the surge leaves room for
        (Rollout(10, 2, 0), 2, 12, 2),  # no room
        (Rollout(10, 2, 0), 2, 13, 2),  # nor here
        (Rollout(10, 5, 0), 9, 11, 10),  # never more than wanted
        (Rollout(10, 2, 0), 12, 12, 10),  # down to what is wanted, at once
        (Rollout(10, 0, 0, is_rolling=False), 0, 0, 10),
    ],
)
def test_new_size(rollout: Rollout, new: int, total: int, expected: int) -> None:
    assert new_size(rollout, new, total) == expected


@pytest.mark.parametrize(
    ("rollout", "new", "old", "expected"),
    [
        (Rollout(10, 2, 2), Size(0, 0), [Size(10, 10)], [8]),  # what may be unavailable goes at once
        (Rollout(10, 2, 0), Size(2, 0), [Size(10, 10)], [10]),  # the new ones are not available yet
        (Rollout(10, 2, 0), Size(2, 1), [Size(10, 10)], [9]),  # one for one
        (Rollout(10, 2, 2), Size(4, 0), [Size(8, 5)], [8]),  # nothing may go, healthy or not
        (Rollout(10, 2, 2), Size(2, 2), [Size(3, 0), Size(7, 7)], [0, 6]),  # first the unhealthy ones
        (Rollout(10, 2, 2), Size(5, 5), [Size(3, 3), Size(4, 4)], [0, 3]),  # then the oldest
        (Rollout(10, 2, 2), Size(10, 10), [Size(0, 0)], [0]),
        (Rollout(0, 1, 0), Size(0, 0), [Size(3, 3)], [0]),
    ],
)
def test_old_sizes(rollout: Rollout, new: Size, old: list[Size], expected: list[int]) -> None:
    assert old_sizes(rollout, new, old) == expected


@pytest.mark.parametrize(
    ("rollout", "sets", "expected"),
    [
        (Rollout(10, 3, 2), [Size(5, scaled_for=13), Size(8, scaled_for=13)], [5, 8]),  # nothing to add
        (Rollout(15, 3, 2), [Size(5, scaled_for=13), Size(8, scaled_for=13)], [7, 11]),  # shares are kept
        (Rollout(5, 2, 0), [Size(3, scaled_for=12), Size(9, scaled_for=12)], [2, 5]),  # down as well
        (Rollout(4, 0, 1), [Size(1, scaled_for=3), Size(1, scaled_for=3), Size(1, scaled_for=3)], [1, 1, 2]),
        (Rollout(0, 0, 0), [Size(3, scaled_for=5), Size(2, scaled_for=5)], [0, 0]),  # to nothing
        (Rollout(6, 0, 1), [Size(1), Size(2)], [2, 4]),  # no annotation: by the status
    ],
)
def test_proportional_sizes(rollout: Rollout, sets: list[Size], expected: list[int]) -> None:
    assert proportional_sizes(rollout, sets, live=3) == expected


def pod(name: str, **facts: Any) -> Obj:
    status = "True" if facts.get("ready_at") else "False"
    condition = {"type": "Ready", "status": status, "lastTransitionTime": facts.get("ready_at") or facts.get("made", "")}
    restarts = [{"restartCount": facts.get("restarts", 0)}]
    return {
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": facts.get("made", "2026-01-01T00:00:00Z"),
            "annotations": {DELETION_COST: str(facts.get("cost", 0))},
        },
        "spec": {"nodeName": facts.get("node", "one")},
        "status": {"phase": facts.get("phase", "Running"), "conditions": [condition], "containerStatuses": restarts},
    }


def test_which_pods_go_first() -> None:
    """Unscheduled, pending, unready, cheap, crowded, young and restarted ones, in this order."""
    ready = "2026-01-01T00:00:00Z"
    owned = Owned()
    for each in (
        pod("old", ready_at=ready, node="three"),
        pod("young", ready_at="2026-01-01T11:00:00Z", node="four"),
        pod("crowded", ready_at=ready, node="two"),
        pod("crowded-too", ready_at=ready, node="two", restarts=3),
        pod("cheap", ready_at=ready, cost=-5, node="five"),
        pod("unready", node="six"),
        pod("pending", phase="Pending", node="seven"),
        pod("nowhere", node=""),
    ):
        owned.put(each)

    order = [each["metadata"]["name"] for each in first_to_go(owned.alike, datetime(2026, 1, 1, 12, tzinfo=UTC))]

    assert order == ["nowhere", "pending", "unready", "cheap", "crowded-too", "crowded", "young", "old"]


# on the sandbox


def web(image: str = "web:1", **spec: Any) -> Obj:
    template = {
        "metadata": {"labels": {"app": "web"}, "annotations": {VERSIONS: "bad: {fails: crash}"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }
    wanted = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "progressDeadlineSeconds": 60} | spec
    meta = {"name": "web", "namespace": SPACE, "generation": 1}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": wanted | {"template": template}}


def changed(sandbox: Sandbox, **spec: Any) -> None:
    live = sandbox.store.get(DEPLOYMENT, SPACE, "web")
    generation = {"metadata": {"generation": live["metadata"]["generation"] + 1}}
    sandbox.store.update(DEPLOYMENT, merged(live, generation | {"spec": spec}))


def with_image(sandbox: Sandbox, image: str) -> None:
    changed(sandbox, template=web(image)["spec"]["template"])


def progressing(sandbox: Sandbox) -> tuple[str, str, str]:
    conditions = sandbox.store.get(DEPLOYMENT, SPACE, "web")["status"]["conditions"]
    found = next(each for each in conditions if each["type"] == "Progressing")
    return found["status"], found["reason"], found["message"]


def on_sandbox(story: Callable[[Sandbox], Awaitable[None]], made: Obj | None = None) -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            sandbox.store.create(DEPLOYMENT, made or web())
            await asyncio.sleep(5)
            await story(sandbox)

    run_virtual(run())


def test_a_rollout_that_does_not_move_is_past_its_deadline() -> None:
    """ProgressDeadlineExceeded comes by itself, a second or two after the deadline; going back ends it."""

    async def story(sandbox: Sandbox) -> None:
        with_image(sandbox, "web:bad")
        await asyncio.sleep(55)
        assert progressing(sandbox)[1] == "ReplicaSetUpdated"
        await asyncio.sleep(10)
        status, reason, message = progressing(sandbox)
        assert (status, reason) == ("False", "ProgressDeadlineExceeded")
        assert message.startswith('ReplicaSet "web-')
        assert message.endswith('" has timed out progressing.')
        with_image(sandbox, "web:1")
        await asyncio.sleep(5)
        assert progressing(sandbox)[1] == "NewReplicaSetAvailable"

    on_sandbox(story)


def test_where_nothing_has_changed_nothing_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Deployment's own status brings it back each time; what anybody else writes is looked at."""
    judged: list[Obj] = []
    judge = deployment.rollout_status

    def noted(*words: Any) -> Obj:
        judged.append(judge(*words))
        return judged[-1]

    monkeypatch.setattr(deployment, "rollout_status", noted)

    async def story(sandbox: Sandbox) -> None:
        await asyncio.sleep(20)
        assert all(one != next_ for one, next_ in pairwise(judged))
        looks = len(judged)
        sandbox.store.update(
            DEPLOYMENT, merged(sandbox.store.get(DEPLOYMENT, SPACE, "web"), {"metadata": {"labels": {"a": "b"}}})
        )
        await sandbox.settle()
        assert len(judged) == looks + 1

    on_sandbox(story)


def test_available_is_ready_for_long_enough() -> None:
    """With minReadySeconds the rollout waits for each pod, without anybody asking again."""

    async def story(sandbox: Sandbox) -> None:
        status = sandbox.store.get(DEPLOYMENT, SPACE, "web")["status"]
        assert (status["readyReplicas"], status.get("availableReplicas", 0)) == (3, 0)
        await asyncio.sleep(6)
        assert sandbox.store.get(DEPLOYMENT, SPACE, "web")["status"]["availableReplicas"] == 3
        assert progressing(sandbox)[1] == "NewReplicaSetAvailable"

    on_sandbox(story, web(minReadySeconds=10))


def test_old_revisions_are_cleaned_up() -> None:
    """revisionHistoryLimit old ReplicaSets stay: the newest ones."""

    async def story(sandbox: Sandbox) -> None:
        for version in range(2, 6):
            with_image(sandbox, f"web:{version}")
            await asyncio.sleep(10)
        images = [each["spec"]["template"]["spec"]["containers"][0]["image"] for each in sandbox.store.list(REPLICA_SET)]
        assert images == ["web:3", "web:4", "web:5"]

    on_sandbox(story, web(revisionHistoryLimit=2))


def test_going_back_takes_the_old_replicaset_up_with_a_new_revision() -> None:
    """The revision that it had is kept in its history."""

    async def story(sandbox: Sandbox) -> None:
        with_image(sandbox, "web:2")
        await asyncio.sleep(10)
        with_image(sandbox, "web:1")
        await asyncio.sleep(10)
        first, _ = sandbox.store.list(REPLICA_SET)
        annotations = first["metadata"]["annotations"]
        assert annotations["deployment.kubernetes.io/revision"] == "3"
        assert annotations["deployment.kubernetes.io/revision-history"] == "1"
        live = sandbox.store.get(DEPLOYMENT, SPACE, "web")
        assert live["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"

    on_sandbox(story)


def test_scalings_are_told() -> None:
    """One Event a scaling, in the controller's own words."""

    async def story(sandbox: Sandbox) -> None:
        name = next(sandbox.store.list(REPLICA_SET))["metadata"]["name"]
        changed(sandbox, replicas=5)
        await sandbox.settle()
        messages = [each["message"] for each in sandbox.store.list(EVENT) if each["reason"] == "ScalingReplicaSet"]
        assert messages == [
            f"Scaled up replica set {name} from 0 to 3",
            f"Scaled up replica set {name} from 3 to 5",
        ]

    on_sandbox(story)


def test_a_relabelled_pod_is_let_go_and_replaced() -> None:
    """Taken out of its ReplicaSet by a label, the pod lives on, and another takes its place."""

    async def story(sandbox: Sandbox) -> None:
        one = next(sandbox.store.list(POD))
        sandbox.store.update(POD, one | {"metadata": one["metadata"] | {"labels": {"app": "quarantine"}}})
        await sandbox.settle()
        assert len(list(sandbox.store.list(POD))) == 4
        assert not sandbox.store.get(POD, SPACE, one["metadata"]["name"])["metadata"].get("ownerReferences")

    on_sandbox(story)


def test_slices_hold_a_hundred_endpoints_and_follow_their_pods() -> None:
    """250 pods are in three slices; when they go, one empty slice is left."""

    async def story(sandbox: Sandbox) -> None:
        spec = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": SPACE}, "spec": spec}
        sandbox.store.create(SERVICE, service)
        await sandbox.settle()
        assert [len(each["endpoints"]) for each in sandbox.store.list(ENDPOINT_SLICE)] == [100, 100, 50]
        assert next(sandbox.store.list(ENDPOINT_SLICE))["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        changed(sandbox, replicas=0)
        await asyncio.sleep(3)
        assert [len(each["endpoints"]) for each in sandbox.store.list(ENDPOINT_SLICE)] == [0]

    on_sandbox(story, web(replicas=250))


def test_slices_follow_their_services_selector() -> None:
    """Aimed elsewhere and back, the pods leave and return; one that changes its label later is followed, too."""

    async def story(sandbox: Sandbox) -> None:
        def endpoints() -> int:
            return sum(len(each["endpoints"]) for each in sandbox.store.list(ENDPOINT_SLICE))

        async def aimed(selector: dict[str, str]) -> int:
            live = sandbox.store.get(SERVICE, SPACE, "web")
            sandbox.store.update(SERVICE, live | {"spec": live["spec"] | {"selector": selector}})
            await sandbox.settle()
            return endpoints()

        spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": SPACE}, "spec": spec}
        sandbox.store.create(SERVICE, service)
        await sandbox.settle()
        assert endpoints() == 3
        assert [await aimed(selector) for selector in ({"app": "x"}, {"none": "y", "app": "web"}, {"app": "web"})] == [0, 0, 3]
        await aimed({"colour": "red", "app": "web"})
        one = next(sandbox.store.list(POD))
        labels = one["metadata"]["labels"] | {"colour": "red"}
        sandbox.store.update(POD, one | {"metadata": one["metadata"] | {"labels": labels}})
        await sandbox.settle()
        assert endpoints() == 1

    on_sandbox(story, web(replicas=3))


def test_the_same_seed_is_the_same_run() -> None:
    """Names and versions, to the last."""

    async def run(seed: int) -> list[tuple[str, str]]:
        async with Sandbox(seed=seed) as sandbox:
            sandbox.store.create(DEPLOYMENT, web())
            await asyncio.sleep(5)
            with_image(sandbox, "web:2")
            await asyncio.sleep(5)
            return [(change.obj["metadata"]["name"], change.type) for change in sandbox.store.changes]

    assert run_virtual(run(1)) == run_virtual(run(1)) != run_virtual(run(2))
