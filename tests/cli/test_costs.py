"""What a release in a process of its own costs over its pods' own time, in counts: requests, connections, what is imported."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from rollway.kube.objects import NAMESPACE
from rollway.sandbox.serving.http import application
from rollway.sandbox.world import Sandbox

from tests.support.fake_api import certificate, kubeconfig, serving, tls_of

RELEASE = "app: shop\nmanifests: [app.yaml]\nstrategies:\n  blueGreen: {scaleDownDelaySeconds: 0}\n"
APP = """
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
      annotations: {sandbox.rollway.dev/behaviour: "{pull: 0s, start: 0s, stop: 0s}"}
    spec: {containers: [{name: shop, image: "registry.example.com/shop:TAG", ports: [{containerPort: 8080}]}]}
"""
PROGRAM = "import sys; from rollway.cli.main import main; code = main(sys.argv[1:]); print(code, *sys.modules)"
NOT_ASKED_FOR = (
    "jinja2", "rich", "requests", "rollway.compare", "rollway.sandbox", "rollway.load.report", "rollway.load.target",
    "rollway.release.notify", "rollway.release.probe", "rollway.release.sources", "rollway.release.web",
    "rollway.cli.several", "rollway.cli.verbs.compare", "rollway.cli.views.plan_text", "rollway.ship.status",
)  # fmt: skip
"""Of a release without a probe, gates, receivers, on no terminal."""


@dataclass
class Cost:
    requests: Counter[str] = field(default_factory=Counter)
    connections: set[object] = field(default_factory=set)
    modules: frozenset[str] = frozenset()

    @web.middleware
    async def count(self, request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:  # type: ignore[type-arg]
        self.requests[f"{request.method} {request.path}"] += 1
        self.connections.add(request.transport)
        answer: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return answer


async def _cost(folder: Path, strategy: str, *words: str) -> Cost:
    """Of that command about the third version: blue-green has both of its sides by then."""
    (folder / "deploy.yaml").write_text(RELEASE)
    crt, key = certificate(folder / "tls")
    async with Sandbox() as sandbox:
        sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        app = application(sandbox.api, logs=sandbox.logs)
        cost = Cost()
        app.middlewares.append(cost.count)
        async with serving(app, tls_of(crt, key)) as host:
            environment = {**os.environ, "KUBECONFIG": kubeconfig(folder, host, **{"certificate-authority": crt})}
            for tag, command in (("1", ("apply", strategy)), ("2", ("apply", strategy)), ("3", words)):
                cost.requests.clear()
                cost.connections.clear()
                (folder / "app.yaml").write_text(APP.replace("TAG", tag))
                cost.modules = await _modules(folder, environment, *command)
    return cost


async def _modules(folder: Path, environment: Mapping[str, str], *words: str) -> frozenset[str]:
    """What that command imports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, *words,
        cwd=folder, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    code, *modules = out.decode().splitlines()[-1].split()
    assert code == "0", err.decode()
    return frozenset(modules)


@pytest.mark.parametrize(("strategy", "requests", "connections"), [("ramped", 12, 5), ("blue-green", 16, 5)])
def test_an_upgrade(tmp_path: Path, strategy: str, requests: int, connections: int) -> None:
    """No more requests than were agreed on; a connection, and its handshake, for what is asked at the same time and for each
    watch; and nothing is imported that it does not need."""
    cost = asyncio.run(_cost(tmp_path, strategy, "apply", strategy))

    assert cost.requests.total() <= requests, "\n".join(map(str, cost.requests.items()))
    assert len(cost.connections) <= connections
    assert sorted(cost.modules.intersection(NOT_ASKED_FOR)) == []


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        (
            "status",
            ("rollway.cluster.execute", "rollway.preflight", "rollway.ship.run", "rollway.load.report", "rollway.sandbox"),
        ),
        ("status -o json", ("rollway.ship.many", "rollway.ship.run", "rollway.load.report")),
        ("plan", ("rollway.gates.judges", "rollway.ship.foreseeing", "rollway.release.gates", "rollway.ship.status")),
        ("rollback", ("rollway.preflight", "rollway.cli.views.check_text", *NOT_ASKED_FOR[:-4])),
    ],
)
def test_another_verb(tmp_path: Path, words: str, unneeded: tuple[str, ...]) -> None:
    """A look starts no release, and a plan without gates forecasts none."""
    cost = asyncio.run(_cost(tmp_path, "ramped", *words.split()))

    assert sorted(cost.modules.intersection(unneeded)) == []


def test_a_comparison(tmp_path: Path) -> None:
    """A release without gates is rehearsed and shown without what measures and judges for them."""
    (tmp_path / "deploy.yaml").write_text(RELEASE)
    (tmp_path / "app.yaml").write_text(APP)
    unneeded = ("rollway.release.gates", "rollway.gates.judges", "rollway.measure.port", "rollway.load", "rollway.ship.power")

    imported = asyncio.run(_modules(tmp_path, os.environ, "compare", "--strategies", "ramped", "--seeds", "1"))

    assert "rollway.compare.rehearsal" in imported
    assert sorted(imported.intersection(unneeded)) == []
