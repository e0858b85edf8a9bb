"""Whether anything answers at all, before figures are made of it."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import RollwayError, Silent
from .origin import Origin
from .report import Report
from .verdict import counted

TRIAL_S = 1.0
FEWEST = 5.0

PORT_FORWARD = (
    "probe by the way that users take (Ingress, LoadBalancer, NodePort) from where that is open; `kubectl port-forward` is tied "
    "to one pod, and shows other losses than theirs"
)
HINTS = {
    "refused": f"is that the port? {PORT_FORWARD}",
    "dns": f"a name inside of the cluster is known there alone: --in-cluster asks from there; or {PORT_FORWARD}",
    "timeout": PORT_FORWARD,
    "unreachable": PORT_FORWARD,
    "tls": "is it http? otherwise name the certificate's host with --host, or leave it unchecked with --insecure",
    "protocol": "is it https, or another port?",
}
WAY_IN = "does a NetworkPolicy keep pods of this namespace from it?"
INSIDE = {
    **HINTS,
    "refused": "is that the port, and does a pod of its Service run?",
    "dns": "the cluster's own names are SERVICE.NAMESPACE, or SERVICE alone in the workers' namespace (-n)",
    "timeout": WAY_IN,
    "unreachable": WAY_IN,
}


async def tried(origin: Origin) -> Report:
    """A second of requests, and at least a few, with all their answers."""
    load = origin.load(at_least=FEWEST / TRIAL_S)
    try:
        await load.run(max(TRIAL_S, FEWEST / load.rate))
    finally:
        report = await load.close(origin.target.timeout_s)
    return report


def is_silent(report: Report) -> bool:
    """Not one complete answer, of whatever status, though some requests have ended."""
    return report.lost > 0 and not report.statuses


def silence(url: str, report: Report) -> RollwayError:
    """What to say of a URL that answers nothing."""
    kind = next(iter(report.errors), "other")
    return Silent(
        f"{url} answers nothing: {counted(report.lost, report.lost, report.errors)}",
        detail=report.examples.get(kind, ""),
        hint=hint_of(kind, is_inside=report.workers > 0),
    )


def hint_of(kind: str, *, is_inside: bool) -> str:
    """What helps against losses of that kind."""
    hints: Mapping[str, str] = INSIDE if is_inside else HINTS
    return hints.get(kind, WAY_IN if is_inside else PORT_FORWARD)
