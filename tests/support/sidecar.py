"""What Istio makes of a VirtualService, written down a second time: which rule takes a request, and what istiod refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Obj = dict[str, Any]


class Asked(NamedTuple):
    """A request. Headers' names are in lower case."""

    path: str = "/"
    method: str = "GET"
    authority: str = "shop"
    scheme: str = "http"
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    port: int = 80
    gateway: str = "mesh"
    labels: Mapping[str, str] = {}
    namespace: str = "shop"


def rule_for(vs: Obj, asked: Asked) -> Obj | None:
    """The first HTTP rule that takes the request; None: it is answered 404."""
    for rule in vs["spec"].get("http") or ():
        if not rule.get("match") or any(holds(match, asked) for match in rule["match"]):
            return dict(rule)
    return None


def holds(match: Obj, asked: Asked) -> bool:
    headers = {name.lower(): wanted for name, wanted in (match.get("headers") or {}).items()}
    unwanted = {name.lower(): wanted for name, wanted in (match.get("withoutHeaders") or {}).items()}
    return (
        _takes(match.get("uri"), asked.path, ignores_case=bool(match.get("ignoreUriCase")))
        and all(_takes(match.get(key), getattr(asked, key)) for key in ("method", "authority", "scheme"))
        and all(name in asked.headers and _takes(wanted, asked.headers[name]) for name, wanted in headers.items())
        and not any(name in asked.headers and _takes(wanted, asked.headers[name]) for name, wanted in unwanted.items())
        and all(
            name in asked.query and _takes(wanted, asked.query[name]) for name, wanted in (match.get("queryParams") or {}).items()
        )
        and match.get("port") in (None, 0, asked.port)
        and asked.gateway in (match.get("gateways") or [asked.gateway])
        and (match.get("sourceLabels") or {}).items() <= asked.labels.items()
        and match.get("sourceNamespace") in (None, "", asked.namespace)
    )


def path_of(rule: Obj, asked: Asked) -> str:
    """The path that the rule's target sees: Envoy puts the rewrite in the place of the prefix that matched, or of all."""
    wanted = (rule.get("rewrite") or {}).get("uri")
    if not wanted:
        return asked.path
    uri = next((match.get("uri") or {} for match in rule.get("match") or [{}] if holds(match, asked)), {})
    if "exact" in uri or "regex" in uri:
        return str(wanted)
    prefix = uri.get("prefix", "/")
    rest = asked.path[len(prefix) :]
    return "/" + rest.removeprefix("/") if wanted == "/" and not prefix.endswith("/") else wanted + rest


def shares(rule: Obj) -> dict[tuple[str, str], float]:
    """(host, subset) -> the share of the rule's requests that goes there, 0 to 1."""
    targets = rule.get("route") or []
    weights = [100] if len(targets) == 1 else [target.get("weight", 0) for target in targets]
    found: dict[tuple[str, str], float] = {}
    for target, weight in zip(targets, weights, strict=True):
        place = (target["destination"]["host"], target["destination"].get("subset", ""))
        found[place] = found.get(place, 0) + weight / (sum(weights) or 1)
    return found


def _takes(wanted: Obj | None, text: str, *, ignores_case: bool = False) -> bool:
    match wanted:
        case {"regex": pattern}:
            return re.fullmatch(pattern, text) is not None
        case {"exact": exact}:
            return text.lower() == exact.lower() if ignores_case else text == exact
        case {"prefix": prefix}:
            return text.lower().startswith(prefix.lower()) if ignores_case else text.startswith(prefix)
        case _:
            return True


# what istiod refuses

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z:-]+")
_PERCENT = re.compile(r"%%|%[A-Z0-9_]+(\([^)]*\))?(:[0-9]+)?%")


def refused(spec: Obj) -> list[str]:
    """Why istiod's webhook refuses a VirtualService; nothing where it does not."""
    out = [f"host {host}" for host in spec.get("hosts") or () if not _is_host(host)]
    out += [f"{one} beside {other}" for one in spec.get("hosts") or () for other in spec["hosts"] if _covers(one, other)]
    out += [f"gateway {name}" for name in spec.get("gateways") or () if not _is_gateway(name)]
    for rule in spec.get("http") or ():
        out += _http(rule)
    for kind in ("tls", "tcp"):
        for rule in spec.get(kind) or ():
            out += _routed(rule) if rule.get("route") else [f"{kind} without a route"]
    return out


def _http(rule: Obj) -> Iterator[str]:
    if not any(rule.get(key) for key in ("route", "redirect", "directResponse", "delegate")):
        yield "neither route nor redirect"
    if rule.get("redirect") and rule.get("route"):
        yield "redirect and route"
    yield from _routed(rule)
    for match in rule.get("match") or ():
        for key in ("headers", "queryParams", "withoutHeaders"):
            for name, wanted in (match.get(key) or {}).items():
                yield from [f"{key} {name!r}"] * (not name or wanted.get("prefix") == "" or wanted.get("regex") == "")
        for key in ("uri", "scheme", "method", "authority"):
            yield from [f"empty {key}"] * (match.get(key, {}).get("prefix") == "" or match.get(key, {}).get("regex") == "")
        if "prefixRewrite" in (rule.get("redirect") or {}) and "exact" in (match.get("uri") or {}):
            yield "prefixRewrite of an exact path"
    for each in (rule.get("mirrorPercentage"), *(mirror.get("percentage") for mirror in rule.get("mirrors") or ())):
        if each and not 0 <= each["value"] <= 100:
            yield f"{each['value']}% mirrored"
    sets = rule.get("headers", {}).get("request", {}).get("set", {})
    if ":authority" in sets and rule.get("rewrite", {}).get("authority"):
        yield "the authority twice"


def _routed(rule: Obj) -> Iterator[str]:
    targets = rule.get("route") or []
    weights = [target.get("weight", 0) for target in targets]
    if any(weight < 0 for weight in weights) or (len(targets) > 1 and not sum(weights)):
        yield f"weights {weights}"
    for target in targets:
        destination = target.get("destination") or {}
        if not destination.get("host"):
            yield "no destination"
        if destination.get("subset") and not _LABEL.fullmatch(destination["subset"]):
            yield f"subset {destination['subset']}"
    for holder in (rule, *targets):
        yield from _headers(holder)


def _headers(holder: Obj) -> Iterator[str]:
    for side in (holder.get("headers") or {}).values():
        names = [*side.get("set", {}), *side.get("add", {}), *side.get("remove", [])]
        yield from (f"header {name!r}" for name in names if not _TOKEN.fullmatch(name))
        values = [*side.get("set", {}).values(), *side.get("add", {}).values()]
        yield from (f"value {value!r}" for value in values if "%" in _PERCENT.sub("", value))


def _is_host(host: str) -> bool:
    bare = host.removeprefix("*.") if host != "*" else "x"
    return all(_LABEL.fullmatch(part) for part in bare.split("."))


def _covers(one: str, other: str) -> bool:
    return one != other and one.startswith("*") and other.endswith(one[1:])


def _is_gateway(name: str) -> bool:
    return name == "mesh" or all(_LABEL.fullmatch(part) for part in re.split(r"[/.]", name))
