"""Who is reached by a Service's selector."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.routing import selector

Obj = dict[str, Any]


def deployment(name: str, track: str, replicas: int) -> Obj:
    template = {"metadata": {"labels": {"app": "shop", "rollway.dev/track": track}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": replicas, "template": template},
    }


def service(name: str, **selected: str) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": selected},
    }


SHOP = service("shop", app="shop")
PINNED = selector.pinned(SHOP, "stable")
OTHER = service("other", app="other")


@pytest.mark.parametrize(
    ("services", "pods_of_second", "found"),
    [
        ([SHOP], 1, []),
        ([SHOP], 0, [SHOP]),  # who wants no pods answers nobody
        ([PINNED, SHOP], 1, [PINNED]),
        ([OTHER], 0, []),
        ([service("all")], 0, []),  # without a selector its endpoints are somebody's own
    ],
)
def test_what_is_scaled_away_may_be_all_that_a_service_reaches(
    services: list[Obj], pods_of_second: int, found: list[Obj]
) -> None:
    first = deployment("shop", "stable", 3)
    objects = [first, deployment("shop-canary", "canary", pods_of_second), *services]
    assert list(selector.reaching_only(first, objects)) == found


def test_a_service_whose_ports_are_nothing_has_a_preview() -> None:
    """`ports:` without a value, as a headless Service may have it."""
    headless = {**SHOP, "spec": {"selector": {"app": "shop"}, "ports": None}}

    assert selector.preview(headless, "shop-preview", "green")["spec"] == {
        "selector": {"app": "shop", "rollway.dev/track": "green"},
        "ports": [],
    }
