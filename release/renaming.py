"""A workload under one name, whatever each version's manifests call it: my-app-v1 in one file, my-app-v2 in the next."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import BadInput
from ..kube.objects import Obj, get, merged
from ..kube.removed import current_version
from .manifests import Located
from .model import Key, key_of

_REFERENCES = ("scaleTargetRef", "targetRef")
"""By which autoscalers name what they scale: the HorizontalPodAutoscaler, KEDA's ScaledObject; the VerticalPodAutoscaler."""


def renamed(items: Sequence[Located], chosen: Located, name: str | None, where: str) -> tuple[list[Located], Located]:
    """The objects and the workload among them, which is called `name` from here on, and so is it by what scales it; as they are
    where it is called so. Labels and selectors are not touched. `where` is the place of the name.

    Raises BadInput where another object has that name.
    """
    own = key_of(chosen.obj)
    if name is None or name == own.name:
        return list(items), chosen
    wanted = own._replace(name=name)
    if other := next((item for item in items if key_of(item.obj) == wanted), None):
        raise BadInput(
            f"{chosen} is to be called {name}, and there is one of that name at {other.where()}",
            where=where,
            hint=f"leave the other version's out: exclude: [{other.obj['kind']}/{name}]",
        )
    out = [item if item is chosen else _following(item, own, name) for item in items]
    known = merged(chosen.obj, {"metadata": {"name": name}})
    position = next(place for place, item in enumerate(out) if item is chosen)
    out[position] = chosen._replace(obj=known)
    return out, out[position]


def _following(item: Located, own: Key, name: str) -> Located:
    """What names the workload names it as it is called now."""
    for field in _REFERENCES:
        reference = get(item.obj, "spec", field)
        if isinstance(reference, dict) and _is_to(reference, own):
            item = item._replace(obj=merged(item.obj, {"spec": {field: {"name": name}}}))
    return item


def _is_to(reference: Obj, own: Key) -> bool:
    """KEDA leaves out what a Deployment is called by; a version that is gone meant the same one."""
    kind, version = reference.get("kind") or "Deployment", reference.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(version, str | None):
        return False
    group = current_version(version, kind).rpartition("/")[0] if version else own.group
    return (group, kind, reference.get("name")) == own
