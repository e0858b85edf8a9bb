"""LimitRanger: what containers of a namespace are given that ask for nothing, and how much they and their pods may ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from ....kube.codec import amount
from ....kube.objects import Kind, Obj, annotations_of, get
from .quota import shown
from .request import Request

LIMIT_RANGE = Kind("v1", "LimitRange", "limitranges")
_NOTE = "kubernetes.io/limit-ranger"

Amounts = Mapping[str, Any]


def add(request: Request) -> None:
    told: list[str] = []
    for limits in _ranges(request):
        defaults = [_filled(each) for each in get(limits, "spec", "limits", default=()) if each.get("type") == "Container"]
        for part, what in (("containers", "container"), ("initContainers", "init container")):
            for container in request.spec.get(part) or ():
                for each in defaults:
                    told += _given(container, each, what)
    if told:
        notes = {**annotations_of(request.pod), _NOTE: f"LimitRanger plugin set: {'; '.join(told)}"}
        request.pod["metadata"]["annotations"] = notes


def check(request: Request) -> None:
    """Raises ApiError (403) with everything that the first range that is left has to say."""
    for limits in _ranges(request):
        problems = [
            problem for each in get(limits, "spec", "limits", default=()) for problem in _problems(request, _filled(each))
        ]
        if problems:
            raise request.forbidden(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def _ranges(request: Request) -> list[Obj]:
    return sorted(request.store.list(LIMIT_RANGE, request.namespace), key=lambda each: str(each["metadata"]["name"]))


def _filled(item: Obj) -> Obj:
    """With what the server fills in: a default limit is the most, a default request the limit, else the least."""
    if item.get("type") != "Container":
        return item
    default = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **default, **(item.get("defaultRequest") or {})}
    return {**item, "default": default, "defaultRequest": requests}


def _given(container: Obj, item: Obj, what: str) -> Iterator[str]:
    """Writes the defaults into a container, and tells which."""
    resources = container.get("resources") or {}
    requests, limits = dict(resources.get("requests") or {}), dict(resources.get("limits") or {})
    for word, own, defaults in (("request", requests, item["defaultRequest"]), ("limit", limits, item["default"])):
        missing = sorted(set(defaults) - set(own))
        if missing:
            own |= {name: defaults[name] for name in missing}
            yield f"{', '.join(missing)} {word} for {what} {container['name']}"
    written = {"limits": limits, "requests": requests}
    container["resources"] = {**resources, **{name: value for name, value in written.items() if value}}


def _problems(request: Request, item: Obj) -> Iterator[str]:
    match item.get("type"):
        case "Container":
            for container in request.containers():
                yield from _of_one(item, get(container, "resources", default={}))
        case "Pod":
            yield from _of_one(item, _of_pod(request.spec))


def _of_one(item: Obj, asked: Obj) -> Iterator[str]:
    requests, limits = asked.get("requests") or {}, asked.get("limits") or {}
    per = item["type"]
    for name, least in sorted((item.get("min") or {}).items()):
        yield from _too_little(f"minimum {name} usage per {per} is {least}", least, requests.get(name), limits.get(name))
    for name, most in sorted((item.get("max") or {}).items()):
        yield from _too_much(f"maximum {name} usage per {per} is {most}", most, requests.get(name), limits.get(name))
    for name, ratio in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        head = f"{name} max limit to request ratio per {per} is {ratio}"
        yield from _too_wide(head, ratio, requests.get(name), limits.get(name))


def _too_little(head: str, least: Any, request: Any, limit: Any) -> Iterator[str]:
    if request is None:
        yield f"{head}.  No request is specified"
    elif amount(request) < amount(least):
        yield f"{head}, but request is {request}"
    elif limit is not None and amount(limit) < amount(least):
        yield f"{head}, but limit is {limit}"


def _too_much(head: str, most: Any, request: Any, limit: Any) -> Iterator[str]:
    if limit is None:
        yield f"{head}.  No limit is specified"
    elif amount(limit) > amount(most):
        yield f"{head}, but limit is {limit}"
    elif request is not None and amount(request) > amount(most):
        yield f"{head}, but request is {request}"


def _too_wide(head: str, ratio: Any, request: Any, limit: Any) -> Iterator[str]:
    if request is None or not amount(request):
        yield f"{head}, but no request is specified or request is 0"
    elif limit is None or not amount(limit):
        yield f"{head}, but no limit is specified or limit is 0"
    elif (provided := amount(limit) / amount(request)) > amount(ratio):
        yield f"{head}, but provided ratio is {float(provided):f}"


def _of_pod(spec: Obj) -> dict[str, dict[str, str]]:
    """What a pod asks for: the sum of what runs, or what starts before it where that is more."""
    out: dict[str, dict[str, str]] = {}
    for part in ("requests", "limits"):
        sums: dict[str, Decimal] = {}
        for container in spec.get("containers") or ():
            for name, value in _parts(container, part):
                sums[name] = sums.get(name, Decimal(0)) + value
        for container in spec.get("initContainers") or ():
            for name, value in _parts(container, part):
                sums[name] = max(sums.get(name, Decimal(0)), value)
        out[part] = {name: shown(name, value) for name, value in sums.items()}
    return out


def _parts(container: Obj, part: str) -> Iterator[tuple[str, Decimal]]:
    for name, value in get(container, "resources", part, default={}).items():
        yield name, amount(value)
