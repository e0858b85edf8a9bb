"""The routes of the A/B strategy."""

from __future__ import annotations

from rollway.routing import istio
from rollway.routing.istio import Host, Traffic

SHOP = Host("shop", "shop")
MATCH = {"headers": {"x-api-version": {"exact": "v2"}}}


def routes(traffic: Traffic, user: dict | None = None) -> list[dict]:
    return istio.virtual_service("shop", SHOP, traffic, hosts=(), gateway=None, user=user)["spec"]["http"]


def targets(rule: dict) -> dict[str, int]:
    return {target["destination"].get("subset", ""): target.get("weight", 100) for target in rule["route"]}


def test_there_is_always_a_default_route() -> None:
    """The last rule has no match, so that a request which matches nothing is answered."""
    for weight in (0, 30, 100):
        assert "match" not in routes(Traffic(weight, (MATCH,)))[-1]


def test_matching_requests_go_to_the_variant_and_the_rest_by_weight() -> None:
    """Matches first, then the weighted default."""
    first, default = routes(Traffic(30, (MATCH,)))

    assert first["match"] == [MATCH]
    assert targets(first) == {"b": 100}
    assert targets(default) == {"stable": 70, "b": 30}


def test_everything_to_one_side_needs_no_weights() -> None:
    """At 0% and 100% there is one target, and at 100% no match is left."""
    assert [targets(rule) for rule in routes(Traffic(0))] == [{"stable": 100}]
    assert [targets(rule) for rule in routes(Traffic(100, (MATCH,)))] == [{"b": 100}]


def test_a_users_own_routes_keep_their_matches_and_the_rest_is_untouched() -> None:
    """A rule to our host is split; one to another host stays as it is, in its place."""
    other = {"match": [{"uri": {"prefix": "/pay"}}], "route": [{"destination": {"host": "pay"}}]}
    ours = {
        "match": [{"uri": {"prefix": "/"}}],
        "timeout": "3s",
        "route": [{"destination": {"host": "shop", "port": {"number": 80}}}],
    }
    user = {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "mine"}}
    user["spec"] = {"hosts": ["shop.example.com"], "gateways": ["edge"], "http": [other, ours]}

    http = routes(Traffic(0, (MATCH,)), user)

    assert http[0] == other
    assert http[1]["match"] == [{"uri": {"prefix": "/"}, **MATCH}]
    assert http[2]["match"] == ours["match"]
    assert [rule["timeout"] for rule in http[1:]] == ["3s", "3s"]
    assert all(rule["route"][0]["destination"]["port"] == {"number": 80} for rule in http[1:])


def test_without_subsets_undoes_the_split() -> None:
    """Splitting and taking the subsets away leaves the user's rules as they were."""
    rule = {"match": [{"uri": {"prefix": "/"}}], "route": [{"destination": {"host": "shop"}}]}
    user = {"metadata": {"name": "mine"}, "spec": {"http": [rule]}}
    for traffic in (Traffic(0, (MATCH,)), Traffic(40, (MATCH,)), Traffic(100, (MATCH,))):
        split = istio.virtual_service("", SHOP, traffic, hosts=(), gateway=None, user=user)

        assert istio.without_subsets(split, SHOP)["spec"]["http"] == [rule]


def test_the_users_own_subsets_stay() -> None:
    """Ours are added to a rule the user has, once."""
    user = {"metadata": {"name": "mine"}, "spec": {"host": "shop", "subsets": [{"name": "eu", "labels": {"zone": "eu"}}]}}

    once = istio.destination_rule("shop", SHOP, user=user)
    twice = istio.destination_rule("shop", SHOP, user=once)

    assert [subset["name"] for subset in once["spec"]["subsets"]] == ["eu", "stable", "b"]
    assert twice == once


def test_the_live_weight_is_read_back() -> None:
    """What a live VirtualService sends to the variant by default."""
    for weight in (0, 30, 100):
        live = istio.virtual_service("shop", SHOP, Traffic(weight, (MATCH,)), hosts=(), gateway=None)

        assert istio.variant_weight(live, SHOP) == weight


def test_a_part_that_goes_elsewhere_stays_there() -> None:
    """90% to us and 10% to a legacy service: only our 90% are split, and joined again."""
    route = [{"destination": {"host": "shop"}, "weight": 90}, {"destination": {"host": "legacy"}, "weight": 10}]
    user = {"metadata": {"name": "mine"}, "spec": {"http": [{"route": route}]}}

    split = istio.virtual_service("", SHOP, Traffic(25), hosts=(), gateway=None, user=user)

    weights = [(t["destination"]["host"], t["destination"].get("subset"), t["weight"]) for t in split["spec"]["http"][0]["route"]]
    total = sum(weight for _, _, weight in weights)
    assert [(host, subset, 1000 * weight // total) for host, subset, weight in weights] == [
        ("shop", "stable", 675), ("shop", "b", 225), ("legacy", None, 100),
    ]  # fmt: skip
    assert istio.without_subsets(split, SHOP)["spec"]["http"][0]["route"] == route


def test_another_namespaces_service_is_another_host() -> None:
    """shop.other and shop.example.com are not our Service shop; its own long forms are."""

    def rule(host: str) -> dict:
        return {"route": [{"destination": {"host": host}}]}

    for host, is_ours in (("shop.other", False), ("shop.example.com", False), ("shop.shop.svc.cluster.local", True)):
        user = {"metadata": {"name": "mine"}, "spec": {"http": [rule(host)]}}
        split = istio.virtual_service("", SHOP, Traffic(0), hosts=(), gateway=None, user=user)

        assert (split != user) == is_ours
