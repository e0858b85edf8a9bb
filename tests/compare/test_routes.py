"""Where the requests of a rehearsal go, by the routes of the Gateway API and ingress-nginx's canaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import byroute
import pytest
from rollway.compare.proxies import ENVOY, KUBE_PROXY, MESH
from rollway.compare.routes import routed
from rollway.kube.objects import HTTP_ROUTE, INGRESS, Kind, Obj
from rollway.routing import gateway, istio
from rollway.routing.traffic import Host, Sticky, Traffic

PREFIX = "nginx.ingress.kubernetes.io/"


class Live:
    """What is live, by kind."""

    def __init__(self, *objects: Obj) -> None:
        self._objects = objects

    def list(self, kind: Kind, namespace: str = "") -> Iterator[Obj]:
        return iter([each for each in self._objects if each["kind"] == kind.name])


def rule(*backends: tuple[str, int], **match: Any) -> Obj:
    refs = [{"name": name, "port": 80, "weight": weight} for name, weight in backends]
    return {"backendRefs": refs, "matches": [{"path": {"type": "PathPrefix", "value": "/"}} | match]}


def header(name: str = "x-canary") -> dict[str, Any]:
    return {"headers": [{"name": name, "value": "1"}]}


def http_route(*rules: Obj) -> Obj:
    return {"kind": HTTP_ROUTE.name, "metadata": {"name": "r", "namespace": "shop"}, "spec": {"rules": list(rules)}}


def ingress(service: str, path: str = "/", **annotations: str) -> Obj:
    notes = {f"{PREFIX}{key.replace('_', '-')}": value for key, value in annotations.items()}
    backend = {"service": {"name": service, "port": {"number": 80}}}
    rules = [{"host": "shop.example.com", "http": {"paths": [{"path": path, "backend": backend}]}}]
    return {
        "kind": INGRESS.name,
        "metadata": {"name": service, "namespace": "shop", "annotations": notes},
        "spec": {"rules": rules},
    }


SPLIT = rule(("shop", 90), ("shop-b", 10))


@pytest.mark.parametrize(
    ("objects", "wanted"),
    [
        ([], {"shop": 1.0}),
        ([http_route(SPLIT)], {"shop": 0.9, "shop-b": 0.1}),
        ([http_route(rule(("shop", 1), ("shop-b", 0)))], {"shop": 1.0}),
        # shares of the sum, an unknown third one included
        ([http_route(rule(("shop", 3), ("shop-b", 1), ("legacy", 4)))], {"shop": 0.375, "shop-b": 0.125, "legacy": 0.5}),
        # another rule's path is not the Service's
        ([http_route(rule(("other", 1), path={"value": "/other"}), SPLIT)], {"shop": 0.9, "shop-b": 0.1}),
        # testers first, wherever their rule stands; they name the new version alone
        ([http_route(SPLIT, rule(("shop-b", 1), **header()))], {"shop": 0.72, "shop-b": 0.28}),
        # nobody brings a cookie along that only a sticky route gives
        ([http_route(rule(("shop-b", 1), **header("Cookie")), SPLIT)], {"shop": 0.9, "shop-b": 0.1}),
        ([http_route(rule(("other", 1)))], {"shop": 1.0}),
        ([ingress("shop")], {"shop": 1.0}),
        ([ingress("shop"), ingress("shop-b", canary="true", canary_weight="10")], {"shop": 0.9, "shop-b": 0.1}),
        ([ingress("shop"), ingress("shop-b", canary="true", canary_weight="100")], {"shop-b": 1.0}),
        ([ingress("shop"), ingress("shop-b", "/b", canary="true", canary_weight="10")], {"shop": 1.0}),
        (
            [ingress("shop"), ingress("shop-b", canary="true", canary_by_header="x", canary_weight="10")],
            {"shop": 0.72, "shop-b": 0.28},
        ),
        ([ingress("shop"), ingress("shop-b", canary_weight="10")], {"shop": 1.0}),
    ],
)
def test_shares_of_the_requests(objects: list[Obj], wanted: dict[str, float]) -> None:
    """A fifth of the clients has what narrow rules ask for."""
    found = routed(Live(*objects), "shop", "shop", 0.2)
    assert {group.service: share for share, group in found.shares} == pytest.approx(wanted)
    assert found.proxy != MESH


@pytest.mark.parametrize("router", ["gateway", "istio"])
def test_what_is_kept_by_cookies_is_shared_as_it_was_asked_for(router: str) -> None:
    """Who has a cookie is shared out like those who have none: testers aside it is the weight."""
    asked = Traffic(20, ({"headers": {"x-beta": {"exact": "1"}}},), sticky=Sticky("rollway-shop-2", (1, 5)))
    found = routed(Live(*split_by(router, asked)), "shop", "shop", 0.1)
    shares = {group.name: share for share, group in found.shares}
    assert sorted(shares.values()) == pytest.approx([0.28, 0.72])
    assert not found.copies


@pytest.mark.parametrize("router", ["gateway", "istio"])
def test_copies_are_beside_what_users_are_answered_by(router: str) -> None:
    found = routed(Live(*split_by(router, Traffic(0, mirror=30))), "shop", "shop", 0.1)
    assert [share for share, _ in found.shares] == [1.0]
    ((copied, group),) = found.copies
    assert copied == pytest.approx(0.3)
    assert group not in [each for _, each in found.shares]


def split_by(router: str, asked: Traffic) -> list[Obj]:
    host = Host("shop", "shop")
    if router == "gateway":
        return [gateway.split(byroute.http_route(), gateway.Pair(host, "shop-canary"), asked)]
    return [istio.split(byroute.virtual_service(), host, asked), istio.destination_rule("shop", host)]


def test_a_gateway_is_one_whatever_the_share() -> None:
    """It answers 503 where a packet would be lost; an Ingress' load balancer is left as it was."""
    assert routed(Live(http_route(rule(("shop", 1)))), "shop", "shop", 0.0).proxy == ENVOY
    assert routed(Live(ingress("shop")), "shop", "shop", 0.0).proxy == KUBE_PROXY
