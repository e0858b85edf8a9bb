"""Reviews: clients ask what somebody may do (authorization.k8s.io), and who they are (authentication.k8s.io).

Who has the sandbox's kubeconfig may do everything; others what Roles give them (`rights`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...errors import ApiError
from ...kube.clock import timestamp
from ...kube.objects import Obj
from ..store.store import Store
from . import rights
from .identity import ISSUER, Tokens, User

_RIGHTS, _NAMES = "authorization.k8s.io/v1", "authentication.k8s.io/v1"


class Review(NamedTuple):
    api_version: str
    kind: str
    namespace: str = ""


REVIEWS = {
    "selfsubjectaccessreviews": Review(_RIGHTS, "SelfSubjectAccessReview"),
    "selfsubjectrulesreviews": Review(_RIGHTS, "SelfSubjectRulesReview"),
    "subjectaccessreviews": Review(_RIGHTS, "SubjectAccessReview"),
    "localsubjectaccessreviews": Review(_RIGHTS, "LocalSubjectAccessReview"),
    "selfsubjectreviews": Review(_NAMES, "SelfSubjectReview"),
    "tokenreviews": Review(_NAMES, "TokenReview"),
}
LOCAL = "localsubjectaccessreviews"


def asked(parts: Sequence[str]) -> Review | None:
    """The review that a path of the API addresses."""
    match parts:
        case ["apis", group, version, "namespaces", namespace, plural] if plural == LOCAL:
            review = REVIEWS[plural]._replace(namespace=namespace)
        case ["apis", group, version, plural] if plural in REVIEWS and plural != LOCAL:
            review = REVIEWS[plural]
        case _:
            return None
    return review if review.api_version == f"{group}/{version}" else None


def answered(review: Review, body: Obj, store: Store, user: User, tokens: Tokens, manager: str, now: datetime) -> Obj:
    """With what was asked. Raises ApiError (400) for another namespace than the path's."""
    out: Obj = {"apiVersion": review.api_version, "kind": review.kind, "metadata": _metadata(review, body)}
    spec = body.get("spec") or {}
    if review.api_version == _RIGHTS:
        out["spec"] = spec
        if spec:
            fields = {"f:spec": {f"f:{name}": _owned(value) for name, value in spec.items()}}
            entry = {"manager": manager, "operation": "Update", "apiVersion": review.api_version, "time": timestamp(now)}
            out["metadata"]["managedFields"] = [entry | {"fieldsType": "FieldsV1", "fieldsV1": fields}]
    elif review.kind == "TokenReview":
        out["spec"] = spec
    return out | {"status": _status(review, spec, store, user, tokens, now)}


def _status(review: Review, spec: Obj, store: Store, user: User, tokens: Tokens, now: datetime) -> Obj:
    match review.kind:
        case "SelfSubjectReview":
            return {"userInfo": user.info()}
        case "TokenReview":
            whose = tokens.user(str(spec.get("token") or ""), store, now, spec.get("audiences") or (ISSUER,))
            return {"authenticated": True, "user": whose.info()} if whose is not None else {"user": {}}
        case "SelfSubjectRulesReview":
            of_resources, of_paths = rights.rules_for(store, spec.get("namespace") or "", user)
            return {"resourceRules": of_resources, "nonResourceRules": of_paths, "incomplete": False}
        case "SelfSubjectAccessReview":
            spec = spec | {"user": user.name, "groups": user.groups}
    return {"allowed": rights.is_allowed(store, spec)}


def _metadata(review: Review, body: Obj) -> Obj:
    said = (body.get("metadata") or {}).get("namespace") or review.namespace
    if said != review.namespace:
        raise ApiError(400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request")
    return {"namespace": said} if said else {}


def _owned(value: Any) -> Obj:
    return {".": {}, **{f"f:{name}": _owned(child) for name, child in value.items()}} if isinstance(value, dict) else {}
