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

ONE_BY_ONE = Rolling(1, 0)
ONE_LESS = Rolling(0, 1)


class Ramped(Strategy):
    """A share is reached pod by pod and held by a paused Deployment.

    A paused Deployment keeps replicas + maxSurge pods, so to hold exactly the asked share the surge is taken away once the new
    pods are ready: the controller then removes one pod of the side that has more (largest first; the older of two equal ones).
    """

    name = "ramped"

    @property
    def rolling(self) -> Rolling:
        options = self.release.options.ramped
        return Rolling(options.max_surge, options.max_unavailable, options.min_ready_seconds or None)

    @property
    def deadline_s(self) -> int:
        return self.release.options.ramped.progress_deadline_seconds

    def check_weight(self, weight: int) -> None:
        if not 0 < weight <= 100:
            raise BadInput(f"ramped cannot stop at {weight}%", hint="to take everything back: `deploy rollback`")

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling, deadline_s=self.deadline_s)
        return (*release.others, *release.services, own)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        self._support(draft, self.release)
        live = draft.deployment(self._name)
        assert live is not None, "a share is only asked for beside something live"
        can_surge = resolve(self.rolling.max_surge, replicas, round_up=True) > 0
        goal = split(replicas, weight, may_surge=False)
        updated = self._updated(draft, live)
        if updated > goal.canary:
            raise BadInput(
                f"ramped is at {updated} of {replicas} pods already: it does not go back to {weight}%",
                hint="go on with `deploy promote`, or take everything back with `deploy rollback`",
            )
        if updated < goal.canary:
            self._advance(draft, goal, replicas, can_surge)
        draft.apply(self._own(replicas, ONE_LESS, paused=True), f"holds {goal.canary} of {replicas} pods: the surge goes")
        draft.wait(self._name, "held", goal.canary, "every pod ready")
        return Split(stable=goal.stable, canary=goal.canary, percent=goal.percent)

    def _advance(self, draft: Draft, goal: Pods, replicas: int, can_surge: bool) -> None:
        """Lets the Deployment roll until enough new pods are there, and stops it."""
        rolling = ONE_BY_ONE if can_surge else ONE_LESS
        # With the surge taken away afterwards one pod goes from the larger side: the new one's, where that is the larger.
        stop_at = goal.canary + (1 if can_surge and goal.canary > goal.stable + 1 else 0)
        draft.apply(self._own(replicas, rolling, paused=False), f"{self.release.version} comes in pod by pod")
        draft.wait(self._name, "started", stop_at, f"until {stop_at} of {replicas} are on their way")
        draft.apply(self._own(replicas, rolling, paused=True), "the rolling update stops here")
        draft.wait(self._name, "held", stop_at, "every pod ready before one goes")

    def _own(self, replicas: int, rolling: Rolling, *, paused: bool) -> Obj:
        return manifests.stable(self.release, replicas, rolling, deadline_s=self.deadline_s, paused=paused)

    def _updated(self, draft: Draft, live: Obj) -> int:
        """Pods of this release that are there already."""
        if draft.rolls(self._own(draft.replicas(self._name), ONE_LESS, paused=True)):
            return 0
        return int(get(live, "status", "updatedReplicas", default=0))
