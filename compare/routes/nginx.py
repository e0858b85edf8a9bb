"""What a canary Ingress of ingress-nginx takes of a Service's requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...kube.objects import INGRESS, Obj, get
from .model import Group, Objects, Routes

if TYPE_CHECKING:
    from ...sandbox.dataplane.nginx_canary import Canary


def read(store: Objects, namespace: str, service: str, matching: float) -> Routes | None:
    """None where no canary Ingress takes anything of a rule that leads to the Service."""
    ingresses = list(store.list(INGRESS, namespace))
    mains = {place for ingress in ingresses if _canary(ingress) is None for place, to in _places(ingress) if to == service}
    for ingress in ingresses:
        canary = _canary(ingress)
        other = next((to for place, to in _places(ingress) if place in mains), None)
        if canary is None or other is None:
            continue
        asked = matching if canary.header else 0.0
        share = asked + (1 - asked) * canary.part
        return Routes([(part, Group(name, {})) for part, name in ((1 - share, service), (share, other)) if part > 0])
    return None


def _canary(ingress: Obj) -> Canary | None:
    from ...sandbox.dataplane import nginx_canary  # most releases have no Ingress

    try:
        return nginx_canary.canary_of(ingress) if nginx_canary.is_nginx(ingress) else None
    except nginx_canary.Wrong:
        return None


def _places(ingress: Obj) -> Iterator[tuple[tuple[str, str], str]]:
    """((host, path), Service)."""
    for rule in get(ingress, "spec", "rules", default=()):
        for path in get(rule, "http", "paths", default=()):
            yield (rule.get("host", ""), path.get("path", "/")), get(path, "backend", "service", "name", default="")
