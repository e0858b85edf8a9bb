"""What others have made of an object since rollway's last apply: by its managedFields."""

from __future__ import annotations

from typing import NamedTuple

from ..kube import fieldset, ssa
from ..kube.objects import Obj
from .observed import FIELD_MANAGER

CONTROLLERS = ("kube-controller-manager",)


class Changed(NamedTuple):
    """What somebody else has written since rollway's last apply: `at` is empty where the API server notes no time."""

    by: str
    at: str
    fields: tuple[str, ...]


def changed_since(obj: Obj) -> tuple[Changed, ...]:
    """Writes to the spec by others, after rollway's last apply. Controllers do what they are asked to."""
    shares = ssa.shares_of(obj).values()
    ours = [share.time for share in shares if share.owner.manager == FIELD_MANAGER and share.owner.operation == "Apply"]
    if not ours:
        return ()
    out = []
    for share in shares:
        owner = share.owner
        if owner.manager in (FIELD_MANAGER, *CONTROLLERS) or owner.subresource == "status":
            continue
        # of the scale subresource the API server notes no time
        if share.time > max(ours) or (owner.subresource == "scale" and not share.time):
            fields = sorted(fieldset.readable(path) for path in share.fields if path[:1] == ("f:spec",))
            leaves = [field for field in fields if not any(other.startswith((f"{field}.", f"{field}[")) for other in fields)]
            if leaves:
                out.append(Changed(owner.manager, share.time, tuple(leaves)))
    return tuple(out)
