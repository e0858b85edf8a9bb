"""What somebody else has made of running pods since rollway's last apply: not to be carried on, nor undone, without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import FieldConflict, FieldsOwned
from ..kube import fieldset, ssa
from ..kube.objects import Obj, Ref, get, ref_of
from ..kube.workload import names_workload
from ..plan.marks import is_our_apply
from ..plan.observed import FIELD_MANAGER, Observed
from ..plan.plan import is_change
from ..plan.steps import Apply, Delete, Record, Scale, Step

MOST_FIELDS = 3
PODS = ("f:spec", "f:template", "f:spec")


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
        live = observed.objects.get(ref)
        if live and (found := written_since(live)):
            raise FieldsOwned(
                f"{ref} has been changed by somebody else since the last release",
                detail="\n".join(f"{each.field} is managed by {each.manager}" for each in found),
                hint="take the change into the manifests, or overrule it with --force-conflicts; `deploy rollback` needs neither",
            )


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


def undone(live: Obj | None, takes_over: Iterable[FieldConflict], released_at: str = "") -> Iterator[str]:
    """A note of what an apply undoes that others have written since rollway's last one."""
    recent = [cause for cause in takes_over if live and has_written_since(live, cause.manager, released_at)]
    if live and recent:
        owners = ", ".join(dict.fromkeys(cause.manager for cause in recent))
        fields = ", ".join(cause.field for cause in recent[:MOST_FIELDS])
        more = f" and {len(recent) - MOST_FIELDS} more" if len(recent) > MOST_FIELDS else ""
        yield f"undoes what {owners} changed of {ref_of(live)} since the last release: {fields}{more}"


def _touched(steps: Iterable[Step]) -> Iterator[Ref]:
    for step in steps:
        if isinstance(step, Apply | Scale | Delete) and names_workload(step.ref):
            yield step.ref
