"""The scale subresource: replicas seen and set without knowing what is scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...kube import ssa
from ...kube.objects import Kind, Obj, get

SCALE = Kind("autoscaling/v1", "Scale", "scales")
_PATH = ("f:spec", "f:replicas")


def of(obj: Obj) -> Obj:
    meta = obj["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta}
    status: Obj = {"replicas": get(obj, "status", "replicas", default=0)}
    if text := selector_text(get(obj, "spec", "selector", default={})):
        status["selector"] = text
    replicas = get(obj, "spec", "replicas", default=0)
    spec = {"replicas": replicas} if replicas else {}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": kept, "spec": spec, "status": status}


def selector_text(selector: Mapping[str, Any]) -> str:
    """A LabelSelector in the notation of queries: `app=demo,tier in (a,b)`."""
    terms = [(key, f"{key}={value}") for key, value in (selector.get("matchLabels") or {}).items()]
    for term in selector.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        text = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }[term["operator"]]
        terms.append((key, text))
    return ",".join(text for _, text in sorted(terms))


def entries(live: Obj, scaled: Obj, manager: str) -> list[Obj]:
    """Who scales owns the replicas, through the subresource; the server notes no time for it."""
    if live["spec"] == scaled["spec"]:
        return list(get(live, "metadata", "managedFields", default=[]))
    shares = {
        key: share._replace(fields=share.fields - {_PATH}) for key, share in ssa.shares_of(live).items() if share.fields - {_PATH}
    }
    owner = ssa.Owner(manager, "Update", scaled["apiVersion"], "scale")
    shares[owner.key] = ssa.Share(owner, frozenset({_PATH}), "")
    return ssa.entries_of(shares.values())
