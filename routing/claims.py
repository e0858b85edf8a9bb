"""Who else has a say in where an application's requests go: Istio's objects that are live, and not in its manifests.

Of two VirtualServices for one host a sidecar heeds one, and a route to the host without a subset reaches both versions; of two
DestinationRules in one namespace the younger one's policy is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..kube.objects import DESTINATION_RULE, VIRTUAL_SERVICE, Obj, get, is_a, labels_of
from ..plan.observed import APP_LABEL
from .istio import routes_of
from .subsets import is_host
from .traffic import Host

MESH = "mesh"
DOMAIN = "cluster.local"


def foreign(live: Iterable[Mapping[str, Any]], own: Iterable[Mapping[str, Any]], host: Host, app: str) -> list[Obj]:
    """The live VirtualServices and DestinationRules for the host that are not among the release's `own` nor made for it."""
    mine = {_key(obj, host) for obj in own}
    beside = [obj for obj in live if _key(obj, host) not in mine and labels_of(obj).get(APP_LABEL) != app]
    return [dict(obj) for obj in beside if _routes(obj, host, mine) or _rules(obj, host)]


def outranked(live: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The DestinationRules by a wildcard that hold for the host only as long as it has no rule of its own."""
    return [dict(obj) for obj in live if is_a(obj, DESTINATION_RULE) and _is_wild(get(obj, "spec", "host", default=""), host)]


def claims(vs: Mapping[str, Any], host: Host) -> bool:
    """Whether a VirtualService decides by its hosts where calls of the host from inside the mesh go."""
    gateways, namespace = get(vs, "spec", "gateways", default=[]), _namespace(vs, host)
    names = get(vs, "spec", "hosts", default=[]) if not gateways or MESH in gateways else []
    return any(is_host(name, host, namespace) or _is_wild(name, host) for name in names)


def needs_own(own: Sequence[Mapping[str, Any]], host: Host) -> bool:
    """Whether none of the manifests' VirtualServices says where calls from inside the mesh go: only those of a gateway do, or
    none. One without hosts is a delegate, of whoever has the hosts."""
    return not any(claims(vs, host) or not get(vs, "spec", "hosts") for vs in routes_of(own, host))


def own_name(name: str, own: Iterable[Mapping[str, Any]]) -> str:
    """What the VirtualService is called that ab makes beside the manifests' own."""
    is_taken = any(is_a(obj, VIRTUAL_SERVICE) and obj["metadata"]["name"] == name for obj in own)
    return f"{name}-mesh" if is_taken else name


def told(obj: Mapping[str, Any], host: Host) -> str:
    """ "VirtualService routes of namespace edge routes host shop" """
    meta = obj["metadata"]
    where = f" of namespace {meta['namespace']}" if _namespace(obj, host) != host.namespace else ""
    return f"{obj['kind']} {meta['name']}{where} {'routes' if is_a(obj, VIRTUAL_SERVICE) else 'is for'} host {host.name}"


def _routes(obj: Mapping[str, Any], host: Host, mine: set[tuple[str, str, str]]) -> bool:
    if not is_a(obj, VIRTUAL_SERVICE):
        return False
    namespace = _namespace(obj, host)
    rules = [rule for kind in ("http", "tls", "tcp") for rule in get(obj, "spec", kind, default=[])]
    targets = [get(target, "destination", "host", default="") for rule in rules for target in rule.get("route") or ()]
    if any(is_host(name, host, namespace) for name in targets):
        return True
    delegates = [rule["delegate"] for rule in rules if rule.get("delegate")]
    is_root = any((obj["kind"], each.get("namespace") or namespace, each.get("name")) in mine for each in delegates)
    return claims(obj, host) and not is_root


def _rules(obj: Mapping[str, Any], host: Host) -> bool:
    return is_a(obj, DESTINATION_RULE) and is_host(get(obj, "spec", "host", default=""), host, _namespace(obj, host))


def _is_wild(name: str, host: Host) -> bool:
    return name.startswith("*") and f"{host.name}.{host.namespace}.svc.{DOMAIN}".endswith(name[1:])


def _key(obj: Mapping[str, Any], host: Host) -> tuple[str, str, str]:
    return obj["kind"], _namespace(obj, host), obj["metadata"]["name"]


def _namespace(obj: Mapping[str, Any], host: Host) -> str:
    return str(obj["metadata"].get("namespace") or host.namespace)
