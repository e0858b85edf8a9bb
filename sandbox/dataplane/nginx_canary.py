"""ingress-nginx's canary annotations: what they ask for, and which side a request goes to. Pure.

The order is ingress-nginx's (1.15, rootfs/etc/nginx/lua/balancer.lua): the header decides, else the cookie, else the weight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...kube.objects import Obj, annotations_of, get
from ...kube.regexes import holds, is_re2
from .model import Named, Text

PREFIX = "nginx.ingress.kubernetes.io/"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
WHOLE = 100
"""What weights are parts of, where no greater total is given."""
KEYS = (
    "canary",
    "canary-weight",
    "canary-weight-total",
    "canary-by-header",
    "canary-by-header-value",
    "canary-by-header-pattern",
    "canary-by-cookie",
)
AFFINITY_KEYS = ("affinity", "affinity-canary-behavior", "session-cookie-name")
_TRUE = ("1", "t", "T", "true", "TRUE", "True")
_ALWAYS, _NEVER = "always", "never"


class Wrong(Exception):
    """Annotations that contradict each other: ingress-nginx takes none of them, and the Ingress for a plain one."""


@dataclass(frozen=True)
class Canary:
    """`weight` of `total`; the texts are empty where nothing is asked of them."""

    weight: int = 0
    total: int = WHOLE
    header: str = ""
    header_value: str = ""
    header_pattern: str = ""
    cookie: str = ""

    @property
    def part(self) -> float:
        """Of the requests that neither header nor cookie decide: 0 to 1."""
        return min(max(self.weight, 0) / self.total, 1.0)


class Clause(NamedTuple):
    """Asked in their order: who has it goes to the canary, or stays with the main line."""

    has: Named
    to_canary: bool


def is_nginx(ingress: Obj) -> bool:
    """Whether its class may be ingress-nginx's: one that is called so, or none at all."""
    name = get(ingress, "spec", "ingressClassName") or annotations_of(ingress).get(CLASS_ANNOTATION, "")
    return not name or "nginx" in name


def canary_of(ingress: Obj) -> Canary | None:
    """None of a plain Ingress. Raises Wrong."""
    given = {key: annotations_of(ingress).get(f"{PREFIX}{key}", "") for key in KEYS}
    found = Canary(
        _number(given["canary-weight"]),
        max(_number(given["canary-weight-total"]), WHOLE),
        given["canary-by-header"],
        given["canary-by-header-value"],
        given["canary-by-header-pattern"],
        given["canary-by-cookie"],
    )
    if given["canary"] in _TRUE:
        return found
    if found != Canary(total=found.total):
        raise Wrong("canary annotations count only where canary is true: it is served as any other")
    return None


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"-?\d{1,9}", text) else 0


def clauses(canary: Canary) -> list[Clause]:
    """What is asked before the weight."""
    found = []
    if canary.header:
        name = canary.header.lower()
        if canary.header_value:
            found.append(Clause(Named(name, Text("exact", canary.header_value)), to_canary=True))
        elif canary.header_pattern:
            found.append(_by_pattern(name, canary.header_pattern))
        else:
            found.append(Clause(Named(name, Text("exact", _ALWAYS)), to_canary=True))
            found.append(Clause(Named(name, Text("exact", _NEVER)), to_canary=False))
    if canary.cookie:
        found += [Clause(cookie(canary.cookie, word), to_canary=word == _ALWAYS) for word in (_ALWAYS, _NEVER)]
    return found


def _by_pattern(name: str, pattern: str) -> Clause:
    """It holds for any part of the value. One that cannot be understood keeps everybody with the header on the main line."""
    if not is_re2(pattern):
        return Clause(Named(name, Text("present")), to_canary=False)
    return Clause(Named(name, Text("regex", f".*(?:{pattern}).*")), to_canary=True)


def cookie(name: str, value: str) -> Named:
    """Who has that cookie with that value; its name in whatever case."""
    return Named("cookie", Text("regex", f"(?:.*[;,] *)?(?i:{re.escape(name)})={re.escape(value)}(?:[;,].*)?"))


def decide(canary: Canary, headers: Mapping[str, str], cookies: Mapping[str, str]) -> bool | float:
    """Whether a request goes to the canary, or with which probability it does."""
    sent = {name.lower(): value for name, value in headers.items()}
    if cookies:
        sent["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    decided = next((clause.to_canary for clause in clauses(canary) if _holds(clause.has, sent)), None)
    return canary.part if decided is None else decided


def _holds(has: Named, sent: Mapping[str, str]) -> bool:
    value = sent.get(has.name)
    match has.text:
        case _ if value is None:
            return False
        case Text("regex", pattern):
            return holds(pattern, value)
        case Text("exact", wanted):
            return value == wanted
        case _:
            return True


class Affinity(NamedTuple):
    """Clients stay on the side that they met: the cookie that says which."""

    cookie: str


def affinity_of(main: Obj) -> Affinity | None:
    """That of the main Ingress, which its canary inherits; `affinity-canary-behavior: legacy` binds nobody to a side."""
    given = {key: annotations_of(main).get(f"{PREFIX}{key}", "") for key in AFFINITY_KEYS}
    if not is_nginx(main) or given["affinity"] != "cookie" or given["affinity-canary-behavior"] == "legacy":
        return None
    return Affinity(given["session-cookie-name"] or "INGRESSCOOKIE")


def unknown(ingress: Obj, prefixes: Iterable[str]) -> list[str]:
    """Annotations that change routes, and that nobody here understands."""
    own = {f"{PREFIX}{key}" for key in (*KEYS, *AFFINITY_KEYS)} if is_nginx(ingress) else set[str]()
    return sorted(key for key in annotations_of(ingress) if key.startswith(tuple(prefixes)) and key not in own)
