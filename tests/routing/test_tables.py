"""What routes, matches, shares and Services come to, over grids of small inputs: one line a case, in tables/*.txt.

`make golden` rewrites them. Where two rules meet (what is narrower, what excludes what, what is left of a user's own) every pair
of the grid is held, so that a rule which comes to mean something else reads as a diff.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from byroute import http_route, ingress, virtual_service
from golden import Sections, said, tried
from rollway.kube.objects import Obj
from rollway.routing import claims, fit, gateway, istio, matches, nginx, precedence, ratio, selector, sticky, unfit
from rollway.routing.fit import Misfit, Side
from rollway.routing.gateway import Pair
from rollway.routing.router import Outside
from rollway.routing.routers import ROUTERS as ROUTERS_OF
from rollway.routing.routers import chosen
from rollway.routing.traffic import Host, Sticky, Traffic
from shop import release

HERE = Path(__file__).parent / "tables"
SHOP = Host("shop", "shop")
PAIR = Pair(SHOP, "shop-canary")


# two matches at once

TEXTS: list[Obj] = [
    {"exact": "/a"},
    {"exact": "/A/b"},
    {"exact": "a.b"},
    {"prefix": "/a"},
    {"prefix": "/a/"},
    {"prefix": "/b"},
    {"prefix": ""},
    {"regex": "/a"},
    {"regex": "^/a.*$"},
    {"regex": "/a/[0-9]+"},
    {"regex": "/a|/b"},
    {"regex": "[/|]a(x|y)?"},
    {"regex": r"a\.b"},
    {"regex": "/ab?"},
    {"regex": "("},
    {"regex": ".*"},
    {"regex": "/a\\d"},
    {"regex": "/"},
    {"regex": ""},
    {},
]


def of_two_texts() -> Iterator[str]:
    for one, other in itertools.product(TEXTS, TEXTS):
        row = [tried(lambda: matches.both({"headers": {"x": one}}, {"headers": {"X": other}}))]  # noqa: B023
        row.append(tried(lambda: matches.both({"withoutHeaders": {"x": one}}, {"withoutHeaders": {"x": other}})))  # noqa: B023
        row.append(tried(lambda: matches.both({"headers": {"x": one}}, {"withoutHeaders": {"X": other}})))  # noqa: B023
        yield f"{said(one)} & {said(other)}: {' | '.join(row)}"


PATHS: list[Obj] = [
    {},
    {"uri": {"exact": "/A"}},
    {"uri": {"exact": "/a"}, "ignoreUriCase": True},
    {"uri": {"prefix": "/a"}},
    {"uri": {"prefix": "/A"}, "ignoreUriCase": True},
    {"uri": {"prefix": "/"}},
    {"uri": {"regex": "/a.*"}, "ignoreUriCase": True},
    {"uri": {"prefix": "/1"}, "ignoreUriCase": True},
    {"uri": {"exact": "/1/a"}},
    {"ignoreUriCase": True},
]


def of_two_paths() -> Iterator[str]:
    for one, other in itertools.product(PATHS, PATHS):
        yield f"{said(one)} & {said(other)}: {tried(lambda: matches.both(one, other))}"  # noqa: B023


PARTS: list[Obj] = [
    {"scheme": {"exact": "http"}},
    {"scheme": {"prefix": "h"}},
    {"method": {"exact": "GET"}},
    {"method": {"exact": "PUT"}},
    {"authority": {"exact": "x"}},
    {"authority": {"prefix": "y"}},
    {"port": 80},
    {"port": 81},
    {"sourceNamespace": "a"},
    {"sourceNamespace": "b"},
    {"gateways": ["mesh", "edge"]},
    {"gateways": ["edge", "far"]},
    {"gateways": ["far"]},
    {"sourceLabels": {"a": "1"}},
    {"sourceLabels": {"a": "1", "b": "2"}},
    {"sourceLabels": {"a": "2"}},
    {"queryParams": {"q": {"exact": "1"}}},
    {"queryParams": {"Q": {"exact": "2"}, "q": {"prefix": ""}}},
    {"headers": {"x": {"exact": "1"}, "y": {}}},
    {"headers": {"X": {"prefix": "1"}}},
    {"withoutHeaders": {"x": {"exact": "1"}}},
    {"withoutHeaders": {"X": {}}, "name": "n"},
    {"headers": {"x": None}},
]


def of_two_parts() -> Iterator[str]:
    for one, other in itertools.product(PARTS, PARTS):
        if not (one.keys() & other.keys() or "withoutHeaders" in one or "withoutHeaders" in other):
            continue  # what says nothing of the other stands beside it
        yield f"{said(one)} & {said(other)}: {tried(lambda: matches.both(one, other))}"  # noqa: B023


def of_rewrites() -> Iterator[str]:
    own = [{}, {"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/a/"}}, {"uri": {"exact": "/a"}}, {"uri": {"regex": "/a.*"}}]
    narrow = [
        {},
        {"uri": {"prefix": "/a"}},
        {"uri": {"prefix": "/a/b"}},
        {"uri": {"exact": "/a/c"}},
        {"uri": {"regex": "/a/[0-9]"}},
        {"uri": {"prefix": "/a/B"}, "ignoreUriCase": True},
        {"uri": {"prefix": "/a/1"}, "ignoreUriCase": True},
    ]
    for rewrite, one, other in itertools.product([{"uri": "/"}, {"uri": "/in"}, {"authority": "x"}], own, narrow):
        if one and not other:
            continue  # a narrower match has a path, too
        yield f"{said(rewrite)} of {said(one)} at {said(other)}: {tried(lambda: matches.moved(rewrite, one, other))}"  # noqa: B023


# the Gateway API's matches

OWN: list[Obj] = [
    {},
    {"path": {"type": "PathPrefix", "value": "/a"}},
    {"path": {"type": "Exact", "value": "/a/b"}},
    {"path": {"value": "/"}},
    {"path": {"type": "RegularExpression", "value": "/a.*"}},
    {"method": "GET"},
    {"headers": [{"name": "X", "value": "1"}]},
    {"headers": [{"name": "x", "type": "RegularExpression", "value": "1.*"}, {"name": "y", "value": "2"}]},
    {"queryParams": [{"name": "q", "value": "1"}], "method": "PUT"},
    {"path": {"type": "Exact", "value": "/a/"}},
    {"method": {"service": "s", "method": "m"}, "headers": [{"name": "x", "value": "1"}]},
]
ASKED: list[Obj] = [
    {"uri": {"prefix": "/a"}},
    {"uri": {"exact": "/a/b"}},
    {"uri": {"exact": "/a"}},
    {"uri": {"prefix": "/a/b"}},
    {"uri": {"regex": "/x"}},
    {"uri": {"prefix": "/"}},
    {"method": {"exact": "GET"}},
    {"method": {"prefix": "G"}},
    {"headers": {"x": {"exact": "1"}}},
    {"headers": {"x": {"prefix": "1."}}},
    {"headers": {"x": {}}},
    {"headers": {"z": {"regex": "z"}}},
    {"queryParams": {"q": {"exact": "1"}}},
    {"queryParams": {"q": {"exact": "2"}}},
    {"scheme": {"exact": "http"}},
    {"port": 80},
    {"authority": {"exact": "x"}},
    {"withoutHeaders": {"x": {}}},
    {"sourceLabels": {"a": "b"}},
    {"gateways": ["g"]},
    {"sourceNamespace": "n"},
    {"ignoreUriCase": True},
]
GRPC = {**http_route(), "kind": "GRPCRoute"}


def of_asked_matches() -> Iterator[str]:
    for route in (http_route(), GRPC):
        for own, asked in itertools.product(OWN, ASKED):
            narrowed = tried(lambda: precedence.narrowing(asked, route))  # noqa: B023
            if not narrowed.startswith("{"):
                yield from [f"{route['kind']} {said(asked)}: {narrowed}"] * (own is OWN[0])
                continue
            met = tried(lambda: precedence.met(own, asked, route))  # noqa: B023
            is_implied = tried(lambda: precedence.is_implied(own, asked, route))  # noqa: B023
            yield f"{route['kind']} {said(own)} & {said(asked)}: {met} | {is_implied}"


def of_two_own() -> Iterator[str]:
    for one, other in itertools.product(OWN, OWN):
        ranks = f"{precedence.rank(one)} {precedence.rank(other)}"
        met = precedence.may_meet(one, other, http_route())
        is_outranked = [precedence.is_outranked(one, other, third) for third in OWN]
        yield f"{said(one)} & {said(other)}: {ranks} {met} {[int(each) for each in is_outranked]}"


# splitting and joining

TRAFFICS = [
    Traffic(0),
    Traffic(33),
    Traffic(100),
    Traffic(0, mirror=10),
    Traffic(0, mirror=100),
    Traffic(0, ({"headers": {"x-beta": {"exact": "yes"}}},)),
    Traffic(20, ({"headers": {"x-beta": {"exact": "yes"}}}, {"uri": {"prefix": "/beta"}})),
    Traffic(30, sticky=Sticky("rollway-shop-2", (0, 10, 20, 50))),
    Traffic(100, ({"uri": {"prefix": "/beta"}},), sticky=Sticky("rollway-shop-2", (10,))),
    Traffic(0, ({"uri": {"prefix": "/beta"}},), 5, Sticky("rollway-shop-2")),
]


def ref(name: str, weight: int | None = None, **more: Any) -> Obj:
    return {"name": name, "port": 80, **({} if weight is None else {"weight": weight}), **more}


ANSWERS = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"add": [{"name": "a", "value": "b"}]}}
COOKIES = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "Set-Cookie", "value": "b"}]}}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "shadow", "port": 80}}}
PREFIXED = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
ROUTES = {
    "one": http_route(),
    "weighted": http_route({"name": "all", "backendRefs": [ref("shop", 7, filters=[ANSWERS]), ref("legacy", 3)]}),
    "others": http_route(
        {"backendRefs": [ref("admin")], "matches": [{"path": {"type": "Exact", "value": "/admin"}}]},
        {"backendRefs": [ref("shop", 2)], "filters": [MIRROR], "matches": [{"method": "GET"}, OWN[7], OWN[1]]},
        {"backendRefs": [ref("shop", namespace="far"), ref("shop", kind="Service", group=""), ref("shop", group="x", kind="B")]},
        {"filters": [{"type": "RequestRedirect"}]},
    ),
    "nothing": http_route({"backendRefs": [ref("shop", 0), ref("legacy", 10)]}, {"backendRefs": [ref("legacy")]}),
    "cookies": http_route({"backendRefs": [ref("shop", filters=[COOKIES])]}),
    "a prefix": http_route({"backendRefs": [ref("shop")], "filters": [PREFIXED], "matches": [OWN[1]]}),
    "heavy": http_route({"backendRefs": [ref("shop", 999_999), ref("legacy", 1_000_000)]}),
    "those who match": http_route(
        {"backendRefs": [ref("shop")], "matches": [{"headers": [{"name": "X-Beta", "value": "yes"}]}, {}]}
    ),
    "many": http_route(
        *({"backendRefs": [ref("shop")], "matches": [{"path": {"type": "Exact", "value": f"/{at}"}}]} for at in range(16))
    ),
    "by gRPC": {**http_route({"backendRefs": [ref("shop")]}), "kind": "GRPCRoute"},
}


def of_routes() -> Iterator[str]:
    for (name, route), traffic in itertools.product(ROUTES.items(), TRAFFICS):
        if name == "many" and traffic not in TRAFFICS[4:6]:
            continue
        made = tried(lambda: gateway.split(route, PAIR, traffic)["spec"]["rules"])  # noqa: B023
        yield f"{name} & {tuple(traffic)}: {made}"
        if not made.startswith("["):
            continue
        live = gateway.split(route, PAIR, traffic)
        back = gateway.joined(live, SHOP, ["shop-canary", "shop-b"])["spec"]["rules"]
        is_copied, is_named = (ask(live, SHOP, ["shop-canary"]) for ask in (gateway.mirrors_to, gateway.names_one_of))
        yield f"    {gateway.share(live, SHOP, ['shop-canary']):g}% {is_copied} {is_named}; back: {said(back)}"


def vs(*http: Obj, name: str = "mine", namespace: str = "shop", **spec: Any) -> Obj:
    made = virtual_service()
    rules = {"http": list(http)} if http else {}
    return {**made, "metadata": {"name": name, "namespace": namespace}, "spec": {**rules, **spec}}


def to(host: str = "shop", subset: str = "", **more: Any) -> Obj:
    return {"destination": {"host": host, **({"subset": subset} if subset else {})}, **more}


SERVICES = {
    "one": vs({"route": [to()]}),
    "subsets": vs({"name": "r", "route": [to(subset="eu", weight=60), to(subset="us", weight=30), to("legacy", weight=10)]}),
    "matched": vs(
        {"match": [{"uri": {"prefix": "/beta"}}, {"port": 80}], "rewrite": {"uri": "/in"}, "route": [to()]},
        {"match": [{"uri": {"exact": "/x"}}], "redirect": {"uri": "/y"}},
        {"route": [to("shop.shop.svc.cluster.local", headers={"response": {"add": {"a": "b"}}})]},
    ),
    "mirrored": vs(
        {"route": [to()], "mirror": {"host": "shop"}, "mirrorPercent": 5}, {"route": [to("other")], "mirrors": [to("shop", "eu")]}
    ),
    "mirrored list": vs({"route": [to()], "mirrors": [to("shadow")]}),
    "mirrored whole": vs({"route": [to()], "mirror": {"host": "shadow"}}),
    "tcp and tls": vs(
        tls=[{"match": [{"port": 1}], "route": [to(subset="eu")]}], tcp=[{"route": [to(weight=1), to("x", weight=1)]}]
    ),
    "cookies": vs({"route": [to(headers={"response": {"set": {"Set-Cookie": "a"}}})]}),
    "no weights": vs({"route": [to(), to("legacy", weight=100)]}),
    "thirds": vs({"route": [to(weight=1), to("legacy", weight=2)]}),
}
RULES: dict[str, Obj | None] = {
    "none": None,
    "own": {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "mine"},
        "spec": {"host": "shop", "subsets": [{"name": "eu", "labels": {"v": "1"}}, {"name": "us"}], "trafficPolicy": {"tls": {}}},
    },
    "bare": {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "bare"},
        "spec": {"host": "shop"},
    },
}


def of_virtual_services() -> Iterator[str]:
    for (name, user), traffic in itertools.product(SERVICES.items(), TRAFFICS):
        made = tried(lambda: istio.split(user, SHOP, traffic)["spec"])  # noqa: B023
        yield f"{name} & {tuple(traffic)}: {made}"
        if not made.startswith("{"):
            continue
        live = istio.split(user, SHOP, traffic)
        back, plain = istio.without_parts(live, SHOP)["spec"], istio.unmirrored(live, SHOP)["spec"]
        asked = istio.variant_weight(live, SHOP), istio.uses_parts(live, SHOP), istio.subsets_named(live, SHOP)
        yield f"    {said(asked)} {istio.splits_http(live, SHOP)} {len(istio.routes_of([live], SHOP))}; back: {said(back)}"
        if plain != live["spec"]:
            yield f"    without copies: {said(plain)}"


def of_destination_rules() -> Iterator[str]:
    sides = [(), ({"app": "shop", "v": "1"}, {"app": "shop", "v": "2"}), ({"v": "1"}, {"v": "1"}), ({"v": "3"},)]
    for (name, user), each, second in itertools.product(RULES.items(), sides, ("b", "canary")):
        made = istio.destination_rule("shop", SHOP, each, user=user, second=second)
        back = istio.without_parts(made, SHOP)["spec"]
        yield f"{name} {said(each)} {second}: {said(made)} {istio.has_parts(made)}; back: {said(back)}"
        for other in filter(None, RULES.values()):
            yield f"    wide: {said(istio.widened(other, made)['spec'])}; eased {said(istio.eased(made, each)['spec'])}"
    yield said(istio.gateway("g", ["a", "b"]))
    for hosts, door in itertools.product([(), ("shop", "a.example.com")], [None, "edge"]):
        yield said(istio.virtual_service("v", SHOP, hosts=hosts, gateway=door))


INGRESSES = {
    "plain": ingress(),
    "heeded": ingress(load_balance="ewma", upstream_hash_by="x", affinity="cookie", session_cookie_name="c", canary_weight="3"),
    "classed": {
        **ingress(),
        "metadata": {"name": "i", "annotations": {"kubernetes.io/ingress.class": "nginx"}},
        "spec": {
            "rules": [
                {
                    "http": {
                        "paths": [
                            {"backend": {"service": {"name": "shop", "port": {"number": 80}}}},
                            {"path": "/b", "backend": {"service": {"name": "other"}}},
                        ]
                    }
                },
                {"host": "bare"},
            ]
        },
    },
    "another class": {**ingress(), "spec": {"ingressClassName": "alb"}},
    "far": {**ingress(), "metadata": {**ingress()["metadata"], "namespace": "far"}},
    "a canary": ingress(canary="true", canary_weight="20", canary_weight_total="80"),
    "no number": ingress(canary="true", canary_weight="x"),
    "of nothing": ingress(canary="true", canary_weight="20", canary_weight_total="0"),
}
HEADERS = [
    {"headers": {"x": {"exact": "1"}}},
    {"headers": {"x": {"regex": "1.*"}}},
    {"headers": {"x": {"prefix": "1"}}},
    {"headers": {"cookie": {"exact": "c"}}},
    {"headers": {"x": {"exact": "1"}, "y": {}}},
    {"uri": {"exact": "/"}},
    {"headers": {"x": {"exact": "1"}}, "name": "n"},
]


def of_ingresses() -> Iterator[str]:
    every = list(INGRESSES.values())
    for name, each in INGRESSES.items():
        known = nginx.is_canary(each), nginx.is_served(each), nginx.share(each), len(nginx.ingresses_of([each], SHOP))
        rival = nginx.rival([each], every[:3], SHOP)
        yield f"{name}: {known} {len(nginx.canaries_of([each], ['shop']))} {rival and rival['metadata']['name']}"
        yield f"    {tried(lambda: nginx.canary(each, SHOP, 'shop-canary', 'made', Traffic(7)))}"  # noqa: B023
    for asked in [(HEADERS[0], HEADERS[1]), *((one,) for one in HEADERS)]:
        for weight in (0, 100):
            traffic = Traffic(weight, asked)
            made = tried(lambda: nginx.canary(ingress(), SHOP, "s", "m", traffic)["metadata"]["annotations"])  # noqa: B023
            yield f"{said(asked)} {weight}: {made}"


# shares of pods, and who is known again


def of_pods() -> Iterator[str]:
    weights = (-1, 0, 1, 10, 25, 33, 49, 50, 51, 66, 75, 90, 99, 100, 101)
    for replicas in (*range(8), 10, 33):
        shares = [tuple(ratio.split(replicas, weight, may_surge=surge)) for surge in (False, True) for weight in weights]
        beside = [tuple(ratio.beside(replicas, weight)) for weight in weights]
        yield f"{replicas}: {shares}"
        yield f"    beside: {beside} needed: {[ratio.needed(replicas, weight) for weight in weights]}"
    for pods in itertools.product((0, 1, 3), (0, 1, 7)):
        yield f"{pods}: {ratio.Pods(*pods).percent} {ratio.by_pods(*pods)}"


def of_cookies() -> Iterator[str]:
    yield sticky.cookie_of("shop", 7)
    for weight, before in itertools.product((0, 1, 30, 99, 100), ((), (0,), (10, 30, 99), (100, 40, 20))):
        traffic = Traffic(weight, sticky=Sticky("rollway-shop-2", before))
        known = [(each.match["headers"]["cookie"]["regex"], tuple(each.draw)) for each in sticky.known(traffic)]
        yield f"{weight} {before}: {tuple(sticky.drawn(traffic))} {known}"
    yield f"{tuple(sticky.drawn(Traffic(30)))} {sticky.known(Traffic(30))}"
    first, second = sticky.drawn(Traffic(30, sticky=Sticky("rollway-shop-2"))).cookies
    for value in (first, second, "rollway-x=1", f"x{first}", ""):
        yield f"{value}: {sticky.is_ours(value)} {sticky.asks(value)}"


# Services


def service(selector_: dict[str, str], *ports: Obj, name: str = "web", **meta: Any) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, **meta},
        "spec": {"selector": selector_, "ports": list(ports)},
    }


def pods(labels: dict[str, str], *containers: list[Obj], sidecars: tuple[Obj, ...] = ()) -> Obj:
    made = [{"name": f"c{place}", "ports": ports} for place, ports in enumerate(containers)]
    return {
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": made, "initContainers": list(sidecars)}}}
    }


WEB = {"app": "web"}
HTTP = {"name": "http", "containerPort": 8080}
PORTS: list[Obj] = [
    {"port": 80, "targetPort": "http"},
    {"port": 80, "targetPort": 8080},
    {"port": 80, "targetPort": "8080"},
    {"port": 8080},
    {"name": "http", "port": 81, "targetPort": "http"},
    {"port": 80, "targetPort": "http", "protocol": "UDP"},
    {"name": "web", "port": 80, "targetPort": 9090},
    {"port": 80, "targetPort": "admin"},
]
SIDES: list[tuple[dict[str, str], list[list[Obj]]]] = [
    (WEB, [[HTTP]]),
    ({**WEB, "v": "2"}, [[{"name": "http", "containerPort": 9090}]]),
    ({"app": "two"}, [[]]),
    ({**WEB, "rollway.dev/track": "b"}, [[HTTP, {"name": "admin", "containerPort": 9090}], [{"containerPort": 7070}]]),
]


def brief(port: Obj | None) -> str:
    """ "http 80>8080/UDP" """
    if port is None:
        return "none"
    name, protocol = f"{port.get('name', '')} ".lstrip(), port.get("protocol", "")
    return f"{name}{port['port']}>{port.get('targetPort')!r}{f'/{protocol}' if protocol else ''}"


def of_services() -> Iterator[str]:
    before, after = itertools.product(PORTS, SIDES[:2]), itertools.product(PORTS, SIDES)
    for (one, (labels, declared)), (other, (new, listens)) in itertools.product(before, after):
        live, wanted = service(labels, one), service({key: text for key, text in new.items() if key != "v"}, other)
        sides = [Side("1", pods(labels, *declared), [live]), Side("2", pods(new, *listens), [wanted])]
        found = fit.bridge(live, wanted, sides, [{"app": "web", "v": "3"}])
        what = f"no: {found.why}" if isinstance(found, Misfit) else said(found)
        yield f"{brief(one)} {list(labels.values())} -> {brief(other)} {list(new.values())}: {what}"
    sidecars = ({"ports": [HTTP]}, {"restartPolicy": "Always", "ports": [{"containerPort": 1}]})
    for (labels, declared), port in itertools.product(SIDES, PORTS):
        side = Side("1", pods(labels, *declared, sidecars=sidecars), [service(WEB, port)])
        takes = [side.takes(target, "TCP", 8080) for target in ("http", "admin", 8080, 9090)]
        listens_at = side.listens("web", port), side.listens("no", port)
        yield f"{said(labels)} {brief(port)}: {sorted(side.numbers)} {listens_at} {takes} {side.labels}"
    for one, other in itertools.product(PORTS, PORTS):
        alone, beside = fit.counterpart(one, [other]), fit.counterpart(one, [PORTS[6], other])
        yield f"{brief(one)} like {brief(other)}: {brief(alone)}, {brief(beside)}"


ROUTERS = [
    {
        **ingress(),
        "spec": {
            "defaultBackend": {"service": {"name": "web", "port": {"name": "http"}}},
            "rules": [
                {
                    "http": {
                        "paths": [
                            {"backend": {"service": {"name": "web", "port": {"number": 80}}}},
                            {"backend": {"resource": {}}},
                            {"backend": {"service": {"name": "other", "port": {"name": "http"}}}},
                        ]
                    }
                }
            ],
        },
    },
    http_route({"backendRefs": [ref("web"), ref("web", kind="Bucket"), ref("web", group="x"), {"name": "web"}, {"port": 1}]}),
    vs({"route": [to("web.shop.svc"), {"destination": {"host": "web", "port": {"number": 81}}}]}, tcp=[{"route": [to("web")]}]),
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}},
]


def of_ways_in() -> Iterator[str]:
    for router in ROUTERS:
        yield f"{router['kind']}: {said([tuple(each) for each in fit.backends(router)])}"
        for port in PORTS:
            yield f"    {said(port)}: {said([tuple(each) for each in fit.lacks(router, {'web': service(WEB, port)})])}"
    for one, other in itertools.product(PORTS, PORTS):
        live, wanted = service(WEB, one), service(WEB, other, {"name": "more", "port": 82})
        by_number, opened = fit.by_number(ROUTERS[0], live, wanted), fit.opened(live, wanted, ROUTERS)["spec"]["ports"]
        yield f"{said(one)} -> {said(other)}: {said(by_number)} | {said(opened)}"
    yield said(
        [
            fit.names_of(service(WEB, *PORTS)),
            [name for name in ("http", "Metrics", "x-prom", "healthz", "debug", "pprof", "admin") if fit.is_aside(name)],
        ]
    )


def of_selectors() -> Iterator[str]:
    tracked = service(
        {**WEB, "rollway.dev/track": "green"}, {"port": 80, "targetPort": 1, "nodePort": 30000}, namespace="n", labels={"a": "b"}
    )
    for each in (
        service(WEB, {"port": 80, "targetPort": "http"}, {"port": 80, "protocol": "UDP"}),
        tracked,
        {"spec": {}, "metadata": {"name": "x"}},
    ):
        yield f"{said(selector.pinned(each, 'b'))} {selector.track_of(each)} {said(selector.preview(each, 'p', 'green'))}"
        yield f"    home: {said(selector.led_home(tracked, each))}"
    yield f"{selector.track_of(None)} {selector.live_track([None, service(WEB), tracked])} {selector.live_track([])}"


# whose routes these are

META = [("mine", "shop"), ("mine", "far"), ("theirs", "shop")]
CLAIMS: list[Obj] = [
    *(
        vs({"route": [to(host)]}, name=name, namespace=space, hosts=["a"])
        for (name, space), host in itertools.product(META, ("shop", "shop.shop", "x"))
    ),
    *(
        vs({"route": [to("x")]}, name="hosts", hosts=hosts, gateways=gates)
        for hosts, gates in itertools.product(
            (["shop"], ["*.svc.cluster.local"], ["*"], ["*.example.com"], ["shop.far"]), ([], ["mesh"], ["edge"])
        )
    ),
    vs({"delegate": {"name": "mine"}}, name="root", hosts=["shop"]),
    vs({"delegate": {"name": "no", "namespace": "far"}}, name="root", hosts=["shop"]),
    vs(name="tls", tls=[{"route": [to()]}]),
    vs(name="tcp", tcp=[{"route": [to()]}]),
    *(
        {**RULES["bare"], "metadata": {"name": "rule", "namespace": space}, "spec": {"host": host}}  # type: ignore[dict-item]
        for space, host in itertools.product(("shop", "far"), ("shop", "shop.shop", "*.shop.svc.cluster.local", "*.x"))
    ),
]


def of_claims() -> Iterator[str]:
    mine = [vs({"route": [to()]}, namespace="")]
    del mine[0]["metadata"]["namespace"]
    for each in CLAIMS:
        spec = f"{each['metadata']} {said(each['spec'])}"
        foreign = [bool(claims.foreign([each], own, SHOP, "shop")) for own in ([], mine)]
        marked = {**each, "metadata": {**each["metadata"], "labels": {"rollway.dev/app": "shop"}}}
        foreign.append(bool(claims.foreign([marked], [], SHOP, "shop")))
        is_route = each["kind"] == "VirtualService"
        asked = (claims.claims(each, SHOP), claims.needs_own([each], SHOP)) if is_route else bool(claims.outranked([each], SHOP))
        yield f"{each['kind']} {spec}: {foreign} {asked} {claims.told(each, SHOP)}; {claims.own_name('mine', [each])}"
        yield f"    {said([each.message for each in unfit.unfits([each], SHOP)])}"


# the routers


GRANT = {
    "apiVersion": "gateway.networking.k8s.io/v1beta1",
    "kind": "ReferenceGrant",
    "metadata": {"name": "g", "namespace": "shop"},
}
SOURCES = [
    {"kind": "HTTPRoute", "namespace": "far"},
    {"kind": "GRPCRoute", "namespace": "far"},
    {"kind": "HTTPRoute", "namespace": "x"},
]
GOALS = [
    {"kind": "Service"},
    {"kind": "Service", "name": "shop"},
    {"kind": "Service", "name": "shop-canary"},
    {"kind": "Secret", "name": "shop"},
]


def of_grants() -> Iterator[str]:
    far = http_route()
    far["metadata"]["namespace"] = "far"
    far["spec"]["rules"][0]["backendRefs"][0]["namespace"] = "shop"
    for source, goals, space in itertools.product(SOURCES, itertools.combinations(GOALS, 2), ("shop", "far", "")):
        grant = {**GRANT, "metadata": {"name": "g", "namespace": space}, "spec": {"from": [source], "to": list(goals)}}
        found = [gateway.narrow_grant(route, SHOP, "shop-canary", [grant, far]) is not None for route in (far, http_route())]
        yield f"{said(source)} to {said(goals)} in {space!r}: {found}"


MANIFESTS: dict[str, tuple[Obj, ...]] = {
    "nothing": (),
    "gateway": (http_route(),),
    "no parents": ({**http_route(), "spec": {"rules": http_route()["spec"]["rules"]}},),
    "istio": (virtual_service(),),
    "a rule": (virtual_service(), RULES["own"] or {}),
    "two rules": (RULES["own"] or {}, RULES["bare"] or {}),
    "subsets": (SERVICES["subsets"],),
    "nginx": (ingress(),),
    "a canary": (ingress(), ingress("c", canary="true")),
    "bare": (INGRESSES["another class"],),
    "tcp": (SERVICES["tcp and tls"],),
    "edge only": (vs({"route": [to()]}, hosts=["a"], gateways=["edge"]),),
}


def of_routers() -> Iterator[str]:
    """What each router says of manifests, of what is live beside them, and of the traffic that is asked for."""
    strangers = [
        None,
        [],
        [http_route(name="theirs")],
        [vs({"route": [to()]}, name="theirs")],
        [ingress("theirs")],
        [ingress("theirs", canary="true")],
        [{**RULES["bare"], "metadata": {"name": "wild", "namespace": "far"}, "spec": {"host": "*.local"}}],
    ]
    for (name, others), kind in itertools.product(MANIFESTS.items(), ROUTERS_OF):
        plain = dataclasses.replace(release("v1"), others=others)
        for outside in (Outside(), Outside(("a.example.com",), None), Outside((), "edge")):
            if outside != Outside() and kind.name != "istio":
                continue
            router = kind(plain, SHOP, "shop", "canary", outside, is_chosen=True)
            refused = [tried(lambda: router.refuse_unfit(traffic)) for traffic in (Traffic(10), TRAFFICS[6], TRAFFICS[5])]  # noqa: B023
            refs = (
                sorted(f"{ref.kind} {ref.name}" for ref in router.refs()),
                sorted(f"{ref.kind} {ref.name}" for ref in router.deletes()),
            )
            asked = f"{kind.name}, {name}, {list(outside.hosts)} {outside.gateway}"
            yield f"{asked}: {router.has_routes} {said(refs)} {router.past} {sorted(router.reaches_both)}"
            yield f"    {said(refused)} {[router.is_route(obj) for obj in (*others, ingress(), http_route(), virtual_service())]}"
            yield f"    {said([obj['kind'] + ' ' + obj['metadata']['name'] for obj in router.parts()])}"
            yield from (
                f"    {tried(lambda: router.beside(each, splits=splits))}"  # noqa: B023
                for each, splits in itertools.product(strangers, (False, True))
            )
            made = tried(lambda: router.routes(Traffic(30)))  # noqa: B023
            if made.startswith("["):
                live = [*router.routes(Traffic(30)), *router.parts()]
                yield f"    {router.is_split(live)} {router.share(live)} {router.is_split(others)} {router.share(others)}"
    yield said([chosen(dataclasses.replace(release("v1"), others=others), SHOP) for others in MANIFESTS.values()])


TABLES = {
    made.__name__.removeprefix("of_"): made
    for made in (
        of_two_texts,
        of_two_paths,
        of_two_parts,
        of_rewrites,
        of_asked_matches,
        of_two_own,
        of_routes,
        of_virtual_services,
        of_destination_rules,
        of_ingresses,
        of_pods,
        of_cookies,
        of_services,
        of_ways_in,
        of_selectors,
        of_claims,
        of_grants,
        of_routers,
    )
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, request: pytest.FixtureRequest) -> None:
    """Each line; and nothing that was handed in has been changed by it."""
    before = copy.deepcopy((ROUTES, SERVICES, RULES, INGRESSES, ROUTERS, CLAIMS, PORTS))
    sections = Sections(HERE / f"{name}.txt", is_rewriting=request.config.getoption("--update-golden"))
    sections.hold(name.replace("_", " "), list(TABLES[name]()))
    assert before == (ROUTES, SERVICES, RULES, INGRESSES, ROUTERS, CLAIMS, PORTS)


def test_every_table_is_looked_at() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(TABLES)
