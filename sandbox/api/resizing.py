"""A pod's `resize`: what its containers ask for changes while they run, and nothing else. (Kubernetes 1.36.)

The quality of service stays as it is, what was asked for is not taken away, and only CPU and memory change.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...kube.objects import POD, Obj, get
from ...kube.validation import checks
from ...kube.validation.dispatch import problems
from .admission.quality import qos_class

_PARTS = ("containers", "initContainers")
_MUTABLE = ("resources", "resizePolicy")


def resized(wanted: Obj, live: Obj) -> Obj:
    """The live pod with what the wanted one's containers ask for. Where these are others, as they are: `refuse` tells."""
    spec = dict(live["spec"])
    for part in _PARTS:
        if spec.get(part):
            new, old = get(wanted, "spec", part, default=[]), spec[part]
            spec[part] = [_with(*pair) for pair in zip(new, old, strict=True)] if _names(new) == _names(old) else new
    return live | {"metadata": dict(live["metadata"]), "spec": spec}


def refuse(obj: Obj, live: Obj) -> None:
    """Raises Invalid where the pod may not ask for that."""
    if found := [*_problems(obj, live)] or problems(POD, obj):
        raise checks.refusal("Pod", "", obj["metadata"]["name"], found)


def _problems(obj: Obj, live: Obj) -> checks.Problems:
    if any(_names(obj["spec"].get(part) or []) != _names(live["spec"].get(part) or []) for part in _PARTS):
        yield checks.forbidden("spec", "containers may not be renamed or reordered on resize")
        return
    quality = get(live, "status", "qosClass", default="")
    if qos_class(obj["spec"]) != quality:
        yield checks.invalid("spec", quality, "Pod QOS Class may not change as a result of resizing")
    for part in _PARTS:
        for place, (new, old) in enumerate(zip(obj["spec"].get(part) or (), live["spec"].get(part) or (), strict=True)):
            if part == "initContainers" and old.get("restartPolicy") != "Always" and new != old:
                yield checks.forbidden("spec", "resources for non-sidecar init containers are immutable")
            yield from _of_container(f"spec.{part}[{place}].resources", new, old)
    others = [[_others(each) for part in _PARTS for each in pod["spec"].get(part) or ()] for pod in (obj, live)]
    if others[0] != others[1]:
        yield checks.forbidden("spec", "only cpu and memory resources are mutable")


def _of_container(field: str, new: Obj, old: Obj) -> checks.Problems:
    for what in ("requests", "limits"):
        before, now = (get(each, "resources", what, default={}) for each in (old, new))
        if set(before) - set(now):
            yield checks.forbidden(f"{field}.{what}", f"resource {what} cannot be removed")


def _others(container: Obj) -> list[tuple[str, str, str]]:
    """What the container asks for besides CPU and memory."""
    return sorted(_amounts(container))


def _amounts(container: Obj) -> Iterator[tuple[str, str, str]]:
    for what in ("requests", "limits"):
        for name, value in get(container, "resources", what, default={}).items():
            if name not in ("cpu", "memory"):
                yield what, name, str(value)


def _names(containers: list[Obj]) -> list[str]:
    return [each.get("name", "") for each in containers]


def _with(new: Obj, old: Obj) -> Obj:
    kept = {key: value for key, value in old.items() if key not in _MUTABLE}
    return kept | {key: new[key] for key in _MUTABLE if key in new}
