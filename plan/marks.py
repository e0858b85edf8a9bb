"""What live objects say of themselves: whose they are, which side, which version, who holds their fields."""

from __future__ import annotations

from ..kube.objects import Obj, get, labels_of
from ..kube.ssa import Owner
from .observed import APP_LABEL, DIGEST_ANNOTATION, FIELD_MANAGER, TRACK_LABEL


def track_of(deployment: Obj) -> str | None:
    """The track of a second Deployment; None for the user's own. By its selector, which is for its whole life: anybody may label
    the object itself."""
    track: str | None = get(deployment, "spec", "selector", "matchLabels", default={}).get(TRACK_LABEL)
    return track


def is_ours(live: Obj, app: str) -> bool:
    """Whether it was made beside the user's own objects, for the application."""
    return labels_of(live).get(APP_LABEL) == app


def applied_by_us(live: Obj) -> Obj | None:
    """The fields that rollway's own apply holds; None where it has never written the object."""
    entries = get(live, "metadata", "managedFields", default=[])
    ours = (entry for entry in entries if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply")
    return next((get(entry, "fieldsV1", default={}) for entry in ours), None)


def is_our_apply(owner: Owner) -> bool:
    """Whether that manager is rollway's own apply."""
    return (owner.manager, owner.operation) == (FIELD_MANAGER, "Apply")


def owns_replicas(live: Obj) -> bool:
    """Whether rollway's own apply holds spec.replicas."""
    return get(applied_by_us(live), "f:spec", "f:replicas") is not None


def digest_of(deployment: Obj | None) -> str:
    return str(get(deployment, "metadata", "annotations", default={}).get(DIGEST_ANNOTATION, ""))
