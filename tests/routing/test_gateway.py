"""Routes of the Gateway API, split and joined."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from byroute import http_route
from httproutes import rule_for, weights
from hypothesis import given
from hypothesis import strategies as st
from rollway.kube.objects import Obj
from rollway.routing import gateway
from rollway.routing.gateway import Pair
from rollway.routing.matches import Undecided
from rollway.routing.precedence import Unspoken
from rollway.routing.traffic import Host, Traffic

HOST = Host("shop", "shop")
PAIR = Pair(HOST, "shop-canary")
HEADER = {"headers": {"x-beta": {"exact": "yes"}}}


def ref(name: str, weight: int | None = None, **more: Any) -> Obj:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def rule(*refs: Obj, **more: Any) -> Obj:
    return {**more, "backendRefs": list(refs)}


@pytest.mark.parametrize(
    ("refs", "weight", "wanted"),
    [
        ([ref("shop")], 1, {"shop": 99, "shop-canary": 1}),
        ([ref("shop")], 50, {"shop": 50, "shop-canary": 50}),
        ([ref("shop", 7)], 10, {"shop": 9, "shop-canary": 1}),
        ([ref("shop")], 100, {"shop-canary": 1}),
        ([ref("shop", 90), ref("legacy", 10)], 10, {"shop": 81, "shop-canary": 9, "legacy": 10}),
        ([ref("shop", 0), ref("legacy", 10)], 10, {"shop": 0, "shop-canary": 0, "legacy": 1}),
        ([ref("legacy")], 10, {"legacy": 1}),
    ],
)
def test_a_share_is_split_from_what_the_service_has(refs: list[Obj], weight: int, wanted: dict[str, int]) -> None:
    (split,) = gateway.split(http_route(rule(*refs)), PAIR, Traffic(weight))["spec"]["rules"]
    assert weights(split) == wanted


def test_weight_0_leaves_a_route_byte_for_byte() -> None:
    route = http_route(rule(ref("shop", 3)), rule(ref("shop"), matches=[{"path": {"type": "Exact", "value": "/x"}}]))
    assert gateway.split(route, PAIR, Traffic(0)) == route


def test_what_is_no_backend_of_the_service_is_kept() -> None:
    """Another namespace's Service of the name, another kind's, a rule without backends; filters and timeouts of those split."""
    own = ref("shop", filters=[{"type": "RequestHeaderModifier"}])
    theirs = ref("shop", namespace="far"), ref("shop", kind="Bucket", group="x.y")
    mine = rule(own, *theirs, timeouts={"request": "5s"}, name="all")
    other = {"filters": [{"type": "RequestRedirect"}], "matches": [{"path": {"type": "Exact", "value": "/old"}}]}
    split, kept = gateway.split(http_route(mine, other), PAIR, Traffic(50))["spec"]["rules"]
    assert kept == other
    assert (split["timeouts"], split["name"]) == ({"request": "5s"}, "all")
    first, second, far, bucket = split["backendRefs"]
    assert first["filters"] == second["filters"]
    assert (first["name"], second["name"]) == ("shop", "shop-canary")
    assert (far["namespace"], bucket["kind"], far["weight"], bucket["weight"]) == ("far", "Bucket", 2, 2)


@given(st.lists(st.integers(min_value=0, max_value=1_000_000), min_size=1, max_size=4), st.integers(min_value=1, max_value=99))
def test_shares_are_of_the_sum_and_never_more_than_may_be_written(given_weights: list[int], weight: int) -> None:
    refs = [ref("shop", given_weights[0]), *(ref(f"other-{place}", each) for place, each in enumerate(given_weights[1:]))]
    (split,) = gateway.split(http_route(rule(*refs)), PAIR, Traffic(weight))["spec"]["rules"]
    found, total = weights(split), sum(given_weights)
    assert all(isinstance(each, int) and 0 <= each <= gateway.HEAVIEST for each in found.values())
    if total:
        assert found["shop-canary"] / sum(found.values()) == pytest.approx(given_weights[0] * weight / 100 / total, abs=2e-6)
        assert found["shop"] / sum(found.values()) == pytest.approx(given_weights[0] * (100 - weight) / 100 / total, abs=2e-6)


@given(st.integers(min_value=1, max_value=100), st.integers(min_value=1, max_value=50), st.integers(min_value=0, max_value=50))
def test_what_is_joined_leads_where_it_led(weight: int, own: int, other: int) -> None:
    route = http_route(rule(ref("shop", own), ref("legacy", other)))
    split = gateway.split(route, PAIR, Traffic(weight))
    (back,) = gateway.joined(split, HOST, [PAIR.second])["spec"]["rules"]
    found = weights(back)
    assert found["shop"] * other == found.get("legacy", 0) * own or not other
    assert set(found) <= {"shop", "legacy"}
    assert gateway.share(split, HOST, [PAIR.second]) == pytest.approx(weight)
    assert gateway.share(route, HOST, [PAIR.second]) == 0


# requests that match


def served(route: Obj, request: Obj) -> dict[str, int]:
    """Where a request goes."""
    found = rule_for(route, request)
    return weights(found) if found else {}


def matches_asked(asked: Obj, request: Obj) -> bool:
    return all(request["headers"].get(name) == text["exact"] for name, text in asked.get("headers", {}).items()) and (
        asked.get("method", {}).get("exact", request["method"]) == request["method"]
    )


REQUESTS = [
    {"path": path, "method": method, "headers": dict(headers), "query": {}}
    for path, method, headers in itertools.product(
        ("/", "/api", "/api/x", "/apis"),
        ("GET", "POST"),
        [(), (("x-beta", "yes"),), (("x-team", "a"),), (("x-beta", "yes"), ("x-team", "a")), (("x-beta", "no"),)],
    )
]
CONDITIONS: list[Obj] = [
    {}, {"method": "GET"}, {"headers": [{"name": "x-team", "value": "a"}]}, {"headers": [{"name": "x-beta", "value": "yes"}]},
    {"path": {"type": "PathPrefix", "value": "/api"}}, {"path": {"type": "Exact", "value": "/api"}},
    {"path": {"type": "PathPrefix", "value": "/api"}, "method": "POST"},
    {"method": "GET", "headers": [{"name": "x-team", "value": "a"}, {"name": "x-beta", "value": "yes"}]},
]  # fmt: skip
ASKED: list[Obj] = [
    HEADER,
    {"headers": {"x-beta": {"exact": "yes"}, "x-team": {"exact": "a"}}},
    {"method": {"exact": "POST"}},
    {"method": {"exact": "GET"}, "headers": {"x-beta": {"exact": "yes"}}},
]


@given(st.data())
def test_those_who_match_go_to_the_second_side_and_nobody_else_goes_anywhere_else(data: Any) -> None:
    """For every request: where it led to the Service, and matches, it leads to the second one; all else leads where it led."""
    picked = data.draw(st.lists(st.sampled_from(range(len(CONDITIONS))), min_size=1, max_size=4, unique=True))
    owners = data.draw(st.lists(st.sampled_from(["shop", "admin"]), min_size=len(picked), max_size=len(picked)))
    rules = [
        rule(ref(owner), **({"matches": [copy.deepcopy(CONDITIONS[at])]} if CONDITIONS[at] else {}))
        for at, owner in zip(picked, owners, strict=True)
    ]
    route, asked = http_route(*rules), data.draw(st.sampled_from(ASKED))
    try:
        split = gateway.split(route, PAIR, Traffic(0, (asked,)))
    except Undecided:
        return  # refused, where it cannot be said exactly
    for request in REQUESTS:
        before, after = served(route, request), served(split, request)
        if set(before) == {"shop"} and matches_asked(asked, request):
            assert set(after) == {"shop-canary"}, request
        else:
            assert after == before, request


def test_a_rule_of_others_that_the_test_would_outrank_is_kept_in_its_right() -> None:
    """A request for the admins is none for the second side, whatever else it carries."""
    admin = rule(ref("admin"), matches=[{"headers": [{"name": "x-team", "value": "a"}]}])
    split = gateway.split(http_route(rule(ref("shop")), admin), PAIR, Traffic(0, (ASKED[1],)))
    request = {"path": "/", "method": "GET", "headers": {"x-beta": "yes", "x-team": "a"}, "query": {}}
    assert served(split, request) == {"admin": 1}
    assert served(split, {**request, "headers": {"x-team": "b"}}) == {"shop": 1}


def test_rules_that_would_change_places_are_refused() -> None:
    first = {"headers": [{"name": "x-beta", "value": "yes"}, {"name": "x-team", "value": "a"}]}
    admin = rule(ref("admin"), matches=[{"headers": [{"name": "z", "value": "1"}]}])
    route = http_route(rule(ref("shop"), matches=[first]), admin, rule(ref("shop")))
    with pytest.raises(Undecided, match="change places"):
        gateway.split(route, PAIR, Traffic(0, (ASKED[1],)))


def test_a_share_stands_beside_those_who_match() -> None:
    general, narrow = gateway.split(http_route(), PAIR, Traffic(20, (HEADER,)))["spec"]["rules"]
    assert weights(general) == {"shop": 80, "shop-canary": 20}
    assert weights(narrow) == {"shop-canary": 1}
    assert narrow["matches"][0]["headers"] == [{"type": "Exact", "name": "x-beta", "value": "yes"}]


@pytest.mark.parametrize(
    ("own", "uri", "wanted"),
    [
        ({"type": "PathPrefix", "value": "/"}, {"prefix": "/api"}, {"type": "PathPrefix", "value": "/api"}),
        ({"type": "PathPrefix", "value": "/api"}, {"prefix": "/"}, {"type": "PathPrefix", "value": "/api"}),
        ({"type": "PathPrefix", "value": "/api"}, {"exact": "/api/x"}, {"type": "Exact", "value": "/api/x"}),
        ({"type": "Exact", "value": "/api/x"}, {"prefix": "/api"}, {"type": "Exact", "value": "/api/x"}),
        ({"type": "PathPrefix", "value": "/api"}, {"prefix": "/apis"}, None),
        ({"type": "Exact", "value": "/a"}, {"exact": "/b"}, None),
    ],
)
def test_paths_are_met_by_whole_segments(own: Obj, uri: Obj, wanted: Obj | None) -> None:
    route = http_route(rule(ref("shop"), matches=[{"path": own}]))
    rules = gateway.split(route, PAIR, Traffic(0, ({"uri": uri},)))["spec"]["rules"]
    second = [each["matches"][0]["path"] for each in rules if weights(each) == {"shop-canary": 1}]
    assert second == ([wanted] if wanted else [])


@pytest.mark.parametrize(
    "asked", [{"withoutHeaders": {"x": {"exact": "1"}}}, {"authority": {"exact": "x"}}, {"method": {"prefix": "P"}}]
)
def test_what_a_route_cannot_say_is_said(asked: Obj) -> None:
    with pytest.raises(Unspoken):
        gateway.split(http_route(), PAIR, Traffic(0, (asked,)))


def test_two_expressions_for_one_header_are_undecided() -> None:
    own = {"headers": [{"type": "RegularExpression", "name": "x-beta", "value": "y.*"}]}
    with pytest.raises(Undecided):
        gateway.split(
            http_route(rule(ref("shop"), matches=[own])), PAIR, Traffic(0, ({"headers": {"x-beta": {"regex": ".*s"}}},))
        )


def test_a_rewritten_prefix_is_not_moved() -> None:
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/v1"}}}
    route = http_route(rule(ref("shop"), matches=[{"path": {"type": "PathPrefix", "value": "/api"}}], filters=[rewrite]))
    assert gateway.split(route, PAIR, Traffic(0, (HEADER,)))
    with pytest.raises(Undecided):
        gateway.split(route, PAIR, Traffic(0, ({"uri": {"prefix": "/api/x"}},)))


def test_more_rules_than_a_route_may_have() -> None:
    rules = [rule(ref("shop"), matches=[{"path": {"type": "Exact", "value": f"/{at}"}}]) for at in range(9)]
    assert gateway.split(http_route(*rules), PAIR, Traffic(50))
    with pytest.raises(Unspoken, match="18 rules, and a route may have 16"):
        gateway.split(http_route(*rules), PAIR, Traffic(0, (HEADER,)))


# copies


def test_copies_are_of_what_is_drawn_and_the_users_filters_stay() -> None:
    """Not of those who match, who have the second side, nor of rules elsewhere."""
    theirs = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 80}}}
    mine = rule(ref("shop", 9, namespace="shop"), ref("legacy", 1), filters=[theirs], name="all")
    other = rule(ref("admin"), matches=[{"path": {"type": "Exact", "value": "/admin"}}])
    drawn, elsewhere, *narrow = gateway.split(http_route(mine, other), PAIR, Traffic(0, (HEADER,), mirror=10))["spec"]["rules"]
    backend = {"name": "shop-canary", "namespace": "shop", "port": 80}
    assert drawn["filters"] == [theirs, {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": 10}}]
    assert drawn["backendRefs"] == mine["backendRefs"]
    assert elsewhere == other
    assert [(each["filters"], weights(each)) for each in narrow] == [([theirs], {"shop-canary": 9, "legacy": 1})]


def test_copies_of_all_ask_for_no_percentage() -> None:
    """Which fewer implementations know."""
    (made,) = gateway.split(http_route(), PAIR, Traffic(0, mirror=100))["spec"]["rules"]
    assert made["filters"] == [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shop-canary", "port": 80}}}]


def test_copies_are_known_and_taken_back() -> None:
    theirs = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 80}}}
    route = http_route(
        rule(ref("shop")), rule(ref("shop"), filters=[theirs], matches=[{"path": {"type": "Exact", "value": "/x"}}])
    )
    split = gateway.split(route, PAIR, Traffic(0, mirror=10))
    assert gateway.mirrors_to(split, HOST, [PAIR.second])
    assert not gateway.mirrors_to(route, HOST, [PAIR.second])
    assert gateway.routes_of([split], HOST) == [split]
    assert gateway.share(split, HOST, [PAIR.second]) == 0
    assert gateway.unmirrored(split, HOST, [PAIR.second]) == route
    assert gateway.joined(split, HOST, [PAIR.second]) == route
