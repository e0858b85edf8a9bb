"""What of a release a rehearsal need not understand: objects that nothing on the embedded cluster acts on. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ..kube.inert import INERT
from ..kube.objects import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    DEFINITION,
    NETWORK_POLICY,
    ROLE,
    ROLE_BINDING,
    Obj,
    is_a,
    kind_of,
    ref_of,
)
from ..release.model import Release

_UNMET = (DEFINITION, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, NETWORK_POLICY)
_ROUTING = "networking.istio.io"  # kinds of it that are not known here stand beside those that are


class Aside(NamedTuple):
    """How many objects are left out, which a release reads with each of its plans all the same; how many of them are other than
    before, which it applies once; and how many of these were there, about which a dry run asks first (ship.accepted)."""

    objects: int = 0
    changed: int = 0
    there: int = 0

    def requests(self, plans: int) -> int:
        """To the API server, for so many plans."""
        return self.objects * plans + self.changed + self.there


NOTHING = Aside()


def without_bystanders(release: Release, before: Release) -> tuple[Release, Aside]:
    """The release as it is rehearsed, and what that leaves out. `before` is what runs until then, whole."""
    left_out = [obj for obj in release.others if is_bystander(obj)]
    if not left_out:
        return release, Aside()
    was = {ref_of(obj): obj for obj in before.others}
    changed = [obj for obj in left_out if was.get(ref_of(obj)) != obj]
    kept = tuple(obj for obj in release.others if not is_bystander(obj))
    return replace(release, others=kept), Aside(len(left_out), len(changed), sum(ref_of(obj) in was for obj in changed))


def is_bystander(obj: Obj) -> bool:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    return kind is None or any(is_a(obj, each) for each in _UNMET) or (kind in INERT and kind.group != _ROUTING)
