"""Where the figures come from that gates ask for: a file a source, behind one port; its row is in `release.sources`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cluster.port import Cluster
    from ..release.gates import Gate
    from .port import Source

SourceOf = Callable[["Gate", "Cluster", str], "Source"]
"""Makes the source of a gate, for a release in the namespace."""


def source_of(gate: Gate, cluster: Cluster, namespace: str) -> Source:
    from ..release.sources import adapter  # a release without gates has no need of it

    factory: SourceOf = adapter(gate.source)
    return factory(gate, cluster, namespace)
