"""Who may do what in the sandbox: who has its kubeconfig, everything. Clients ask by reviews (authorization.k8s.io), and are told
so; of others they are told what Roles give them, and who they are (authentication.k8s.io): the owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...errors import ApiError
from ...kube.clock import timestamp
from ...kube.objects import Obj
from ..store.store import Store
from . import rights

_RIGHTS, _NAMES = "authorization.k8s.io/v1", "authentication.k8s.io/v1"


class Review(NamedTuple):
    api_version: str
    kind: str
    status: Mapping[str, Any]
    namespace: str = ""


_ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERYWHERE = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_OWNER = {"username": "rollway-sandbox", "groups": ["system:masters", "system:authenticated"]}
"""As the kubeconfig calls whoever has it."""
_REVIEWS = {
    "selfsubjectaccessreviews": Review(_RIGHTS, "SelfSubjectAccessReview", {"allowed": True}),
    "selfsubjectrulesreviews": Review(
        _RIGHTS, "SelfSubjectRulesReview", {"resourceRules": [_ALL], "nonResourceRules": [_EVERYWHERE], "incomplete": False}
    ),
    "subjectaccessreviews": Review(_RIGHTS, "SubjectAccessReview", {}),
    "selfsubjectreviews": Review(_NAMES, "SelfSubjectReview", {"userInfo": _OWNER}),
}


_LOCAL = "localsubjectaccessreviews"


def asked(parts: Sequence[str]) -> Review | None:
    """The review that a path of the API addresses."""
    if len(parts) == 6 and parts[0] == "apis" and parts[3] == "namespaces" and parts[5] == _LOCAL:
        return Review(_RIGHTS, "LocalSubjectAccessReview", {}, parts[4]) if "/".join(parts[1:3]) == _RIGHTS else None
    review = _REVIEWS.get(parts[3]) if len(parts) == 4 and parts[0] == "apis" else None
    return review if review is not None and review.api_version == "/".join(parts[1:3]) else None


def answered(review: Review, body: Obj, store: Store, manager: str, now: datetime) -> Obj:
    """With what was asked. Raises ApiError (400) for another namespace than the path's."""
    out: Obj = {"apiVersion": review.api_version, "kind": review.kind, "metadata": _metadata(review, body)}
    spec = body.get("spec") or {}
    if review.api_version == _RIGHTS:
        out["spec"] = spec
        if spec:
            fields = {"f:spec": {f"f:{name}": _owned(value) for name, value in spec.items()}}
            entry = {"manager": manager, "operation": "Update", "apiVersion": review.api_version, "time": timestamp(now)}
            out["metadata"]["managedFields"] = [entry | {"fieldsType": "FieldsV1", "fieldsV1": fields}]
    return out | {"status": dict(review.status) or {"allowed": rights.is_allowed(store, spec)}}


def _metadata(review: Review, body: Obj) -> Obj:
    said = (body.get("metadata") or {}).get("namespace") or review.namespace
    if said != review.namespace:
        raise ApiError(400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request")
    return {"namespace": said} if said else {}


def _owned(value: Any) -> Obj:
    return {".": {}, **{f"f:{name}": _owned(child) for name, child in value.items()}} if isinstance(value, dict) else {}
