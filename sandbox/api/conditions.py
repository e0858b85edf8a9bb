"""What has to hold before a write: its namespace is there, and its writer has seen what is live."""

from __future__ import annotations

from ...kube.objects import NAMESPACE, Kind, Obj
from ...kube.validation import checks
from ..store.refusals import modified_meanwhile, namespace_ends, not_found, other_uid
from ..store.store import Store
from .registry import Rules


def check_namespace(store: Store, kind: Kind, obj: Obj, namespace: str) -> None:
    """Raises NotFound, and ApiError (403) where it is on its way out."""
    if not kind.namespaced:
        return
    space = store.find(NAMESPACE, "", namespace)
    if space is None:
        raise not_found(NAMESPACE, namespace)
    if "deletionTimestamp" in space["metadata"]:
        raise namespace_ends(kind, namespace, obj["metadata"].get("name", ""))


def check_version(kind: Kind, live: Obj, obj: Obj, rules: Rules, *, is_patch: bool) -> None:
    """Raises Conflict where another object or another version is meant, and Invalid where a version has to be given."""
    meta, was = obj["metadata"], live["metadata"]
    if (uid := meta.get("uid")) and uid != was["uid"]:
        raise other_uid(kind, live, uid, is_custom=rules.is_custom)
    given = meta.get("resourceVersion") if meta.get("resourceVersion") != "0" else ""
    if given and given != was["resourceVersion"]:
        raise modified_meanwhile(kind, was["name"])
    if not given and not rules.updates_blindly and not is_patch:
        problem = checks.invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise checks.refusal(kind.plural, kind.group, was["name"], [problem])
