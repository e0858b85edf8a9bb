"""The routes of the A/B strategy."""

from __future__ import annotations

from typing import Any

from rollway.routing import istio
from rollway.routing.traffic import Host, Traffic

SHOP = Host("shop", "shop")
MATCH = {"headers": {"x-api-version": {"exact": "v2"}}}
TRACK = "rollway.dev/track"


def vs(*http: dict[str, Any], **spec: Any) -> dict[str, Any]:
    meta = {"name": "mine", "namespace": "shop"}
    rules = {"http": list(http)} if http else {}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": {**rules, **spec}}


def to(subset: str = "", host: str = "shop", **more: Any) -> dict[str, Any]:
    return {"destination": {"host": host, **({"subset": subset} if subset else {})}, **more}


def rule(*subsets: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1beta1", "kind": "DestinationRule", "metadata": {"name": "mine", "namespace": "shop"},
        "spec": {"host": "shop", **spec, **({"subsets": list(subsets)} if subsets else {})},
    }  # fmt: skip


def split(traffic: Traffic, *http: dict[str, Any], **spec: Any) -> list[dict[str, Any]]:
    user = vs(*http, **spec) if http or spec else istio.virtual_service("shop", SHOP, hosts=(), gateway=None)
    found: list[dict[str, Any]] = istio.split(user, SHOP, traffic)["spec"]["http"]
    return found


def targets(rule: dict[str, Any]) -> dict[str, int]:
    return {target["destination"].get("subset", ""): target.get("weight", 100) for target in rule["route"]}


# whom requests reach


def test_there_is_always_a_default_route() -> None:
    """The last rule has no match, so that a request which matches nothing is answered."""
    for weight in (0, 30, 100):
        assert "match" not in split(Traffic(weight, (MATCH,)))[-1]


def test_matching_requests_go_to_the_variant_and_the_rest_by_weight() -> None:
    """Matches first, then the weighted default."""
    first, default = split(Traffic(30, (MATCH,)))

    assert first["match"] == [MATCH]
    assert targets(first) == {"rollway-b": 100}
    assert targets(default) == {"rollway-stable": 70, "rollway-b": 30}


def test_everything_to_one_side_needs_no_weights() -> None:
    """At 0% and 100% there is one target, and at 100% no match is left."""
    assert [targets(rule) for rule in split(Traffic(0))] == [{"rollway-stable": 100}]
    assert [targets(rule) for rule in split(Traffic(100, (MATCH,)))] == [{"rollway-b": 100}]


def test_a_users_own_routes_keep_their_matches_and_the_rest_is_untouched() -> None:
    """A rule to our host is split; one to another host stays as it is, in its place."""
    other = {"match": [{"uri": {"prefix": "/pay"}}], "route": [to(host="pay")]}
    port = {"route": [{"destination": {"host": "shop", "port": {"number": 80}}}]}
    kept = {
        "timeout": "3s", "retries": {"attempts": 3}, "fault": {"delay": {"fixedDelay": "1s"}}, "mirror": {"host": "shadow"},
        "headers": {"request": {"set": {"x": "y"}}}, "corsPolicy": {"maxAge": "1h"}, "rewrite": {"authority": "inside"},
    }  # fmt: skip
    ours = {"name": "all", "match": [{"uri": {"prefix": "/"}}], **kept, **port}

    http = split(Traffic(0, (MATCH,)), other, ours)

    assert http[0] == other
    assert http[1]["match"] == [{"uri": {"prefix": "/"}, **MATCH}]
    assert (http[1]["name"], http[2]["name"]) == (istio.VARIANT_RULE, "all")
    assert http[2]["match"] == ours["match"]
    assert all({key: rule[key] for key in kept} == kept for rule in http[1:])
    assert all(rule["route"][0]["destination"]["port"] == {"number": 80} for rule in http[1:])


def test_a_match_takes_no_request_of_another_rule() -> None:
    """`/beta` of the test and `/admin` of the user are never both: no rule, and no port or rewrite of theirs for ours."""
    admin = {"match": [{"uri": {"prefix": "/admin"}}], "rewrite": {"uri": "/internal"}, "route": [to(weight=100)]}
    rest = {"route": [to()]}

    http = split(Traffic(0, ({"uri": {"prefix": "/beta"}},)), admin, rest)

    assert [rule.get("match") for rule in http] == [admin["match"], [{"uri": {"prefix": "/beta"}}], None]
    assert [targets(rule) for rule in http] == [{"rollway-stable": 100}, {"rollway-b": 100}, {"rollway-stable": 100}]
    assert "rewrite" not in http[1]


def test_a_narrower_path_is_rewritten_as_the_wider_one() -> None:
    """Envoy puts the rewrite in the place of what matched: /admin/beta/x is /internal/beta/x, whoever answers it. Paths that need
    different rewrites are rules of their own."""
    admin = {"match": [{"uri": {"prefix": "/admin"}}], "rewrite": {"uri": "/internal"}, "route": [to()]}
    matches = ({"uri": {"prefix": "/admin/beta"}}, {"uri": {"exact": "/admin/new"}}, MATCH)

    *variant, default = split(Traffic(0, matches), admin)

    assert [(rule["match"][0]["uri"], rule["rewrite"]["uri"]) for rule in variant] == [
        ({"prefix": "/admin/beta"}, "/internal/beta"),
        ({"exact": "/admin/new"}, "/internal/new"),
        ({"prefix": "/admin"}, "/internal"),
    ]
    assert default["rewrite"] == {"uri": "/internal"}


def test_a_part_that_goes_elsewhere_stays_there() -> None:
    """90% to us and 10% to a legacy service: only our 90% are split, for matching requests too, and joined again."""
    route = [to(weight=90), to(host="legacy", weight=10)]

    matching, default = split(Traffic(25, (MATCH,)), {"route": route})

    total = sum(target["weight"] for target in default["route"])
    shares = [(t["destination"]["host"], t["destination"].get("subset"), 1000 * t["weight"] // total) for t in default["route"]]
    assert shares == [("shop", "rollway-stable", 675), ("shop", "rollway-b", 225), ("legacy", None, 100)]
    assert matching["route"] == [to("rollway-b", weight=90), to(host="legacy", weight=10)]
    assert istio.without_parts(vs(matching, default), SHOP)["spec"]["http"] == [{"route": route}]


def test_another_namespaces_service_is_another_host() -> None:
    """shop.other and shop.example.com are not our Service shop; its own long forms are, in any cluster's domain."""
    for host, is_mine in (("shop.other", False), ("shop.example.com", False), ("shop.shop.svc.cluster.local", True),
                          ("shop.shop", True), ("shop.shop.svc.corp.example", True)):  # fmt: skip
        user = vs({"route": [to(host=host)]})

        assert (istio.split(user, SHOP, Traffic(0)) != user) == is_mine


def test_what_tells_no_requests_apart_stays_with_the_stable_part() -> None:
    """TLS, TCP and mirrors: a route to the host as a whole would reach both versions."""
    tls = {"match": [{"port": 443, "sniHosts": ["shop"]}], "route": [to("eu", weight=10), to(host="legacy", weight=90)]}
    tcp = {"match": [{"port": 9000}], "route": [to()]}
    shadowed = {
        "route": [to(host="cart")],
        "mirror": {"host": "shop"},
        "mirrors": [{"destination": {"host": "shop", "subset": "eu"}}],
    }
    user = vs(shadowed, tls=[tls], tcp=[tcp])

    spec = istio.split(user, SHOP, Traffic(30, (MATCH,)))["spec"]

    assert spec["tls"] == [{**tls, "route": [to("eu-rollway-stable", weight=10), to(host="legacy", weight=90)]}]
    assert spec["tcp"] == [{**tcp, "route": [to("rollway-stable")]}]
    assert spec["http"][0]["mirror"] == {"host": "shop", "subset": "rollway-stable"}
    assert spec["http"][0]["mirrors"] == [{"destination": {"host": "shop", "subset": "eu-rollway-stable"}}]
    assert istio.without_parts({**user, "spec": spec}, SHOP) == user


# whose pods a subset is


def test_each_own_subset_is_split_with_its_policy() -> None:
    """Also one called as our tracks are: labels, mTLS, affinity, pools and port levels go to both parts, and nothing is lost."""
    policy = {
        "tls": {"mode": "ISTIO_MUTUAL"},
        "portLevelSettings": [{"port": {"number": 80}, "loadBalancer": {"simple": "RANDOM"}}],
    }
    own = [{"name": "stable", "labels": {"tier": "paid"}, "trafficPolicy": policy}, {"name": "b"}]
    user = rule(*own, trafficPolicy={"outlierDetection": {}}, exportTo=["."])

    made = istio.destination_rule("shop", SHOP, user=user)

    subsets = {subset["name"]: subset for subset in made["spec"]["subsets"]}
    assert [subsets[each["name"]] for each in own] == own
    for track in ("stable", "b"):
        paid = {"name": f"stable-rollway-{track}", "labels": {"tier": "paid", TRACK: track}, "trafficPolicy": policy}
        assert subsets[f"stable-rollway-{track}"] == paid
        assert subsets[f"b-rollway-{track}"] == {"name": f"b-rollway-{track}", "labels": {TRACK: track}}
        assert subsets[f"rollway-{track}"] == {"name": f"rollway-{track}", "labels": {TRACK: track}}
    assert len(subsets) == 8
    assert {key: made["spec"][key] for key in ("host", "trafficPolicy", "exportTo")} == {
        key: user["spec"][key] for key in ("host", "trafficPolicy", "exportTo")
    }


def test_routes_to_own_subsets_go_to_their_parts() -> None:
    """Each with the weight that it has."""
    matching, default = split(Traffic(50, (MATCH,)), {"route": [to("eu", weight=60), to("us", weight=40)]})

    assert targets(matching) == {"eu-rollway-b": 60, "us-rollway-b": 40}
    assert targets(default) == {"eu-rollway-stable": 30, "eu-rollway-b": 30, "us-rollway-stable": 20, "us-rollway-b": 20}


def test_a_rule_keeps_the_subsets_that_live_routes_name_still() -> None:
    """What the next version's rule lacks goes after the routes; what both have is as the next version has it."""
    live, wanted = rule({"name": "eu"}, {"name": "us", "labels": {"a": "old"}}), rule({"name": "us", "labels": {"a": "new"}})

    assert [each["name"] for each in istio.widened(wanted, live)["spec"]["subsets"]] == ["us", "eu"]
    assert istio.widened(wanted, live)["spec"]["subsets"][0] == {"name": "us", "labels": {"a": "new"}}
    assert istio.widened(wanted, None) == wanted
    assert istio.widened(rule(), rule()) == rule()


# the way back


def test_without_parts_undoes_the_split() -> None:
    """Splitting and taking the parts away leaves the user's objects as they were."""
    own = {"match": [{"uri": {"prefix": "/"}}], "route": [to("eu")]}
    for traffic in (Traffic(0, (MATCH,)), Traffic(40, (MATCH,)), Traffic(100, (MATCH,))):
        assert istio.without_parts(istio.split(vs(own), SHOP, traffic), SHOP) == vs(own)
    for user in (rule(), rule({"name": "eu", "labels": {"zone": "eu"}})):
        assert istio.without_parts(istio.destination_rule("shop", SHOP, user=user), SHOP) == user


def test_the_live_weight_is_read_back() -> None:
    """What a live VirtualService sends to the variant by default, of what it sends to the host."""
    for weight in (0, 30, 100):
        for route in ([to()], [to("eu", weight=90), to(host="legacy", weight=10)]):
            live = istio.split(vs({"route": route}), SHOP, Traffic(weight, (MATCH,)))

            assert istio.variant_weight(live, SHOP) == weight


def test_kinds_are_matched_by_group_in_every_version() -> None:
    """VirtualService is a word of other projects, too; Istio's own have three versions."""
    for group, is_istio in (
        ("networking.istio.io/v1alpha3", True),
        ("networking.istio.io/v1beta1", True),
        ("gateway.solo.io/v1", False),
    ):
        assert bool(istio.routes_of([{**vs({"route": [to()]}), "apiVersion": group}], SHOP)) == is_istio
        assert bool(istio.rules_of([{**rule(), "apiVersion": group}], SHOP)) == is_istio


def test_a_label_that_versions_differ_in_is_no_part_of_a_subset_meanwhile() -> None:
    """What chooses one version's pods chooses the other's, too; what chooses none of them, or all, is as the user has it."""
    sides = ({"app": "shop", "version": "v1"}, {"app": "shop", "version": "v2"})
    subsets = [
        {"name": "v1", "labels": {"app": "shop", "version": "v1"}},
        {"name": "eu", "labels": {"region": "eu"}},
        {"name": "all"},
    ]

    first, *rest = istio.eased(rule(*subsets), sides)["spec"]["subsets"]

    assert (first, rest) == ({"name": "v1", "labels": {"app": "shop"}}, subsets[1:])
    parts = {
        each["name"]: each.get("labels")
        for each in istio.destination_rule("d", SHOP, sides, user=rule(*subsets))["spec"]["subsets"]
    }
    assert parts["v1-rollway-b"] == {"app": "shop", TRACK: "b"}
    split_rule = istio.destination_rule("d", SHOP, user=rule(*subsets))
    assert istio.eased(split_rule, [sides[0]]) == split_rule


# copies


def test_copies_go_to_the_variant_beside_what_the_user_has_copied() -> None:
    """`mirror` where there is none, and both as `mirrors` where there is: Istio takes no rule that has the two."""
    ours = {"host": "shop", "subset": "rollway-b"}
    (plain,) = split(Traffic(0, mirror=10))
    assert (targets(plain), plain["mirror"], plain["mirrorPercentage"]) == ({"rollway-stable": 100}, ours, {"value": 10.0})

    shadow = {"mirror": {"host": "shadow"}, "mirrorPercentage": {"value": 5}}
    listed = [{"destination": {"host": "shadow"}, "percentage": {"value": 5}}]
    for theirs in (shadow, {"mirrors": listed}):
        (both,) = split(Traffic(0, mirror=10), {"route": [to()], **theirs})
        assert both["mirrors"] == [*listed, {"destination": ours, "percentage": {"value": 10.0}}]
        assert not {"mirror", "mirrorPercentage"} & both.keys()
        back = istio.without_parts(vs(both), SHOP)["spec"]["http"]
        assert back == [{"route": [to()], "mirrors": listed}]


def test_copies_are_taken_back_and_nothing_else() -> None:
    made = istio.split(vs({"route": [to()]}, {"route": [to(host="pay")]}), SHOP, Traffic(0, (MATCH,), mirror=50))
    assert istio.uses_parts(made, SHOP)
    assert istio.unmirrored(made, SHOP) == istio.split(
        vs({"route": [to()]}, {"route": [to(host="pay")]}), SHOP, Traffic(0, (MATCH,))
    )
    assert istio.without_parts(made, SHOP) == vs({"route": [to()]}, {"route": [to(host="pay")]})


def test_those_who_match_are_not_copied() -> None:
    narrow, rest = split(Traffic(0, (MATCH,), mirror=50))
    assert "mirror" not in narrow
    assert "mirror" in rest
