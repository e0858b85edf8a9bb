"""What the sandbox says of the Gateway API's objects: conditions with the generation they are of, addresses, counts."""

from __future__ import annotations

import base64
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from rollway.health.routes import waits
from rollway.kube.objects import (
    API_GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    NAMESPACE,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    Obj,
    get,
)
from rollway.sandbox.controllers.attachment import CLASS, CONTROLLER, covers, intersection
from rollway.sandbox.controllers.gatewaystatus import FEATURES
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

PLACE = ("shop", "edge")
LISTENER = {"name": "http", "port": 80, "protocol": "HTTP"}


class Told:
    """What stands in the statuses."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.api = sandbox, sandbox.api

    async def make(self, *objects: tuple[Any, str, Obj]) -> None:
        for kind, name, spec in objects:
            meta = {"name": name}
            namespace = "shop" if kind.namespaced else ""
            self.api.create(kind, namespace, {"metadata": meta} | spec, manager="test")
        await self.sandbox.settle()

    def conditions(self, kind: Any, name: str, *path: Any) -> dict[str, tuple[str, str]]:
        found: Any = self.sandbox.store.get(kind, "shop" if kind.namespaced else "", name)["status"]
        for step in path:
            found = found[step]
        return {each["type"]: (each["status"], each["reason"]) for each in found["conditions"]}


def story(act: Callable[[Told], Coroutine[Any, Any, None]], *, presumes: bool = False) -> None:
    async def whole() -> None:
        async with Sandbox(seed=1, presumes=presumes) as sandbox:
            sandbox.api.create(NAMESPACE, "", {"metadata": {"name": "shop"}}, manager="test")
            await act(Told(sandbox))

    run_virtual(whole())


def gateway(*listeners: Obj, class_: str = CLASS) -> tuple[Any, str, Obj]:
    return API_GATEWAY, "edge", {"spec": {"gatewayClassName": class_, "listeners": list(listeners or (LISTENER,))}}


def service(name: str = "a") -> tuple[Any, str, Obj]:
    return SERVICE, name, {"spec": {"ports": [{"port": 80}], "selector": {"app": name}}}


def route(**spec: Any) -> tuple[Any, str, Obj]:
    rules = [{"backendRefs": [{"name": "a", "port": 80}]}]
    return HTTP_ROUTE, "shop", {"spec": {"parentRefs": [{"name": "edge"}], "rules": rules} | spec}


def test_nothing_of_it_is_there_without_its_objects() -> None:
    """A cluster that nobody tells of Gateways has no class, and no controller for it."""

    async def act(told: Told) -> None:
        await told.make(service())
        assert not list(told.sandbox.store.list(GATEWAY_CLASS))

    story(act)


def test_the_class_says_what_is_supported() -> None:
    async def act(told: Told) -> None:
        await told.make(gateway())
        status = told.sandbox.store.get(GATEWAY_CLASS, "", CLASS)["status"]
        assert told.conditions(GATEWAY_CLASS, CLASS) == {"Accepted": ("True", "Accepted")}
        assert [each["name"] for each in status["supportedFeatures"]] == sorted(FEATURES)

    story(act)


def test_a_route_that_fits_is_accepted_and_in_force() -> None:
    """Its generation is told, the listener counts it, the Gateway has an address; a change is told anew."""

    async def act(told: Told) -> None:
        await told.make(service(), gateway(), route())
        store = told.sandbox.store
        live, entry = store.get(HTTP_ROUTE, "shop", "shop"), store.get(API_GATEWAY, *PLACE)
        assert told.conditions(HTTP_ROUTE, "shop", "parents", 0) == {
            "Accepted": ("True", "Accepted"),
            "ResolvedRefs": ("True", "ResolvedRefs"),
        }
        assert live["status"]["parents"][0]["controllerName"] == CONTROLLER
        assert entry["status"]["listeners"][0]["attachedRoutes"] == 1
        assert entry["status"]["addresses"][0]["value"].startswith("127.97.")
        assert waits(live, {PLACE: entry}) == []

        told.api.patch(HTTP_ROUTE, "shop", "shop", {"spec": {"hostnames": ["a.example"]}}, manager="test")
        assert waits(store.get(HTTP_ROUTE, "shop", "shop"), {PLACE: entry})[0].message.endswith("the route's change yet")
        await told.sandbox.settle()
        assert waits(store.get(HTTP_ROUTE, "shop", "shop"), {PLACE: entry}) == []

    story(act)


REFUSED: list[tuple[str, dict[str, Any], tuple[str, str], tuple[str, str]]] = [
    (
        "no such section",
        {"parentRefs": [{"name": "edge", "sectionName": "x"}]},
        ("False", "NoMatchingParent"),
        ("True", "ResolvedRefs"),
    ),
    ("no such port", {"parentRefs": [{"name": "edge", "port": 81}]}, ("False", "NoMatchingParent"), ("True", "ResolvedRefs")),
    ("another host", {"hostnames": ["b.example"]}, ("False", "NoMatchingListenerHostname"), ("True", "ResolvedRefs")),
    (
        "no such Service",
        {"rules": [{"backendRefs": [{"name": "x", "port": 80}]}]},
        ("True", "Accepted"),
        ("False", "BackendNotFound"),
    ),
    (
        "no such port of it",
        {"rules": [{"backendRefs": [{"name": "a", "port": 8}]}]},
        ("True", "Accepted"),
        ("False", "BackendNotFound"),
    ),
    (
        "no grant",
        {"rules": [{"backendRefs": [{"name": "a", "namespace": "default", "port": 80}]}]},
        ("True", "Accepted"),
        ("False", "RefNotPermitted"),
    ),
    (
        "no Service",
        {"rules": [{"backendRefs": [{"group": "a.io", "kind": "A", "name": "a"}]}]},
        ("True", "Accepted"),
        ("False", "InvalidKind"),
    ),
    (
        "a mirror to nobody",
        {
            "rules": [
                {"filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "x", "port": 80}}}]},
            ]
        },
        ("True", "Accepted"),
        ("False", "BackendNotFound"),
    ),
]


@pytest.mark.parametrize(("spec", "accepted", "resolved"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_wrong_is_told_in_the_gateway_apis_words(
    spec: dict[str, Any], accepted: tuple[str, str], resolved: tuple[str, str]
) -> None:
    async def act(told: Told) -> None:
        await told.make(service(), gateway(LISTENER | {"hostname": "a.example"}), route(**spec))
        assert told.conditions(HTTP_ROUTE, "shop", "parents", 0) == {"Accepted": accepted, "ResolvedRefs": resolved}

    story(act)


@pytest.mark.parametrize(
    "rule",
    [
        {"matches": [{"path": {"type": "RegularExpression", "value": "/(?=a)"}}]},
        {"matches": [{"headers": [{"name": "a", "type": "RegularExpression", "value": "a++"}]}]},
        {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "a.io", "kind": "A", "name": "a"}}]},
    ],
    ids=["path", "header", "filter"],
)
def test_rules_that_are_not_served_are_told(rule: Obj) -> None:
    """The route is accepted, for its other rules are; that it is so in part is a condition of its own."""

    async def act(told: Told) -> None:
        backends = [{"name": "a", "port": 80}]
        await told.make(service(), gateway(), route(rules=[{"backendRefs": backends}, rule | {"backendRefs": backends}]))
        conditions = told.conditions(HTTP_ROUTE, "shop", "parents", 0)
        assert conditions["Accepted"] == ("True", "Accepted")
        assert conditions["PartiallyInvalid"] == ("True", "UnsupportedValue")

    story(act)


def test_what_comes_later_makes_it_good() -> None:
    """A Service that is missing, a grant, a label of the namespace: nobody has to touch the route."""

    async def act(told: Told) -> None:
        allowed = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"edge": "yes"}}}}
        far = [{"backendRefs": [{"name": "kubernetes", "namespace": "default", "port": 443}]}]
        await told.make(gateway(LISTENER | {"allowedRoutes": allowed}), route(rules=far))

        def both() -> list[str]:
            return [reason for _, reason in told.conditions(HTTP_ROUTE, "shop", "parents", 0).values()]

        assert both() == ["NotAllowedByListeners", "RefNotPermitted"]
        told.api.patch(NAMESPACE, "", "shop", {"metadata": {"labels": {"edge": "yes"}}}, manager="test")
        spec = {
            "from": [{"group": HTTP_ROUTE.group, "kind": "HTTPRoute", "namespace": "shop"}],
            "to": [{"group": "", "kind": "Service"}],
        }
        told.api.create(REFERENCE_GRANT, "default", {"metadata": {"name": "g"}, "spec": spec}, manager="test")
        await told.sandbox.settle()
        assert both() == ["Accepted", "BackendNotFound"]
        ports = {"spec": {"ports": [{"port": 443}]}}
        told.api.create(SERVICE, "default", {"metadata": {"name": "kubernetes"}} | ports, manager="test")
        await told.sandbox.settle()
        assert both() == ["Accepted", "ResolvedRefs"]

    story(act)


def test_a_class_of_nobody_is_never_programmed() -> None:
    """Neither Gateway nor route hear of anybody; what an API server says of both stays."""

    async def act(told: Told) -> None:
        await told.make(service(), gateway(class_="gone"), route())
        assert told.conditions(API_GATEWAY, "edge")["Programmed"] == ("Unknown", "Pending")
        live = told.sandbox.store.get(HTTP_ROUTE, "shop", "shop")
        assert "status" not in live
        assert "no controller has taken up the route" in waits(live, {})[0].message

    story(act)


def test_a_rehearsal_presumes_who_serves_the_gateway() -> None:
    """Its class is somebody's, and one that is not among the manifests is there all the same."""

    async def act(told: Told) -> None:
        await told.make(
            service(), gateway(class_="theirs"), route(parentRefs=[{"name": "edge"}, {"name": "far", "namespace": "infra"}])
        )
        live = told.sandbox.store.get(HTTP_ROUTE, "shop", "shop")
        assert waits(live, {PLACE: told.sandbox.store.get(API_GATEWAY, *PLACE)}) == []

    story(act, presumes=True)


def test_listeners_that_cannot_be_served_say_why() -> None:
    """One of them is enough to serve the others; the routes of the broken one wait."""

    async def act(told: Told) -> None:
        tls = {"tls": {"certificateRefs": [{"name": "cert"}]}}
        await told.make(
            gateway(
                LISTENER, {"name": "tcp", "port": 81, "protocol": "TCP"}, {"name": "tls", "port": 443, "protocol": "HTTPS"} | tls
            ),
            service(),
            route(parentRefs=[{"name": "edge", "sectionName": "tls"}]),
        )
        assert told.conditions(API_GATEWAY, "edge") == {
            "Accepted": ("True", "ListenersNotValid"),
            "Programmed": ("True", "Programmed"),
        }
        assert told.conditions(API_GATEWAY, "edge", "listeners", 1)["Accepted"] == ("False", "UnsupportedProtocol")
        assert told.conditions(API_GATEWAY, "edge", "listeners", 2)["ResolvedRefs"] == ("False", "InvalidCertificateRef")
        assert told.conditions(HTTP_ROUTE, "shop", "parents", 0)["Accepted"] == ("False", "NoReadyListeners")

        pem = {"tls.crt": "-----BEGIN CERTIFICATE-----", "tls.key": "-----BEGIN PRIVATE KEY-----"}
        data = {key: base64.b64encode(text.encode()).decode() for key, text in pem.items()}
        await told.make((SECRET, "cert", {"type": "kubernetes.io/tls", "data": data}))
        assert told.conditions(API_GATEWAY, "edge", "listeners", 2)["Programmed"] == ("True", "Programmed")
        assert told.conditions(HTTP_ROUTE, "shop", "parents", 0)["Accepted"] == ("True", "Accepted")

    story(act)


def test_what_other_controllers_say_of_a_route_is_kept() -> None:
    theirs = {
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "other"},
        "controllerName": "example.com/theirs",
        "conditions": [
            {
                "type": "Accepted",
                "status": "True",
                "reason": "Accepted",
                "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }

    async def act(told: Told) -> None:
        await told.make(service(), gateway(), route(parentRefs=[{"name": "edge"}, {"name": "other"}]))
        live = told.sandbox.store.get(HTTP_ROUTE, "shop", "shop")
        parents = [*live["status"]["parents"], theirs]
        told.api.patch(HTTP_ROUTE, "shop", "shop", {"status": {"parents": parents}}, manager="them", subresource="status")
        await told.sandbox.settle()
        live = told.sandbox.store.get(HTTP_ROUTE, "shop", "shop")
        assert {each["controllerName"] for each in live["status"]["parents"]} == {CONTROLLER, "example.com/theirs"}

    story(act)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("*", "a.example", "a.example"),
        ("*.example", "a.example", "a.example"),
        ("*.example", "b.a.example", "b.a.example"),
        ("*.example", "*.a.example", "*.a.example"),
        ("*.example", "example", ""),
        ("*.example", "*.other", ""),
        ("a.example", "b.example", ""),
        ("*", "*", "*"),
    ],
)
def test_what_two_hosts_have_in_common(one: str, other: str, both: str) -> None:
    """The narrower of the two, whoever says it."""
    assert intersection(one, other) == intersection(other, one) == both
    assert not both or (covers(one, both) and covers(other, both))


def test_the_same_seed_says_the_same() -> None:
    """To the byte, times and addresses included."""

    def told() -> Any:
        found: list[Any] = []

        async def act(what: Told) -> None:
            await what.make(service(), gateway(), route())
            found.extend(get(each, "status") for kind in (API_GATEWAY, HTTP_ROUTE) for each in what.sandbox.store.list(kind))

        story(act)
        return found

    assert told() == told()
