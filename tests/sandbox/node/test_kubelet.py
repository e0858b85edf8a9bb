"""The node of the embedded cluster, in virtual time: how pods start, fail and stop, and what is written about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rollway.errors import NotFound
from rollway.health.pods import problem_of
from rollway.kube.clock import now
from rollway.kube.objects import CONFIG_MAP, EVENT, POD, SECRET, Obj, get, merged
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.index import condition_of, is_ready
from rollway.sandbox.node.behaviour import BEHAVIOUR, VERSIONS, behaviour_of, pre_stop_s
from rollway.sandbox.node.podrun import back_off_s
from rollway.sandbox.node.podstatus import Container, phase_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

PROBE = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}


def pod(behaviour: str = "", versions: str = "", *, spec: Obj | None = None, **container: Any) -> Obj:
    annotations = {BEHAVIOUR: behaviour, VERSIONS: versions}
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "generation": 1, "annotations": annotations},
        "spec": {"containers": [{"name": "app", "image": "shop:1.0.0"} | container], "terminationGracePeriodSeconds": 30},
        "status": {"phase": "Pending"},
    }
    return merged(made, {"spec": spec or {}})


class Node:
    """A sandbox with the one pod `web`, created at 0."""

    def __init__(self, sandbox: Sandbox, made: Obj) -> None:
        self.sandbox, self.store = sandbox, sandbox.store
        self.began_s = asyncio.get_running_loop().time()
        self.store.create(POD, made)

    async def at(self, seconds: float) -> Obj:
        """The pod at that moment."""
        await asyncio.sleep(self.began_s + seconds - asyncio.get_running_loop().time())
        await self.sandbox.settle()
        return self.store.get(POD, "default", "web")

    async def gone_s(self) -> float:
        gone = asyncio.Event()
        self.store.subscribe(lambda change: gone.set() if change.kind == POD and change.type == "DELETED" else None)
        if self.store.find(POD, "default", "web") is not None:
            await gone.wait()
        return asyncio.get_running_loop().time() - self.began_s

    def delete(self, grace_s: int | None = None) -> None:
        delete(self.store, POD, "default", "web", now=now(), grace_s=grace_s)

    def events(self) -> dict[str, tuple[str, str, int]]:
        """By reason: type, message, count."""
        events = self.store.list(EVENT, "default")
        return {event["reason"]: (event["type"], event["message"], event["count"]) for event in events}


def on_node(made: Obj, story: Callable[[Node], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            await sandbox.settle()
            await story(Node(sandbox, made))

    run_virtual(run())


def first(found: Obj) -> Obj:
    return dict(found["status"]["containerStatuses"][0])


def waiting(found: Obj) -> str:
    return str(get(found, "status", default={})["containerStatuses"][0]["state"].get("waiting", {}).get("reason", ""))


def test_a_pod_without_a_probe_is_ready_as_soon_as_it_runs() -> None:
    """Scheduled at once, ContainerCreating for half a second, then running and ready."""

    async def story(node: Node) -> None:
        created = await node.at(0.1)
        assert created["spec"]["nodeName"]
        assert waiting(created) == "ContainerCreating"
        assert created["status"]["phase"] == "Pending"
        assert condition_of(created, "Ready")["message"] == "containers with unready status: [app]"  # type: ignore[index]

        ready = await node.at(0.6)
        assert is_ready(ready)
        assert ready["status"]["phase"] == "Running"
        assert ready["status"]["podIP"]

    on_node(pod(), story)


def test_nobody_sees_a_pod_without_a_probe_run_and_not_be_ready() -> None:
    """Else its endpoint came unready, and the proxies, which have just heard of that, sent it nothing for a second."""

    async def story(node: Node) -> None:
        seen: list[Obj] = []
        node.store.subscribe(lambda change: seen.append(change.obj) if change.kind == POD else None)
        await node.at(2)
        told = [(get(each, "status", "phase"), is_ready(each)) for each in seen]
        assert ("Running", True) in told
        assert ("Running", False) not in told

    on_node(pod("start: 3s"), story)


@pytest.mark.parametrize(
    ("probe", "ready_s"),
    [
        ({}, 4.48),
        ({"initialDelaySeconds": 6}, 7.48),
        ({"successThreshold": 3}, 6.48),
        ({"periodSeconds": 10}, 11.48),
    ],
)
def test_readiness_follows_the_probe(probe: Obj, ready_s: float) -> None:
    """Ready at the first looks of the probe that the process, which listens after 3 s, can answer."""

    async def story(node: Node) -> None:
        assert not is_ready(await node.at(ready_s - 0.05))
        assert is_ready(await node.at(ready_s + 0.05))

    on_node(pod("start: 3s", readinessProbe=PROBE | probe), story)


def test_a_startup_probe_holds_the_others_back() -> None:
    """Not started, hence not ready, before the startup probe has passed."""

    async def story(node: Node) -> None:
        slow = first(await node.at(9))
        assert (slow["started"], slow["ready"]) == (False, False)
        passed = first(await node.at(12))
        assert (passed["started"], passed["ready"], passed["restartCount"]) == (True, True, 0)

    startup = PROBE | {"periodSeconds": 5, "failureThreshold": 30}
    on_node(pod("start: 8s", readinessProbe=PROBE, startupProbe=startup, livenessProbe=PROBE), story)


def test_a_liveness_probe_kills_who_starts_too_slowly() -> None:
    """Three failed looks, and the container is started again."""

    async def story(node: Node) -> None:
        found = first(await node.at(30))
        assert found["restartCount"] >= 1
        assert node.events()["Killing"][1] == "Container app failed liveness probe, will be restarted"
        parts = {each["reason"]: each["involvedObject"].get("fieldPath") for each in node.store.list(EVENT, "default")}
        assert parts.pop("Scheduled") is None  # of the pod; what else is told is of its container
        assert set(parts.values()) == {"spec.containers{app}"}

    on_node(pod("start: 20s", readinessProbe=PROBE, livenessProbe=PROBE | {"failureThreshold": 3}), story)


def test_never_ready() -> None:
    """It runs, the probe fails for ever, and one Event counts how often."""

    async def story(node: Node) -> None:
        found = await node.at(60)
        assert found["status"]["phase"] == "Running"
        assert not is_ready(found)
        type_, message, count = node.events()["Unhealthy"]
        assert (type_, message) == ("Warning", "Readiness probe failed: HTTP probe failed with statuscode: 503")
        assert count > 50

    on_node(pod("fails: never-ready", readinessProbe=PROBE), story)


def test_crash() -> None:
    """One restart at once, then CrashLoopBackOff with the back-off and the last end; the log survives."""

    async def story(node: Node) -> None:
        assert first(await node.at(1))["state"]["terminated"]["exitCode"] == 3
        found = first(await node.at(5))
        uid = node.store.get(POD, "default", "web")["metadata"]["uid"]
        assert found["state"]["waiting"] == {
            "reason": "CrashLoopBackOff",
            "message": f"back-off 10s restarting failed container=app pod=web_default({uid})",
        }
        assert (found["restartCount"], found["lastState"]["terminated"]["exitCode"]) == (1, 3)
        assert "back-off 20s" in first(await node.at(15))["state"]["waiting"]["message"]
        assert first(await node.at(400))["restartCount"] == 6
        assert not is_ready(await node.at(401))
        assert node.sandbox.logs("default", "web", "app") == "starting\nKeyError: 'PAYMENT_URL'\n"
        assert node.sandbox.logs("default", "web", "app", previous=True, tail_lines=1) == "KeyError: 'PAYMENT_URL'\n"

    on_node(pod("fails: crash\nexitCode: 3\nlog: \"starting\\nKeyError: 'PAYMENT_URL'\""), story)


def test_back_off_doubles_up_to_five_minutes() -> None:
    assert [back_off_s(failures) for failures in range(1, 8)] == [10, 20, 40, 80, 160, 300, 300]


def test_bad_image() -> None:
    """ErrImagePull with the registry's answer, then ImagePullBackOff."""

    async def story(node: Node) -> None:
        found = first(await node.at(1))
        assert found["state"]["waiting"]["reason"] == "ErrImagePull"
        assert "docker.io/library/shop:1.0.0: not found" in found["state"]["waiting"]["message"]
        later = await node.at(3)
        assert waiting(later) == "ImagePullBackOff"
        assert later["status"]["phase"] == "Pending"
        assert node.events()["BackOff"][1] == 'Back-off pulling image "shop:1.0.0"'

    on_node(pod("fails: bad-image"), story)


def test_config_error() -> None:
    """The message names the ConfigMap that is not there."""

    async def story(node: Node) -> None:
        found = first(await node.at(1))["state"]["waiting"]
        assert found == {"reason": "CreateContainerConfigError", "message": 'configmap "prices" not found'}

    on_node(pod("fails: config-error", envFrom=[{"configMapRef": {"name": "prices"}}]), story)


def test_an_environment_from_what_is_missing() -> None:
    """The container is not created, in the kubelet's words, and is once the Secret has appeared with the key."""

    async def story(node: Node) -> None:
        found = first(await node.at(2))["state"]["waiting"]
        assert found == {"reason": "CreateContainerConfigError", "message": 'secret "db" not found'}
        assert node.events()["Failed"][1] == 'Error: secret "db" not found'
        secret = {"metadata": {"name": "db", "namespace": "default"}, "data": {"user": "YQ=="}}
        secret = node.store.create(SECRET, secret)
        found = first(await node.at(15))["state"]["waiting"]
        assert found["message"] == "couldn't find key password in Secret default/db"
        node.store.update(SECRET, secret | {"data": {"password": "YQ=="}})
        assert is_ready(await node.at(30))

    value = {"secretKeyRef": {"name": "db", "key": "password"}}
    on_node(pod(env=[{"name": "PASSWORD", "valueFrom": value}]), story)


def test_an_optional_reference_is_none() -> None:
    async def story(node: Node) -> None:
        assert is_ready(await node.at(5))

    optional = [{"configMapRef": {"name": "prices", "optional": True}}]
    volumes = [{"name": "prices", "configMap": {"name": "prices", "optional": True}}]
    on_node(pod(envFrom=optional, spec={"volumes": volumes}), story)


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "prices"}}, 'configmap "prices" not found'),
        ({"secret": {"secretName": "prices"}}, 'secret "prices" not found'),
        ({"projected": {"sources": [{"secret": {"name": "prices"}}]}}, 'secret "prices" not found'),
        (
            {"configMap": {"name": "rest", "items": [{"key": "eur", "path": "eur"}]}},
            "configmap references non-existent config key: eur",
        ),
    ],
)
def test_a_volume_that_cannot_be_mounted(volume: Obj, message: str) -> None:
    """The containers wait as being created, an event says what for, and the release says it too."""

    async def story(node: Node) -> None:
        node.store.create(CONFIG_MAP, {"metadata": {"name": "rest", "namespace": "default"}, "data": {}})
        found = await node.at(3)
        assert waiting(found) == "ContainerCreating"
        told = f'MountVolume.SetUp failed for volume "v" : {message}'
        assert node.events()["FailedMount"][:2] == ("Warning", told)
        problem = problem_of(found, node.store.list(EVENT, "default"))
        assert problem is not None
        assert (problem.reason, problem.detail) == ("a volume cannot be mounted", told)
        for kind in (CONFIG_MAP, SECRET):
            node.store.create(kind, {"metadata": {"name": "prices", "namespace": "default"}, "data": {}})
        rest = node.store.get(CONFIG_MAP, "default", "rest")
        node.store.update(CONFIG_MAP, rest | {"data": {"eur": "1"}})
        assert is_ready(await node.at(10))

    on_node(pod(spec={"volumes": [{"name": "v"} | volume]}), story)


def test_unschedulable() -> None:
    """PodScheduled is False, an Event says why, and a deletion takes the pod at once."""

    async def story(node: Node) -> None:
        condition = condition_of(await node.at(1), "PodScheduled")
        assert condition is not None
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        assert condition["message"].startswith("0/1 nodes are available: ")
        assert node.events()["FailedScheduling"][0] == "Warning"
        node.delete()
        assert await node.gone_s() == pytest.approx(1, abs=0.02)

    on_node(pod("fails: unschedulable"), story)


def test_readiness_gates() -> None:
    """Containers may be ready: the pod is, when the gate's condition is True."""

    async def story(node: Node) -> None:
        found = await node.at(2)
        assert condition_of(found, "ContainersReady")["status"] == "True"  # type: ignore[index]
        assert condition_of(found, "Ready")["reason"] == "ReadinessGatesNotReady"  # type: ignore[index]
        gate = {"type": "example.com/gate", "status": "True"}
        status = found["status"] | {"conditions": [*found["status"]["conditions"], gate]}
        node.store.update(POD, found | {"status": status})
        assert is_ready(await node.at(2.1))

    on_node(pod(spec={"readinessGates": [{"conditionType": "example.com/gate"}]}), story)


@pytest.mark.parametrize(
    ("behaviour", "pre_stop", "grace_s", "gone_s"),
    [
        ("", None, 30, 0.97),
        ("stop: 4s", None, 30, 4.97),
        ("", {"sleep": {"seconds": 3}}, 30, 3.97),
        ("ignoreSigterm: true", {"sleep": {"seconds": 2}}, 8, 9.0),
        ("stop: 60s", None, 5, 6.0),
        ("ignoreSigterm: true", {"exec": {"command": ["sleep", "20"]}}, 5, 8.0),
    ],
)
def test_the_way_out(behaviour: str, pre_stop: Obj | None, grace_s: int, gone_s: float) -> None:
    """preStop, SIGTERM, exit or SIGKILL at the end of the grace period, and about a second until the object is gone."""

    async def story(node: Node) -> None:
        await node.at(2)
        node.delete()
        assert is_ready(await node.at(2.1))
        assert await node.gone_s() == pytest.approx(2 + gone_s, abs=0.05)
        assert node.events()["Killing"][1] == "Stopping container app"

    lifecycle = {"lifecycle": {"preStop": pre_stop}} if pre_stop else {}
    on_node(pod(behaviour, spec={"terminationGracePeriodSeconds": grace_s}, **lifecycle), story)


def test_a_second_deletion_shortens_the_grace() -> None:
    """Deleting again with less grace is as if less had been asked for at first."""

    async def story(node: Node) -> None:
        await node.at(2)
        node.delete()
        await node.at(3)
        node.delete(grace_s=4)
        assert await node.gone_s() == pytest.approx(2 + 5, abs=0.05)

    on_node(pod("ignoreSigterm: true"), story)


def test_a_stopped_container_is_reported_before_the_object_goes() -> None:
    """Phase Succeeded, or Failed where it was killed, with the exit code."""

    async def story(node: Node) -> None:
        await node.at(2)
        node.delete()
        ended = await node.at(2.5)
        assert ended["status"]["phase"] == "Succeeded"
        assert first(ended)["state"]["terminated"]["reason"] == "Completed"

    on_node(pod(), story)


def test_another_version_behaves_as_its_mapping_says() -> None:
    """The image's tag chooses what is laid over the behaviour; 3.10 is a name, not a number."""
    versions = "3.0.0: {fails: crash, exitCode: 2}\n3.10: {start: 5s}"

    assert behaviour_of("start: 1s", versions, "reg:5000/a/shop:3.0.0@sha256:ab").fails == "crash"
    assert behaviour_of("start: 1s", versions, "shop:3.10").start_s == 5
    assert behaviour_of("start: 1s", versions, "shop:1.0").start_s == 1


@pytest.mark.parametrize(
    "text", ["strat: 1s", "start: soon", "fails: sometimes", "exitCode: many", "- a list", "{", "ignoreSigterm: 7"]
)
def test_what_cannot_be_read_is_an_event(text: str) -> None:
    """The pod lives with the defaults, and an Event says what was ignored."""

    async def story(node: Node) -> None:
        assert is_ready(await node.at(1))
        assert node.events()["BehaviourIgnored"][0] == "Warning"

    on_node(pod(text), story)


@pytest.mark.parametrize(
    ("hook", "seconds"),
    [
        ({"sleep": {"seconds": 5}}, 5),
        ({"exec": {"command": ["/bin/sleep", "7"]}}, 7),
        ({"exec": {"command": ["sh", "-c", "sleep 3 && nginx -s quit"]}}, 3),
        ({"exec": {"command": ["nginx", "-s", "quit"]}}, 0),
        ({"httpGet": {"path": "/drain", "port": 80}}, 0),
        (None, 0),
    ],
)
def test_pre_stop_takes_as_long_as_it_sleeps(hook: Obj | None, seconds: float) -> None:
    assert pre_stop_s(hook) == seconds


def test_a_new_kubelet_takes_pods_up_where_they_are() -> None:
    """Restarted, the sandbox neither restarts containers nor forgets those that are to stop or to become ready."""

    async def run() -> None:
        before = Sandbox()
        await before.start()
        node = Node(before, pod("start: 8s", readinessProbe=PROBE))
        running = await node.at(3)
        await before.stop()

        async with Sandbox(store=before.store) as after:
            await asyncio.sleep(10)
            found = after.store.get(POD, "default", "web")
            assert is_ready(found)
            assert first(found)["state"] == first(running)["state"]
            node.delete()
            await asyncio.sleep(1.5)
            assert after.store.find(POD, "default", "web") is None
            with pytest.raises(NotFound):
                after.logs("default", "web", "app")

    run_virtual(run())


def test_a_crashing_pod_is_not_over() -> None:
    """Its containers start again, so it stays Running between two lives, and its ReplicaSet makes no other in its place."""
    ended = Container(state={"terminated": {"exitCode": 1}}, last={}, restarts=0)
    pod = {"metadata": {}, "spec": {"restartPolicy": "Always"}}

    assert phase_of(pod, [ended]) == "Running"
    assert phase_of({**pod, "spec": {"restartPolicy": "Never"}}, [ended]) == "Failed"
    assert phase_of({**pod, "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, [ended]) == "Failed"
