"""What somebody else has made of running pods since rollway's last apply: not to be carried on, nor undone, without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..errors import ApplyConflict, FieldConflict, FieldsOwned
from ..kube import fieldset, ssa
from ..kube.defaults import declared
from ..kube.objects import Obj, Ref, get, known_as, ref_of
from ..kube.workload import names_workload
from ..plan import foreseen, lending
from ..plan.drift import CONTROLLERS, left_of_others, says_the_same
from ..plan.marks import is_our_apply
from ..plan.observed import APP_LABEL, FIELD_MANAGER, Observed
from ..plan.plan import is_change
from ..plan.steps import Apply, Delete, Record, Scale, Step
from ..routing import fit

MOST_FIELDS = 3
LABEL = ("f:metadata", "f:labels", f"f:{APP_LABEL}")
PODS = ("f:spec", "f:template", "f:spec")


class Applied(NamedTuple):
    """An object after an apply, what was taken over from others for it, and what of kubectl's goes with it (plan.steps.Apply)."""

    after: Obj
    takes_over: tuple[FieldConflict, ...] = ()
    drops: tuple[fieldset.Path, ...] = ()


class Others:
    """Who else writes a plan's objects, and which of their fields it may take. `released_at`: when the live version was entered
    in the history. `is_under_way`: a share is held, so that what is live is no word of the manifests."""

    def __init__(self, released_at: str, *, is_under_way: bool) -> None:
        self._released_at = released_at
        self._is_under_way = is_under_way
        self._agreed: set[tuple[Ref, str]] = set()  # fields that read as the manifests say, before the plan changes them

    def applied(self, live: Obj, manifest: Obj, *, force: bool) -> Applied:
        """What an apply makes of a live object.

        One that rollway never wrote is adopted: the plan names whose fields it takes. On one that it did write, a field that
        somebody has written since is somebody's decision: FieldsOwned is raised unless `force` is. One that they wrote before
        (and that every release since has agreed with), or that reads as the manifests say, is taken over like the others.
        """
        foreign, known, drops = _given_away(live), live, lending.dropped(live, manifest)
        if drops and (entries := lending.claimed(live, drops, manifest["apiVersion"])):
            known = {**live, "metadata": {**live["metadata"], "managedFields": entries}}
        try:
            after = foreseen.applied(known, manifest)
            if not foreign:
                return Applied(after, drops=drops)
        except ApplyConflict as conflict:
            foreign += [cause for cause in conflict.conflicts if cause.manager != FIELD_MANAGER and cause not in foreign]
            after = foreseen.applied(known, manifest, force=True)
        same = {cause.field for cause in foreign if says_the_same(live, declared(after), cause.field)}
        if not self._is_under_way:
            self._agreed |= {(known_as(ref_of(live)), field) for field in same}
        if not force:
            _refuse(live, self._recent(live, (cause for cause in foreign if cause.field not in same)))
        return Applied(after, tuple(foreign), drops)

    def undone(self, live: Obj | None, takes_over: Iterable[FieldConflict]) -> Iterator[str]:
        """A note of what an apply undoes that others have written since rollway's last one."""
        if live and (recent := self._recent(live, takes_over)):
            owners = ", ".join(dict.fromkeys(cause.manager for cause in recent))
            fields = ", ".join(cause.field for cause in recent[:MOST_FIELDS])
            more = f" and {len(recent) - MOST_FIELDS} more" if len(recent) > MOST_FIELDS else ""
            yield f"undoes what {owners} changed of {ref_of(live)} since the last release: {fields}{more}"

    def kept(self, after: Obj, manifest: Obj) -> Iterator[str]:
        """What others have added to a workload's pods, and an apply takes into the next version: by whom."""
        for each in left_of_others(after, manifest):
            yield f"{ref_of(after)} keeps what {each.by} has added to its pods: {each.named(MOST_FIELDS)}"

    def ousted(self, live: Obj | None, wanted: Obj, *, force: bool) -> Iterator[str]:
        """The same of a Service's ports that `wanted` does not have: an apply leaves them, and a patch takes them away. Raises
        FieldsOwned unless `force` is."""
        shares, gone = ssa.shares_of(live or {}).values(), [fit.path_of(port) for port in fit.gone(live, wanted)]
        held = {path: {share.owner.manager for share in shares if path in share.fields} for path in gone}
        theirs = {path: managers for path, managers in held.items() if FIELD_MANAGER not in managers}
        causes = [FieldConflict(each, fieldset.readable(path)) for path, managers in theirs.items() for each in sorted(managers)]
        if live and not force:
            _refuse(live, self._recent(live, causes))
        return self.undone(live, causes)

    def _recent(self, live: Obj, causes: Iterable[FieldConflict]) -> list[FieldConflict]:
        """What others have made of it since the last release, as nobody's manifests say."""
        ref = known_as(ref_of(live))
        disputed = (cause for cause in causes if (ref, cause.field) not in self._agreed)
        return [cause for cause in disputed if has_written_since(live, cause.manager, self._released_at)]


def _refuse(live: Obj, recent: Sequence[FieldConflict], beside: str = "") -> None:
    """Raises FieldsOwned where somebody has written any of these since; `beside` ends the hint."""
    if recent:
        raise FieldsOwned(
            f"{ref_of(live)} has been changed by somebody else since the last release",
            detail="\n".join(f"{cause.field} is managed by {cause.manager}" for cause in recent),
            hint=f"take the change into the manifests, or overrule it with --force-conflicts{beside}",
        )


def _given_away(live: Obj) -> list[FieldConflict]:
    """Who has written another application's name into the label by which rollway knows its own, which is observed as though it
    were there (cluster.observe)."""
    holders = [share.owner for share in ssa.shares_of(live).values() if LABEL in share.fields]
    if any(map(is_our_apply, holders)):
        return []
    return [FieldConflict(owner.manager, fieldset.readable(LABEL)) for owner in holders]


def refuse_scaling(live: Obj) -> None:
    """Raises FieldsOwned where somebody has scaled a workload since our last word on it: they had a reason. A controller's was
    the autoscaler's, which may scale the other side by now."""
    if (owner := scaled_by(live)) is not None:
        raise FieldsOwned(
            f"{ref_of(live)} has been scaled by somebody else since the last release",
            detail=f".spec.replicas is managed by {owner}",
            hint="scale it back or take the number into the manifests, or overrule it with --force-conflicts",
        )


def scaled_by(live: Obj) -> str | None:
    """Who has scaled a workload since our last word on it; None where nobody has, or a controller."""
    owner = next((manager for manager in owners_of(live, "replicas") if manager not in (FIELD_MANAGER, *CONTROLLERS)), None)
    return owner if owner is not None and has_written_since(live, owner) else None


def owners_of(live: Obj, field: str) -> list[str]:
    """The managers that hold a field of the spec."""
    entries = get(live, "metadata", "managedFields", default=[])
    return [entry["manager"] for entry in entries if get(entry, "fieldsV1", "f:spec", f"f:{field}") is not None]


def refuse(steps: Iterable[Step], observed: Observed, app: str) -> None:
    """Raises FieldsOwned where a release would go on with pods that somebody else has made into something else, or undo that.

    A Deployment that is applied in place, with nothing under way, keeps what others added, and what they changed is in the way
    of the apply itself. With a release under way, whatever is changed at all speaks of all of the application's pods.
    """
    steps = [step for step in steps if is_change(step) and not isinstance(step, Record)]
    touched = dict.fromkeys(_touched(steps))
    if observed.in_flight is None:
        kept = {step.ref for step in steps if isinstance(step, Apply)}
        touched = {ref: None for ref in touched if ref not in kept}
    elif steps:
        touched |= dict.fromkeys(ref_of(each) for each in observed.workloads(app))
    for ref in touched:
        if live := observed.objects.get(ref):
            _refuse(live, written_since(live), "; `deploy rollback` needs neither")


def written_since(live: Obj) -> tuple[FieldConflict, ...]:
    """What others hold of the pods' spec, alone, and have written after rollway's last apply. Restarts are none of it."""
    shares = ssa.shares_of(live).values()
    ours = [share for share in shares if is_our_apply(share.owner)]
    last = max((share.time for share in ours), default="")
    if not last:
        return ()
    own = frozenset().union(*(share.fields for share in ours))
    return tuple(
        FieldConflict(share.owner.manager, fieldset.readable(path))
        for share in shares
        if share.owner.manager != FIELD_MANAGER and not share.owner.subresource and share.time > last
        for path in fieldset.ordered(share.fields - own)
        if path[: len(PODS)] == PODS
    )


def has_written_since(live: Obj, manager: str, released_at: str = "") -> bool:
    """Whether somebody else has written the object after rollway's last apply. Entries of one name (their subresources, their
    versions) count together; what this draft itself applies carries no time, and is later than all. Who has changed every field
    that rollway held leaves no trace of it: then since `released_at`, when the live version was entered in the history."""
    entries = get(live, "metadata", "managedFields", default=[])
    if any(entry.get("manager") == manager and entry.get("subresource") == "scale" for entry in entries):
        # The API server notes no time for these; who owns the number has set another one than we did, after we did.
        return any(entry.get("manager") == FIELD_MANAGER for entry in entries)
    ours = [entry.get("time", "") for entry in entries if entry.get("manager") == FIELD_MANAGER and entry["operation"] == "Apply"]
    last = max(ours, default=released_at)
    if not last or "" in ours:
        return False
    return any(entry.get("time", "") > last for entry in entries if entry.get("manager") == manager)


def _touched(steps: Iterable[Step]) -> Iterator[Ref]:
    for step in steps:
        if isinstance(step, Apply | Scale | Delete) and names_workload(step.ref):
            yield step.ref
