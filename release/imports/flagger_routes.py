"""The routes that Flagger makes by itself, as manifests: they led to the pods of its second Deployment, which is no more.

What a Canary says of them is what an HTTP rule of Istio's VirtualService has; of an HTTPRoute, what has a counterpart there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ...kube.objects import DESTINATION_RULE, GRPC_ROUTE, HTTP_ROUTE, INGRESS, SERVICE, VIRTUAL_SERVICE, Kind, Obj, get, is_a
from ...kube.routes import shares_of
from ..matching import normal
from ..names import wrong_host
from ..wrong import Wrong
from .draft import Draft, Shelf
from .ledger import Field
from .routes import ROUTER

NOT_MADE = "of the routes that Flagger makes: rollway makes none for this provider, and leaves yours alone"
_BY_HAND = "of the route that Flagger makes: write it into the manifests' own, as far as its kind has that"
_OWN = "of the route that Flagger makes: the manifests have one of their own"
FIELDS = (
    "timeout", "backendTimeout", "meshName", "backends", "hosts", "delegation", "match", "retries", "rewrite", "mirror",
    "headers", "gateways", "gatewayRefs", "corsPolicy", "trafficPolicy",
)  # fmt: skip
_BY_KIND = ((HTTP_ROUTE, "gateway"), (GRPC_ROUTE, "gateway"), (VIRTUAL_SERVICE, "istio"))


def taken(spec: Field, draft: Draft, shelf: Shelf) -> None:
    """The draft's router, by the manifests' own routes or by those that are made anew; everything that is said of routes is
    decided on."""
    service, provider = spec["service"], _provider(spec)
    makes = _MAKERS.get(provider)
    for key in FIELDS:
        service[key].name(_BY_HAND if makes else NOT_MADE)
    for key in ("ingressRef", "routeRef", "upstreamRef"):
        spec[key].name(ROUTER)
    name = str(service["name"].value or draft.wanted)
    held = [*(item.obj for item in shelf.objects), *draft.beside]
    if not any(is_a(obj, SERVICE) and obj["metadata"]["name"] == name for obj in held):
        return
    if router := _of_own(spec, name, held):
        for key in FIELDS:
            service[key].name(_OWN)
        draft.router = router
        return
    if makes and (made := makes(service, name)):
        draft.router = provider
        draft.beside += [_placed(obj, draft.namespace) for obj in made]
        draft.said.append(
            f"{made[0]['kind']} {name} is made anew: the one that Flagger has made leads to {name}-primary, which goes"
        )


def _provider(spec: Field) -> str:
    """Whose routes Flagger makes; where its installation says so, and not the Canary, what the Canary names tells."""
    named, service = str(spec["provider"].value or ""), spec["service"]
    if not named:
        return "istio" if service["gateways"].is_there else "gateway" if service["gatewayRefs"].is_there else ""
    return "gateway" if named.startswith("gatewayapi") else named


def _of_own(spec: Field, name: str, held: list[Obj]) -> str:
    """The router of the manifests' own routes to the Service."""
    ref = spec["ingressRef"]
    for obj in held:
        is_named = is_a(obj, INGRESS) and obj["metadata"]["name"] == ref["name"].value
        if is_named and spec["provider"].value == "nginx" and shares_of(obj).get(name):
            ref.take()
            return "nginx"
    return next((router for kind, router in _BY_KIND for obj in held if is_a(obj, kind) and shares_of(obj).get(name)), "")


def _placed(obj: Obj, namespace: str) -> Obj:
    return {**obj, "metadata": {**obj["metadata"], **({"namespace": namespace} if namespace else {})}}


def _object(kind: Kind, name: str, spec: Obj) -> Obj:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, "spec": spec}


# Istio


def _virtual(service: Field, name: str) -> tuple[Obj, ...]:
    """A VirtualService, and a DestinationRule where there is a policy. Nothing where the rule would not mean the same."""
    protocol = service["appProtocol"].value
    if (isinstance(protocol, str) and protocol.lower() == "tcp") or not _are_matches(service["match"]):
        return ()
    port = service["port"].value
    target = {"host": name, **({"port": {"number": port}} if isinstance(port, int) else {})}
    rule: Obj = {}
    for key, shape in (
        ("match", list),
        ("rewrite", dict),
        ("timeout", str),
        ("retries", dict),
        ("corsPolicy", dict),
        ("headers", dict),
    ):
        if isinstance(service[key].value, shape) and service[key].value:
            rule[key] = copy.deepcopy(service[key].take())
    if "rewrite" in rule and "type" in rule["rewrite"]:
        del rule["rewrite"]["type"]
        service["rewrite"]["type"].name("Istio replaces what has matched")
    spec = {**_reached(service, name), "http": [{**rule, "route": [{"destination": target}]}]}
    made = [_object(VIRTUAL_SERVICE, name, spec)]
    if isinstance(service["trafficPolicy"].value, Mapping) and service["trafficPolicy"].value:
        policy = copy.deepcopy(service["trafficPolicy"].take())
        made.append(_object(DESTINATION_RULE, name, {"host": name, "trafficPolicy": policy}))
    return tuple(made)


def _reached(service: Field, name: str) -> Obj:
    """By which hosts and gateways; none of a route that others delegate to."""
    if service["delegation"].flag():
        return {}
    hosts = [*hosts_of(service["hosts"]), name]
    found = {"hosts": list(dict.fromkeys(hosts if "*" not in hosts else [host for host in hosts if host != name]))}
    gateways = [gateway for item in service["gateways"].items() if (gateway := item.text())]
    return found | ({"gateways": gateways} if gateways else {})


def hosts_of(field: Field) -> list[str]:
    """Those that are names; of the others it is told."""
    found: list[str] = []
    for item in field.items():
        host = item.text()
        if host is None:
            continue
        if host in found or (host != "*" and wrong_host(host)):
            item.name("it is named twice" if host in found else "it is no host name")
        else:
            found.append(host)
    return found


def _are_matches(field: Field) -> bool:
    """Whether the route can ask what the Canary's did: without a part of it requests would go where they never went."""
    for item in field.items():
        try:
            normal(item.value if isinstance(item.value, Mapping) else {})
        except Wrong as wrong:
            item.name(f"{wrong}: so no route is made")
            return False
    return True


# the Gateway API


def _http_route(service: Field, name: str) -> tuple[Obj, ...]:
    parents, port = service["gatewayRefs"].value, service["port"].value
    if not isinstance(parents, list) or not parents or not _are_matches(service["match"]):
        return ()
    matches = [_match(item.value) for item in service["match"].items()]
    if None in matches:
        service["match"].name("the Gateway API cannot ask for that: so no route is made")
        return ()
    rule: Obj = {"matches": matches} if matches else {}
    service["match"].take()
    if filters := [*_headers(service["headers"]), *_rewrite(service["rewrite"])]:
        rule["filters"] = filters
    if (timeout := service["timeout"].text()) is not None:
        rule["timeouts"] = {"request": timeout}
    backend = {"name": name, **({"port": port} if isinstance(port, int) else {})}
    spec: Obj = {"parentRefs": copy.deepcopy(service["gatewayRefs"].take())}
    if hosts := hosts_of(service["hosts"]):
        spec["hostnames"] = hosts
    return (_object(HTTP_ROUTE, name, {**spec, "rules": [{**rule, "backendRefs": [backend]}]}),)


_MAKERS: Mapping[str, Callable[[Field, str], tuple[Obj, ...]]] = {"istio": _virtual, "gateway": _http_route}
"""By the provider: what it answers is nothing where no route would mean the same."""

_PATHS = {"prefix": "PathPrefix", "exact": "Exact", "regex": "RegularExpression"}
_TEXTS = {"exact": "Exact", "regex": "RegularExpression"}


def _match(given: Mapping[str, Any]) -> Obj | None:
    """A match of Istio's as one of an HTTPRoute; None where that cannot say it."""
    wanted = normal(given)
    if set(wanted) - {"uri", "method", "headers", "queryParams"}:
        return None
    made: Obj = {}
    if "uri" in wanted:
        ((operator, text),) = wanted["uri"].items()
        made["path"] = {"type": _PATHS[operator], "value": text}
    if "method" in wanted:
        if "exact" not in wanted["method"]:
            return None
        made["method"] = wanted["method"]["exact"]
    for key in ("headers", "queryParams"):
        pairs = [(name, *pair) for name, text in wanted.get(key, {}).items() for pair in (text or {"": ""}).items()]
        if any(operator not in _TEXTS for _, operator, _ in pairs):
            return None
        if pairs:
            made[key] = [{"type": _TEXTS[operator], "name": name, "value": text} for name, operator, text in pairs]
    return made


def _headers(field: Field) -> list[Obj]:
    found = []
    for side in ("request", "response"):
        given = field[side]
        if not isinstance(given.value, Mapping) or set(given.value) - {"add", "set", "remove"}:
            continue
        given.take()
        own: Obj = {}
        for key in ("add", "set"):
            named = [(name, text) for name, below in given[key].pairs() if (text := below.text()) is not None]
            own |= {key: [{"name": name, "value": text} for name, text in named]} if named else {}
        removed = [name for item in given["remove"].items() if (name := item.text()) is not None]
        own |= {"remove": removed} if removed else {}
        if own:
            found.append({"type": f"{side.capitalize()}HeaderModifier", f"{side}HeaderModifier": own})
    return found


def _rewrite(field: Field) -> list[Obj]:
    given = field.value
    if not isinstance(given, Mapping) or not given or set(given) - {"uri", "authority", "type"}:
        return []
    field.take()
    uri, is_full = get(given, "uri"), get(given, "type") == "ReplaceFullPath"
    kind, key = ("ReplaceFullPath", "replaceFullPath") if is_full else ("ReplacePrefixMatch", "replacePrefixMatch")
    path = {"path": {"type": kind, key: uri}} if uri else {}
    host = {"hostname": given["authority"]} if given.get("authority") else {}
    return [{"type": "URLRewrite", "urlRewrite": {**host, **path}}]
