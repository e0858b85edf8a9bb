"""The release's other objects: what of them is waited for, what the manifests no longer have, and whose autoscalers are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import BadInput, FieldsOwned
from ..health.deployment import paused_by, told_pauser
from ..health.workloads import WORKLOADS, progress
from ..kube.objects import DEPLOYMENT, JOB, NAMESPACE, PERSISTENT_VOLUME_CLAIM, Obj, Ref, get, is_a, ref_of
from ..kube.order import in_order
from ..kube.workload import is_workload, pods_of
from ..plan.drift import applied_at
from ..plan.marks import applied_by_us
from ..plan.observed import Observed
from ..plan.revision import Revision, before, live_of
from ..plan.steps import Apply, Delete, Label, Patch, Route, Scale, Wait
from ..release.config import is_pinned
from ..release.model import Release
from .draft import Draft

UNWATCHED = {("", "Pod")}
"""Kinds that run pods, and whose way is not followed."""
PATIENCE_S = 180
"""How long another Deployment may hold the release up without any progress, where its manifest says nothing of that."""
KEPT = {("", NAMESPACE.name), ("", PERSISTENT_VOLUME_CLAIM.name), ("apiextensions.k8s.io", "CustomResourceDefinition")}
"""Kinds with which more would go than the object: what is in a namespace, of a kind, on a volume."""


def await_all(draft: Draft, release: Release) -> None:
    """Other workloads that this plan, or the run that it goes on with, has changed: until they are rolled out, a Job until it is
    complete."""
    owed: dict[Ref, bool] = {}
    for step in draft.steps:
        if isinstance(step, Apply | Wait):
            owed[step.ref] = isinstance(step, Apply)
    current = draft.observed.in_flight
    goes_on = current is not None and current.phase == "Progressing" and current.digest == release.digest
    for obj in release.others:
        ref = ref_of(obj)
        if _is_followed(ref) and owed.get(ref, goes_on or _is_left_unready(draft, ref)):
            if (live := draft.find_like(obj)) and ref.namespace == draft.namespace:
                draft.unblock(live)
            deadline_s = get(obj, "spec", "progressDeadlineSeconds", default=PATIENCE_S)
            draft.wait_for(ref, "one of the release's own, too", deadline_s=deadline_s)
    unwatched = [str(ref) for ref in sorted(owed) if (_group(ref.api_version), ref.kind) in UNWATCHED]
    note = f"applied, and not waited for: {', '.join(unwatched)}"
    if unwatched and note not in draft.notes:
        draft.notes.append(note)


def has_run(draft: Draft, release: Release, obj: Obj) -> bool:
    """Whether a Job that is not there any more has done its work for this release, and would do it again if it were made anew:
    that of the version which a way back leads to, as it was promoted; and one that its ttlSecondsAfterFinished has put away,
    where the release has come to a pause since, or is live."""
    if not is_a(obj, JOB) or draft.find_like(obj) is not None:
        return False
    if draft.is_back:
        return True
    known = [each for each in (draft.observed.in_flight, draft.observed.live) if each and each.digest == release.digest]
    is_past = any(entry.phase in ("Paused", "Promoted") for each in known for entry in each.entries)
    return is_past and get(obj, "spec", "ttlSecondsAfterFinished") is not None


def _is_left_unready(draft: Draft, ref: Ref) -> bool:
    """Whether a way back finds it as a run has left it that ended on the same way: as it is to be, and not ready yet."""
    current, live = draft.observed.in_flight, draft.observed.objects.get(ref)
    if not draft.is_back or not current or live is None or not is_workload(live):
        return False
    since = min((entry.at for entry in current.entries), default="")
    return applied_at(live) >= since and not progress(live, "rolled-out", pods_of(live), is_autoscaled=True).is_done


def _is_followed(ref: Ref) -> bool:
    kind = (_group(ref.api_version), ref.kind)
    return kind == (DEPLOYMENT.group, DEPLOYMENT.name) or kind in WORKLOADS


def dropped(release: Release, history: Sequence[Revision]) -> dict[Ref, Obj]:
    """What the manifests of a revision have, and these no longer. Configuration named by its content goes with its revision, and
    by itself."""
    had = {ref_of(obj): obj for revision in history for obj in revision.others if not is_pinned(obj)}
    wanted = {ref_of(obj) for obj in (release.workload, *release.services, *release.others)}
    # records of before it was known have none of what is in no namespace, and the manifest the release's
    wanted |= {ref._replace(namespace="") for ref in wanted}
    return {ref: obj for ref, obj in had.items() if ref not in wanted}


def left_over(draft: Draft, release: Release) -> list[Obj]:
    """What of that the cluster still has, and no other application has taken up. What is longer gone from the manifests may be
    anybody's by now, but where rollway's own apply is the one that made it what it is."""
    observed = draft.observed
    gone = (obj for ref, obj in dropped(release, observed.history).items() if not observed.is_claimed(ref))
    there = [live for obj in gone if (live := draft.find_like(obj))]
    recent = _of_late(release, observed.history)
    return [live for live in there if ref_of(live) in recent or applied_by_us(live) is not None]


def _of_late(release: Release, history: Sequence[Revision]) -> set[Ref]:
    """Those of the live version and of the one before alone."""
    live = live_of(history)
    known = [live, before(history, live.number)] if live else []
    return {*dropped(release, [revision for revision in known if revision])}


def told_left_over(draft: Draft, release: Release, *, prune: bool) -> list[str]:
    """Names what of that stays."""
    notes = []
    left = left_over(draft, release)
    if stays := [f"{obj['kind']} {obj['metadata']['name']}" for obj in left if not (prune and _may_go(draft, obj))]:
        what = "which --prune does not take" if prune else "left as they are (--prune removes them)"
        notes.append(f"no longer in the manifests: {', '.join(stays)}; {what}")
    if unread := [str(ref) for ref in sorted(_of_late(release, draft.observed.history) & draft.observed.unread)]:
        notes.append(f"no longer in the manifests, and not to be read by this account: {', '.join(unread)}")
    return notes


def tell_brought(draft: Draft, release: Release) -> None:
    """Names what of other revisions a way back to `release` leaves behind."""
    if left := sorted(f"{obj['kind']} {obj['metadata']['name']}" for obj in left_over(draft, release)):
        what = "left as they are (`deploy apply --prune` removes them)"
        draft.notes.append(f"not in the manifests of {release.version}: {', '.join(left)}; {what}")


def told_standing(observed: Observed) -> Iterator[str]:
    """The same of what is live: what rollway has put there, and no version that serves wants."""
    live = observed.live
    if live is None or observed.in_flight:
        return
    release = Release.from_record(live.release)
    draft = Draft(observed, live.app, live.namespace, deadline_s=PATIENCE_S)
    if left := sorted(str(ref_of(obj)) for obj in left_over(draft, release) if applied_by_us(obj)):
        yield f"not in the manifests of {live.version}: {', '.join(left)} (`deploy apply --prune` removes what it may)"


def told_unready(release: Release, observed: Observed) -> Iterator[str]:
    """Of the release's other workloads those that have not come to what they are to be, and how far they are."""
    for live in (observed.objects.get(ref_of(obj)) for obj in release.others if _is_followed(ref_of(obj))):
        if live is None:
            continue
        known = WORKLOADS.get((_group(live["apiVersion"]), live["kind"]))
        state = known(live) if known else progress(live, "rolled-out", pods_of(live), is_autoscaled=True)
        if not state.is_done:
            by = paused_by(live)
            yield f"{ref_of(live)}: {state.failure or state.message}{f'; paused {told_pauser(by)}' if by else ''}"


def prune(draft: Draft, release: Release) -> None:
    """Takes away what rollway itself has applied and the manifests no longer have, what needs others first."""
    for obj in reversed(in_order(left_over(draft, release))):
        if _may_go(draft, obj):
            draft.prune(ref_of(obj), "no longer in the manifests")


def tell_elsewhere(draft: Draft) -> None:
    """Names what a plan changes of other namespaces: whoever reads it looks for it in the application's own."""
    refs = dict.fromkeys(step.ref for step in draft.steps if isinstance(step, Apply | Delete))
    away = [f"{ref} in namespace {ref.namespace}" for ref in refs if ref.namespace not in ("", draft.namespace)]
    if away:
        draft.notes.append(f"changed elsewhere: {', '.join(away)}")


def refuse_owned_autoscaler(draft: Draft, name: str) -> None:
    """Raises BadInput where requests are to go to another Deployment, and an autoscaler cannot go along: its controller would
    write it back, and the side with the requests would be scaled by nobody."""
    for autoscaler in draft.project().autoscalers_of(name):
        if owner := owner_of(autoscaler):
            raise BadInput(
                f"{ref_of(autoscaler)} is {owner}'s, which scales {name}: it cannot be told to scale the other side",
                hint="choose canary or ramped, which keep the Deployment that it scales",
            )


def refuse_owned(draft: Draft) -> None:
    """Raises FieldsOwned where a step writes what a controller of somebody's makes what it is: it would be written back."""
    for ref, owner in _owned(draft):
        raise FieldsOwned(
            f"{ref} is {owner}'s: its controller would write back what is changed of it",
            hint="change it there, or overrule it with --force-conflicts",
        )


def tell_owned(draft: Draft) -> None:
    """The same of a way back, which is never refused."""
    draft.notes += [f"{ref} is {owner}'s, whose controller may write it back" for ref, owner in _owned(draft)]


def _owned(draft: Draft) -> Iterator[tuple[Ref, str]]:
    written = (step.ref for step in draft.steps if isinstance(step, Apply | Delete | Label | Patch | Route | Scale))
    for ref in dict.fromkeys(written):
        live = draft.observed.objects.get(ref)
        if live and (owner := owner_of(live)):
            yield ref, owner


def owner_of(obj: Obj) -> str:
    """The controller that makes an object what it is, as "ScaledObject web"; empty where it is nobody's."""
    owners = get(obj, "metadata", "ownerReferences", default=[])
    return next((f"{owner['kind']} {owner['name']}" for owner in owners if owner.get("controller")), "")


def _may_go(draft: Draft, live: Obj) -> bool:
    is_elsewhere = ref_of(live).namespace != draft.namespace or ref_of(live) in draft.observed.wide
    if is_elsewhere and not draft.observed.is_claimed_anywhere:
        return False  # somebody else's, for all that is known
    return applied_by_us(live) is not None and not owner_of(live) and is_prunable(ref_of(live))


def is_prunable(ref: Ref) -> bool:
    """Whether nothing more than the object goes with it."""
    return (_group(ref.api_version), ref.kind) not in KEPT


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]
