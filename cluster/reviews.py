"""What this account may do, asked of the API server (authorization.k8s.io): what its rules say, and, where these are not all that
decides, right by right."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ApiError
from ..kube.objects import Obj, get
from .port import Right

API_VERSION = "authorization.k8s.io/v1"

Ask = Callable[[str, Obj], Awaitable[Obj]]
"""Sends a review, by its resource's plural, and answers it with its status."""


class Granted(NamedTuple):
    """What a SelfSubjectRulesReview answered. `is_all`: there is nothing that it could not tell of, such as a webhook's say."""

    rules: Sequence[Mapping[str, Any]]
    is_all: bool


async def granted_in(namespace: str, ask: Ask) -> Granted:
    """The account's rules in a namespace."""
    answer = await ask("selfsubjectrulesreviews", _review("SelfSubjectRulesReview", {"namespace": namespace}))
    return Granted(get(answer, "status", "resourceRules", default=[]), not get(answer, "status", "incomplete", default=False))


async def missing(rights: Collection[Right], namespace: str, granted: Granted, ask: Ask) -> list[Right]:
    """The rights that the account lacks. Those of cluster-wide objects and of other namespaces are never in a namespace's rules,
    nor are those that the rules do not tell of: they are asked for one by one."""
    unproven = [right for right in rights if not _is_inside(right) or not is_granted(right, granted.rules)]
    sure = [right for right in unproven if _is_inside(right) and granted.is_all]
    doubtful = [right for right in unproven if right not in sure]
    answers = await asyncio.gather(*(_may(right, namespace, ask) for right in doubtful))
    return sure + [right for right, is_allowed in zip(doubtful, answers, strict=True) if not is_allowed]


def _is_inside(right: Right) -> bool:
    return right.namespaced and not right.namespace


async def _may(right: Right, namespace: str, ask: Ask) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": subresource, "name": right.name}
    place = {"namespace": right.namespace or namespace} if right.namespaced else {}
    spec = {"resourceAttributes": {key: value for key, value in (attributes | place).items() if value}}
    try:
        answer = await ask("selfsubjectaccessreviews", _review("SelfSubjectAccessReview", spec))
    except ApiError:
        return True  # the request itself will tell
    return bool(get(answer, "status", "allowed", default=False))


def is_granted(right: Right, rules: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a rule allows it, by RBAC's own reading of `*` and of names."""
    return any(
        _has(rule, "verbs", right.verb)
        and _has(rule, "apiGroups", right.group)
        and any(_is_resource(each, right.resource) for each in rule.get("resources") or ())
        and (not rule.get("resourceNames") or right.name in rule["resourceNames"])
        for rule in rules
    )


def _has(rule: Mapping[str, Any], key: str, value: str) -> bool:
    known = rule.get(key) or ()
    return value in known or "*" in known


def _is_resource(rule: str, resource: str) -> bool:
    """`*` stands for all, subresources too; `*/scale` for that subresource of all."""
    subresource = resource.partition("/")[2]
    return rule in ("*", resource) or bool(subresource and rule == f"*/{subresource}")


def _review(kind: str, spec: Obj) -> Obj:
    return {"apiVersion": API_VERSION, "kind": kind, "spec": spec}
