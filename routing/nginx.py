"""ingress-nginx: a second Ingress beside the user's, its canary, takes a part of the requests of the same hosts and paths.

The user's own Ingress is never touched. The annotations are ingress-nginx's; of those that are not about the canary it heeds only
how clients are spread over pods: https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations/#canary.
Pure: manifests in and out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..kube.objects import INGRESS, Obj, annotations_of, get, is_a
from .traffic import Host, Traffic

PREFIX = "nginx.ingress.kubernetes.io/"
COUNTERPARTS = frozenset({
    "app-root", "backend-protocol", "canary", "canary-by-cookie", "canary-by-header", "canary-by-header-pattern",
    "canary-by-header-value", "canary-weight", "canary-weight-total", "cors-allow-credentials", "cors-allow-headers",
    "cors-allow-methods", "cors-allow-origin", "cors-expose-headers", "cors-max-age", "enable-cors", "force-ssl-redirect",
    "mirror-target", "permanent-redirect", "permanent-redirect-code", "proxy-read-timeout", "proxy-send-timeout",
    "rewrite-target", "server-alias", "ssl-redirect", "temporal-redirect", "upstream-vhost", "use-regex", "x-forwarded-prefix",
})  # fmt: skip
"""Annotations, behind PREFIX, for which the Gateway API has a filter, a match or a field of its own (docs/routers.md)."""
CANARY, WEIGHT = f"{PREFIX}canary", f"{PREFIX}canary-weight"
_HEADER, _VALUE, _PATTERN = f"{PREFIX}canary-by-header", f"{PREFIX}canary-by-header-value", f"{PREFIX}canary-by-header-pattern"
_CLASS = "kubernetes.io/ingress.class"
_HEEDED = ("load-balance", "upstream-hash-by", "affinity", "session-cookie")


class Unspoken(ValueError):
    """What is asked for cannot be said by annotations, in a sentence."""


def ingresses_of(objects: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The Ingresses that lead to the Service by a rule, canaries not."""
    found = [dict(obj) for obj in objects if is_a(obj, INGRESS) and not is_canary(obj)]
    return [obj for obj in found if _namespace(obj, host) == host.namespace and _rules(obj, host.name, host.name)]


def canaries_of(objects: Iterable[Mapping[str, Any]], services: Iterable[str]) -> list[Obj]:
    """The canary Ingresses that lead to one of the Services."""
    names = set(services)
    return [
        dict(obj) for obj in objects if is_a(obj, INGRESS) and is_canary(obj) and any(_rules(obj, name, name) for name in names)
    ]


def rival(objects: Iterable[Mapping[str, Any]], ingresses: Iterable[Mapping[str, Any]], host: Host) -> Obj | None:
    """A canary Ingress of the namespace for a host and path by which one of the Ingresses leads to the Service."""
    taken = {place for ingress in ingresses for place in _places(ingress, host.name)}
    found = (dict(obj) for obj in objects if is_a(obj, INGRESS) and is_canary(obj) and _namespace(obj, host) == host.namespace)
    return next((obj for obj in found if taken & _places(obj)), None)


def _places(ingress: Mapping[str, Any], service: str = "") -> set[tuple[str, str]]:
    """The hosts and paths of its rules; of those to a Service, where one is named."""
    return {
        (rule.get("host") or "", path.get("path") or "/")
        for rule in get(ingress, "spec", "rules", default=())
        for path in get(rule, "http", "paths", default=())
        if not service or get(path, "backend", "service", "name") == service
    }


def is_canary(ingress: Mapping[str, Any]) -> bool:
    return annotations_of(ingress).get(CANARY) == "true"


def without_counterpart(ingress: Mapping[str, Any]) -> list[str]:
    """Its annotations of ingress-nginx for which the Gateway API has nothing."""
    own = sorted(key.removeprefix(PREFIX) for key in annotations_of(ingress) if key.startswith(PREFIX))
    return [name for name in own if name not in COUNTERPARTS]


def is_served(ingress: Mapping[str, Any]) -> bool:
    """Whether it shows that ingress-nginx serves it: by one of its annotations. The class alone may be another controller's."""
    class_name = get(ingress, "spec", "ingressClassName") or annotations_of(ingress).get(_CLASS)
    return class_name in (None, "nginx") and any(key.startswith(PREFIX) for key in annotations_of(ingress))


def canary(ingress: Mapping[str, Any], host: Host, second: str, name: str, traffic: Traffic) -> Obj:
    """The Ingress beside one of the user's, whose requests go to the second Service. Raises Unspoken."""
    known = annotations_of(ingress)
    kept = {key: value for key, value in known.items() if key.removeprefix(PREFIX).startswith(_HEEDED) and key.startswith(PREFIX)}
    kept |= {_CLASS: known[_CLASS]} if _CLASS in known else {}
    spec: Obj = {"rules": _rules(ingress, host.name, second)}
    if class_name := get(ingress, "spec", "ingressClassName"):
        spec = {"ingressClassName": class_name, **spec}
    marks = {CANARY: "true", WEIGHT: str(traffic.weight), **_matched(traffic)}
    meta = {"name": name, "namespace": host.namespace, "annotations": {**kept, **marks}}
    return {"apiVersion": INGRESS.api_version, "kind": INGRESS.name, "metadata": meta, "spec": spec}


def share(ingress: Mapping[str, Any]) -> float:
    """The percentage of requests that match nothing which a canary Ingress takes."""
    known = annotations_of(ingress)
    total = known.get(f"{WEIGHT}-total", "100")
    weight = known.get(WEIGHT, "0")
    return 100 * int(weight) / int(total) if weight.isdecimal() and total.isdecimal() and int(total) else 0.0


def _matched(traffic: Traffic) -> dict[str, str]:
    if not traffic.matches or traffic.weight >= 100:
        return {}
    match = traffic.matches[0]
    headers = match.get("headers") or {}
    if len(traffic.matches) > 1 or set(match) - {"headers", "name"} or len(headers) != 1:
        raise Unspoken("ingress-nginx tells requests apart by one header, or by their weight")
    name, text = next(iter(headers.items()))
    if name == "cookie":
        raise Unspoken("ingress-nginx tells requests apart by a cookie that says always or never, and by no other")
    if "exact" in text:
        return {_HEADER: name, _VALUE: text["exact"]}
    if "regex" in text:
        return {_HEADER: name, _PATTERN: f"^(?:{text['regex']})$"}
    raise Unspoken("ingress-nginx takes a header's value as it is, or by a regular expression")


def _rules(ingress: Mapping[str, Any], service: str, second: str) -> list[Obj]:
    """Those of its rules and paths that lead to the Service, leading to the second one."""
    found: list[Obj] = []
    for rule in get(ingress, "spec", "rules", default=()):
        paths = [
            {**path, "backend": {"service": {**path["backend"]["service"], "name": second}}}
            for path in get(rule, "http", "paths", default=())
            if get(path, "backend", "service", "name") == service
        ]
        if paths:
            found.append({**rule, "http": {"paths": paths}})
    return found


def _namespace(ingress: Mapping[str, Any], host: Host) -> str:
    return str(ingress["metadata"].get("namespace") or host.namespace)
