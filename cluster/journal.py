"""The history as a run knows it while it is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..plan.plan import Plan
from ..plan.revision import Revision


@dataclass
class Journal:
    """The history as the run knows it; `revisions` are those of the cluster and the plan's new ones."""

    revisions: dict[int, Revision]
    noticed: list[str] = field(default_factory=list)
    """What others have done to the application meanwhile."""

    @staticmethod
    def of(known: Sequence[Revision], plan: Plan) -> Journal:
        revisions = {revision.number: revision for revision in (*plan.new_revisions, *known)}
        if plan.revision in revisions:
            revisions[plan.revision] = revisions[plan.revision].with_loans(plan.loans).with_options(plan.options)
        return Journal(revisions)

    @property
    def in_order(self) -> tuple[Revision, ...]:
        return tuple(self.revisions[number] for number in sorted(self.revisions))


def standing(revisions: Sequence[Revision]) -> list[tuple[int, str, int]]:
    """What matters of a history to whoever waits: the last revision."""
    return [(revision.number, revision.phase, revision.weight) for revision in revisions[-1:]]
