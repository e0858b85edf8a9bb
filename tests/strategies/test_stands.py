"""Where a release stands, in words: never a share of 0%, where requests that match are what is routed."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.plan.revision import Revision
from rollway.release.matching import normal, words
from rollway.strategies import already, stands
from shop import NAMESPACE_NAME, release

B: dict[str, Any] = {"headers": {"x-version": "b"}}


def revision(strategy: str, weight: int, **options: Any) -> Revision:
    wanted = release("1.1", strategy=strategy, options=options)
    return Revision(
        number=2, app="shop", namespace=NAMESPACE_NAME, strategy=strategy, phase="Paused", weight=weight, version="1.1", image="",
        digest=wanted.digest, replicas=4, base=1, release=wanted.to_record(),
    )  # fmt: skip


@pytest.mark.parametrize(("match", "said"), [
    (B, "x-version: b"),
    ({"headers": {"x-beta": {}}}, "x-beta"),
    ({"headers": {"x-v": {"prefix": "2."}}, "uri": {"prefix": "/shop"}}, "x-v: 2.… and path /shop…"),
    ({"cookie": {"group": "b"}}, "cookie group=b"),
    ({"cookie": {"group": {"prefix": "b-"}}}, "cookie group=b-…"),
    ({"userAgent": "Firefox/1.0"}, "user-agent: …Firefox/1.0…"),
    ({"query": {"beta": "1"}}, "?beta=1"),
    ({"method": {"exact": "GET"}, "withoutHeaders": {"x-old": {}}}, "no x-old and method GET"),
    ({"headers": {"x-v": {"regex": "2.*"}}, "port": 8080}, "x-v: ~2.* and port 8080"),
    ({"sourceLabels": {"app": "web", "tier": "paid"}, "gateways": ["mesh", "front"]},
     "sourceLabels app=web,tier=paid and gateways mesh, front"),
    ({"sourceNamespace": "edge"}, "sourceNamespace edge"),
])  # fmt: skip
def test_a_match_in_words(match: dict[str, Any], said: str) -> None:
    assert words(normal(match)) == said


@pytest.mark.parametrize(("strategy", "weight", "options", "at", "to"), [
    ("ab", 0, {"ab": {"match": [B]}}, ": requests with x-version: b go to 1.1", " to requests with x-version: b"),
    ("ab", 0, {}, ": requests with x-api-version: v2 go to 1.1", " to requests with x-api-version: v2"),
    ("ab", 20, {"ab": {"match": [B]}}, " at 20%", " to 20%"),
    ("canary", 0, {"canary": {"steps": [{"weight": 0, "match": [B]}, {"weight": 50}]}}, ": requests with x-version: b go to 1.1",
     " to requests with x-version: b"),
    ("canary", 0, {"canary": {"steps": [{"weight": 0, "mirror": 10}, {"weight": 50}]}}, ": copies of 10% of requests go to 1.1",
     " to copies of 10% of requests"),
    ("canary", 50, {"canary": {"steps": [{"weight": 50}]}}, " at 50%", " to 50%"),
    ("blue-green", 0, {}, ", staged, with no request on it", " to be staged"),
])  # fmt: skip
def test_what_is_routed(strategy: str, weight: int, options: dict[str, Any], at: str, to: str) -> None:
    stood = revision(strategy, weight, **options)
    assert (stands.at(stood), stands.to(stood)) == (at, to)


@pytest.mark.parametrize(("strategy", "weight", "options", "brief", "gets"), [
    ("ab", 0, {"ab": {"match": [B]}}, ", by match", "requests"),
    ("canary", 0, {"canary": {"steps": [{"mirror": 10}, {"weight": 50}]}}, ", copies 10%", "copies"),
    ("canary", 0, {"canary": {"steps": [{"mirror": 10, "match": [B]}, {"weight": 50}]}}, ", copies 10%", "requests"),
    ("canary", 50, {"canary": {"steps": [{"mirror": 10}, {"weight": 50}]}}, " 50%", "requests"),
    ("blue-green", 0, {}, ", staged", "nothing"),
])  # fmt: skip
def test_where_there_is_little_room(strategy: str, weight: int, options: dict[str, Any], brief: str, gets: str) -> None:
    stood = revision(strategy, weight, **options)
    assert (stands.brief(stood), stands.gets(stood)) == (brief, gets)


def test_many_matches_are_counted() -> None:
    matches = [{"headers": {"x-user": name}} for name in ("ann", "bob", "cat", "dan")]
    assert stands.matching(revision("ab", 0, ab={"match": matches})) == "requests with x-user: ann or x-user: bob or 2 more"


def test_said_of_a_command_that_comes_again() -> None:
    stood = revision("ab", 0, ab={"match": [B]})
    wanted = release("1.1", strategy="ab", options={"ab": {"match": [B]}})
    assert next(already.applied(wanted, stood, 0)).startswith("paused already: requests with x-version: b go to 1.1")
    assert "is paused: requests with x-version: b go to 1.1" in already.under_way(wanted, stood, "ab").summary
