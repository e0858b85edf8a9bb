"""Releases on a real cluster: the one that $KUBECONFIG names, in namespaces of their own, with images from the environment.

Nothing runs but with `-m live`; what is not set is a reason to skip.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from rollway.cluster.client import KubeClient, connect
from rollway.errors import NotFound
from rollway.health.pods import is_ready
from rollway.kube.objects import ENDPOINT_SLICE, NAMESPACE, POD, VIRTUAL_SERVICE, Obj, Ref, get, labels_of, merged

DEPLOY = Path(sys.executable).with_name("deploy")
REPLICAS = 2
WITHIN_S = 600


class Given(NamedTuple):
    """What the environment says."""

    v1: str
    v2: str
    bad: str
    pod_patch: Obj


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        return json.loads(self.out)


class Shop:
    """An application in its own namespace, and the command in front of it."""

    def __init__(self, folder: Path, namespace: str, given: Given) -> None:
        self.given = given
        self.namespace = namespace
        self._file = folder / "deploy.yaml"
        (folder / "shop.yaml").write_text(yaml.safe_dump_all(manifests(given)), encoding="utf-8")
        quick = {"progressDeadlineSeconds": 120}
        strategies = {
            "recreate": quick,
            "ramped": quick,
            "blueGreen": {**quick, "scaleDownDelaySeconds": 1},
            "canary": {**quick, "steps": [{"weight": 50}]},
            "ab": {**quick, "match": [{"headers": {"x-version": {"exact": "2"}}}]},
        }
        release = {"app": "shop", "namespace": namespace, "manifests": ["shop.yaml"], "strategies": strategies}
        self._file.write_text(yaml.safe_dump(release), encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [DEPLOY, *words, "-f", str(self._file)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __call__(self, *words: str) -> Ended:
        process = self.start(*words)
        out, err = process.communicate(timeout=WITHIN_S)
        return Ended(process.returncode, out, err)

    def apply(self, strategy: str, image: str, *words: str) -> Ended:
        return self("apply", strategy, "--image", image, *words)

    def serves(self, image: str) -> bool:
        """Whether the Service reaches as many ready pods as are wanted, all of them of that image, and nothing is under way."""
        status = self("status", "-o", "json").document
        images, endpoints = on_cluster(self._standing)
        is_done = status["phase"] in ("Promoted", "RolledBack") and not status["lock"]
        return is_done and images == [image] * REPLICAS and endpoints == REPLICAS

    async def _standing(self, client: KubeClient) -> tuple[list[str], int]:
        """The images of the pods that are ready and reached, and how many endpoints the Service has."""
        slices = [s for s in await client.list(ENDPOINT_SLICE, self.namespace) if of_service(s) == "shop"]
        ends = [end for s in slices for end in s.get("endpoints") or () if get(end, "conditions", "ready")]
        reached = {get(end, "targetRef", "name") for end in ends}
        pods = [pod for pod in await client.list(POD, self.namespace) if is_ready(pod) and pod["metadata"]["name"] in reached]
        return [pod["spec"]["containers"][0]["image"] for pod in pods], len(reached)


def of_service(piece: Obj) -> str:
    return labels_of(piece).get("kubernetes.io/service-name", "")


def manifests(given: Given) -> list[Obj]:
    labels = {"app": "shop"}
    template = merged({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "shop"}]}}, given.pod_patch)
    template["spec"]["containers"][0]["image"] = given.v1
    workload = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    service = {"selector": labels, "ports": [{"name": "http", "port": 80}]}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": service},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": workload},
    ]


def on_cluster(ask: Callable[[KubeClient], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        async with await connect() as client:
            return await ask(client)

    return asyncio.run(main())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A real cluster is touched only where that was asked for."""
    if "live" not in config.getoption("-m"):
        items[:] = [item for item in items if "tests/live/" not in item.nodeid or item.get_closest_marker("live") is None]


@pytest.fixture(scope="session")
def given() -> Given:
    names = ("KUBECONFIG", "ROLLWAY_LIVE_IMAGE_V1", "ROLLWAY_LIVE_IMAGE_V2", "ROLLWAY_LIVE_IMAGE_BAD")
    if missing := [name for name in names if not os.environ.get(name)]:
        pytest.skip(f"not set: {', '.join(missing)} (see CONTRIBUTING.md)")
    patch = json.loads(os.environ.get("ROLLWAY_LIVE_POD_PATCH") or "{}")
    return Given(*(os.environ[name] for name in names[1:]), pod_patch=patch)


@pytest.fixture(scope="session")
def has_istio(given: Given) -> bool:
    async def ask(client: KubeClient) -> bool:
        try:
            await client.list(VIRTUAL_SERVICE, "default")
        except NotFound:
            return False
        return True

    return bool(on_cluster(ask))


@pytest.fixture(params=["recreate", "ramped", "blue-green", "canary", "ab"])
def strategy(request: pytest.FixtureRequest, has_istio: bool) -> str:
    if request.param == "ab" and not has_istio:
        pytest.skip("ab: the cluster has no Istio (its CRDs are missing)")
    return str(request.param)


@pytest.fixture
def shop(given: Given, strategy: str, tmp_path: Path) -> Iterator[Shop]:
    """At its first version; removed with its namespace, however the test ends."""
    name = f"rollway-live-{secrets.token_hex(4)}"
    namespace = {"apiVersion": "v1", "kind": NAMESPACE.name, "metadata": {"name": name}}
    on_cluster(lambda client: client.create(namespace))
    try:
        shop = Shop(tmp_path, name, given)
        first = shop.apply(strategy, given.v1)
        assert first.code == 0, first.err
        yield shop
    finally:
        on_cluster(lambda client: client.delete(Ref("v1", NAMESPACE.name, "", name)))
