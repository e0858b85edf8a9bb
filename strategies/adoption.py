"""Taking up a Deployment that somebody else made: its running pods lack the label that routing tells versions apart by."""

from __future__ import annotations

from ..health.deployment import paused_by
from ..kube.objects import DEPLOYMENT, Obj, get, template_labels
from ..plan.observed import FIELD_MANAGER, TRACK_LABEL
from ..routing.selector import STABLE
from . import manifests
from .draft import Draft


def adopt(draft: Draft, name: str) -> None:
    """Adds the track to running pods that lack it, without replacing one; goes on where that was cut off."""
    live = draft.workload(name)
    is_labelled, is_paused = TRACK_LABEL in template_labels(live or {}), bool(get(live, "spec", "paused"))
    if live is None or draft.kind != DEPLOYMENT or not draft.replicas(name) or (is_labelled and not is_paused):
        return
    if not is_paused:
        draft.wait(name, "rolled-out", draft.replicas(name), "what is rolling still is waited for")
    draft.label(name, {TRACK_LABEL: STABLE}, "once: routing tells the versions apart by it; no pod restarts")


def is_half_done(live: Obj | None) -> bool:
    """Whether a run was cut off while it gave the pods their label: the Deployment is paused by us, and has it not yet."""
    return live is not None and TRACK_LABEL not in template_labels(live) and paused_by(live) == FIELD_MANAGER


def as_found(draft: Draft, exact: Obj, *, is_tracked: bool) -> Obj:
    """The manifest of what was found, with the track where its pods carry it, so that none restarts; where none is left, with the
    track if routing goes by it."""
    labelled = manifests.tracked(exact)
    if draft.find_like(exact) is not None:
        for manifest in (exact, labelled):
            if not draft.rolls(manifest):
                return manifest
    return labelled if is_tracked else exact
