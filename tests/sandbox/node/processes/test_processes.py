"""Pods that are processes: started, told what they need, probed, ended, and never left behind. At real pace."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from realnode import SERVER, RealNode, eventually, first, is_ready, on_real_node, pod, restarts, shell, terminated, waits_as
from rollway.kube.clock import now
from rollway.kube.objects import CONFIG_MAP, POD, SECRET, SERVICE, Obj, get
from rollway.sandbox.node.node import process_address, process_address_number
from rollway.sandbox.node.processes.environment import expand, service_links
from rollway.sandbox.node.processes.ledger import _marked
from rollway.sandbox.node.processes.node import ProcessNode
from rollway.sandbox.node.processes.output import MOST_BYTES
from rollway.sandbox.node.runtime import RUNTIME, chosen
from rollway.sandbox.store.store import Store
from rollway.sandbox.world import Sandbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.0/8 is not all there elsewhere")

ONCE = {"restartPolicy": "Never"}


def marked() -> int:
    """How many processes of this test's pods there are."""
    return sum(MARKED_BY in mark for _, mark in _marked())


MARKED_BY = f"test-{os.getpid()}-"


def named(uid: str, made: Obj) -> Obj:
    made["metadata"]["uid"] = MARKED_BY + uid
    return made


# starting


def test_a_program_is_told_what_kubernetes_tells_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain values, references, fields, whole maps, Services and `$(NAME)`; and nothing else of this machine's environment."""
    monkeypatch.setenv("SECRET_OF_THE_USER", "1")
    env: list[Obj] = [
        {"name": "PLAIN", "value": "$(COLOR) on $(POD_IP)"},
        {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "login", "key": "password"}}},
        {"name": "MAYBE", "valueFrom": {"secretKeyRef": {"name": "none", "key": "password", "optional": True}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "TRACK", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    made = pod(
        "sh", "-c", 'env; echo "said: $0 $1"', args=["$(COLOR)", "$$(COLOR)"], env=env, spec=ONCE, workingDir=str(tmp_path),
        envFrom=[{"configMapRef": {"name": "settings"}, "prefix": "MY_"}, {"configMapRef": {"name": "colors"}}],
        resources={"limits": {"memory": "64Mi"}},
    )  # fmt: skip
    made["metadata"]["labels"] = {"track": "stable"}

    async def story(node: RealNode) -> None:
        meta = {"namespace": "default"}
        node.store.create(CONFIG_MAP, {"metadata": meta | {"name": "settings"}, "data": {"color": "blue"}})
        node.store.create(CONFIG_MAP, {"metadata": meta | {"name": "colors"}, "data": {"COLOR": "red"}})
        node.store.create(SECRET, {"metadata": meta | {"name": "login"}, "data": {"password": base64.b64encode(b"pw").decode()}})
        spec = {"clusterIP": "10.96.7.8", "ports": [{"name": "http", "port": 8080}]}
        node.store.create(SERVICE, {"metadata": meta | {"name": "my-shop"}, "spec": spec})
        node.create(made)
        over = await node.until(terminated)

        address, printed = over["status"]["podIP"], node.sandbox.logs("default", "web").splitlines()
        told = dict(line.split("=", 1) for line in printed if "=" in line)
        assert process_address_number(address)
        assert told["POD_IP"] == told["IP"] == address
        assert told["PLAIN"] == f"red on {address}"
        assert (told["KEY"], told["PASSWORD"], told["TRACK"], told["MEMORY"]) == ("blue", "pw", "stable", "64")
        assert (told["MY_color"], told["HOSTNAME"], told["POD_NAMESPACE"]) == ("blue", "web", "default")
        assert (told["MY_SHOP_SERVICE_HOST"], told["MY_SHOP_SERVICE_PORT_HTTP"]) == ("127.96.7.8", "8080")
        assert (told["ROLLWAY_IMAGE"], told["ROLLWAY_VERSION"]) == ("shop:1.2.0", "1.2.0")
        assert told["PWD"] == str(tmp_path)
        assert "MAYBE" not in told
        assert "SECRET_OF_THE_USER" not in told
        assert "said: red $(COLOR)" in printed

    on_real_node(tmp_path, story)


@pytest.mark.parametrize(
    ("text", "expanded"), [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("$A $", "$A $"), ("$$$(A)", "$1"), ("$(A", "$(A")]
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    """What is unknown, or no reference, stays as it is."""
    assert expand(text, {"A": "1"}) == expanded


def test_a_headless_service_has_no_links() -> None:
    """It has no address to be told of."""
    assert service_links({"metadata": {"name": "db"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}) == {}


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    """As containerd and the kubelet say it: no such program, no such file, no folder, no command, no ConfigMap."""
    reference = {"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}
    (tmp_path / "plain").write_text("")

    async def story(node: RealNode) -> None:
        node.create(
            pod("nope", name="program"),
            pod("/nope", name="path"),
            pod(str(tmp_path / "plain"), name="plain"),
            pod("true", name="folder", workingDir="/nope"),
            pod(name="empty"),
            pod("true", name="config", env=[reference]),
            pod("echo", "a\0b", name="null"),
        )
        await node.until(waits_as("CreateContainerConfigError"), "config")
        said = {
            name: get(first(await node.until(waits_as("RunContainerError"), name)), "state", "waiting", "message")
            for name in ("program", "path", "plain", "folder", "empty", "null")
        }
        missing = await node.until(waits_as("RunContainerError"), "program")

        assert said["program"].endswith('exec: "nope": executable file not found in $PATH')
        assert said["path"].endswith('exec: "/nope": stat /nope: no such file or directory')
        assert said["plain"].endswith("permission denied")
        assert 'chdir to cwd ("/nope")' in said["folder"]
        assert "no command specified" in said["empty"]
        assert said["null"].endswith("/echo: embedded null byte")
        assert 'Failed: Error: configmap "settings" not found' in node.told()
        over = first(missing)["lastState"]["terminated"]
        assert (over["exitCode"], over["reason"]) == (128, "StartError")

    on_real_node(tmp_path, story)


def test_what_a_process_cannot_have_is_said(tmp_path: Path) -> None:
    """Mounts, init containers, containers without a command, grpc probes: a Warning each."""
    made = shell(
        "sleep 60",
        volumeMounts=[{"name": "settings", "mountPath": "/etc/shop"}],
        livenessProbe={"grpc": {"port": 9}, "initialDelaySeconds": 60},
    )
    made["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    made["spec"]["initContainers"] = [{"name": "migrate", "image": "x:1", "command": ["true"]}]

    async def story(node: RealNode) -> None:
        node.create(made)
        await node.until(is_ready)

        told = node.told()
        assert "MountsNotMade: container app: not mounted: /etc/shop" in told
        assert "InitContainersNotRun: " in told
        assert "ContainerNotRun: container proxy" in told
        assert "ProbeSimplified: container app" in told

    on_real_node(tmp_path, story)


def test_which_pods_are_processes(tmp_path: Path) -> None:
    """A command that this machine has, or the annotation; never without a node that can, as in virtual time. What only asks for
    a Service of modelled pods is modelled as well, unless the annotation says otherwise."""

    class Node:
        unable = ""

        def has_program(self, command: str) -> bool:
            return command == "there"

    class Unable(Node):
        unable = "no addresses"

    def kind(made: Obj, node: Any, annotation: str | None = None, asks: str = "") -> tuple[str, str]:
        annotations = {} if annotation is None else {RUNTIME: annotation}
        choice = chosen(made | {"metadata": made["metadata"] | {"annotations": annotations}}, node, asks)
        return choice.kind, choice.reason

    assert kind(pod("there"), Node()) == ("process", "")
    assert kind(pod("there"), None, "process") == ("model", "")
    assert kind(pod("there"), Node(), "model") == ("model", "")
    assert kind(pod("elsewhere"), Node()) == ("model", "Modelled")
    assert kind(pod("elsewhere"), Node(), "process") == ("process", "")
    assert kind(pod(), Node()) == ("model", "")
    assert kind(pod("there"), Node(), "proces") == ("process", "RuntimeIgnored")
    assert kind(pod("there"), Unable()) == ("model", "Modelled")
    assert kind(pod("there"), Node(), asks="shop") == ("model", "Modelled")
    assert kind(pod("there"), Node(), "process", asks="shop") == ("process", "")


# probes


def test_readiness_is_what_the_probe_says(tmp_path: Path) -> None:
    """By httpGet at a named port, by tcpSocket, by a command with the pod's environment: not ready before, then ready."""
    probes = {
        "http": {"httpGet": {"path": "/ready", "port": "web"}},
        "tcp": {"tcpSocket": {"port": 8080}},
        "exec": {"exec": {"command": ["sh", "-c", 'test "$POD_NAME" = exec']}},
    }

    async def story(node: RealNode) -> None:
        ports = [{"name": "web", "containerPort": 8080}]
        node.create(
            *(pod(*SERVER, name=name, ports=ports, readinessProbe=probe | {"periodSeconds": 1}) for name, probe in probes.items())
        )
        running = await node.until(lambda found: "running" in first(found).get("state", {}), "http")
        assert not is_ready(running)
        for name in probes:
            await node.until(is_ready, name)

    on_real_node(tmp_path, story)


def test_readiness_can_be_lost_and_come_back(tmp_path: Path) -> None:
    """After `failureThreshold` bad answers the pod is unready, without a restart; after a good one it is ready again."""
    flag = tmp_path / "unready"
    probe = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}

    async def story(node: RealNode) -> None:
        node.create(pod(*SERVER, readinessProbe=probe, env=[{"name": "UNREADY_FILE", "value": str(flag)}]))
        await node.until(is_ready)
        flag.touch()
        lost = await node.until(lambda found: not is_ready(found))
        flag.unlink()
        back = await node.until(is_ready)

        assert "running" in first(lost)["state"]
        assert first(back)["restartCount"] == 0
        assert "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503" in node.told()

    on_real_node(tmp_path, story)


def test_who_never_listens_is_told_of_as_the_kubelet_does(tmp_path: Path) -> None:
    """Connection refused for readiness; the liveness probe has it killed, and it is started again."""
    http = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1}
    slow = {"exec": {"command": ["sleep", "5"]}, "periodSeconds": 1, "failureThreshold": 1}

    async def story(node: RealNode) -> None:
        node.create(
            pod("sleep", "60", readinessProbe=http, livenessProbe=http | {"failureThreshold": 2}),
            pod("sleep", "60", name="slow", livenessProbe=slow),
        )
        found = await node.until(restarts(1))
        await node.until(restarts(1), "slow")

        where = f"{found['status']['podIP']}:8080"
        told = node.told()
        failed = f'probe failed: Get "http://{where}/healthz": dial tcp {where}: connect: connection refused'
        assert f"Unhealthy: Readiness {failed}" in told
        assert f"Unhealthy: Liveness {failed}" in told
        assert 'Unhealthy: Liveness probe failed: command timed out: "sleep 5" timed out after 1s' in told
        assert "Killing: Container app failed liveness probe, will be restarted" in told
        assert first(found)["lastState"]["terminated"]["exitCode"] == 143

    on_real_node(tmp_path, story)


def test_a_startup_probe_holds_the_others_back(tmp_path: Path) -> None:
    """Neither ready nor killed by its liveness probe before the startup probe has passed."""
    flag = tmp_path / "started"
    startup = {"exec": {"command": ["test", "-e", str(flag)]}, "periodSeconds": 1, "failureThreshold": 30}
    good = {"exec": {"command": ["test", "-e", str(flag)]}, "periodSeconds": 1, "failureThreshold": 1}

    async def story(node: RealNode) -> None:
        node.create(pod("sleep", "60", startupProbe=startup, readinessProbe=good, livenessProbe=good))
        held = await node.until(lambda found: "Startup probe failed" in node.told())
        flag.touch()
        passed = await node.until(is_ready)

        assert (first(held)["started"], first(held)["ready"]) == (False, False)
        assert (first(passed)["started"], first(passed)["restartCount"]) == (True, 0)

    on_real_node(tmp_path, story)


# the end


def test_the_hook_is_run_before_the_signal(tmp_path: Path) -> None:
    """exec with the pod's environment, httpGet at its address, sleep: each before SIGTERM, to which the process answers."""
    said = tmp_path / "said"
    trap = f"trap 'echo told >> {said}; exit 0' TERM; touch {said}; while :; do sleep 0.05; done"
    hook = {"exec": {"command": ["sh", "-c", f"echo hook of $POD_NAME >> {said}"]}}

    async def story(node: RealNode) -> None:
        ready = {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}
        node.create(
            shell(trap, name="exec", lifecycle={"preStop": hook}),
            pod(*SERVER, name="http", readinessProbe=ready, lifecycle={"preStop": {"httpGet": {"path": "/stop", "port": 8080}}}),
            pod("sleep", "60", name="sleep", lifecycle={"preStop": {"sleep": {"seconds": 1}}}),
            pod("sleep", "60", name="wrong", lifecycle={"preStop": {"exec": {"command": ["nope"]}}}),
        )
        await node.until(is_ready, "http")
        await eventually(said.exists)
        deleted_s = node.delete("sleep")
        for name in ("exec", "http", "wrong"):
            node.delete(name)
        over = await node.until(terminated, "http")
        printed = node.sandbox.logs("default", "http").splitlines()
        await node.until(terminated, "sleep")
        took_s = asyncio.get_running_loop().time() - deleted_s
        await node.gone("exec")

        assert said.read_text().splitlines() == ["hook of exec", "told"]
        assert printed[-3:] == ["1.2.0 asked to stop", "1.2.0 told to end", "1.2.0 ends"]
        assert (terminated(over)["exitCode"], terminated(over)["reason"]) == (0, "Completed")
        assert 1 <= took_s < 5
        assert "FailedPreStopHook: PreStopHook failed: OCI runtime exec failed: exec failed: " in node.told()

    on_real_node(tmp_path, story)


def test_who_ignores_the_signal_is_killed_after_the_grace_period(tmp_path: Path) -> None:
    """137; the hook's time is part of the period, and after it two seconds are left at least. Less grace is sooner."""
    deaf = pod(*SERVER, env=[{"name": "ON_SIGTERM", "value": "ignore"}], spec={"terminationGracePeriodSeconds": 1})
    patient = pod(*SERVER, name="patient", env=[{"name": "ON_SIGTERM", "value": "ignore"}])
    hooked = shell(
        "trap '' TERM; while :; do sleep 1; done", name="hooked", spec={"terminationGracePeriodSeconds": 1},
        lifecycle={"preStop": {"exec": {"command": ["sleep", "20"]}}},
    )  # fmt: skip

    async def story(node: RealNode) -> None:
        node.create(deaf, patient, hooked)
        for name in ("web", "patient"):
            await node.logged("listens", name)
        await node.until(is_ready, "hooked")
        deleted_s = node.delete("hooked")
        node.delete("patient")
        node.delete("web")
        over = await node.until(terminated)
        took_s = asyncio.get_running_loop().time() - deleted_s
        await node.logged("ignores SIGTERM", "patient")
        assert not terminated(await node.until(lambda found: True, "patient"))
        node.delete("patient", grace_s=0)
        await node.gone("patient")
        assert took_s >= 1
        assert (terminated(over)["exitCode"], terminated(over)["reason"]) == (137, "Error")
        await node.until(terminated, "hooked")
        assert 3 <= asyncio.get_running_loop().time() - deleted_s < 8
        assert "FailedPreStopHook: PreStopHook failed: not over within the grace period of 1s" in node.told()

    on_real_node(tmp_path, story)


def test_nothing_of_a_container_outlives_it(tmp_path: Path) -> None:
    """Children, and those in sessions of their own, end with it, whether it ended by itself or was deleted by force."""
    family = "setsid sleep 1000 & sleep 1000 & (sleep 1000 &)"

    async def story(node: RealNode) -> None:
        before = marked()
        node.create(
            named("1", shell(f"{family}; exit 0", spec=ONCE)),
            named("2", shell(f"{family}; exec sleep 1000", name="forced")),
        )
        await node.until(terminated)
        await eventually(lambda: marked() - before >= 4)
        node.delete("forced", grace_s=0)

        await eventually(lambda: marked() == before)

    on_real_node(tmp_path, story)


# restarts and output


def test_who_dies_comes_back_later_and_later(tmp_path: Path) -> None:
    """A second later at first, then after a back-off; what it printed is kept, and that of the run before."""

    async def story(node: RealNode) -> None:
        node.create(shell('echo "to stdout"; echo "to stderr" >&2; exit 3'))
        again = await node.until(restarts(1))
        waiting = await node.until(waits_as("CrashLoopBackOff"))

        over = first(again)["lastState"]["terminated"]
        assert (over["exitCode"], over["reason"]) == (3, "Error")
        assert "back-off 10s restarting failed container=app pod=web_default" in first(waiting)["state"]["waiting"]["message"]
        assert node.sandbox.logs("default", "web") == "to stdout\nto stderr\n"
        assert node.sandbox.logs("default", "web", previous=True, tail_lines=1) == "to stderr\n"

    on_real_node(tmp_path, story)


def test_a_port_in_use_is_the_apps_own_word(tmp_path: Path) -> None:
    """Its traceback is in its log, where `deploy` and `kubectl logs` find it."""

    async def story(node: RealNode) -> None:
        node.create(pod("sleep", "60", name="before"))
        address = (await node.until(is_ready, "before"))["status"]["podIP"]
        with socket.socket() as taken:
            taken.bind((process_address(process_address_number(address) + 1), 8080))
            taken.listen()
            node.create(pod(*SERVER))
            await node.until(restarts(1))
            assert "address already in use" in node.sandbox.logs("default", "web", previous=True)

    on_real_node(tmp_path, story)


def test_who_has_the_port_that_a_pod_could_not_have_is_said(tmp_path: Path) -> None:
    """In the container's state, where `deploy` and `kubectl describe` look; one that fails otherwise accuses nobody."""
    listens = (
        "import socket, time; s = socket.socket(); s.bind(('', 0)); s.listen(); print('at', s.getsockname()[1], flush=True); "
        "time.sleep(60)"
    )
    wants = "import socket, sys; s = socket.socket(); s.bind(('', int(sys.argv[1])))"

    async def story(node: RealNode) -> None:
        node.create(pod(sys.executable, "-c", listens, name="first"))
        await node.until(is_ready, "first")
        await node.logged("at ", "first")
        port = node.sandbox.logs("default", "first").split()[-1]
        declared: list[Obj] = [{"containerPort": int(port)}]
        node.create(pod(sys.executable, "-c", wants, port, name="second", spec=ONCE, ports=declared))
        node.create(shell("exit 3", name="third", spec=ONCE, ports=declared))
        said = terminated(await node.until(terminated, "second"))
        assert f"port {port} is taken by pod first: " in said["message"]
        assert "listen on $POD_IP" in said["message"]
        assert "message" not in terminated(await node.until(terminated, "third"))

    on_real_node(tmp_path, story)


def test_a_pod_that_is_gone_is_silent(tmp_path: Path) -> None:
    """As its network is gone with it: who sends there waits. Where a process alone has ended, it is refused."""
    ports: list[Obj] = [{"containerPort": 8080}]

    async def story(node: RealNode) -> None:
        node.create(shell("exit 0", name="ended", spec=ONCE, ports=ports), pod(*SERVER, ports=ports))
        ended = await node.until(lambda found: terminated(found), "ended")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(ended["status"]["podIP"], 8080)

        await node.logged("listens")
        address = node.store.get(POD, "default", "web")["status"]["podIP"]
        node.delete()
        await node.gone()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await asyncio.open_connection(address, 8080)

    on_real_node(tmp_path, story)


def test_containers_live_and_die_each_for_itself(tmp_path: Path) -> None:
    """One crashes and comes back, the other runs on; the pod is ready when both are."""
    made = shell("sleep 60")
    made["spec"]["containers"].append({"name": "other", "image": "x:1", "command": ["sh", "-c", "sleep 0.3; exit 1"]})

    async def story(node: RealNode) -> None:
        node.create(made)
        found = await node.until(lambda found: found["status"].get("containerStatuses", [{}, {}])[-1].get("restartCount"))
        mine, other = found["status"]["containerStatuses"]

        assert (mine["restartCount"], mine["ready"]) == (0, True)
        assert (other["restartCount"], other["lastState"]["terminated"]["exitCode"]) == (1, 1)

    on_real_node(tmp_path, story)


def test_a_flood_of_output_is_bounded_and_holds_nobody_up(tmp_path: Path) -> None:
    """The files stay small, the newest lines are in them, and the loop has its turns meanwhile."""

    async def story(node: RealNode) -> None:
        node.create(shell("yes | head -c 1000000; echo last", spec=ONCE))
        turns, ending = 0, asyncio.ensure_future(node.until(terminated))
        while not ending.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert node.sandbox.logs("default", "web", tail_lines=1) == "last\n"
        assert turns > 10  # more often than the pipe was emptied

    on_real_node(tmp_path, story)
    sizes = [path.stat().st_size for path in tmp_path.glob("logs/*/app/*")]
    assert len(sizes) == 2
    assert max(sizes) <= MOST_BYTES


def test_addresses_come_again_late(tmp_path: Path) -> None:
    """Each pod has its own; one that is gone is not given to the next, which its old clients would take for it."""

    async def story(node: RealNode) -> None:
        node.create(pod("sleep", "60"), pod("sleep", "60", name="other"))
        found = [(await node.until(is_ready, name))["status"]["podIP"] for name in ("web", "other")]
        node.delete("web", grace_s=0)
        await node.gone()
        node.create(pod("sleep", "60"))
        found.append((await node.until(is_ready))["status"]["podIP"])

        assert len(set(found)) == 3

    on_real_node(tmp_path, story)


def test_the_sandbox_leaves_none_when_it_stops(tmp_path: Path) -> None:
    """Its processes, their children and the one that guards them are gone, and nothing is written down any more."""
    before = marked()

    async def story(node: RealNode) -> None:
        node.create(named("3", shell("trap '' TERM; setsid sleep 1000 & while :; do sleep 1; done")))
        await node.until(is_ready)
        await eventually(lambda: marked() >= before + 2)

    on_real_node(tmp_path, story)
    assert marked() == before
    assert not list((tmp_path / "processes").glob("*"))


def test_who_ran_while_no_node_looked_is_lost(tmp_path: Path) -> None:
    """A sandbox that is told to run nothing does not pretend that an earlier one's process still answers: it was lost."""

    async def run(store: Store, *, is_off: bool, holds: Callable[[Obj], Any]) -> Obj:
        async with Sandbox(store=store, processes=ProcessNode(store, tmp_path, now, is_off=is_off)) as sandbox:
            if store.find(POD, "default", "web") is None:
                RealNode(sandbox).create(pod("sleep", "60"))
            return await RealNode(sandbox).until(holds)

    async def both() -> Obj:
        store = Store()
        await run(store, is_off=False, holds=is_ready)
        return await run(store, is_off=True, holds=lambda found: restarts(1)(found) and is_ready(found))

    found = asyncio.run(both())
    over = first(found)["lastState"]["terminated"]
    assert (over["exitCode"], over["reason"]) == (255, "Unknown")
