"""What the Gateway API's definitions refuse beyond what the recordings in tests/conformance show, field and words."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rollway.kube.codec import decoded
from rollway.kube.defaults import fill
from rollway.kube.objects import API_GATEWAY, GRPC_ROUTE, HTTP_ROUTE, Kind, Obj
from rollway.kube.schema import schema_of
from rollway.kube.validation import dispatch

HTTP = {"name": "http", "port": 80, "protocol": "HTTP"}
BACKEND = {"name": "a", "port": 80}
PREFIX = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}


def told(kind: Kind, spec: Obj) -> list[tuple[str, str]]:
    """The field and the words of everything that is wrong."""
    obj = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": "a", "namespace": "b"}, "spec": spec}
    type_ = schema_of(kind)
    assert type_ is not None
    whole, _ = decoded(copy.deepcopy(obj), type_)
    fill(whole)
    return [(each.field, each.text) for each in dispatch.problems(kind, whole)]


def gateway(*listeners: Obj, **spec: Any) -> Obj:
    return {"gatewayClassName": "c", "listeners": list(listeners or (HTTP,))} | spec


def rule(**rest: Any) -> Obj:
    return {"rules": [rest]}


def filtered(type_: str, **rest: Any) -> Obj:
    key = (
        type_[0].lower() + type_[1:]
        if type_ not in ("CORS", "URLRewrite")
        else {"CORS": "cors", "URLRewrite": "urlRewrite"}[type_]
    )
    return {"type": type_, key: rest}


REFUSED: list[tuple[str, Kind, Obj, str, str]] = [
    (
        "HTTPS that passes through",
        API_GATEWAY,
        gateway(HTTP | {"protocol": "HTTPS", "tls": {"mode": "Passthrough"}}),
        "spec.listeners",
        "tls mode must be Terminate for protocol HTTPS",
    ),
    (
        "TLS without a mode",
        API_GATEWAY,
        gateway(HTTP | {"protocol": "TLS"}),
        "spec.listeners",
        "tls mode must be set for protocol TLS",
    ),
    (
        "a label that is none",
        API_GATEWAY,
        gateway(infrastructure={"labels": {"a b": "c"}}),
        "spec.infrastructure.labels",
        "Label keys must be in the form of",
    ),
    (
        "nine labels",
        API_GATEWAY,
        gateway(infrastructure={"labels": {f"l{number}": "" for number in range(9)}}),
        "spec.infrastructure.labels",
        "Too many: 9: must have at most 8 items",
    ),
    (
        "a port with two kinds of TLS",
        API_GATEWAY,
        gateway(tls={"frontend": {"default": {}, "perPort": [{"port": 1, "tls": {}}, {"port": 1, "tls": {}}]}}),
        "spec.tls.frontend.perPort",
        "Port for TLS configuration must be unique within the Gateway",
    ),
    (
        "a host that is none",
        API_GATEWAY,
        gateway(addresses=[{"type": "Hostname", "value": "a_b"}]),
        "spec.addresses[0]",
        "Hostname value must be empty or contain only valid characters",
    ),
    (
        "a prefix replaced where several are matched",
        HTTP_ROUTE,
        rule(
            matches=[{"path": {"value": "/a"}}, {"path": {"value": "/b"}}],
            filters=[filtered("RequestRedirect", path=PREFIX)],
        ),
        "spec.rules[0]",
        "When using RequestRedirect filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified",
    ),
    (
        "a prefix replaced for a backend",
        HTTP_ROUTE,
        rule(
            matches=[{"path": {"type": "Exact", "value": "/a"}}],
            backendRefs=[BACKEND | {"filters": [filtered("URLRewrite", path=PREFIX)]}],
        ),
        "spec.rules[0]",
        "Within backendRefs, When using URLRewrite filter with path.replacePrefixMatch",
    ),
    (
        "129 matches",
        HTTP_ROUTE,
        {"rules": [{"matches": [{"path": {"value": f"/{at}"}} for at in range(43)]} for _ in range(3)]},
        "spec.rules",
        "While 16 rules and 64 matches per rule are allowed",
    ),
    (
        "every origin and one more",
        HTTP_ROUTE,
        rule(filters=[filtered("CORS", allowOrigins=["*", "https://a.example"])]),
        "spec.rules[0].filters[0].cors.allowOrigins",
        "AllowOrigins cannot contain '*' alongside other origins",
    ),
    (
        "more than all",
        HTTP_ROUTE,
        rule(filters=[filtered("RequestMirror", backendRef=BACKEND, fraction={"numerator": 101})]),
        "spec.rules[0].filters[0].requestMirror.fraction",
        "numerator must be less than or equal to denominator",
    ),
    (
        "a percentage and a fraction",
        HTTP_ROUTE,
        rule(filters=[filtered("RequestMirror", backendRef=BACKEND, percent=1, fraction={"numerator": 1})]),
        "spec.rules[0].filters[0].requestMirror",
        "Only one of percent or fraction may be specified",
    ),
    (
        "a mirror without a port",
        HTTP_ROUTE,
        rule(filters=[filtered("RequestMirror", backendRef={"name": "a"})]),
        "spec.rules[0].filters[0].requestMirror.backendRef",
        "Must have port for Service reference",
    ),
    (
        "a status that is no redirect",
        HTTP_ROUTE,
        rule(filters=[filtered("RequestRedirect", statusCode=304)]),
        "spec.rules[0].filters[0].requestRedirect.statusCode",
        'Unsupported value: 304: supported values: "301", "302", "303", "307", "308"',
    ),
    (
        "a header twice",
        HTTP_ROUTE,
        rule(matches=[{"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}]),
        "spec.rules[0].matches[0].headers[1]",
        'Duplicate value: {"name":"a"}',
    ),
    ("a name without a letter", HTTP_ROUTE, rule(name=""), "spec.rules[0].name", "should be at least 1 chars long"),
    (
        "a method that is none",
        GRPC_ROUTE,
        rule(matches=[{"method": {"method": "a-b"}}]),
        "spec.rules[0].matches[0].method",
        "method must only contain valid characters",
    ),
]


@pytest.mark.parametrize(("kind", "spec", "field", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_refused(kind: Kind, spec: Obj, field: str, words: str) -> None:
    assert any(each == field and words in text for each, text in told(kind, spec)), told(kind, spec)


GOOD: list[tuple[str, Kind, Obj]] = [
    ("a Gateway", API_GATEWAY, gateway()),
    ("two ports", API_GATEWAY, gateway(HTTP, HTTP | {"name": "b", "port": 8080})),
    ("two hosts", API_GATEWAY, gateway(HTTP, HTTP | {"name": "b", "hostname": "a.example"})),
    ("labels", API_GATEWAY, gateway(infrastructure={"labels": {"a.example/b": "c"}})),
    ("TLS by options", API_GATEWAY, gateway(HTTP | {"protocol": "HTTPS", "tls": {"options": {"a": "b"}}})),
    ("a route of nobody", HTTP_ROUTE, {}),
    ("128 matches", HTTP_ROUTE, {"rules": [{"matches": [{"path": {"value": f"/{at}"}} for at in range(64)]}] * 2}),
    ("any regex", HTTP_ROUTE, rule(matches=[{"path": {"type": "RegularExpression", "value": "no-slash//"}}])),
    ("no end of waiting", HTTP_ROUTE, rule(timeouts={"request": "0s", "backendRequest": "5s"})),
    ("tries", HTTP_ROUTE, rule(retry={"attempts": 3, "codes": [503], "backoff": "10ms"})),
    ("two parents of a name", HTTP_ROUTE, {"parentRefs": [{"name": "a"}, {"name": "a", "namespace": "other"}]}),
    ("calls", GRPC_ROUTE, rule(matches=[{"method": {"service": "Shop.cart_1"}}])),
]


@pytest.mark.parametrize(("kind", "spec"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_what_is_taken(kind: Kind, spec: Obj) -> None:
    assert told(kind, spec) == []
