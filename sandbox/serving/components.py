"""ComponentStatuses, which are asked and not kept: how the parts of the control plane are. Here they are one process, and well.
(Kubernetes 1.36, where they are deprecated, and said to be in a warning.)"""

from __future__ import annotations

from collections.abc import Sequence

from ...kube.objects import Kind, Obj

COMPONENT = Kind("v1", "ComponentStatus", "componentstatuses", namespaced=False)
RESOURCE: Obj = {
    "name": COMPONENT.plural, "singularName": "componentstatus", "namespaced": False, "kind": COMPONENT.name,
    "verbs": ["get", "list"], "shortNames": ["cs"],
}  # fmt: skip
WARNING = "v1 ComponentStatus is deprecated in v1.19+"
_NAMES = ("controller-manager", "etcd-0", "scheduler")


def asked(parts: Sequence[str]) -> str | None:
    """The name that a path addresses; empty for all of them, None for other paths."""
    match parts:
        case ["api", "v1", COMPONENT.plural]:
            return ""
        case ["api", "v1", COMPONENT.plural, name]:
            return name
    return None


def found(name: str) -> list[Obj]:
    """Of that name, or all."""
    healthy = [{"type": "Healthy", "status": "True", "message": "ok"}]
    return [
        {"apiVersion": "v1", "kind": COMPONENT.name, "metadata": {"name": each}, "conditions": healthy}
        for each in _NAMES
        if name in ("", each)
    ]
