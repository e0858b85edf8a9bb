"""Servers inside the cluster: which addresses name one, and how it is asked where this machine has no way there."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from rollway.cluster.port import Asking
from rollway.errors import ApiError, Unreachable
from rollway.measure.inside import Inside, inside
from rollway.measure.port import Unmeasured
from rollway.measure.web import MOST_BYTES, Web
from rollway.release.sources import HttpOptions

ADDRESS = "http://prometheus.monitoring:9090/prom?x=1"


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("http://prometheus.monitoring:9090", Inside("monitoring", "prometheus:9090")),
        ("http://prometheus.monitoring.svc:9090/x", Inside("monitoring", "prometheus:9090")),
        ("http://prometheus.monitoring.svc.cluster.local", Inside("monitoring", "prometheus:80")),
        ("https://prometheus.monitoring.svc.acme.internal.", Inside("monitoring", "https:prometheus:443")),
        ("http://prometheus:9090", Inside("web", "prometheus:9090")),
        ("http://localhost:9090", None),
        ("http://127.0.0.1:9090", None),
        ("http://[::1]:9090", None),
        ("http://prometheus.example.com", None),
        ("http://{{ service }}.web:80", None),
        ("http://prometheus.monitoring:port", None),
    ],
)
def test_which_service_an_address_names(address: str, named: Inside | None) -> None:
    assert inside(address, "web") == named


class Proxy:
    """A cluster whose API server passes requests on, and remembers them."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[Asking] = []

    async def ask_service(self, asking: Asking) -> tuple[int, bytes]:
        self.asked.append(asking)
        if isinstance(self._answer, Exception):
            raise self._answer
        if self._answer is None:
            await asyncio.sleep(60)
        found: tuple[int, bytes] = self._answer
        return found


def asked(proxy: Proxy, address: str = ADDRESS, **options: Any) -> tuple[tuple[int, bytes], list[str]]:
    async def story() -> tuple[tuple[int, bytes], list[str]]:
        web = Web(HttpOptions.model_validate(options), proxy, "web")  # type: ignore[arg-type]
        try:
            return await web.ask(address, params={"query": 'up{a="+"}'}), web.ways
        finally:
            await web.close()

    return asyncio.run(story())


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that knows no name."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def test_the_api_server_is_asked_where_the_name_is_not_known() -> None:
    proxy = Proxy((200, b"{}"))
    answer, ways = asked(proxy, headers={"X-Scope-OrgID": "7"})

    assert answer == (200, b"{}")
    assert ways == ["through the API server: Service monitoring/prometheus:9090"]
    (asking,) = proxy.asked
    assert (asking.namespace, asking.name, asking.method) == ("monitoring", "prometheus:9090", "GET")
    assert asking.path == "/prom?x=1&query=up%7Ba%3D%22%2B%22%7D"
    assert asking.headers == {"X-Scope-OrgID": "7"}


def test_a_name_that_is_known_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever runs in the cluster, or has a way in: here to a port where nobody listens."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 1))])
    proxy = Proxy((200, b"{}"))
    with pytest.raises(Unmeasured, match="cannot be reached"):
        asked(proxy, "http://prometheus.monitoring:1")
    assert not proxy.asked


def test_other_names_are_none_of_the_api_server_s() -> None:
    proxy = Proxy((200, b"{}"))
    with pytest.raises(Unmeasured, match="cannot be reached"):
        asked(proxy, "http://prometheus.example.com:9090")
    assert not proxy.asked


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ApiError(404, "NotFound", 'services "prometheus" not found'), 'monitoring/prometheus:9090: services "prometheus" not'),
        (ApiError(403, "Forbidden", "cannot get resource services/proxy"), "cannot get resource services/proxy"),
        (Unreachable("the cluster cannot be reached"), "cannot be reached"),
        ((302, b""), "redirects elsewhere"),
        ((200, b"x" * (MOST_BYTES + 1)), "larger than 10 MiB"),
        (None, "no answer within 1 s, through the API server"),
    ],
)
def test_what_is_not_passed_on_is_no_figure(answer: Any, said: str) -> None:
    with pytest.raises(Unmeasured, match=said):
        asked(Proxy(answer), timeout=1)


def test_credentials_are_never_sent_to_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take them for its own, or drop them."""
    monkeypatch.setenv("TOKEN", "s3cret")
    proxy = Proxy((200, b"{}"))
    with pytest.raises(Unmeasured, match="keeps credentials for itself") as fault:
        asked(proxy, bearerToken={"env": "TOKEN"})
    assert not proxy.asked
    assert "s3cret" not in str(fault.value)


@pytest.mark.parametrize("name", ["authorization", "AUTHORIZATION", "Proxy-Authorization", "Impersonate-User"])
def test_nor_are_headers_that_it_would_take_for_its_own(name: str) -> None:
    """However they are written."""
    proxy = Proxy((200, b"{}"))
    with pytest.raises(Unmeasured, match="keeps credentials for itself"):
        asked(proxy, headers={name: "admin"})
    assert not proxy.asked


@pytest.mark.parametrize("path", ["/../../../secrets", "/a/..", "/./x", "/%2e%2E/secrets", "/a/.%2e/b?x=1", "/a%2f..%2fb"])
def test_no_path_leads_out_of_the_service(path: str) -> None:
    """A client shortens a path before it sends it: it would be another request of the API server, by this account."""
    proxy = Proxy((200, b"{}"))
    with pytest.raises(Unmeasured, match=r"an address with \. or \.\. in its path"):
        asked(proxy, f"http://prometheus.monitoring:9090{path}")
    assert not proxy.asked


@pytest.mark.parametrize("path", ["/a..b/...", "/x?next=../y", "/%252e%252e/x"])
def test_dots_that_are_names(path: str) -> None:
    proxy = Proxy((200, b"{}"))
    assert asked(proxy, f"http://prometheus.monitoring:9090{path}")[0] == (200, b"{}")
