"""The Gateway API's references: which routes hang on which listeners, and whether what they send requests to is there. Pure.

What is decided here is told by `gatewaystatus`, and carried out by the data plane: both ask the same functions."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...kube.objects import API_GATEWAY, SECRET, SERVICE, Obj, get, labels_of, matches
from ...kube.regexes import is_re2
from ...kube.types_gateway import GROUP

CONTROLLER = "rollway.dev/gateway-controller"
CLASS = "rollway"
"""The GatewayClass that is there by itself."""

Place = tuple[str, str]  # (namespace, name)
_KINDS = ("HTTPRoute", "GRPCRoute")
_PROTOCOLS = ("HTTP", "HTTPS")
_PEM = (("tls.crt", "CERTIFICATE"), ("tls.key", "PRIVATE KEY"))
_ANY: Mapping[str, Any] = {"namespaces": {"from": "All"}}


class Problem(NamedTuple):
    """Why not: a reason of the Gateway API, and a sentence."""

    reason: str
    message: str


@dataclass(frozen=True)
class Listener:
    """One of a Gateway. `hostname` is `*` where it names none. `problem`: why it serves nothing."""

    gateway: Place
    name: str
    port: int
    protocol: str
    hostname: str
    spec: Mapping[str, Any] = field(hash=False, compare=False)
    problem: Problem | None = None


class Attached(NamedTuple):
    """A route at a listener, for these hosts: those that both name."""

    listener: Listener
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Parent:
    """What became of one parentRef of a route: where it is attached, or why it is not."""

    ref: Mapping[str, Any]
    controller: str
    attached: tuple[Attached, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Known:
    """What is live. `presumes`: who serves the classes is not said, and Gateways that are not there are somebody else's.
    `refused`: why a port of a Gateway cannot be opened."""

    classes: Sequence[Obj] = ()
    gateways: Sequence[Obj] = ()
    routes: Sequence[Obj] = ()
    grants: Sequence[Obj] = ()
    namespaces: Sequence[Obj] = ()
    services: Sequence[Obj] = ()
    secrets: Sequence[Obj] = ()
    presumes: bool = False
    refused: Mapping[tuple[Place, int], str] = field(default_factory=dict)

    def controller_of(self, gateway: Obj) -> str:
        """Who serves the Gateway, where it is this cluster; else empty."""
        name = get(gateway, "spec", "gatewayClassName")
        found = next((each for each in self.classes if each["metadata"]["name"] == name), None)
        controller = str(get(found, "spec", "controllerName", default=CONTROLLER))
        if self.presumes:
            return controller
        return controller if found is not None and controller == CONTROLLER else ""


def listeners(gateway: Obj, known: Known) -> list[Listener]:
    """All of them, also those that serve nothing."""
    place, ports = place_of(gateway), dict[int, str]()
    found = []
    for spec in get(gateway, "spec", "listeners", default=()):
        port, protocol = spec["port"], spec["protocol"]
        problem = None
        if protocol not in _PROTOCOLS:
            problem = Problem("UnsupportedProtocol", f"{protocol} is not served, only {' and '.join(_PROTOCOLS)} are")
        elif ports.setdefault(port, protocol) != protocol:
            problem = Problem("ProtocolConflict", f"port {port} is that of a listener with protocol {ports[port]}")
        elif (place, port) in known.refused:
            problem = Problem("PortUnavailable", known.refused[place, port])
        elif protocol == "HTTPS":
            problem = _tls_problem(spec, place, known)
        found.append(Listener(place, spec["name"], port, protocol, spec.get("hostname") or "*", spec, problem))
    return found


def _tls_problem(spec: Obj, gateway: Place, known: Known) -> Problem | None:
    if get(spec, "tls", "mode", default="Terminate") != "Terminate":
        return Problem("UnsupportedValue", "tls.mode: only Terminate is served")
    for ref in get(spec, "tls", "certificateRefs", default=()):
        place = (ref.get("namespace") or gateway[0], ref["name"])
        if (ref.get("group", ""), ref.get("kind", SECRET.name)) != ("", SECRET.name):
            return Problem("InvalidCertificateRef", f"{ref.get('kind')} {ref['name']} is no Secret")
        if not _is_granted(API_GATEWAY.name, gateway[0], SECRET.name, place, known.grants):
            return Problem(
                "RefNotPermitted", f"no ReferenceGrant of namespace {place[0]} lets Gateways here use Secret {place[1]}"
            )
        secret = next((each for each in known.secrets if place_of(each) == place), None)
        if secret is None:
            return Problem("InvalidCertificateRef", f"Secret {place[1]} is not there")
        if any(f"-----BEGIN {what}" not in pem(secret, key).replace(" EC", "").replace(" RSA", "") for key, what in _PEM):
            return Problem("InvalidCertificateRef", f"Secret {place[1]} has no certificate in tls.crt, or no key in tls.key")
    return None


def pem(secret: Obj, key: str) -> str:
    """What a Secret holds there; empty where it is nothing that can be read."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(key, "")).decode()
    except ValueError:
        return ""


# routes at listeners


def parents(route: Obj, known: Known) -> list[Parent]:
    """Of each parentRef that means a Gateway served here."""
    gateways = {place_of(each): each for each in known.gateways}
    found = []
    for ref in get(route, "spec", "parentRefs", default=()):
        if (ref.get("group", GROUP), ref.get("kind", API_GATEWAY.name)) != (GROUP, API_GATEWAY.name):
            continue
        place = (ref.get("namespace") or route["metadata"]["namespace"], ref["name"])
        gateway = gateways.get(place)
        if gateway is None and known.presumes:
            found.append(Parent(ref, CONTROLLER, (_presumed(place, ref, route),)))
        elif gateway is not None and (controller := known.controller_of(gateway)):
            at = _attached(route, ref, listeners(gateway, known), known)
            found.append(Parent(ref, controller, problem=at) if isinstance(at, Problem) else Parent(ref, controller, at))
    return found


def _presumed(place: Place, ref: Mapping[str, Any], route: Obj) -> Attached:
    spec = {"allowedRoutes": _ANY}
    listener = Listener(place, ref.get("sectionName") or "http", ref.get("port") or 80, "HTTP", "*", spec)
    return Attached(listener, tuple(get(route, "spec", "hostnames", default=())) or ("*",))


def _attached(route: Obj, ref: Mapping[str, Any], at: Sequence[Listener], known: Known) -> tuple[Attached, ...] | Problem:
    namespace = route["metadata"]["namespace"]
    named = [each for each in at if ref.get("sectionName") in (None, each.name) and ref.get("port") in (None, each.port)]
    if not named:
        wanted = ", ".join(f"{key} {ref[key]}" for key in ("sectionName", "port") if key in ref)
        return Problem("NoMatchingParent", f"the Gateway has no listener with {wanted}")
    labels = next((labels_of(each) for each in known.namespaces if each["metadata"]["name"] == namespace), {})
    allowed = [each for each in named if _lets_in(each, route["kind"], namespace, labels)]
    if not allowed:
        return Problem("NotAllowedByListeners", f"no listener allows {route['kind']}s of namespace {namespace}")
    wanted_hosts = get(route, "spec", "hostnames", default=()) or ("*",)
    fitting = [(each, _common(each.hostname, wanted_hosts)) for each in allowed]
    if not any(hosts for _, hosts in fitting):
        return Problem("NoMatchingListenerHostname", f"no listener has a host among {', '.join(wanted_hosts)}")
    serving = tuple(Attached(each, hosts) for each, hosts in fitting if hosts and each.problem is None)
    return serving or Problem("NoReadyListeners", "no listener that it fits is served")


def _lets_in(listener: Listener, kind: str, namespace: str, labels: Mapping[str, str]) -> bool:
    if kind not in kinds_of(listener)[0]:
        return False
    allowed = get(listener.spec, "allowedRoutes", "namespaces", default={})
    match allowed.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            return bool(allowed.get("selector")) and matches(allowed["selector"], labels)
        case _:
            return namespace == listener.gateway[0]


def kinds_of(listener: Listener) -> tuple[list[str], list[str]]:
    """The kinds of routes that it takes, and those that it asks for and that nobody serves."""
    asked = get(listener.spec, "allowedRoutes", "kinds", default=())
    if not asked:
        return list(_KINDS) if listener.protocol in _PROTOCOLS else [], []
    known = [each["kind"] for each in asked if each.get("group", GROUP) == GROUP and each["kind"] in _KINDS]
    return known, [each["kind"] for each in asked if each["kind"] not in known]


def _common(hostname: str, wanted: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(both for each in wanted if (both := intersection(hostname, each))))


def intersection(one: str, other: str) -> str:
    """What both patterns (`*`, `*.example.com`, a name) allow, the narrower of the two; empty: they have nothing in common."""
    if covers(one, other):
        return other
    return one if covers(other, one) else ""


def covers(pattern: str, host: str) -> bool:
    if pattern in ("*", host):
        return True
    return pattern.startswith("*.") and host.endswith(pattern[1:]) and host != pattern[1:]


# what routes refer to


def unresolved(route: Obj, known: Known) -> list[Problem]:
    """What of its backends and mirrors cannot be used."""
    return [problem for ref in _refs(route) if (problem := backend_problem(ref, route, known)) is not None]


def unsupported(route: Obj) -> list[Problem]:
    """What of its rules is not served: matches that never hold, and filters that nobody here knows, whose rules answer 500."""
    return [
        Problem("UnsupportedValue", f"rule {number}: {why}")
        for number, rule in enumerate(get(route, "spec", "rules", default=()))
        for why in _not_served(rule)
    ]


def _not_served(rule: Obj) -> Iterable[str]:
    for pattern in _regexes(rule):
        if not is_re2(pattern):
            yield f"{pattern!r} is no regular expression of RE2; it never holds"
    for holder in (rule, *(rule.get("backendRefs") or ())):
        if any(each["type"] == "ExtensionRef" for each in holder.get("filters") or ()):
            yield "an ExtensionRef is not served; it is answered 500"


def _regexes(rule: Obj) -> Iterable[str]:
    for match in rule.get("matches") or ():
        parts = (match.get("path") or {}, *(match.get("headers") or ()), *(match.get("queryParams") or ()))
        yield from (each["value"] for each in parts if each.get("type") == "RegularExpression")
        call = match["method"] if isinstance(match.get("method"), Mapping) else {}
        if call.get("type") == "RegularExpression":
            yield from (call[key] for key in ("service", "method") if key in call)


def backend_problem(ref: Mapping[str, Any], route: Obj, known: Known) -> Problem | None:
    """Why requests for a backendRef are answered 500."""
    namespace, name = route["metadata"]["namespace"], ref["name"]
    place = backend_place(ref, route)
    if (ref.get("group", ""), ref.get("kind", SERVICE.name)) != ("", SERVICE.name):
        return Problem("InvalidKind", f"{ref.get('kind')} {name}: only Services are served as backends")
    if not _is_granted(route["kind"], namespace, SERVICE.name, place, known.grants):
        why = f"no ReferenceGrant of namespace {place[0]} lets {route['kind']}s of namespace {namespace} use Service {name}"
        return Problem("RefNotPermitted", why)
    service = next((each for each in known.services if place_of(each) == place), None)
    if service is None:
        return Problem("BackendNotFound", f"Service {place[0]}/{name} is not there")
    if ref.get("port") not in [port["port"] for port in get(service, "spec", "ports", default=())]:
        return Problem("BackendNotFound", f"Service {place[0]}/{name} has no port {ref.get('port')}")
    return None


def backend_place(ref: Mapping[str, Any], route: Obj) -> Place:
    return (ref.get("namespace") or route["metadata"]["namespace"], ref["name"])


def _refs(route: Obj) -> Iterable[Mapping[str, Any]]:
    for rule in get(route, "spec", "rules", default=()):
        for holder in (rule, *(rule.get("backendRefs") or ())):
            yield from (each["requestMirror"]["backendRef"] for each in holder.get("filters") or () if "requestMirror" in each)
        yield from rule.get("backendRefs") or ()


def _is_granted(kind: str, namespace: str, to: str, place: Place, grants: Iterable[Obj]) -> bool:
    """Whether objects of that kind and namespace may refer to the one at `place`."""
    return namespace == place[0] or any(
        any((each["group"], each["kind"], each["namespace"]) == (GROUP, kind, namespace) for each in grant["spec"]["from"])
        and any(
            (each["group"], each["kind"]) == ("", to) and each.get("name") in (None, place[1]) for each in grant["spec"]["to"]
        )
        for grant in grants
        if grant["metadata"]["namespace"] == place[0]
    )


def place_of(obj: Obj) -> Place:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
