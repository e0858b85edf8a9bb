"""Clusters that cannot be used: each told in one line, with what to try, as exit 4, soon, and with nothing changed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic  # how long users really wait
from typing import Any

import pytest
from aiohttp import web
from rollway.cli.context import connect
from rollway.cli.options import Where
from rollway.kube.objects import NAMESPACE
from rollway.sandbox.serving.http import application
from rollway.sandbox.world import Sandbox
from shell import EXAMPLE, Outcome, run

from tests.support.fake_api import FakeApi, answer, certificate, in_background, kubeconfig, serving, status, tls_of


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own kubeconfig, sandbox or cluster."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ROLLWAY_SANDBOX_HOME", str(tmp_path / "sandbox"))


def deploy(*words: str) -> Outcome:
    began = monotonic()
    outcome = run(*words, "-f", str(EXAMPLE))
    assert monotonic() - began < 10
    return outcome


def told(outcome: Outcome) -> tuple[str, str]:
    """The error's one line and what to try; of an outcome that is as it should be."""
    lines = outcome.err.splitlines()
    assert outcome.code == 4, outcome
    assert outcome.out == ""
    assert lines[0].startswith("✗ ")
    assert lines[-1].startswith("  try: ")
    assert "Traceback" not in outcome.err
    return lines[0], lines[-1]


# no way to it


def test_a_context_without_a_kubeconfig() -> None:
    summary, hint = told(deploy("status", "--context", "prod"))

    assert "no kubeconfig" in summary
    assert "--sandbox" in hint


@pytest.mark.parametrize("verb", ["apply", "status", "plan", "rollback"])
def test_a_lost_kubeconfig_is_told_as_that(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks on, as in a pipeline, nothing goes to a sandbox that happens to run, nor is one called the cause."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "ROLLWAY_CONTEXT", "ROLLWAY_SANDBOX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CI", "true")
    summary, hint = told(deploy(verb))

    assert "there is no kubeconfig: KUBECONFIG is not set" in summary
    assert "--sandbox" in hint


def test_a_context_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there are named."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "https://127.0.0.1:1"))
    summary, hint = told(deploy("apply", "--context", "prod"))

    assert "has no context prod" in summary
    assert "fake, other" in hint


def test_a_kubeconfig_that_is_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody may ever write to it: it is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'gone'}:{tmp_path / 'pipe'}")
    summary, hint = told(deploy("status"))

    assert summary == f"✗ {tmp_path / 'pipe'} is no kubeconfig: this is a pipe or a device, not a file"
    assert "KUBECONFIG" in hint


def test_a_server_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address and the context; nothing says that anything was done."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"https://127.0.0.1:{free.getsockname()[1]}"
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, address))
        summary, hint = told(deploy("apply"))

    assert summary == f"✗ {address} (context fake) cannot be reached: connection refused"
    assert "kubectl --context fake cluster-info" in hint


def test_a_sandbox_that_was_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kubeconfig is still there: said as what it is, with the command that starts it again."""
    (tmp_path / "sandbox").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        written = Path(kubeconfig(tmp_path / "sandbox", f"https://127.0.0.1:{free.getsockname()[1]}"))
        monkeypatch.setenv("KUBECONFIG", str(written.rename(tmp_path / "sandbox" / "kubeconfig")))
        summary, hint = told(deploy("apply"))

    assert summary == "✗ the sandbox is not running"
    assert hint == "  try: deploy sandbox up"


def test_a_server_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection, and that is all; ten seconds are the longest."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, f"https://127.0.0.1:{silent.getsockname()[1]}"))
        summary, _ = told(deploy("apply"))

    assert "cannot be reached: no connection in time" in summary


def test_a_certificate_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never asked to be trusted all the same."""
    api = FakeApi()
    with in_background(api.serving(tls_of(*certificate(tmp_path / "tls")))) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        summary, hint = told(deploy("apply"))

    assert summary.startswith(f"✗ no trusted connection to {host} (context fake)")
    assert "fetch a new kubeconfig" in hint
    assert api.seen == []


def test_a_token_that_has_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose it is, and that a new one is needed."""
    api = FakeApi()
    api.otherwise = status(401, "Unauthorized", "Unauthorized")
    with in_background(api.serving()) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        summary, hint = told(deploy("apply"))

    assert summary == f"✗ {host} does not accept the credentials of context fake"
    assert hint == "  try: get a new token for user u of context fake: this one has expired or was revoked"


# one that lacks something


@contextlib.asynccontextmanager
async def lacking(what: Any, *namespaces: str) -> AsyncIterator[str]:
    """The embedded cluster with these namespaces; `what` answers a request instead of it, or None."""
    async with Sandbox() as sandbox:
        for name in namespaces:
            sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

        @web.middleware
        async def instead(request: web.Request, handler: Any) -> web.StreamResponse:
            answered = what(request)
            response: web.StreamResponse = await (answered(request) if answered else handler(request))
            return response

        app = application(sandbox.api, logs=sandbox.logs)
        app.middlewares.append(instead)
        async with serving(app) as host:
            yield host


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_a_namespace_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """How to create it; it is never created in silence."""
    with in_background(lacking(lambda _: None)) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        summary, hint = told(deploy(verb))

    assert summary == '✗ namespaces "shop" not found'
    assert "kubectl create namespace shop" in hint


@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_istio_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """ab needs it: what to install, or what else to choose; before anything is changed."""
    changed: list[str] = []

    def without_istio(request: web.Request) -> Any:
        if "networking.istio.io" in request.path:
            return answer("404 page not found\n", 404)
        if request.method in ("PATCH", "PUT") and "dryRun" not in request.query:
            changed.append(request.path)
        return None

    with in_background(lacking(without_istio, "shop")) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        assert deploy("apply", "recreate").code == 0
        changed.clear()
        summary, hint = told(deploy(verb, "ab", "--image", ":2.0.0"))

    assert "the cluster does not serve networking.istio.io/v1" in summary
    assert "istioctl install" in hint
    assert changed == []


def rules(*granted: tuple[str, str, str]) -> Any:
    """Answers the review of one's rights with these alone; forbids nothing by itself."""
    listed = [{"verbs": verbs.split(), "apiGroups": [group], "resources": kinds.split()} for verbs, group, kinds in granted]

    def what(request: web.Request) -> Any:
        if request.path.endswith("selfsubjectrulesreviews"):
            return answer({"status": {"resourceRules": listed, "incomplete": False}}, 201)
        return None

    return what


def test_rights_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them at once, before anything is changed, and the command that prints the Role."""
    some = rules(("*", "", "*"), ("*", "coordination.k8s.io", "*"), ("get list watch", "apps", "*"), ("list", "autoscaling", "*"))
    with in_background(lacking(some, "shop")) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        outcome = deploy("apply", "ramped")
        summary, hint = told(outcome)
        history = deploy("history", "-o", "json").document["revisions"]

    assert summary == "✗ shop cannot be released: 2 rights are missing in namespace shop; nothing was changed"
    assert outcome.err.splitlines()[1:3] == ["  create deployments.apps", "  patch deployments.apps: shop"]
    assert "`deploy rbac --strategy ramped | kubectl apply -f -`" in hint
    assert history == []


def test_a_verb_that_is_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster that does not tell one's rights beforehand: the API server's own words, and the Role."""

    def what(request: web.Request) -> Any:
        if "authorization.k8s.io" in request.path:
            return status(403, "Forbidden", "no reviews here")
        if request.path.endswith("/leases"):
            told = 'leases.coordination.k8s.io is forbidden: User "ci" cannot create resource "leases"'
            return status(403, "Forbidden", told)
        return None

    with in_background(lacking(what, "shop")) as host:
        monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, host))
        summary, hint = told(deploy("apply"))

    assert 'User "ci" cannot create resource "leases"' in summary
    assert "`deploy rbac` prints the Role that is needed" in hint


def test_a_program_is_told_in_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, as one document."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "https://127.0.0.1:1"))
    outcome = deploy("apply", "--context", "prod", "-o", "json")

    assert outcome.code == 4
    assert outcome.document["error"]["exit"] == 4
    assert "fake, other" in outcome.document["error"]["hint"]


@pytest.mark.parametrize(
    ("file", "context", "is_sandbox"),
    [("kubeconfig", "sandbox", True), ("kubeconfig", "other", False), ("copy", "sandbox", False)],
)
def test_the_sandbox_by_its_own_kubeconfig_is_the_sandbox(
    file: str, context: str, is_sandbox: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that namespaces are made there, as with --sandbox; another context of that file, or a copy of it, is any cluster's."""
    monkeypatch.setenv("ROLLWAY_SANDBOX_HOME", str(tmp_path))
    written = Path(kubeconfig(tmp_path, "https://127.0.0.1:1"))
    text = written.read_text(encoding="utf-8").replace("fake", "sandbox")
    (tmp_path / file).write_text(text, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / file))

    async def found() -> bool:
        async with connect(Where(context=context), print) as connected:
            return connected.is_sandbox

    assert asyncio.run(found()) == is_sandbox
