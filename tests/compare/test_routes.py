"""Where the requests of a rehearsal go, by the routes of the Gateway API and ingress-nginx's canaries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rollway.compare.routes import routed
from rollway.kube.objects import HTTP_ROUTE, INGRESS, Kind, Obj

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
    assert not found.is_mesh


def test_a_gateway_is_one_whatever_the_share() -> None:
    """It answers 503 where a packet would be lost; an Ingress' load balancer is left as it was."""
    assert routed(Live(http_route(rule(("shop", 1)))), "shop", "shop", 0.0).is_gateway
    assert not routed(Live(ingress("shop")), "shop", "shop", 0.0).is_gateway
