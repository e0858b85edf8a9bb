"""Finding a cluster and logging in; and every way in which that goes wrong, told with what to try."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rollway.cluster.client import connect
from rollway.cluster.kubeconfig import Access, load_access
from rollway.cluster.wire import Timing
from rollway.errors import Unreachable
from rollway.kube.objects import Ref

from tests.support.fake_api import FAST, IMPATIENT, FakeApi, answer, certificate, kubeconfig, tls_of

WEB = Ref("apps/v1", "Deployment", "shop", "web")
LIVE = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}


def access(context: str | None = None, path: str | None = None) -> Access:
    return asyncio.run(load_access(context, path))


def failure(what: Awaitable[Any]) -> Unreachable:
    async def main() -> None:
        await what

    with pytest.raises(Unreachable) as caught:
        asyncio.run(main())
    assert caught.value.hint
    return caught.value


async def get_once(path: str, context: str | None = None, timing: Timing = FAST) -> Any:
    async with await connect(kubeconfig=path, context=context, timing=timing) as client:
        return await client.get(WEB)


def plugin(folder: Path, *lines: str) -> dict[str, Any]:
    """A credential plugin that runs these lines of Python."""
    (folder / "plugin.py").write_text("\n".join(lines), encoding="utf-8")
    command = {"command": sys.executable, "args": [str(folder / "plugin.py")], "installHint": "install it with pipx"}
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", **command}}


def test_the_context_says_where_and_as_whom(tmp_path: Path) -> None:
    """The current context by default; its namespace is the default one."""
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")

    found, other = access(path=path), access("other", path)

    assert (found.context, found.namespace, found.host) == ("fake", "shop", "http://127.0.0.1:1")
    assert other.context == "other"


def test_kubeconfigs_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """$KUBECONFIG may list several files; those that do not exist are passed over."""
    path = kubeconfig(tmp_path, "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path / "none"), path]))

    assert access().context == "fake"


def test_no_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none the error names the file that was looked for."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))

    error = failure(connect())

    assert "none does not exist" in error.summary
    assert "--sandbox" in error.hint


def test_a_wrong_context(tmp_path: Path) -> None:
    """The contexts that there are are named."""
    error = failure(connect(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:1"), context="prod"))

    assert "no context prod" in error.summary
    assert "fake, other" in error.hint


@pytest.mark.parametrize("content", ["", "[]", "contexts: 7", "{", "just words"])
def test_a_broken_kubeconfig(tmp_path: Path, content: str) -> None:
    """It is told as what it is, never by a traceback."""
    (tmp_path / "config").write_text(content, encoding="utf-8")

    failure(connect(kubeconfig=str(tmp_path / "config")))


def test_a_missing_client_certificate(tmp_path: Path) -> None:
    """A file that the kubeconfig names and that is not there."""
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", user={"client-certificate": "none.crt", "client-key": "none.key"})

    assert "none.crt" in failure(connect(kubeconfig=path)).summary


def test_a_context_without_user(tmp_path: Path) -> None:
    """Some clusters want no credentials."""
    path = kubeconfig(tmp_path, "https://127.0.0.1:1", user={})

    assert "BearerToken" not in access(path=path).configuration.api_key


def test_a_credential_plugin(tmp_path: Path) -> None:
    """Its token is sent."""
    credential = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "status": {"token": "from-plugin"}}
    api = FakeApi()
    api.otherwise = answer(LIVE)

    async def main() -> None:
        async with api.serving() as host:
            await get_once(kubeconfig(tmp_path, host, user=plugin(tmp_path, f"print({json.dumps(credential)!r})")))

    asyncio.run(main())

    assert api.headers[0]["Authorization"] == "Bearer from-plugin"


@pytest.mark.parametrize(
    ("lines", "seen"), [(("raise SystemExit('please log in')",), "please log in"), (("print('hello')",), "failed to decode")]
)
def test_a_credential_plugin_that_fails(tmp_path: Path, lines: tuple[str, ...], seen: str) -> None:
    """What it said is in the error, and how to run it by hand in the hint."""
    error = failure(connect(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1:1", user=plugin(tmp_path, *lines))))

    assert seen in error.summary
    assert "plugin.py` by hand" in error.hint
    assert "install it with pipx" in error.hint


@pytest.mark.filterwarnings("ignore::DeprecationWarning:kubernetes.aio.config.openid", "ignore:.*is deprecated, use ssl=")
def test_an_identity_provider_that_hangs_up(tmp_path: Path) -> None:
    """The token has expired, and whoever gives new ones (OpenID Connect) closes the connection: said, with how to log in."""

    def part(data: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async def login() -> None:
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            login = {"client-id": "deploy", "id-token": f"{part({})}.{part({'exp': 1})}.x", "refresh-token": "r"}
            provider = {"name": "oidc", "config": {**login, "client-secret": "s", "idp-issuer-url": issuer}}
            content = {
                "current-context": "prod",
                "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "alice"}}],
                "clusters": [{"name": "prod", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "alice", "user": {"auth-provider": provider}}],
            }
            path = tmp_path / "config"
            path.write_text(json.dumps(content))
            await load_access(None, str(path))

    with pytest.raises(Unreachable, match="no credentials for context prod") as caught:
        asyncio.run(login())

    assert caught.value.hint == "log in again with oidc, as user alice"


def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no kubeconfig and the environment is a pod's."""
    for name, content in (
        ("token", "pod-token"),
        ("ca.crt", Path(certificate(tmp_path / "ca")[0]).read_text()),
        ("namespace", "jobs\n"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    monkeypatch.setenv("ROLLWAY_SERVICE_ACCOUNT", str(tmp_path))

    found = access()

    assert (found.host, found.namespace, found.context) == ("https://127.0.0.1:6443", "jobs", "in-cluster")
    assert "pod-token" in found.configuration.api_key["BearerToken"]


def test_nobody_listens(tmp_path: Path) -> None:
    """The address and the context are in the error, the other contexts in the hint."""
    error = failure(get_once(kubeconfig(tmp_path, "http://127.0.0.1:1"), timing=IMPATIENT))

    assert error.summary == "http://127.0.0.1:1 (context fake) cannot be reached: connection refused"
    assert "other contexts: other" in error.hint


def test_a_name_that_is_none(tmp_path: Path) -> None:
    """A server's name that does not resolve is said to be that, however long it takes to find that out."""
    patient = replace(IMPATIENT, connect=30.0, read=30.0)
    error = failure(get_once(kubeconfig(tmp_path, "http://nowhere.invalid:1"), timing=patient))

    assert "its name cannot be resolved" in error.summary


@pytest.mark.parametrize("server", ["http://", "not a url", "http://[::1"])
def test_an_address_that_is_none(tmp_path: Path, server: str) -> None:
    """A server that is no URL is told as that."""
    assert "is no address of a cluster" in failure(get_once(kubeconfig(tmp_path, server))).summary


@pytest.mark.parametrize("other_ca", [False, True])
def test_a_certificate_that_is_not_trusted(tmp_path: Path, other_ca: bool) -> None:
    """Neither without an authority nor with another cluster's; the attempt is not repeated."""
    crt, key = certificate(tmp_path / "server")
    tls = tls_of(crt, key)
    trusted = {"certificate-authority": certificate(tmp_path / "other")[0]} if other_ca else {}

    async def main() -> None:
        async with FakeApi().serving(tls) as host:
            await get_once(kubeconfig(tmp_path, host, **trusted))

    error = failure(main())

    assert "no trusted connection" in error.summary
    assert "certificate authority" in error.hint


def test_a_certificate_that_is_trusted(tmp_path: Path) -> None:
    """With the cluster's own authority in the kubeconfig."""
    crt, key = certificate(tmp_path / "server")
    tls = tls_of(crt, key)
    api = FakeApi()
    api.otherwise = answer(LIVE)

    async def main() -> Any:
        async with api.serving(tls) as host:
            return await get_once(kubeconfig(tmp_path, host, **{"certificate-authority": crt}))

    assert asyncio.run(main()) == LIVE


def test_https_that_is_http(tmp_path: Path) -> None:
    """A server that does not speak TLS is told as that."""

    async def main() -> None:
        async with FakeApi().serving() as host:
            await get_once(kubeconfig(tmp_path, host.replace("http:", "https:")))

    assert "no trusted connection" in failure(main()).summary


def test_ten_seconds_are_the_longest() -> None:
    """A server that cannot be reached is told within ten seconds, whatever the way in which it cannot."""
    timing = Timing()

    assert timing.first_patience + timing.connect < 10
    assert timing.read + timing.longest_pause <= 10
