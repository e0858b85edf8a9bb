"""ramped: the Deployment's own rolling update, which its own limits stop half-way."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import BadInput
from ..kube.intstr import fenceposts, resolve
from ..kube.objects import Obj, get
from ..kube.workload import workload_of
from ..plan.plan import Split
from ..release.model import Release
from ..routing.ratio import Pods, by_pods, split
from . import manifests
from .base import Strategy
from .draft import Draft
from .manifests import Rolling
from .refusals import refuse_empty

NEVER_S = 2**31 - 1
"""The API's word for "no deadline"."""

HELD_S = NEVER_S - 1
"""A new pod counts as available only after so long, that is, not while a share is held: see Ramped."""


class Bound(NamedTuple):
    """The limits of a rolling update whose new pods never count as available: with n replicas the controller comes to rest at
    n - unavailable old pods and surge + unavailable new ones, whoever looks on or not."""

    surge: int
    unavailable: int

    @property
    def new(self) -> int:
        return self.surge + self.unavailable


class Ramped(Strategy):
    """A share is held by the rolling update's own limits, so that it is never passed, whatever becomes of the client.

    The controller takes an old pod away only for a new one that is available. Under a `minReadySeconds` that never passes none
    ever is, and the limits alone say how many pods of each side there are (Bound). Each apply raises them by as many pods as the
    user's own limits allow at a time, once those before are ready; the last one takes the surge away, and the Deployment is then
    paused, so that the share stays when somebody scales it.
    """

    name = "ramped"

    @property
    def rolling(self) -> Rolling:
        """What the release file says, else what the Deployment's own manifest does, else our defaults."""
        options = self.release.options.ramped
        own = manifests.rolling_of(self.release.workload)
        surge, unavailable = options.max_surge, options.max_unavailable
        if own and not options.model_fields_set & {"max_surge", "max_unavailable"}:
            surge, unavailable = own.max_surge, own.max_unavailable
        return Rolling(surge, unavailable, options.min_ready_seconds or None, self.deadline_s)

    @property
    def deadline_s(self) -> int:
        return self.release.options.ramped.progress_deadline_seconds

    def due_share(self, weight: int, fresh: int, rest: int) -> float | None:
        return by_pods(fresh, rest)

    def likely_share(self, weight: int) -> float | None:
        replicas = self.release.replicas or 1
        pods = split(replicas, weight, may_surge=self._surge(replicas) > 0)
        return self.due_share(weight, pods.canary, pods.stable)

    def check_weight(self, weight: int) -> None:
        if not 0 < weight <= 100:
            raise BadInput(f"ramped cannot stop at {weight}%", hint="to take everything back: `deploy rollback`")

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        return (*release.others, *release.services, own)

    def _rolling_back(self, draft: Draft, release: Release, replicas: int) -> Rolling:
        """Half-way, pods of the version that is given up go first, as many as the user lets be missing."""
        status = get(draft.workload(self.app.name), "status", default={})
        is_mixed = status.get("readyReplicas", 0) > status.get("updatedReplicas", 0)
        spared = manifests.may_lack(release, replicas) if is_mixed else 0
        rolling = self.rolling
        if spared <= resolve(rolling.max_unavailable, replicas, round_up=False):
            return rolling
        return rolling._replace(max_unavailable=spared)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        self._make_ready(draft, self.release)
        replicas = self._standing(draft, replicas)
        refuse_empty(self.app, weight, replicas)
        current = draft.observed.in_flight
        if current and current.strategy == self.name and current.phase == "Paused":
            loose = self.loosened(draft.workload(self.app.name), current.weight)
            draft.notes += [f"somebody has loosened what held the share ({', '.join(loose)}): it is held anew"] if loose else []
        goal, new = self._goal(replicas, weight), self._new_pods(draft, replicas)
        if new > goal.canary:
            goal = self._kept(draft, weight, replicas, new)
        self._hold(draft, replicas, goal, new)
        return Split(stable=goal.stable, canary=goal.canary, percent=goal.percent)

    def _hold(self, draft: Draft, replicas: int, goal: Pods, new: int) -> None:
        """From `new` pods of the release to as many as the share has."""
        self._grow(draft, replicas)
        while new < goal.canary:
            bound = self._next(new, goal, replicas)
            why = f"{self.release.version} comes in, up to {bound.new} of {goal.canary} pods"
            draft.apply(self._held(draft, replicas, bound), why)
            draft.wait(self.app.name, "held", bound.new, "every pod ready before others go", ready_for_s=self._min_ready_s)
            new = bound.new
        held = Bound(sum(goal) - replicas, replicas - goal.stable)
        if not get(draft.workload(self.app.name), "spec", "paused", default=False):
            draft.apply(self._held(draft, replicas, held), f"{goal.canary} of {sum(goal)} pods, and no surplus")
            draft.wait(self.app.name, "held", goal.canary, "the surplus pods leave")
        draft.apply(self._held(draft, replicas, held, paused=True), f"holds {goal.canary} of {sum(goal)} pods")
        draft.wait(self.app.name, "held", goal.canary, "every pod ready")

    def _standing(self, draft: Draft, replicas: int) -> int:
        """Of how many pods a share is one: of those that somebody has made of them since it began. To scale a held rollout back
        would shift its share, as the controller takes pods of both versions."""
        return draft.replicas(self.app.name) if self._is_under_way(draft) else replicas

    def _goal(self, replicas: int, weight: int) -> Pods:
        """The split to hold."""
        goal = split(replicas, weight, may_surge=self._surge(replicas) > 0)
        if not goal.stable or not goal.canary:
            raise BadInput(
                f"ramped cannot stop at {weight}%: without a surge a rolling update does not share {replicas} pod",
                hint="allow a surge, choose canary, which runs a second pod beside it, or release all of it",
            )
        return goal

    def _kept(self, draft: Draft, weight: int, replicas: int, new: int) -> Pods:
        """What there is already, where that is more than was asked for: a rolling update does not go back."""
        current = draft.observed.in_flight
        if current is None or current.weight > weight:
            raise BadInput(
                f"ramped is at {new} of {replicas} pods already: it does not go back to {weight}%",
                hint="go on with `deploy promote`, or take everything back with `deploy rollback`",
            )
        draft.notes.append(f"{new} of {replicas} pods are {self.release.version} already, more than {weight}%: they stay")
        return Pods(max(replicas - new, 0), new)

    def _grow(self, draft: Draft, replicas: int) -> None:
        """More pods than before come first of the old version, so that the share is one of all of them."""
        name = self.app.name
        if draft.replicas(name) < replicas and not self._is_under_way(draft):
            draft.scale(name, replicas, "as many as the new version asks for, before it takes its share")
            draft.wait(name, "rolled-out", replicas, "nothing is shared before")

    def _next(self, new: int, goal: Pods, replicas: int) -> Bound:
        """The limits that bring in the next pods: beside the old ones where the user allows a surge, else in their place."""
        surge, unavailable = self._surge(replicas), resolve(self.rolling.max_unavailable, replicas, round_up=False)
        left = goal.canary - new
        return Bound(min(surge, left), new) if surge else Bound(0, new + min(max(unavailable, 1), left))

    def _surge(self, replicas: int) -> int:
        return resolve(self.rolling.max_surge, replicas, round_up=True)

    @property
    def _min_ready_s(self) -> int:
        """How long a new pod must have been ready before it counts: by the option, or the manifest."""
        own = int(get(self.release.workload, "spec", "minReadySeconds", default=0))
        return max(self.rolling.min_ready_s or 0, own)

    def _held(self, draft: Draft, replicas: int, bound: Bound, *, paused: bool = False) -> Obj:
        count = self._count(draft, self.app.name, replicas)
        own = manifests.stable(self.release, count, Rolling(bound.surge, bound.unavailable), paused=paused)
        return {**own, "spec": {**own["spec"], "minReadySeconds": HELD_S, "progressDeadlineSeconds": NEVER_S}}

    def _is_under_way(self, draft: Draft) -> bool:
        """Whether the Deployment's template is this release's already."""
        return not draft.rolls(self._probed(draft))

    def _probed(self, draft: Draft) -> Obj:
        """The workload as this release has its pods."""
        return self._held(draft, draft.replicas(self.app.name), Bound(1, 0))

    def _new_pods(self, draft: Draft, replicas: int) -> int:
        """Pods of this release that are there, or that the limits let come."""
        if not self._is_under_way(draft):
            return 0
        live = draft.workload(self.app.name)
        made = int(get(live, "status", "updatedReplicas", default=0))
        if get(live, "spec", "minReadySeconds", default=0) != HELD_S or get(live, "spec", "paused"):
            return made
        limits = get(live, "spec", "strategy", "rollingUpdate", default={})
        bound = Bound(*fenceposts(limits.get("maxSurge", 0), limits.get("maxUnavailable", 0), replicas))
        return max(made, min(bound.new, replicas))  # whatever the limits, never more than pods are wanted in all

    def loosened(self, live: Obj | None, weight: int) -> tuple[str, ...]:
        spec = get(live, "spec", default={})
        found = {".spec.paused": spec.get("paused") is True, ".spec.minReadySeconds": spec.get("minReadySeconds") == HELD_S}
        return tuple(field for field, holds in found.items() if live is not None and not holds)

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        live = draft.workload(self.app.name)
        if live is None or weight >= 100:
            return self._all(replicas)
        counts = workload_of(live).counts(live)
        new, total = counts.updated, counts.all
        return Split(stable=total - new, canary=new, percent=Pods(total - new, new).percent)
