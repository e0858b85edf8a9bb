"""What of a manifest may be shown."""

from __future__ import annotations

from ...kube.objects import Obj
from ...plan.diff import MASK

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def masked(manifest: Obj) -> Obj:
    """A copy with the keys of a Secret, not what they hold. Other kinds are answered as they are."""
    if manifest.get("kind") != "Secret":
        return manifest
    hidden = {key: dict.fromkeys(manifest[key], MASK) for key in ("data", "stringData") if manifest.get(key)}
    shown = {**manifest, **hidden}
    annotations = dict(manifest["metadata"].get("annotations") or {})
    # kubectl keeps the whole object in here, its data too
    if annotations.pop(_LAST_APPLIED, None) is not None:
        shown["metadata"] = {**manifest["metadata"], "annotations": annotations}
    return shown
