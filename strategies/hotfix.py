"""What somebody else has made of running pods since rollway's last apply: not to be carried on, nor undone, without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..errors import FieldConflict, FieldsOwned
from ..kube import fieldset, ssa
from ..kube.objects import DEPLOYMENT, Obj, Ref, ref_of
from ..plan.observed import FIELD_MANAGER, Observed
from ..plan.plan import is_change
from ..plan.steps import Apply, Delete, Record, Scale, Step

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
        touched |= dict.fromkeys(ref_of(each) for each in observed.deployments(app))
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
    ours = [share for share in shares if (share.owner.manager, share.owner.operation) == (FIELD_MANAGER, "Apply")]
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


def _touched(steps: Iterable[Step]) -> Iterator[Ref]:
    for step in steps:
        if isinstance(step, Apply | Scale | Delete) and step.ref.kind == DEPLOYMENT.name:
            yield step.ref
