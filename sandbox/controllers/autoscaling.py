"""How many pods an autoscaler asks for, by what its metrics are said to say and the rules of the real controller. Pure.

    sandbox.rollway.dev/metrics: |     on the HorizontalPodAutoscaler, as nothing here measures: a YAML mapping, by metric
      cpu: 90%             of a resource: on average, of what the ready pods request
      memory: 300Mi        or a quantity: on average of the ready pods, as of any metric of pods
      requests: 1200       of an object, or from outside: all of it

(Kubernetes 1.36, pkg/controller/podautoscaler: replica_calculator, horizontal.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from ...kube.codec import Misfit, amount, quantity
from ...kube.objects import Obj, get
from ..annotated import mapping_of, shown
from ..api.unacted import METRICS

TOLERANCE = "0.1"
WINDOW_S = {"scaleUp": 0, "scaleDown": 300}
"""How long an earlier recommendation holds up a change that way, where the autoscaler does not say."""
MOST = Decimal(10**18)
"""Of what can be measured: the API server has no larger quantities, nor sums of them."""
MOST_PERCENT = 2**31 - 1
"""That a status can hold."""
MOST_PERIOD_S = 1800
"""Of a policy, as the API has it."""
_POLICIES: Mapping[str, Sequence[Obj]] = {
    "scaleUp": (
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ),
    "scaleDown": ({"type": "Percent", "value": 100, "periodSeconds": 15},),
}
_FACTOR, _LEAST = 2, 4
_UNLIMITED = (False, "DesiredWithinRange", "the desired count is within the acceptable range")
_TOO_MANY = (True, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
_TOO_FEW = (True, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
_TOO_FAST_UP = (True, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
_TOO_FAST_DOWN = (True, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")


class Unmeasured(Exception):
    """What a metric says is not known. `reason` is that of the condition."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Pods(NamedTuple):
    """Those that are scaled. `request` answers what a ready pod requests of a resource on average, of all its containers or of
    one (by name). It raises LookupError, with the real words, where one requests none."""

    ready: int
    unready: int
    request: Callable[[str, str], Decimal]


class Proposal(NamedTuple):
    """`name` is what the controller calls the metric, `status` its entry of the autoscaler's `currentMetrics`."""

    replicas: int
    name: str
    status: Obj


def given(text: str) -> Mapping[str, str]:
    """The annotation's values by metric. Raises ValueError with a sentence."""
    said = mapping_of(text)
    for name, value in said.items():
        if not isinstance(value, str) or not _is_measure(value):
            raise ValueError(f"{name}: {shown(value)} is neither a quantity nor a share such as 80%")
    return {str(name): value for name, value in said.items()}


def _is_measure(value: str) -> bool:
    try:
        return 0 <= amount(value.removesuffix("%")) <= MOST
    except Misfit:
        return False


def proposal(metric: Obj, said: Mapping[str, str], pods: Pods, current: int, tolerances: Mapping[str, Decimal]) -> Proposal:
    """What one metric asks for. Raises Unmeasured."""
    type_ = metric["type"]
    key = type_[:1].lower() + type_[1:]
    source, reason = metric.get(key) or {}, f"FailedGet{type_}{'' if type_.endswith('Metric') else 'Metric'}"
    is_resource = type_ in ("Resource", "ContainerResource")
    name = source.get("name", "") if is_resource else get(source, "metric", "name", default="")
    if name not in said:
        raise Unmeasured(reason, f"{name} is not among the metrics given by the annotation {METRICS}")
    is_of_pods = type_ not in ("Object", "External")
    if is_of_pods and not pods.ready:
        raise Unmeasured(reason, "did not receive metrics for targeted pods (pods might be unready)")
    try:
        if is_of_pods:
            ratio, seen = _average(said[name], name, source, pods, is_resource=is_resource)
            replicas = _by_average(ratio, pods, current, tolerances)
        else:
            replicas, seen = _of_all(amount(said[name].removesuffix("%")), source.get("target") or {}, pods, current, tolerances)
    except LookupError as error:
        raise Unmeasured(reason, f"failed to get {name} utilization: {error.args[0]}") from error
    about = {each: source[each] for each in ("name", "container", "metric", "describedObject") if each in source}
    return Proposal(replicas, _called(type_, name, source), {"type": type_, key: about | {"current": seen}})


def _called(type_: str, name: str, source: Obj) -> str:
    share = " utilization (percentage of request)" if "averageUtilization" in source.get("target", {}) else ""
    match type_:
        case "Resource":
            return f"{name} resource{share}"
        case "ContainerResource":
            return f"{name} container resource{share}"
        case "Pods":
            return f"pods metric {name}"
        case "Object":
            return f"{get(source, 'describedObject', 'kind', default='')} metric {name}"
    return f"external metric {name}(nil)"


def _average(text: str, name: str, source: Obj, pods: Pods, *, is_resource: bool) -> tuple[Decimal, Obj]:
    """(seen for wanted, what is seen) of an average over pods. Raises LookupError where it is of requests that are not, or of no
    target."""
    target, value = source.get("target") or {}, amount(text.removesuffix("%"))
    share = target.get("averageUtilization")
    request = (
        pods.request(name, source.get("container", "")) if is_resource and (share is not None or text.endswith("%")) else None
    )
    if request is not None and text.endswith("%"):
        value = min(request * value / 100, MOST)
    seen: Obj = {"averageValue": quantity(f"{value.quantize(Decimal('0.001')).normalize():f}")}
    if share is None or request is None:
        return value / _wanted(target, "averageValue"), seen
    if not request:
        raise LookupError("no metrics returned matched known pods")
    used = value / request * 100
    return used / _wanted(target, "averageUtilization"), {"averageUtilization": min(int(used), MOST_PERCENT)} | seen


def _wanted(target: Obj, field: str) -> Decimal:
    """What a target names; an API server takes none that names nothing above 0. Raises LookupError for one."""
    wanted = amount(target.get(field, 0))
    if wanted <= 0:
        raise LookupError(f"the target has no {field} above 0")
    return wanted


def _by_average(ratio: Decimal, pods: Pods, current: int, tolerances: Mapping[str, Decimal]) -> int:
    """Pods that are not ready yet count as idle where more are asked for, so that a start does not ask for still more."""
    if not pods.unready or ratio <= 1:
        return current if _is_near(ratio, tolerances) else math.ceil(ratio * pods.ready)
    whole = ratio * pods.ready / (pods.ready + pods.unready)
    if whole < 1 or _is_near(whole, tolerances):
        return current
    return max(math.ceil(whole * (pods.ready + pods.unready)), current)


def _of_all(value: Decimal, target: Obj, pods: Pods, current: int, tolerances: Mapping[str, Decimal]) -> tuple[int, Obj]:
    """Of what is measured once for all pods: as a whole, or as each one's part of it. Raises LookupError where that is of no
    target."""
    if "averageValue" in target:
        wanted = _wanted(target, "averageValue")
        part = (value / max(current, 1)).quantize(Decimal("0.001"))
        is_near = bool(current) and _is_near(value / (wanted * current), tolerances)
        return current if is_near else math.ceil(value / wanted), {"averageValue": quantity(f"{part.normalize():f}")}
    ratio = value / _wanted(target, "value")
    seen = {"value": quantity(f"{value.normalize():f}")}
    return current if _is_near(ratio, tolerances) else math.ceil(ratio * pods.ready), seen


def _is_near(ratio: Decimal, tolerances: Mapping[str, Decimal]) -> bool:
    return 1 - tolerances["scaleDown"] <= ratio <= 1 + tolerances["scaleUp"]


def tolerances_of(spec: Obj) -> Mapping[str, Decimal]:
    """By direction."""
    return {way: amount(get(spec, "behavior", way, "tolerance", default=TOLERANCE)) for way in WINDOW_S}


# how fast


@dataclass
class Past:
    """What an autoscaler remembers, as (moment, number): what it has asked for, and by how many pods it has scaled each way."""

    asked: list[tuple[float, int]] = field(default_factory=list)
    changes: dict[str, list[tuple[float, int]]] = field(default_factory=lambda: {"scaleUp": [], "scaleDown": []})

    def scaled(self, by: int, now_s: float) -> None:
        way = "scaleUp" if by > 0 else "scaleDown"
        self.changes[way] = [each for each in self.changes[way] if each[0] > now_s - MOST_PERIOD_S] + [(now_s, abs(by))]


class Allowed(NamedTuple):
    """How many pods it comes to. `is_held` by earlier recommendations; `limited` is its condition: whether, reason, message."""

    replicas: int
    is_held: bool
    limited: tuple[bool, str, str]


def allowed(spec: Obj, current: int, asked: int, past: Past, now_s: float) -> Allowed:
    """What is asked for, held to what was asked for lately, to how fast it may go, and to the least and the most."""
    if not past.asked:
        past.asked.append((now_s, current))
    ways = {way: get(spec, "behavior", way, default={}) for way in WINDOW_S}
    window_s = {way: ways[way].get("stabilizationWindowSeconds", least_s) for way, least_s in WINDOW_S.items()}
    low = min([asked, *(number for at_s, number in past.asked if at_s > now_s - window_s["scaleUp"])])
    high = max([asked, *(number for at_s, number in past.asked if at_s > now_s - window_s["scaleDown"])])
    past.asked = [each for each in past.asked if each[0] > now_s - max(window_s.values())] + [(now_s, asked)]
    held = min(max(current, low), high)
    return _within(spec, current, held, past, now_s)._replace(is_held=held != asked)


def _within(spec: Obj, current: int, wanted: int, past: Past, now_s: float) -> Allowed:
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    if wanted > current or wanted > most:
        limit = max(_limit(spec, "scaleUp", current, past, now_s), current)
        if wanted > min(most, limit):
            return Allowed(min(most, limit), False, _TOO_FAST_UP if limit < most else _TOO_MANY)
    if wanted < current or wanted < least:
        limit = min(_limit(spec, "scaleDown", current, past, now_s), current)
        if wanted < max(least, limit):
            return Allowed(max(least, limit), False, _TOO_FAST_DOWN if limit > least else _TOO_FEW)
    return Allowed(wanted, False, _UNLIMITED)


def _limit(spec: Obj, way: str, current: int, past: Past, now_s: float) -> int:
    """How far it may go that way now. Without a `behavior` up to the double, or four, and down at once."""
    if "behavior" not in spec:
        return max(_FACTOR * current, _LEAST) if way == "scaleUp" else 0
    rules = get(spec, "behavior", way, default={})
    if rules.get("selectPolicy") == "Disabled":
        return current
    sign, other = (1, "scaleDown") if way == "scaleUp" else (-1, "scaleUp")
    ends: list[int] = []
    for policy in rules.get("policies") or _POLICIES[way]:
        since_s = now_s - policy["periodSeconds"]
        done, undone = (sum(number for at_s, number in past.changes[each] if at_s > since_s) for each in (way, other))
        start = current - sign * (done - undone)
        if policy["type"] == "Pods":
            ends.append(start + sign * policy["value"])
        else:
            far = Decimal(start) * (100 + sign * policy["value"]) / 100
            ends.append(math.ceil(far) if sign > 0 else int(far))
    is_least = rules.get("selectPolicy") == "Min"
    return min(ends) if (sign > 0) == is_least else max(ends)
