"""What an apply of ours will make of an object, worked out once for the same two of them."""

from __future__ import annotations

import marshal
from functools import lru_cache
from typing import Any

from ..kube import ssa
from ..kube.objects import Obj
from .observed import FIELD_MANAGER

KEPT = 256
"""Several times what one plan asks. It asks the same of most objects more than once (whether it rolls, what it says, how the way
back would be), and so do the plan that is shown, the one that is made under the lock, and the walks of a comparison."""


def applied(live: Obj | None, manifest: Obj, *, force: bool = False) -> Obj:
    """The object after our server-side apply, as kube.ssa.apply has it, with no time noted. Others may be given the very same: it
    must not be changed. Raises ApplyConflict where others own a field that would change, unless forced; ApiError where the
    manifest does not fit the schema."""
    try:
        return _worked_out(marshal.dumps(live, _PLAIN), marshal.dumps(manifest, _PLAIN), force)
    except ValueError:  # no plain JSON, as where a reader remembers more of a mapping than what it holds
        return _apply(live, manifest, force)


_PLAIN = 2
"""The last format without references: bytes are the same wherever the content is, and is in the same order."""


@lru_cache(KEPT)
def _worked_out(live: bytes, manifest: bytes, force: bool) -> Obj:
    return _apply(marshal.loads(live), marshal.loads(manifest), force)


def _apply(live: Any, manifest: Any, force: bool) -> Obj:
    return ssa.apply(live, manifest, FIELD_MANAGER, force=force, now="")
