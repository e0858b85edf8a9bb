"""Who may do what in the sandbox: everybody everything. Clients ask by reviews (authorization.k8s.io), and are told so; and who
they are (authentication.k8s.io): its owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...kube.objects import Obj

_RIGHTS, _NAMES = "authorization.k8s.io/v1", "authentication.k8s.io/v1"


class Review(NamedTuple):
    api_version: str
    kind: str
    status: Mapping[str, Any]


_ALL = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERYWHERE = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_OWNER = {"username": "rollway-sandbox", "groups": ["system:masters", "system:authenticated"]}
"""As the kubeconfig calls whoever has it."""
_REVIEWS = {
    "selfsubjectaccessreviews": Review(_RIGHTS, "SelfSubjectAccessReview", {"allowed": True}),
    "selfsubjectrulesreviews": Review(
        _RIGHTS, "SelfSubjectRulesReview", {"resourceRules": [_ALL], "nonResourceRules": [_EVERYWHERE], "incomplete": False}
    ),
    "selfsubjectreviews": Review(_NAMES, "SelfSubjectReview", {"userInfo": _OWNER}),
}


def asked(parts: Sequence[str]) -> Review | None:
    """The review that a path of the API addresses."""
    review = _REVIEWS.get(parts[3]) if len(parts) == 4 and parts[0] == "apis" else None
    return review if review is not None and review.api_version == "/".join(parts[1:3]) else None


def answered(review: Review) -> Obj:
    """Whatever was asked, it is allowed."""
    body: Obj = {"apiVersion": review.api_version, "kind": review.kind, "metadata": {}}
    return body | ({"spec": {}} if review.api_version == _RIGHTS else {}) | {"status": dict(review.status)}
