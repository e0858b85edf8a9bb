"""The scale subresource: replicas seen and set without knowing what is scaled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...errors import ApiError
from ...kube import ssa
from ...kube.objects import Kind, Obj, copied, get
from ...kube.printed import selector_text

SCALE = Kind("autoscaling/v1", "Scale", "scales")


class Paths(NamedTuple):
    """Where a kind keeps what its scale shows. `selector` is the path of a text; None where it is a LabelSelector in the spec."""

    wanted: tuple[str, ...]
    seen: tuple[str, ...]
    selector: tuple[str, ...] | None = None


BUILT_IN = Paths(("spec", "replicas"), ("status", "replicas"))


def paths_of(scale: Mapping[str, str]) -> Paths:
    """As a CustomResourceDefinition names them; without a `labelSelectorPath` there is no selector."""
    wanted, seen, selector = (
        tuple(scale.get(key, "").strip(".").split(".")) for key in ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    )
    return Paths(wanted, seen, selector if selector != ("",) else ())


def of(obj: Obj, paths: Paths = BUILT_IN) -> Obj:
    """The Scale of an object. Raises ApiError (500) where a custom resource has no replicas."""
    meta = obj["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta}
    status: Obj = {"replicas": get(obj, *paths.seen, default=0)}
    if text := _selector(obj, paths):
        status["selector"] = text
    replicas = get(obj, *paths.wanted)
    if replicas is None and paths is not BUILT_IN:
        path = "." + ".".join(paths.wanted)
        raise ApiError(500, "InternalError", f'Internal error occurred: the spec replicas field "{path}" does not exist')
    spec = {"replicas": replicas} if replicas else {}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": kept, "spec": spec, "status": status}


def _selector(obj: Obj, paths: Paths) -> str:
    if paths.selector is None:
        return selector_text(get(obj, "spec", "selector", default={}))
    return str(get(obj, *paths.selector, default="")) if paths.selector else ""


def scaled(obj: Obj, replicas: int, paths: Paths) -> Obj:
    """A copy of the object with that many replicas."""
    out = copied(obj)
    inner = out
    for key in paths.wanted[:-1]:
        inner = inner.setdefault(key, {})
    inner[paths.wanted[-1]] = replicas
    return out


def entries(live: Obj, scaled: Obj, manager: str, paths: Paths) -> list[Obj]:
    """Who scales owns the replicas, through the subresource; the server notes no time for it."""
    if get(live, *paths.wanted) == get(scaled, *paths.wanted):
        return list(get(live, "metadata", "managedFields", default=[]))
    path = tuple(f"f:{key}" for key in paths.wanted)
    shares = {
        key: share._replace(fields=share.fields - {path}) for key, share in ssa.shares_of(live).items() if share.fields - {path}
    }
    owner = ssa.Owner(manager, "Update", scaled["apiVersion"], "scale")
    shares[owner.key] = ssa.Share(owner, frozenset({path}), "")
    return ssa.entries_of(shares.values())


def applied(live: Obj, wanted: Obj, manager: str, paths: Paths, *, force: bool, now: str) -> list[Obj]:
    """The managedFields of what is scaled after a Scale is applied to it. Raises ApplyConflict where others own the replicas."""
    meta = {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]}
    bare: Obj = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta}
    meant = scaled(bare, get(wanted, "spec", "replicas", default=0), paths)
    if not get(live, *paths.wanted):
        live = _without(live, paths.wanted)  # none are not there to the server, so that to say none, too, is a change
    merged = ssa.apply(live, meant, manager, force=force, now=now, subresource="scale")
    owners: list[Obj] = merged["metadata"]["managedFields"]
    return owners


def _without(obj: Obj, path: tuple[str, ...]) -> Obj:
    out = copied(obj)
    above = get(out, *path[:-1], default={})
    above.pop(path[-1], None)
    return out
