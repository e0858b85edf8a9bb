"""DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready or not reached, unless it says else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....kube.objects import Obj
from .request import Request

_DEFAULTS = tuple(
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for what in ("not-ready", "unreachable")
)


def add(request: Request) -> None:
    if not request.presumes:  # the node of a rehearsal stays
        complete(request.spec)


def complete(spec: Obj) -> None:
    own = list(spec.get("tolerations") or [])
    missing = [dict(wanted) for wanted in _DEFAULTS if not any(_tolerates(mine, wanted) for mine in own)]
    if missing:
        spec["tolerations"] = own + missing


def _tolerates(mine: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return mine.get("key", "") in ("", wanted["key"]) and mine.get("effect", "") in ("", "NoExecute")
