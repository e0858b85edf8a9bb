"""Which endpoints get new connections: kube-proxy's rule, and what the proxy knows of them."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_with_proxy import endpoint_slice
from rollway.sandbox.dataplane.endpoints import Endpoint, View, in_use, slice_of
from rollway.sandbox.dataplane.model import Source, Target
from traffic import Server

SHOP = Source("shop", "shop", "")
A, B, MODELLED = Server("a", "127.64.0.1"), Server("b", "127.64.0.2"), Server("m", "10.244.0.7")


def view(*slices: dict[str, Any], **labels: dict[str, str]) -> View:
    found = View()
    for number, obj in enumerate(slices):
        found.put(("shop", f"shop-{number}"), slice_of(obj, lambda _, name: labels.get(name, {})))
    return found


@pytest.mark.parametrize(
    ("endpoints", "chosen"),
    [
        ({"a": "ready", "b": "ready"}, "ab"),
        ({"a": "ready", "b": "terminating"}, "a"),
        ({"a": "starting", "b": "terminating"}, "b"),
        ({"a": "starting", "b": "gone"}, ""),
        ({}, ""),
    ],
)
def test_terminating_ones_serve_where_none_is_ready(endpoints: dict[str, str], chosen: str) -> None:
    """Ready ones; else those that terminate and still serve; one that only starts never."""
    states = {
        "ready": (True, True, False),
        "starting": (False, False, False),
        "terminating": (False, True, True),
        "gone": (False, False, True),
    }
    known = [Endpoint(name, *states[state]) for name, state in endpoints.items()]

    assert "".join(each.address for each in in_use(known)) == chosen


def test_a_modelled_pod_is_no_target() -> None:
    """It is an endpoint at which nobody answers; an address that somebody wrote by hand is believed."""
    by_hand = endpoint_slice("shop", [MODELLED])
    del by_hand["endpoints"][0]["targetRef"]

    assert view(endpoint_slice("shop", [A, MODELLED])).targets(SHOP) == (Target("127.64.0.1", 8080),)
    assert view(endpoint_slice("shop", [A, MODELLED])).count(("shop", "shop")) == (2, 1)
    assert view(by_hand).targets(SHOP) == (Target("10.244.0.7", 8080),)


def test_a_subset_has_the_pods_with_its_labels() -> None:
    """By the labels that the pod had when the slice was learned of."""
    known = view(endpoint_slice("shop", [A, B]), a={"track": "stable"}, b={"track": "b"})

    assert known.targets(Source("shop", "shop", "", (("track", "b"),))) == (Target("127.64.0.2", 8080),)


def test_a_slice_that_is_gone_or_another_services_is_forgotten() -> None:
    """And both Services are looked at again."""
    known, place = view(endpoint_slice("shop", [A])), ("shop", "shop-0")

    moved = known.put(place, slice_of(endpoint_slice("cart", [A]), lambda *_: {}))
    assert moved == {("shop", "shop"), ("shop", "cart")}
    assert known.targets(SHOP) == ()
    assert known.put(place, None) == {("shop", "cart")}


def test_a_port_is_found_by_its_name() -> None:
    """Two slices of one Service may have the port at different numbers, as named ports do."""
    one, two = endpoint_slice("shop", [A]), endpoint_slice("shop", [B])
    two["ports"][0]["port"] = 9090

    assert view(one, two).targets(SHOP) == (Target("127.64.0.1", 8080), Target("127.64.0.2", 9090))
    assert view(one).targets(Source("shop", "shop", "admin")) == ()
