"""What Istio calls a Service, and the parts that its subsets have while two versions run. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..kube.objects import Obj, get
from .selector import STABLE
from .traffic import VARIANT, Host

LONGEST_SUBSET = 63 - len("-rollway-stable")
"""Of a user's subset, so that its parts have names that Istio takes: DNS labels."""

_PART = re.compile(rf"(?:(?P<own>.+)-)?rollway-(?P<track>{STABLE}|{VARIANT})")


def part(own: str, track: str) -> str:
    """What one track's part of a subset is called; "" is the host as a whole."""
    return "-".join(filter(None, (own, "rollway", track)))


def track_of(subset: str) -> str:
    """The track that a subset is the part of; empty for one of the user's."""
    found = _PART.fullmatch(subset)
    return found["track"] if found else ""


def is_host(name: str, host: Host, namespace: str = "") -> bool:
    """Whether a name in an object of a namespace (the host's own, where none is given) means the host: Istio's short names, and
    the longer forms of the same Service; another namespace's is another host."""
    name, full = str(name), f"{host.name}.{host.namespace}"
    is_short = name == host.name and namespace in ("", host.namespace)
    return is_short or name in (full, f"{full}.svc") or name.startswith(f"{full}.svc.")


def to(track: str) -> Callable[[Mapping[str, Any]], Obj]:
    """Binds a destination to one track's part of its subset."""
    return lambda destination: {**destination, "subset": part(_own(destination.get("subset") or ""), track)}


def whole(destination: Mapping[str, Any]) -> Obj:
    plain = {key: value for key, value in destination.items() if key != "subset"}
    own = _own(destination.get("subset") or "")
    return {**plain, "subset": own} if own else plain


def _own(subset: str) -> str:
    found = _PART.fullmatch(subset)
    return (found["own"] or "") if found else subset


def is_target(target: Mapping[str, Any], host: Host) -> bool:
    return is_host(get(target, "destination", "host", default=""), host)
