"""What the server changes in an object after its writer was noted as the owner of all that was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...kube.objects import DAEMON_SET, POD, STATEFUL_SET, Kind, Obj, get
from . import admission, daemonsets


def settle(kind: Kind, obj: Obj, live: Obj | None, asker: Mapping[str, Any] | None = None) -> None:
    """In place. `live` is what it replaces; None where it is new: then `asker` is who asks for it (`Options.asker`)."""
    if kind.is_a(POD) and live is not None:
        admission.keep(obj, live)
    elif kind.is_a(STATEFUL_SET):
        # its feature is off in 1.36: what is written is dropped without a word
        (get(obj, "spec", "updateStrategy", "rollingUpdate") or {}).pop("maxUnavailable", None)
    elif kind.is_a(DAEMON_SET):
        daemonsets.begin(obj, number=1) if live is None else daemonsets.count(obj, live)
    elif kind.name in ("Role", "ClusterRole") and obj.get("rules") == []:
        obj["rules"] = None  # an empty list is kept as none
    elif kind.name == "CertificateSigningRequest":
        # who asks for a certificate is not for them to say; what is asked for stays
        said = {key: value for key, value in (obj.get("spec") or {}).items() if key not in _OF_ASKER}
        obj["spec"] = said | dict(asker or {}) if live is None else live["spec"]


_OF_ASKER = ("username", "uid", "groups", "extra")
