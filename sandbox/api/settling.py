"""What the server changes in an object after its writer was noted as the owner of all that was written."""

from __future__ import annotations

from ...kube.objects import DAEMON_SET, STATEFUL_SET, Kind, Obj, get
from . import daemonsets


def settle(kind: Kind, obj: Obj, live: Obj | None) -> None:
    """In place. `live` is what it replaces; None where it is new."""
    if kind.is_a(STATEFUL_SET):
        # its feature is off in 1.36: what is written is dropped without a word
        (get(obj, "spec", "updateStrategy", "rollingUpdate") or {}).pop("maxUnavailable", None)
    elif kind.is_a(DAEMON_SET):
        daemonsets.begin(obj, number=1) if live is None else daemonsets.count(obj, live)
    elif kind.name in ("Role", "ClusterRole") and obj.get("rules") == []:
        obj["rules"] = None  # an empty list is kept as none
