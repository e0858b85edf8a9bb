"""What a plan is made of. Each step is absolute ("4 pods", never "one more") and idempotent: done twice is done once.

`why` is a phrase that the user reads. Fields named `was` are what the planner saw, for the reader; executing never uses them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from ..errors import FieldConflict
from ..kube.objects import Obj, Ref, ref_of

Phase = Literal["Progressing", "Paused", "Promoted", "RolledBack", "Failed"]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Change(NamedTuple):
    """One leaf of an object that a step changes. `path` reads ".spec.replicas"; None stands for "not there"."""

    path: str
    before: Any
    after: Any


class Apply(Frozen):
    """Server-side apply of the whole manifest. `takes_over` are the fields of other managers that it takes, knowingly; `drops`
    those, as managedFields have them, that kubectl has applied and the manifest no longer has: they go with it."""

    type: Literal["apply"] = "apply"
    manifest: Obj
    creates: bool
    changes: tuple[Change, ...] = ()
    takes_over: tuple[FieldConflict, ...] = ()
    drops: tuple[tuple[str, ...], ...] = ()
    why: str

    @property
    def ref(self) -> Ref:
        return ref_of(self.manifest)

    @property
    def former_owners(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(conflict.manager for conflict in self.takes_over))


class Patch(Frozen):
    """A JSON merge patch of a live object, for what an apply cannot say: that a field which others set has to go."""

    type: Literal["patch"] = "patch"
    ref: Ref
    patch: Obj
    changes: tuple[Change, ...] = ()
    why: str


class Label(Frozen):
    """Gives a Deployment's pods labels, without replacing one.

    Its controller knows a ReplicaSet as the newest by comparing templates, and leaves them alone while the Deployment is paused.
    So: paused, the ReplicaSets' templates first, then the `pods` that run, then the Deployment's own, resumed.
    """

    type: Literal["label"] = "label"
    ref: Ref
    labels: dict[str, str]
    pods: int
    deadline_s: int
    why: str


class Scale(Frozen):
    """Sets the number of pods through the scale subresource; nothing else of the object is touched. `is_dark`: nobody is to be
    served meanwhile, so that a Service may reach these pods alone."""

    type: Literal["scale"] = "scale"
    ref: Ref
    replicas: int
    was: int
    is_dark: bool = False
    why: str


Renewed = Literal["stuck", "any"]


class Renew(Frozen):
    """Deletes pods of a StatefulSet or DaemonSet that are not of its newest template, so that its controller makes them anew.

    stuck   those that are not ready: an ordered StatefulSet replaces nothing while one of its pods is not, not even that one
    any     as many as it takes until `pods` of them are of the newest template, those that are not ready first

    Fails when the controller has not seen the set's last change within `deadline_s`.
    """

    type: Literal["renew"] = "renew"
    ref: Ref
    which: Renewed
    pods: int
    deadline_s: int
    why: str


class Route(Frozen):
    """Patches a Service's selector, unless fewer than `min_ready` ready pods carry the labels it would choose.

    `ports` are patched along, in the same request, where the pods of the new side listen elsewhere; None leaves them. From the
    Deployment `former` to `side`: where the former one has been given more pods than the plan saw (`former_pods`), the side is
    brought to as many first, within `deadline_s`.
    """

    type: Literal["route"] = "route"
    ref: Ref
    selector: dict[str, str]
    was: dict[str, str]
    ports: tuple[Obj, ...] | None = None
    changes: tuple[Change, ...] = ()
    min_ready: int
    former: Ref | None = None
    former_pods: int = 0
    side: Ref | None = None
    deadline_s: int = 600
    why: str


Until = Literal["rolled-out", "held", "drained"]


class Wait(Frozen):
    """Waits for a workload, without changing anything.

    rolled-out   as many pods of the newest template are available as the workload asks for, at least `pods` (an autoscaler's
                 Deployment, and any set: whatever it asks for), and none of an older one is left
    held         at least `pods` pods of the newest template exist, all that the rollout's limits let come and no more, and every
                 one is ready
    drained      no pod is left (those that terminate do not count)

    And that for `ready_for_s` seconds (minReadySeconds, where the controller cannot be asked to heed it).

    Fails when nothing has moved for `deadline_s` seconds, or when a pod says that it never will.
    """

    type: Literal["wait"] = "wait"
    ref: Ref
    until: Until
    pods: int
    is_autoscaled: bool = False
    ready_for_s: int = 0
    deadline_s: int
    why: str


Moment = Literal["before", "after", "beforeRollback"]


class Run(Frozen):
    """Runs the Job of a hook to its end, once: what the history says to have run is left alone, and a Job that was begun before
    is taken up again. `number` is the revision whose it is, `hook` its name, `mark` a fingerprint of what is run.

    Fails when the Job does, when it has not ended within `deadline_s` seconds, or when its pod says that it never will run; but
    where it `goes_on`, that is only told.
    """

    type: Literal["run"] = "run"
    manifest: Obj
    number: int
    moment: Moment
    hook: str
    mark: str
    deadline_s: int
    goes_on: bool = False
    why: str

    @property
    def ref(self) -> Ref:
        return ref_of(self.manifest)


class Loan(Frozen):
    """A field that another manager held when a release changed it first: `path` as managedFields have it, `was` a fingerprint of
    its value then. `is_shared`: rollway's own apply held it, too."""

    ref: Ref
    manager: str
    operation: Literal["Apply", "Update"]
    api_version: str
    path: tuple[str, ...]
    was: str
    is_shared: bool = False

    @property
    def key(self) -> tuple[Ref, str, str, tuple[str, ...]]:
        """Which field it is, and whose."""
        return self.ref, self.manager, self.operation, self.path


class GiveBack(Frozen):
    """Makes those the managers of fields again that were before the release, where the value is what it was then (plan.lending).

    Nothing of the object changes by it but who may change it next without a conflict; so it never fails a release.
    """

    type: Literal["give-back"] = "give-back"
    ref: Ref
    loans: tuple[Loan, ...]
    why: str


class Delete(Frozen):
    type: Literal["delete"] = "delete"
    ref: Ref
    why: str


class Hold(Frozen):
    """Lets time pass with the lock given back; stops the run where another one has acted on the release meanwhile."""

    type: Literal["hold"] = "hold"
    seconds: int
    why: str


class Record(Frozen):
    """Writes how revision `number` stands into the history; the first time with all that the plan knows of it.

    `to` is the revision that a rollback leads to; `pause_s` how long a pause lasts by itself.
    """

    type: Literal["record"] = "record"
    number: int
    phase: Phase
    weight: int
    message: str = ""
    to: int = 0
    pause_s: int | None = None
    why: str = "the history in the cluster says where the release stands"


class Pause(Frozen):
    """The end of a plan that waits for `deploy promote`, or, in a run that goes on by itself, for `seconds`."""

    type: Literal["pause"] = "pause"
    seconds: int | None
    why: str


Step = Annotated[
    Apply | Patch | Label | Scale | Renew | Route | Wait | Run | GiveBack | Delete | Hold | Record | Pause,
    Field(discriminator="type"),
]
