"""Who may do what in the sandbox: everybody everything. Clients ask by reviews (authorization.k8s.io), and are told so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...kube.objects import Obj

VERSION = "authorization.k8s.io/v1"


class Review(NamedTuple):
    kind: str
    status: Mapping[str, Any]


_ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERYWHERE = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_REVIEWS = {
    "selfsubjectaccessreviews": Review("SelfSubjectAccessReview", {"allowed": True}),
    "selfsubjectrulesreviews": Review(
        "SelfSubjectRulesReview", {"resourceRules": [_ALL], "nonResourceRules": [_EVERYWHERE], "incomplete": False}
    ),
}


def asked(parts: Sequence[str]) -> Review | None:
    """The review that a path of the API addresses."""
    group_version, plural = "/".join(parts[1:3]), parts[-1] if len(parts) == 4 else ""
    return _REVIEWS.get(plural) if parts[:1] == ["apis"] and group_version == VERSION else None


def answered(review: Review) -> Obj:
    """Whatever was asked, it is allowed."""
    return {"apiVersion": VERSION, "kind": review.kind, "metadata": {}, "spec": {}, "status": dict(review.status)}
