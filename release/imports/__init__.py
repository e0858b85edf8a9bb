"""From Argo Rollouts, Flagger and OpenKruise: their manifests as drafts of release files.

One file each kind, and one row here. Every field is taken over, or told with the reason why it is not (`ledger`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import analysis, canary, kruise, metrics, rollout, routes
from .draft import Draft, Foreign, Shelf, begun, head
from .ledger import Ledger

Importer = Callable[[Foreign, Shelf], Draft]

APPLICATIONS: Mapping[tuple[str, str], Importer] = {
    ("argoproj.io", "Rollout"): rollout.imported,
    ("flagger.app", "Canary"): canary.imported,
    ("rollouts.kruise.io", "Rollout"): kruise.imported,
}
"""What describes how one application is released."""

BESIDE: Mapping[tuple[str, str], str] = {
    ("argoproj.io", "AnalysisTemplate"): "no Rollout among these files refers to it",
    ("argoproj.io", "ClusterAnalysisTemplate"): "no Rollout among these files refers to it",
    ("argoproj.io", "AnalysisRun"): "what was measured once: rollway keeps its own beside the revision",
    ("argoproj.io", "Experiment"): rollout.OTHER_PODS,
    ("flagger.app", "MetricTemplate"): "no Canary among these files refers to it",
    ("flagger.app", "AlertProvider"): canary.NO_ALERTS,
    ("rollouts.kruise.io", "RolloutHistory"): "rollway keeps its own history",
    ("rollouts.kruise.io", "BatchRelease"): "a controller writes it",
    ("rollouts.kruise.io", "TrafficRouting"): routes.ROUTER,
}
"""What such a description refers to, and why one that none refers to is not taken over."""


def is_foreign(data: Any) -> bool:
    """Whether a document is one of these tools'."""
    return isinstance(data, Mapping) and _head(data) in {*APPLICATIONS, *BESIDE}


def foreign(data: Any, file: str) -> Foreign:
    group, kind = _head(data)
    meta = data.get("metadata")
    name = meta.get("name") if isinstance(meta, Mapping) else None
    return Foreign(group, kind, name if isinstance(name, str) else "", file, Ledger(data))


def _head(data: Mapping[str, Any]) -> tuple[str, str]:
    version, kind = data.get("apiVersion"), data.get("kind")
    return (version.rpartition("/")[0], kind) if isinstance(version, str) and isinstance(kind, str) else ("", "")


def drafts(shelf: Shelf) -> list[Draft]:
    """A draft for each application that is described; one of gates alone where there are only templates. What no draft has used
    is told in the first of them."""
    found = [
        APPLICATIONS[doc.group, doc.kind](doc, shelf.seen_from(doc))
        for doc in shelf.foreign
        if (doc.group, doc.kind) in APPLICATIONS
    ]
    if not found and shelf.foreign:
        found = [_gates_alone(shelf.foreign, shelf)]
    used = {id(doc.ledger) for draft in found for doc in draft.used}
    for doc in shelf.foreign:
        if id(doc.ledger) not in used:
            head(doc.root)
            doc.root["spec"].name(BESIDE[doc.group, doc.kind])
            found[0].use(doc)
    return found


def _gates_alone(documents: Sequence[Foreign], shelf: Shelf) -> Draft:
    """Of files that hold templates of metrics, and nothing that refers to them."""
    draft = begun(documents[0], "app")
    named = {ref for doc in documents for ref in _templates_of(doc)}
    for doc in documents:
        if doc.kind in (analysis.TEMPLATE, analysis.CLUSTER_TEMPLATE) and doc.name not in named:
            analysis.alone(doc, draft, shelf)
        elif doc.kind == metrics.TEMPLATE:
            head(doc.root)
            doc.root["spec"].name("its bound is in the Canary that refers to it: import both together")
            draft.use(doc)
    return draft


def _templates_of(doc: Foreign) -> set[str]:
    refs = doc.root.at("spec", "templates").value if doc.kind != "Experiment" else None
    names = [ref.get("templateName") for ref in refs if isinstance(ref, Mapping)] if isinstance(refs, list) else []
    return {name for name in names if isinstance(name, str)}
