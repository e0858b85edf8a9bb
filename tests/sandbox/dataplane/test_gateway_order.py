"""Which rule of many HTTPRoutes a request meets: what the data plane makes of them, against the API's own words, by chance."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from rollway.kube.defaults import fill
from rollway.kube.objects import Obj
from rollway.sandbox.controllers.attachment import CLASS, CONTROLLER, Known
from rollway.sandbox.dataplane.gateway import translate
from rollway.sandbox.dataplane.model import Forward, Host, Match, Text
from rollway.sandbox.dataplane.services import Clusters, Port

HOSTS = ("a.example", "*.example", "b.a.example", "*.a.example", "other.test")
PATHS = ("/", "/a", "/a/", "/a/b", "/ab", "/b")
NAMES = [f"s{number}" for number in range(6)]


class Asked(NamedTuple):
    host: str
    path: str
    method: str
    headers: dict[str, str]
    query: dict[str, str]


few = st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"]), max_size=2)
requests = st.builds(
    Asked,
    st.sampled_from(["a.example", "b.a.example", "c.a.example", "z.example", "other.test", "example"]),
    st.sampled_from(["/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "/c"]),
    st.sampled_from(["GET", "POST"]),
    few,
    few,
)


@st.composite
def matches(draw: st.DrawFn) -> Obj:
    out: Obj = {"path": {"type": draw(st.sampled_from(["Exact", "PathPrefix"])), "value": draw(st.sampled_from(PATHS))}}
    if draw(st.booleans()):
        out["method"] = draw(st.sampled_from(["GET", "POST"]))
    for key, sent in (("headers", draw(few)), ("queryParams", draw(few))):
        out |= {key: [{"name": name, "value": value} for name, value in sent.items()]} if sent else {}
    return out


@st.composite
def routes(draw: st.DrawFn) -> list[Obj]:
    """Every rule leads to a Service of its own."""
    services, out = iter(NAMES), []
    for number in range(draw(st.integers(1, 3))):
        rules = [
            {"matches": draw(st.lists(matches(), min_size=1, max_size=2)), "backendRefs": [{"name": next(services), "port": 80}]}
            for _ in range(draw(st.integers(1, 2)))
        ]
        hosts = draw(st.lists(st.sampled_from(HOSTS), max_size=2, unique=True))
        second = draw(st.integers(0, 1))
        meta = {"name": f"r{number}", "namespace": "shop", "creationTimestamp": f"2026-01-01T00:00:0{second}Z"}
        spec = {"parentRefs": [{"name": "edge"}], "rules": rules} | ({"hostnames": hosts} if hosts else {})
        out.append({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": meta, "spec": spec})
        fill(out[-1])
    return out


@settings(max_examples=300, deadline=None)
@given(routes(), st.lists(requests, min_size=1, max_size=8))
def test_the_first_of_all_rules_that_fit_is_the_one_that_the_api_names(found: list[Obj], asked: list[Asked]) -> None:
    hosts = _hosts(found)
    for each in asked:
        assert _served(hosts, each) == _meant(found, each), each


def _hosts(found: list[Obj]) -> tuple[Host, ...]:
    head = {"apiVersion": "gateway.networking.k8s.io/v1"}
    class_ = head | {"kind": "GatewayClass", "metadata": {"name": CLASS}, "spec": {"controllerName": CONTROLLER}}
    spec = {"gatewayClassName": CLASS, "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
    gateway = head | {"kind": "Gateway", "metadata": {"name": "edge", "namespace": "shop", "uid": "1"}, "spec": spec}
    services = [{"metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": [{"port": 80}]}} for name in NAMES]
    ports = {("shop", name): [Port(("shop", name), "", 80, "", 80, is_http=True, is_http2=False)] for name in NAMES}
    known = Known(classes=[class_], gateways=[gateway], routes=found, services=services)
    made = translate(known, ports, Clusters(), lambda port: True)
    return made.routes["gateway/shop/edge/80"]


# as Envoy does it: the narrowest domain, then its routes in their order


def _served(hosts: tuple[Host, ...], asked: Asked) -> str:
    fitting = [host for host in hosts if _covers(host.domains[0], asked.host)]
    if not fitting:
        return ""
    host = min(fitting, key=lambda each: ("*" in each.domains[0], -len(each.domains[0])))
    for route in host.routes:
        if _holds(route.match, asked):
            assert isinstance(route.action, Forward)
            return route.action.shares[0].cluster.split("/")[2]
    return ""


def _holds(match: Match, asked: Asked) -> bool:
    sent = asked.headers | {":method": asked.method}
    named = [(each, sent) for each in match.headers] + [(each, asked.query) for each in match.query]
    return _is_at(match, asked.path) and all(values.get(each.name) == each.text.value for each, values in named)


def _is_at(match: Match, path: str) -> bool:
    match match.path:
        case Text("exact", value):
            return path == value
        case Text(_, value) if match.at_segments:
            return path == value or path.startswith(f"{value}/")
        case Text(_, value):
            return path.startswith(value)


# as the API says it


def _meant(found: list[Obj], asked: Asked) -> str:
    """Of all matches that hold: the narrowest host, an exact path, the longer prefix, a method, more headers, more parameters,
    the older route, its name, the first in it."""
    candidates = []
    for route in found:
        hosts = [host for host in route["spec"].get("hostnames") or ["*"] if _covers(host, asked.host)]
        for number, rule in enumerate(route["spec"]["rules"] if hosts else ()):
            for place, match in enumerate(rule["matches"]):
                if _fits(match, asked):
                    host = min(hosts, key=lambda each: ("*" in each, -len(each)))
                    rank = (("*" in host, -len(host)), _specific(match), route["metadata"]["creationTimestamp"])
                    order = (route["metadata"]["name"], number, place)
                    candidates.append((rank, order, rule["backendRefs"][0]["name"]))
    return min(candidates)[2] if candidates else ""


def _fits(match: Obj, asked: Asked) -> bool:
    value = match["path"]["value"]
    stem = re.escape(value.rstrip("/"))
    pattern = re.escape(value) if match["path"]["type"] == "Exact" else f"{stem}(/.*)?"
    pairs: list[tuple[dict[str, str], Any]] = [(asked.headers, match.get("headers")), (asked.query, match.get("queryParams"))]
    return (
        re.fullmatch(pattern, asked.path) is not None
        and match.get("method", asked.method) == asked.method
        and all(sent.get(each["name"]) == each["value"] for sent, wanted in pairs for each in wanted or ())
    )


def _specific(match: Obj) -> tuple[Any, ...]:
    path = match["path"]
    is_prefix = path["type"] == "PathPrefix"
    length = len(path["value"].rstrip("/")) if is_prefix else len(path["value"])
    counts = tuple(-len(match.get(key) or ()) for key in ("headers", "queryParams"))
    return (is_prefix, -length, "method" not in match, *counts)


def _covers(pattern: str, host: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
