"""Whatever the user's routes are: split, they send every request where it went, and matching ones to the variant's part of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rollway.routing import istio, subsets
from rollway.routing.matches import Undecided, both
from rollway.routing.traffic import Host, Traffic
from sidecar import Asked, Obj, holds, path_of, refused, rule_for, shares

SHOP = Host("shop", "shop")
MANY = settings(max_examples=300, deadline=None)

PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/A/b", "/b", "/a.b"]
PATTERNS = ["/a.*", "/a|/b", "/[ab]+", ".*", "^/a$", r"/a\.b", "/a/?b", "(/a)?/b.*", "(?i)/a"]
VALUES = ["v1", "v2", "v"]


def texts(values: list[str], patterns: list[str]) -> st.SearchStrategy[Obj]:
    plain = st.sampled_from(values)
    return st.one_of(
        st.builds(lambda text: {"exact": text}, plain),
        st.builds(lambda text: {"prefix": text}, plain),
        st.builds(lambda text: {"regex": text}, st.sampled_from(patterns)),
    )


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Obj]:
    """Any of the fields; one to three of them, so that two matches meet."""
    names = st.lists(st.sampled_from(sorted(fields)), min_size=1, max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen}))


named = st.dictionaries(st.sampled_from(["x", "y"]), st.one_of(texts(VALUES, ["v.*", "v1|v2", "v[12]"]), st.just({})), min_size=1)
by_path = st.fixed_dictionaries({"uri": texts(PATHS, PATTERNS)}, optional={"ignoreUriCase": st.booleans()})
of_anything = some(
    uri=texts(PATHS, PATTERNS), ignoreUriCase=st.booleans(), headers=named, withoutHeaders=named, queryParams=named,
    method=texts(["GET", "POST"], ["GET|POST"]), authority=texts(["shop", "other"], ["sh.*"]), port=st.sampled_from([80, 9000]),
    gateways=st.lists(st.sampled_from(["mesh", "edge"]), min_size=1, unique=True),
    sourceNamespace=st.sampled_from(["shop", "web"]),
    sourceLabels=st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["web", "job"]), min_size=1),
)  # fmt: skip
matches = st.one_of(by_path, of_anything)
values = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from([*VALUES, "v12", "w"]))
requests = st.builds(
    Asked, path=st.sampled_from(PATHS), method=st.sampled_from(["GET", "POST"]), authority=st.sampled_from(["shop", "other"]),
    headers=values, query=values, port=st.sampled_from([80, 9000]), gateway=st.sampled_from(["mesh", "edge"]),
    labels=st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from(["web", "job"])),
    namespace=st.sampled_from(["shop", "web"]),
)  # fmt: skip
destinations = st.fixed_dictionaries(
    {"host": st.sampled_from(["shop", "shop", "shop.shop.svc.cluster.local", "legacy"])},
    optional={"subset": st.sampled_from(["eu", "stable", "b"]), "port": st.just({"number": 9000})},
)
targets = st.lists(st.fixed_dictionaries({"destination": destinations, "weight": st.integers(1, 99)}), min_size=1, max_size=3)
kept = st.fixed_dictionaries(
    {},
    optional={
        "timeout": st.just("3s"),
        "rewrite": st.sampled_from([{"uri": "/"}, {"uri": "/in"}, {"authority": "in"}]),
        "retries": st.just({"attempts": 2}),
        "fault": st.just({"abort": {"httpStatus": 500, "percentage": {"value": 1}}}),
    },
)
rules = st.one_of(
    st.builds(lambda match, route, more: {**({"match": match} if match else {}), **more, "route": route},
              st.lists(matches, max_size=2), targets, kept),
    st.builds(lambda match: {"match": [match], "redirect": {"uri": "/moved"}}, matches),
)  # fmt: skip


def routes(http: list[Obj]) -> Obj:
    meta = {"name": "shop", "namespace": "shop"}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": meta,
        "spec": {"hosts": ["shop"], "http": http},
    }


def is_shop(host: str) -> bool:
    return host.split(".")[0] == "shop"


@MANY
@given(one=matches, other=matches, asked=requests)
def test_both_holds_where_both_hold(one: Obj, other: Obj, asked: Asked) -> None:
    """Of any two matches and any request; none is made where they exclude each other; the order does not count."""
    try:
        together = both(one, other)
    except Undecided:
        assume(False)

    wanted = holds(one, asked) and holds(other, asked)
    assert wanted == (together is not None and holds(together, asked))


@MANY
@given(http=st.lists(rules, min_size=1, max_size=3), ours=st.lists(matches, min_size=1, max_size=2), asked=requests)
@example(
    http=[{"rewrite": {"uri": "/"}, "route": [{"destination": {"host": "shop"}}]}],
    ours=[{"uri": {"exact": "/a/b"}, "ignoreUriCase": True}],
    asked=Asked("/A/b", "GET", "shop", "", {}, {}, 80, "mesh", {}, "shop"),
)
@example(
    http=[{"match": [{"uri": {"regex": ".*"}}], "rewrite": {"uri": "/"}, "route": [{"destination": {"host": "shop"}}]}],
    ours=[{"uri": {"prefix": "/"}}],
    asked=Asked("/a", "GET", "shop", "", {}, {}, 80, "mesh", {}, "shop"),
)
def test_a_request_differs_in_its_part_at_most(http: list[Obj], ours: list[Obj], asked: Asked) -> None:
    """At 0% each request takes the rule that it took, to the same path and the same shares of hosts and subsets: the variant's
    part where it matches the test, else the stable part."""
    user = routes(http)
    try:
        made = istio.split(user, SHOP, Traffic(0, tuple(ours)))
    except Undecided:
        assume(False)
    was, now = rule_for(user, asked), rule_for(made, asked)

    assert (was is None) == (now is None)
    if was is None or now is None:
        return
    aside = ("match", "name", "route", "rewrite")
    assert {key: value for key, value in now.items() if key not in aside} == {
        key: value for key, value in was.items() if key not in aside
    }
    assert path_of(now, asked) == path_of(was, asked)
    track = "b" if any(holds(match, asked) for match in ours) else "stable"
    wanted: dict[tuple[str, str], float] = {}
    for (host, subset), share in shares(was).items():
        wanted[host, subsets.part(subset, track) if is_shop(host) else subset] = share
    assert shares(now) == pytest.approx(wanted)


@MANY
@given(
    http=st.lists(rules, min_size=1, max_size=3), ours=st.lists(matches, max_size=1), weight=st.integers(0, 100), asked=requests
)
def test_shares_are_split_and_joined_again(http: list[Obj], ours: list[Obj], weight: int, asked: Asked) -> None:
    """What goes elsewhere keeps its share at every weight; istiod takes what is made; without parts it routes as before."""
    user = routes(http)
    try:
        made = istio.split(user, SHOP, Traffic(weight, tuple(ours)))
    except Undecided:
        assume(False)
    assert refused(made["spec"]) == []

    was, now = rule_for(user, asked), rule_for(istio.without_parts(made, SHOP), asked)
    assert (shares(was) if was else None) == (pytest.approx(shares(now)) if now else None)
    split = rule_for(made, asked)
    if was and split and "route" in was and split.get("name") != istio.VARIANT_RULE:
        whole = sum(share for (host, _), share in shares(was).items() if is_shop(host))
        variant = sum(share for (_, subset), share in shares(split).items() if subsets.track_of(subset) == "b")
        assert variant == pytest.approx(whole * weight / 100)


@MANY
@given(names=st.lists(st.sampled_from(["eu", "us", "stable", "b", "e" * 48]), unique=True))
def test_every_part_has_pods_of_its_own(names: list[str]) -> None:
    """Names that Istio takes, none twice, each of the user's there as it was."""
    subsets = [{"name": name, "labels": {"region": name}, "trafficPolicy": {"tls": {"mode": "SIMPLE"}}} for name in names]
    user = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "r"},
        "spec": {"host": "shop"},
    }
    user["spec"] = {"host": "shop", "subsets": subsets}

    made = istio.destination_rule("shop", SHOP, user=user)["spec"]["subsets"]

    found = [each["name"] for each in made]
    assert len(set(found)) == len(found) == 3 * len(names) + 2
    assert made[: len(names)] == subsets
    assert all(refused({"http": [{"route": [{"destination": {"host": "shop", "subset": name}}]}]}) == [] for name in found)


def validated() -> list[Any]:
    """istiod's own rules, as its tests have them: of `spec.http`'s entries, and of whole specs."""
    there = os.environ.get("ROLLWAY_EXAMS")
    table = json.loads((Path(there) if there else Path(__file__).parent).joinpath("istio-validation.json").read_text())
    whole = [(row, row["object"]) for row in table["virtualService"]]
    single = [(row, {"hosts": ["foo.bar"], "http": [row["object"]]}) for row in table["httpRoute"]]
    return [pytest.param(spec, row["valid"], id=row["name"]) for row, spec in (*whole, *single)]


@pytest.mark.parametrize(("spec", "is_valid"), validated())
def test_the_sidecar_refuses_what_istiod_refuses(spec: Obj, is_valid: bool) -> None:
    """What the routes above are held to is held to istiod's own table."""
    assert (refused(spec) == []) == is_valid
