"""A plan: everything a command would do, before it does anything, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from ..kube.objects import Obj, Ref, annotations_of, digest, labels_of
from .revision import Revision
from .steps import Apply, Delete, Frozen, Hold, Patch, Pause, Phase, Record, Route, Scale, Step

Action = Literal["apply", "promote", "rollback"]


class Split(Frozen):
    """Pods on each side when the plan is done, and the share of requests that the new version really gets, in percent."""

    stable: int
    canary: int
    percent: float


class Plan(Frozen):
    """`steps` in order; `undo` leads from the plan's end back to what was live before, and is empty where there is nothing.

    `weight` is the share asked for, `from_weight` the one that holds before, `split` what is really reached. `basis` holds a
    fingerprint of every object that the plan was made from: a saved plan is applied only while they are still the same.
    `new_revisions` go into the history with the first Record that names them. `peak_pods` counts pods that do not terminate.
    """

    format: Literal["rollway.dev/plan.v1"] = "rollway.dev/plan.v1"
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
    notes: tuple[str, ...] = ()
    new_revisions: tuple[Revision, ...] = ()
    basis: dict[str, str] = Field(default_factory=dict)

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
    return isinstance(step, Apply | Patch | Scale | Route | Delete | Record | Hold)


def fingerprint(obj: Mapping[str, Any] | None) -> str:
    """What of a live object a plan rests on: what users and controllers wanted, not how far it has come."""
    if obj is None:
        return "absent"
    ignored = {"deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"}
    kept = {key: value for key, value in annotations_of(obj).items() if key not in ignored}
    rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
    return digest([rest, labels_of(obj), kept])


def basis_of(objects: Mapping[Ref, Obj | None]) -> dict[str, str]:
    return {"/".join(ref): fingerprint(obj) for ref, obj in sorted(objects.items())}
