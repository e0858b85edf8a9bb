"""What others have made of an object since rollway's last apply: by its managedFields."""

from __future__ import annotations

from typing import NamedTuple

from ..kube import fieldset, ssa
from ..kube.objects import Obj
from .marks import is_our_apply
from .observed import FIELD_MANAGER

CONTROLLERS = ("kube-controller-manager",)


BESIDE = ("f:apiVersion", "f:kind", "f:metadata", "f:status")
"""What an object is known by, and what becomes of it: not what it says."""


class Changed(NamedTuple):
    """What somebody else has written since rollway's last apply: `at` is empty where the API server notes no time."""

    by: str
    at: str
    fields: tuple[str, ...]


def changed_since(obj: Obj, released_at: str = "") -> tuple[Changed, ...]:
    """What others have written after rollway's last apply, but labels, annotations and the status. Controllers do what they are
    asked to. Who has taken every field that rollway held leaves no trace of it: then since `released_at`, where that is known."""
    shares = ssa.shares_of(obj).values()
    ours = [share.time for share in shares if is_our_apply(share.owner)]
    since = max(ours, default=released_at)
    if not since:
        return ()
    out = []
    for share in shares:
        owner = share.owner
        if owner.manager in (FIELD_MANAGER, *CONTROLLERS) or owner.subresource == "status":
            continue
        # of the scale subresource the API server notes no time
        if share.time > since or (owner.subresource == "scale" and not share.time):
            fields = sorted(fieldset.readable(path) for path in share.fields if path[0] not in BESIDE)
            leaves = [field for field in fields if not any(other.startswith((f"{field}.", f"{field}[")) for other in fields)]
            if leaves:
                out.append(Changed(owner.manager, share.time, tuple(leaves)))
    return tuple(out)
