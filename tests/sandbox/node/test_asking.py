"""Pods that do nothing but ask for a Service: `helm test` of what `helm create` writes, and smoke tests in Jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from rollway.kube.clock import now
from rollway.kube.objects import DEPLOYMENT, ENDPOINT_SLICE, EVENT, POD, SERVICE, Obj, get
from rollway.sandbox.node.asking import question
from rollway.sandbox.node.behaviour import BEHAVIOUR
from rollway.sandbox.node.processes.node import ProcessNode
from rollway.sandbox.node.runtime import RUNTIME
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

LABELS = {"app": "shop"}


def on_a_machine(tmp_path: Path, story: Callable[[Sandbox], Awaitable[None]]) -> None:
    """A sandbox that runs pods as processes, where there are some; in virtual time."""

    async def told() -> None:
        store = Store()
        async with Sandbox(store=store, processes=ProcessNode(store, tmp_path, now)) as sandbox:
            spec = {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
            sandbox.api.create(SERVICE, "default", {"metadata": {"name": "shop"}, "spec": spec})
            await story(sandbox)

    run_virtual(told())


def deploy(sandbox: Sandbox, behaviour: str = "") -> None:
    template = {
        "metadata": {"labels": LABELS, "annotations": {BEHAVIOUR: behaviour}},
        "spec": {"containers": [{"name": "app", "image": "shop:1"}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template}
    sandbox.api.create(DEPLOYMENT, "default", {"metadata": {"name": "shop"}, "spec": spec})


def asker(*command: str, args: tuple[str, ...] = (), namespace: str = "default", runtime: str = "") -> Obj:
    container = {"name": "ask", "image": "busybox", "command": list(command), "args": list(args)}
    annotations = {RUNTIME: runtime} if runtime else {}
    return {
        "metadata": {"name": "ask", "namespace": namespace, "annotations": annotations},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }


def ended(sandbox: Sandbox) -> tuple[str, int, str]:
    """(phase, exit code, log) of the pod that asks."""
    live = sandbox.store.get(POD, "default", "ask")
    code = get(live, "status", "containerStatuses", default=[{}])[0]["state"]["terminated"]["exitCode"]
    return live["status"]["phase"], code, sandbox.logs("default", "ask")


def test_who_asks_a_ready_service_has_its_answer(tmp_path: Path) -> None:
    """As on a cluster `helm test` passes: wget of the Service by its name. The log says who would have answered, and that
    nothing was sent; an event, that the pod is modelled."""

    async def story(sandbox: Sandbox) -> None:
        deploy(sandbox)
        await asyncio.sleep(5)
        sandbox.api.create(POD, "default", asker("wget", args=("shop:80",)))
        await asyncio.sleep(5)
        phase, code, log = ended(sandbox)
        assert (phase, code) == ("Succeeded", 0)
        assert log.startswith("shop:80 is answered by pod shop-")
        assert log.endswith("as far as the model goes: it is ready, and nothing was sent\n")
        told = [each["message"] for each in sandbox.store.list(EVENT) if each["involvedObject"]["name"] == "ask"]
        assert "the pod is modelled, not run: it asks for Service shop, and no process is behind it" in told

    on_a_machine(tmp_path, story)


@pytest.mark.parametrize(
    ("command", "code", "log"),
    [
        (("wget", "http://shop.default.svc/"), 1, "wget: can't connect to remote host (10.96.{}:80): Connection refused\n"),
        (("curl", "-sf", "shop:80"), 7, "curl: (7) Failed to connect to shop port 80: Connection refused\n"),
    ],
)
def test_who_asks_a_service_without_a_ready_pod_is_refused(tmp_path: Path, command: tuple[str, ...], code: int, log: str) -> None:
    """With the program's own exit code, and its words."""

    async def story(sandbox: Sandbox) -> None:
        deploy(sandbox, "fails: never-ready")
        await asyncio.sleep(5)
        sandbox.api.create(POD, "default", asker(*command))
        await asyncio.sleep(5)
        address = sandbox.api.get(SERVICE, "default", "shop")["spec"]["clusterIP"].removeprefix("10.96.")
        assert ended(sandbox) == ("Failed", code, log.format(address))

    on_a_machine(tmp_path, story)


@pytest.mark.parametrize(
    ("made", "host"),
    [
        (asker("wget", "-qO-", "shop"), "shop"),
        (asker("/usr/bin/curl", "--max-time", "5", "http://shop:80/health?a=b"), "shop"),
        (asker("sh", "-c", "wget -qO- 'http://shop.default.svc.cluster.local/'"), "shop.default.svc.cluster.local"),
        (asker("wget", "shop.default:80", namespace="other"), "shop.default"),
        (asker("wget", "shop", namespace="other"), None),
        (asker("wget", "shop:81"), None),
        (asker("wget", "https://shop"), None),
        (asker("wget", "http://example.com/"), None),
        (asker("wget", "shop:eighty"), None),
        (asker("sh", "-c", "wget -qO- shop && echo fine"), None),
        (asker("sh", "-c", "wget 'shop"), None),
        (asker("nc", "shop", "80"), None),
        (asker(), None),
    ],
)
def test_what_counts_as_asking(tmp_path: Path, made: Obj, host: str | None) -> None:
    """wget or curl of a name that cluster DNS would know, at one of the Service's ports; also as all that a shell does."""

    async def story(sandbox: Sandbox) -> None:
        found = question(sandbox.store, made)
        assert (found.host if found is not None else None) == host

    on_a_machine(tmp_path, story)


def test_what_a_process_answers_is_asked_for_real(tmp_path: Path) -> None:
    """A pod is modelled for its question's sake only while no process is behind the Service."""

    async def story(sandbox: Sandbox) -> None:
        made = asker("wget", "shop")
        assert question(sandbox.store, made) is not None
        labels = {"kubernetes.io/service-name": "shop"}
        points = [{"addresses": ["127.64.0.9"], "conditions": {"ready": True}}]
        ports = [{"name": "http", "port": 8080, "protocol": "TCP"}]
        meta = {"name": "shop-by-hand", "namespace": "default", "labels": labels}
        made_by_hand = {"metadata": meta, "addressType": "IPv4", "endpoints": points, "ports": ports}
        sandbox.api.create(ENDPOINT_SLICE, "default", made_by_hand)
        assert question(sandbox.store, made) is None

    on_a_machine(tmp_path, story)
