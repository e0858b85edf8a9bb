"""A plan: everything a command would do, before it does anything, and the way back."""

from __future__ import annotations

from typing import Any, Literal

from .revision import Revision
from .steps import Apply, Delete, Frozen, GiveBack, Hold, Label, Loan, Patch, Pause, Phase, Record, Renew, Route, Run, Scale, Step

Action = Literal["apply", "promote", "rollback"]


class Split(Frozen):
    """Pods on each side when the plan is done, and the share of requests that the new version really gets, in percent; `copied`
    percent of the others are copied to it, whose answers nobody sees."""

    stable: int
    canary: int
    percent: float
    copied: int = 0


class Plan(Frozen):
    """`steps` in order; `undo` leads from the plan's end back to what was live before, and is empty where there is nothing.

    `weight` is the share asked for, `from_weight` the one that holds before, `split` what is really reached.
    `router` is what splits requests; empty where it is how many pods there are, or a Service's selector.
    `new_revisions` go into the history with the first Record that names them, `loans` with the first of `revision`, and with it
    its `options` where they are others by now than those that it began with (else None).
    `peak_pods` counts pods that do not terminate.
    """

    app: str
    namespace: str
    strategy: str
    action: Action
    revision: int
    from_version: str
    to_version: str
    from_weight: int
    weight: int
    phase: Phase
    steps: tuple[Step, ...]
    undo: tuple[Step, ...] = ()
    undo_note: str = ""
    split: Split
    peak_pods: int
    steady_pods: int
    router: str = ""
    notes: tuple[str, ...] = ()
    new_revisions: tuple[Revision, ...] = ()
    loans: tuple[Loan, ...] = ()
    options: dict[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing needs doing."""
        return not any(is_change(step) for step in self.steps)

    @property
    def pause(self) -> Pause | None:
        last = self.steps[-1] if self.steps else None
        return last if isinstance(last, Pause) else None


def is_change(step: Step) -> bool:
    """Whether a step changes the cluster (waiting and pausing do not)."""
    return isinstance(step, Apply | Patch | Label | Scale | Renew | Route | Run | GiveBack | Delete | Record | Hold)
