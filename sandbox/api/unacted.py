"""What is kept and has no effect here: said once, as an event on the object, so that nobody waits for it."""

from __future__ import annotations

from datetime import datetime

from ...kube.inert import INERT
from ...kube.objects import HPA, NETWORK_POLICY, Kind, Obj, annotations_of
from ..events import record
from ..store.store import Store

_SILENT = ("LimitRange", "PriorityClass", "PodTemplate")
"""Kinds without fields here that admission acts on, or that nothing has to act on."""
_KNOWN = (HPA, NETWORK_POLICY)
"""Kinds whose fields are known, and that nothing acts on all the same."""
METRICS = "sandbox.rollway.dev/metrics"
"""By which a HorizontalPodAutoscaler says what its metrics say; then it acts. (sandbox.controllers.autoscaling)"""


def tell(store: Store, kind: Kind, made: Obj, now: datetime) -> None:
    """Of a new object, as it is kept."""
    home = kind._replace(api_version=made["apiVersion"])
    if (home in INERT and kind.name not in _SILENT) or any(kind.is_a(each) for each in _KNOWN):
        is_autoscaler = kind.is_a(HPA)
        if is_autoscaler and METRICS in annotations_of(made):
            return
        message = f"kept as it is: nothing here acts on a {kind.name}"
        message += f" without metrics, as the annotation {METRICS} gives them" if is_autoscaler else ""
        record(store, kind, made, reason="NotSimulated", message=message, now=now, component="sandbox")
