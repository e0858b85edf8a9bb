"""Where the figures come from that gates ask for: one adapter a file, behind one port, and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cluster.port import Cluster
    from ..release.gates import Gate
    from .port import Source

SourceOf = Callable[["Gate", "Cluster", str], "Source"]
"""Makes the source of a gate, for a release in the namespace."""

SOURCES: Mapping[str, str] = {
    "prometheus": "prometheus.Prometheus",
    "url": "url.Url",
    "job": "job.Jobs",
    "pods": "pods.Pods",
    "probe": "probe.Probe",
}
"""A gate's key, and the adapter behind it: imported when a gate asks for it."""


def source_of(gate: Gate, cluster: Cluster, namespace: str) -> Source:
    module, _, name = SOURCES[gate.source].rpartition(".")
    factory: SourceOf = getattr(import_module(f".{module}", __name__), name)
    return factory(gate, cluster, namespace)
