"""Users keep their side while the share grows, and the share stays exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from random import Random
from typing import Any

import httproutes
import pytest
from byroute import http_route, virtual_service
from hypothesis import given
from hypothesis import strategies as st
from rollway.kube.objects import Obj
from rollway.routing import gateway, istio, sticky
from rollway.routing.gateway import Pair
from rollway.routing.matches import Undecided
from rollway.routing.precedence import Unspoken
from rollway.routing.traffic import Host, Sticky, Traffic
from users import User, Ways, headers_of, taken, ways_of

HOST = Host("shop", "shop")
PAIR = Pair(HOST, "shop-canary")
HEADER = {"headers": {"x-beta": {"exact": "yes"}}}
COOKIE = sticky.cookie_of("shop", 2)
KEPT = pytest.mark.parametrize("router", ["gateway", "istio"])


def ref(name: str, weight: int | None = None, **more: Any) -> Obj:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


def rule(*refs: Obj, **more: Any) -> Obj:
    return {**more, "backendRefs": list(refs)}


def traffic(weight: int, before: Sequence[int] = (), matches: tuple[Obj, ...] = (), cookie: str = COOKIE) -> Traffic:
    return Traffic(weight, matches, sticky=Sticky(cookie, tuple(before)))


def split(router: str, asked: Traffic) -> Obj:
    return gateway.split(http_route(), PAIR, asked) if router == "gateway" else istio.split(virtual_service(), HOST, asked)


def stages(router: str, weights: Sequence[int]) -> list[Ways]:
    """Each weight of a release in turn."""
    return [ways_of(split(router, traffic(weight, weights[:place]))) for place, weight in enumerate(weights)]


@KEPT
def test_ten_thousand_users_of_whom_none_goes_back(router: str) -> None:
    """They come as often as they like, some for the first time late, some not at every step."""
    random, users, weights = Random(7), [User() for _ in range(10_000)], (1, 5, 25, 50)
    for place, ways in enumerate(stages(router, weights)):
        here = [user for user in users[: 4000 + 2000 * place] if user.sides == [] or random.random() < 0.8]
        seen = Counter(user.visit(ways, random) for _ in range(3) for user in here)
        share = 100 * sum(user.sides[-1] for user in here) / len(here)
        assert abs(share - weights[place]) < 1, (weights[place], share)
        assert abs(100 * seen[True] / seen.total() - weights[place]) < 1
    assert not [user for user in users if user.went_back]


@KEPT
@given(
    st.lists(st.integers(min_value=1, max_value=99), min_size=1, max_size=5, unique=True).map(sorted),
    st.lists(st.integers(min_value=0, max_value=3), min_size=5, max_size=5),
)
def test_whoever_comes_and_when_the_chance_of_the_new_version_is_the_share(
    router: str, weights: list[int], visits: list[int]
) -> None:
    """To the last fraction: for one who visits so often at each step, over all that may become of him."""
    chances = {((), False): Fraction(1)}
    for weight, ways, count in zip(weights, stages(router, weights), visits, strict=False):
        for _ in range(count):
            chances = visited(chances, ways)
            assert sum(chance for (_, is_new), chance in chances.items() if is_new) == Fraction(weight, 100)


State = tuple[tuple[tuple[str, str], ...], bool]
"""The cookies, and the side of the last visit."""


def visited(chances: dict[Any, Fraction], ways: Ways) -> dict[Any, Fraction]:
    after: dict[State, Fraction] = {}
    for (cookies, was_new), chance in chances.items():
        for way in ways(headers_of(dict(cookies))):
            assert way.is_new or not was_new or not way.chance, "nobody goes back"
            state = tuple(sorted({**dict(cookies), **taken(way.sets)}.items())), way.is_new
            after[state] = after.get(state, Fraction(0)) + chance * way.chance
    return after


@KEPT
def test_a_later_release_draws_anew(router: str) -> None:
    """Its cookie has another name, whatever somebody has kept of the one before."""
    ways = ways_of(split(router, traffic(1, cookie=sticky.cookie_of("shop", 12))))
    for name, value in ((COOKIE, "b"), (sticky.cookie_of("shop", 1), "b"), (COOKIE, "a1")):
        assert [way.chance for way in ways(headers_of({name: value}))] == [Fraction(99, 100), Fraction(1, 100)]


@KEPT
@pytest.mark.parametrize("weight", [0, 100])
def test_with_everybody_on_one_side_nobody_is_told_apart(router: str, weight: int) -> None:
    assert split(router, traffic(weight, (1, 50))) == split(router, Traffic(weight))


@KEPT
def test_a_share_that_went_down_sends_nobody_back(router: str) -> None:
    """A run that was cut off on its way to more, and is ended at less."""
    ways = ways_of(split(router, traffic(20, (1, 50))))
    assert [(way.is_new, way.chance) for way in ways(headers_of({COOKIE: "a50"}))] == [(False, 1)]
    assert [(way.is_new, way.chance) for way in ways(headers_of({COOKIE: "b"}))] == [(True, 1)]
    assert [way.chance for way in ways(headers_of({COOKIE: "a1"}))] == [Fraction(80, 99), Fraction(19, 99)]


@KEPT
@pytest.mark.parametrize(
    "match",
    [HEADER, {"headers": {"cookie": {"regex": r"(.*;\s*)?beta=1(;.*)?"}}}, {"method": {"exact": "GET"}}],
    ids=["header", "cookie", "method"],
)
def test_testers_have_the_new_version_whatever_cookie_they_have(router: str, match: Obj) -> None:
    ways = ways_of(split(router, traffic(5, (1,), (match,))))
    for value in ("", "a1", "a5", "b"):
        headers = headers_of({"beta": "1", **({COOKIE: value} if value else {})}) | {"x-beta": "yes"}
        assert [(way.is_new, way.sets) for way in ways(headers)] == [(True, "")], value


def test_testers_by_a_parameter_stay_testers() -> None:
    """A rule for a header comes before one for a parameter: that one is written once more for who has a cookie."""
    route = gateway.split(http_route(), PAIR, traffic(5, (1,), ({"queryParams": {"beta": {"exact": "1"}}},)))
    for value in ("a1", "a5", "b"):
        asked = {"path": "/", "method": "GET", "headers": headers_of({COOKIE: value}), "query": {"beta": "1"}}
        found = httproutes.rule_for(route, asked)
        assert found is not None
        assert httproutes.weights(found) == {"shop-canary": 1}


def test_rules_elsewhere_and_other_backends_keep_their_own() -> None:
    """A legacy backend of 10% sets no cookie, and has its 10% of everybody."""
    admin = rule(ref("admin"), matches=[{"headers": [{"name": "x-team", "value": "a"}]}])
    route = gateway.split(http_route(rule(ref("shop", 9), ref("legacy", 1)), admin), PAIR, traffic(10))
    drawn, kept, *known = route["spec"]["rules"]
    assert kept == admin
    by_name = {each["name"]: each for each in drawn["backendRefs"]}
    assert {name: each["weight"] for name, each in by_name.items()} == {"shop": 81, "shop-canary": 9, "legacy": 10}
    assert "filters" not in by_name["legacy"]
    assert [httproutes.weights(each) for each in known] == [{"shop-canary": 9, "legacy": 1}, {"shop": 9, "legacy": 1}]


def test_what_answers_set_anyway_they_set_still_and_twice_is_refused() -> None:
    edits = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "x", "value": "1"}], "remove": ["y"]}}
    (drawn, *_) = gateway.split(http_route(rule(ref("shop", filters=[edits]))), PAIR, traffic(10))["spec"]["rules"]
    for backend in drawn["backendRefs"]:
        (one,) = backend["filters"]
        assert one["responseHeaderModifier"]["remove"] == ["y"]
        assert [each["name"] for each in one["responseHeaderModifier"]["add"]] == ["x", "Set-Cookie"]
    theirs = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "set-cookie", "value": "a=1"}]}}
    with pytest.raises(Unspoken, match="sets a cookie by a filter of its own"):
        gateway.split(http_route(rule(ref("shop", filters=[theirs]))), PAIR, traffic(10))
    own = {"headers": {"response": {"set": {"Set-Cookie": "a=1"}}}}
    with pytest.raises(Undecided, match="set-cookie"):
        istio.split(
            {**virtual_service(), "spec": {"http": [{"route": [{"destination": {"host": "shop"}, **own}]}]}}, HOST, traffic(10)
        )


def test_a_live_route_is_given_back_without_cookies() -> None:
    edits = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "x", "value": "1"}]}}
    route = http_route(rule(ref("shop", filters=[edits])))
    (back, *_) = gateway.joined(gateway.split(route, PAIR, traffic(10, (1,))), HOST, [PAIR.second])["spec"]["rules"]
    assert back == route["spec"]["rules"][0]
    vs = virtual_service()
    assert istio.without_parts(istio.split(vs, HOST, traffic(10, (1,))), HOST) == vs
    target = {"destination": {"host": "shop"}, "headers": {"response": {"add": {"x": "1"}}}}
    vs = {**vs, "spec": {**vs["spec"], "http": [{"route": [target]}]}}
    assert istio.without_parts(istio.split(vs, HOST, traffic(10, (1,))), HOST) == vs


def test_callers_by_grpc_have_no_cookies() -> None:
    with pytest.raises(Unspoken, match="GRPCRoute shop cannot keep users on their side"):
        gateway.split({**http_route(), "kind": "GRPCRoute"}, PAIR, traffic(10))


def test_rules_that_a_route_has_no_room_for_are_counted() -> None:
    rules = [rule(ref("shop"), matches=[{"path": {"type": "PathPrefix", "value": f"/{at}"}}]) for at in range(4)]
    assert len(gateway.split(http_route(*rules), PAIR, traffic(10, (1,)))["spec"]["rules"]) == 16
    with pytest.raises(Unspoken, match="20 rules, and a route may have 16"):
        gateway.split(http_route(*rules), PAIR, traffic(50, (1, 10)))


def test_a_cookie_of_a_name_that_ends_so_is_another() -> None:
    ways = ways_of(split("gateway", traffic(10)))
    for name, value in ((f"x{COOKIE}", "b"), (COOKIE, "bb"), (f"{COOKIE}1", "b"), (COOKIE, "a1")):
        assert len(ways(headers_of({name: value}))) == 2, (name, value)
