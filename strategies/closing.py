"""The end of a plan: what a draft comes to, and whether it changes anything at all."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..plan.observed import Observed
from ..plan.plan import Action, Plan, Split, is_change
from ..plan.revision import Revision
from ..plan.steps import Record
from ..release.model import Release
from .draft import Draft


class Goal(NamedTuple):
    """What a plan leads to: `revision` at `weight` percent of the requests, `replicas` pods in all. The versions are those that
    requests go from and to."""

    action: Action
    revision: int
    from_version: str
    to_version: str
    weight: int
    replicas: int


def plan_of(draft: Draft, goal: Goal, split: Split, *, release: Release, strategy: str, router: str) -> Plan:
    """The plan that a draft has become, without its undo."""
    final = next((rev for rev in draft.history if rev.number == goal.revision), None)
    return Plan(
        app=draft.app, namespace=draft.namespace, strategy=strategy, action=goal.action, router=router, revision=goal.revision,
        from_version=goal.from_version, to_version=goal.to_version,
        from_weight=_weight_before(draft.observed, goal.action), weight=goal.weight,
        phase=final.phase if final else "Promoted", steps=tuple(draft.steps), split=split,
        peak_pods=draft.census.peak, steady_pods=goal.replicas, notes=tuple(draft.notes),
        new_revisions=tuple(draft.new_revisions), loans=draft.loans.taken,
        options=_others(draft.observed.in_flight, goal, release),
    )  # fmt: skip


def _others(current: Revision | None, goal: Goal, release: Release) -> dict[str, Any] | None:
    """The options that the release under way goes on by, where its file has been edited since it began."""
    if current is None or goal.action == "rollback" or current.number != goal.revision:
        return None
    options = release.options_record
    return None if options == current.release["options"] else options


def _weight_before(observed: Observed, action: Action) -> int:
    """The share of the newer version that holds before a plan: of the release under way, or of what is rolled back."""
    if observed.in_flight:
        return observed.in_flight.weight if observed.in_flight.phase == "Paused" else 0
    return 100 if action == "rollback" else 0


def changes_anything(plan: Plan, observed: Observed) -> bool:
    """Whether a plan does more than write down what the history says already."""
    if any(is_change(step) and not isinstance(step, Record) for step in plan.steps):
        return True
    current = observed.in_flight
    if current is None:
        return plan.phase == "Paused"  # what stands so already, its history lost, is not known to be under way
    if (current.number, current.phase, current.weight) != (plan.revision, plan.phase, plan.weight):
        return True
    return plan.pause is not None and plan.pause.seconds != current.pause_s  # it has been edited, and what is left of it counts


def since_live(draft: Draft) -> list[Revision]:
    """The revision that was live before the plan, and those since: what a run that was cut off has not given back goes along."""
    live = draft.observed.live
    return [each for each in draft.history if live is None or each.number >= live.number]
