"""ramped: the Deployment's own rolling update, which can be stopped half-way by pausing it."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.intstr import resolve
from ..kube.objects import Obj, get
from ..plan.plan import Split
from ..routing.ratio import Pods, split
from . import manifests
from .base import Strategy
from .draft import Draft
from .manifests import Rolling

SETTLE_S = 2
"""A new pod counts as available only after so long while the rollout is to be stopped: the time to stop it in."""

ONE_BY_ONE = Rolling(1, 0, SETTLE_S)
ONE_LESS = Rolling(0, 1, SETTLE_S)


class Ramped(Strategy):
    """A share is reached pod by pod and held by a paused Deployment.

    A paused Deployment keeps replicas + maxSurge pods, so to hold exactly the asked share the surge is taken away again. The
    controller then removes one pod of the side that has more (of two equal ones, the older side). Where that is the old side, it
    waits until the new pods are ready; where it is the new one, one pod more is let start, and goes before it is ready.
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

    def check_weight(self, weight: int) -> None:
        if not 0 < weight <= 100:
            raise BadInput(f"ramped cannot stop at {weight}%", hint="to take everything back: `deploy rollback`")

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        return (*release.others, *release.services, own)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        self._support(draft, self.release)
        live = draft.deployment(self.app.name)
        assert live is not None, "a share is only asked for beside something live"
        can_surge = resolve(self.rolling.max_surge, replicas, round_up=True) > 0
        goal = self._goal(replicas, weight, can_surge=can_surge)
        updated = self._updated(draft, live)
        if updated > goal.canary:
            raise BadInput(
                f"ramped is at {updated} of {replicas} pods already: it does not go back to {weight}%",
                hint="go on with `deploy promote`, or take everything back with `deploy rollback`",
            )
        keeps_surge = sum(goal) > replicas
        if updated < goal.canary:
            self._advance(draft, goal, replicas, can_surge=can_surge, keeps_surge=keeps_surge)
        held = ONE_BY_ONE if keeps_surge else ONE_LESS
        draft.apply(self._own(replicas, held, paused=True), f"holds {goal.canary} of {sum(goal)} pods")
        draft.wait(self.app.name, "held", goal.canary, "every pod ready")
        return Split(stable=goal.stable, canary=goal.canary, percent=goal.percent)

    def _goal(self, replicas: int, weight: int, *, can_surge: bool) -> Pods:
        """The split to hold. As many new pods as the Deployment has replicas cannot be held: once they are all ready the
        controller takes the old ones away, paused or not."""
        if replicas < 2:
            raise BadInput(
                f"ramped cannot stop at {weight}%: a rolling update does not share {replicas} pod",
                hint="choose canary, which runs a second pod beside it, or release all of it",
            )
        goal = split(replicas, weight, may_surge=can_surge)
        return goal if goal.canary < replicas else split(replicas, weight, may_surge=False)

    def _advance(self, draft: Draft, goal: Pods, replicas: int, *, can_surge: bool, keeps_surge: bool) -> None:
        """Lets the Deployment roll until enough new pods are there, and stops it."""
        rolling = ONE_BY_ONE if can_surge else ONE_LESS
        gives_one_back = can_surge and not keeps_surge and goal.canary > goal.stable + 1
        stop_at = goal.canary + gives_one_back
        draft.apply(self._own(replicas, rolling, paused=False), f"{self.release.version} comes in pod by pod")
        draft.wait(self.app.name, "started", stop_at, f"until {stop_at} of {replicas} are on their way")
        if can_surge and not gives_one_back:
            draft.apply(self._own(replicas, rolling, paused=True), "the rolling update stops here")
            draft.wait(self.app.name, "held", stop_at, "every pod ready before one goes")

    def _own(self, replicas: int, rolling: Rolling, *, paused: bool) -> Obj:
        return manifests.stable(self.release, replicas, rolling._replace(deadline_s=self.deadline_s), paused=paused)

    def _updated(self, draft: Draft, live: Obj) -> int:
        """Pods of this release that are there already."""
        if draft.rolls(self._own(draft.replicas(self.app.name), ONE_LESS, paused=True)):
            return 0
        return int(get(live, "status", "updatedReplicas", default=0))

    def _split_now(self, draft: Draft, weight: int, replicas: int) -> Split:
        live = draft.deployment(self.app.name)
        if live is None or weight >= 100:
            return self._all(replicas)
        new, total = (int(get(live, "status", key, default=0)) for key in ("updatedReplicas", "replicas"))
        return Split(stable=total - new, canary=new, percent=Pods(total - new, new).percent)
