"""What the API server refuses in the policies of a Job: which failures count, and when it has succeeded."""

from __future__ import annotations

from itertools import pairwise

from ..objects import Obj, get
from . import checks
from .checks import Problems

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_MOST = 20
_MOST_CODES = 255
_LONGEST_INDEXES = 64 * 1024


def failure_policy(field: str, spec: Obj) -> Problems:
    """`field` is the policy's; `spec` the Job's."""
    pod = get(spec, "template", "spec", default={})
    if pod.get("restartPolicy") != "Never":
        yield checks.invalid(
            f"{field.rpartition('.')[0]}.template.spec.restartPolicy", pod.get("restartPolicy"),
            'only "Never" is supported when podFailurePolicy is specified',
        )  # fmt: skip
    names = {each.get("name") for key in ("containers", "initContainers") for each in pod.get(key) or ()}
    rules = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > _MOST:
        yield checks.too_many(f"{field}.rules", len(rules), _MOST)
    for place, rule in enumerate(rules):
        yield from _failure_rule(f"{field}.rules[{place}]", rule, spec, names)


def _failure_rule(path: str, rule: Obj, spec: Obj, names: set[str]) -> Problems:
    action, codes, conditions = rule.get("action"), rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
        yield checks.invalid(f"{path}.action", action, "requires the backoffLimitPerIndex to be set")
    else:
        yield from _one_of(f"{path}.action", action, _ACTIONS)
    if codes is not None:
        yield from _exit_codes(f"{path}.onExitCodes", codes, names)
    if len(conditions) > _MOST:
        yield checks.too_many(f"{path}.onPodConditions", len(conditions), _MOST)
    for at, pattern in enumerate(conditions):
        yield from checks.by_rule(f"{path}.onPodConditions[{at}].type", pattern.get("type", ""), checks.qualified_name)
        yield from _one_of(f"{path}.onPodConditions[{at}].status", pattern.get("status"), _STATUSES)
    if codes is not None and conditions:
        yield checks.contradictory(path, "specifying both OnExitCodes and OnPodConditions is not supported")
    if codes is None and not conditions:
        yield checks.contradictory(path, "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(field: str, codes: Obj, names: set[str]) -> Problems:
    yield from _one_of(f"{field}.operator", codes.get("operator"), _OPERATORS)
    if (name := codes.get("containerName")) is not None and name not in names:
        text = "must be one of the container or initContainer names in the pod template"
        yield checks.invalid(f"{field}.containerName", name, text)
    values = codes.get("values") or []
    if not values:
        yield checks.invalid(f"{field}.values", values, "at least one value is required")
    elif len(values) > _MOST_CODES:
        yield checks.too_many(f"{field}.values", len(values), _MOST_CODES)
    for at, value in enumerate(values):
        if value in values[:at]:
            yield checks.duplicate(f"{field}.values[{at}]", value)
        if value == 0 and codes.get("operator") == "In":
            yield checks.invalid(f"{field}.values[{at}]", value, "must not be 0 for the In operator")
    if values != sorted(values):
        yield checks.invalid(f"{field}.values", values, "must be ordered")


def _one_of(field: str, value: str | None, known: tuple[str, ...]) -> Problems:
    if not value:
        yield checks.required(field, checks.valid_values(known))
    elif value not in known:
        yield checks.unsupported(field, value, known)


def success_policy(field: str, spec: Obj) -> Problems:
    """Only an Indexed Job has one."""
    rules = spec["successPolicy"].get("rules") or ()
    if spec.get("completionMode") != "Indexed":
        internal = {"Rules": [_internal_rule(each) for each in rules] or None}
        yield checks.invalid(field, internal, "requires indexed completion mode")
        return
    if not rules:
        yield checks.required(f"{field}.rules", "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MOST:
        yield checks.too_many(f"{field}.rules", len(rules), _MOST)
    for place, rule in enumerate(rules):
        yield from _success_rule(f"{field}.rules[{place}]", rule, spec.get("completions") or 0)


def _internal_rule(rule: Obj) -> Obj:
    return {"SucceededIndexes": rule.get("succeededIndexes"), "SucceededCount": rule.get("succeededCount")}


def _success_rule(path: str, rule: Obj, completions: int) -> Problems:
    indexes, count = rule.get("succeededIndexes"), rule.get("succeededCount")
    total = 0
    if indexes is None and count is None:
        yield checks.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    if indexes is not None:
        if len(indexes) > _LONGEST_INDEXES:
            yield checks.too_long(f"{path}.succeededIndexes", _LONGEST_INDEXES)
        try:
            total = indexes_in(indexes, completions)
        except ValueError as problem:
            yield checks.invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {problem}")
    if count is None:
        return
    yield from checks.not_negative(f"{path}.succeededCount", count)
    if count > completions:
        why = f"must be less than or equal to {completions} (the number of specified completions)"
        yield checks.invalid(f"{path}.succeededCount", count, why)
    if indexes is not None and count > total:
        why = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
        yield checks.invalid(f"{path}.succeededCount", count, why)


def indexes_in(text: str, completions: int) -> int:
    """How many indexes "1,3-5" names; all of them below `completions`, in rising order. Raises ValueError, in Go's words."""
    total, ends = 0, []
    for interval in text.split(",") if text else ():
        parts = interval.split("-")
        if len(parts) > 2:
            raise ValueError(
                f"the fragment {checks.shown(interval)} violates the requirement that an index interval can have at most two "
                "parts separated by '-'"
            )
        limits = [_index(part, completions) for part in parts]
        ends += limits
        total += limits[-1] - limits[0] + 1
    for before, after in pairwise(ends):
        if before >= after:
            raise ValueError(f"non-increasing order, previous: {before}, current: {after}")
    return total


def _index(text: str, completions: int) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"cannot convert string to integer for index: {checks.shown(text)}")
    if int(text) >= completions:
        raise ValueError(f"too large index: {checks.shown(text)}")
    return int(text)
