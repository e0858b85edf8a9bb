"""ramped and recreate of a StatefulSet and of a DaemonSet, whose pods have places of their own: an ordinal, a node.

No pod of theirs can share the place of the one that it replaces. So a second workload beside the first, as blue-green, canary and
ab have it, is none for them; and one pod fewer serves while one is replaced (but for a DaemonSet's maxSurge).
"""

from __future__ import annotations

import copy

from ..errors import BadInput
from ..kube.objects import DAEMON_SET, STATEFUL_SET, Obj, get, ref_of
from ..kube.workload import pods_of, workload_of
from ..plan.observed import Observed
from ..release.model import Release
from ..routing.ratio import Pods, split
from . import manifests
from .draft import Draft
from .manifests import Rolling
from .ramped import Ramped
from .recreate import Recreate

NOWHERE = {"rollway.dev/nowhere": "true"}
"""No node has this label: a DaemonSet has no number of pods that could be 0."""


class _RampedSet(Ramped):
    def _surge(self, replicas: int) -> int:
        """A place has one pod: a share is one of the pods that there are."""
        return 0

    @property
    def why_wait(self) -> str:
        return "each pod leaves before the one in its place comes" if not self.rolling.max_surge else super().why_wait

    def _why_roll(self, draft: Draft, release: Release, *, rolls: bool) -> tuple[str, str]:
        live = draft.workload(self.app.name)
        if rolls or live is None or workload_of(live).counts(live).updated >= pods_of(live):
            return super()._why_roll(draft, release, rolls=rolls)
        return f"its other pods become {release.version}", self.why_wait

    def _rolling_back(self, draft: Draft, release: Release, replicas: int) -> Rolling:
        return self.rolling

    def _new_pods(self, draft: Draft, replicas: int) -> int:
        live = draft.workload(self.app.name)
        return workload_of(live).counts(live).updated if live and self._is_under_way(draft) else 0

    def _probed(self, draft: Draft) -> Obj:
        return manifests.stable(self.release, None, self.rolling)


class RampedStatefulSet(_RampedSet):
    """The share is held by the partition, which the controller heeds whoever looks on: below it pods keep their version, even
    when they are made anew. It is set in the request that brings the new template, so that no pod moves before."""

    workloads = (STATEFUL_SET,)

    @property
    def rolling(self) -> Rolling:
        return Rolling(max_surge=0, max_unavailable=1, min_ready_s=self.release.options.ramped.min_ready_seconds or None)

    def loosened(self, live: Obj | None, weight: int) -> tuple[str, ...]:
        path = ("spec", "updateStrategy", "rollingUpdate", "partition")
        holds = live is None or get(live, *path, default=0) >= split(pods_of(live), weight, may_surge=False).stable
        return () if holds else (f".{'.'.join(path)}",)

    def _new_pods(self, draft: Draft, replicas: int) -> int:
        """Pods of this release that are there, or that the partition lets come."""
        live = draft.workload(self.app.name)
        if live is None or not self._is_under_way(draft):
            return 0
        partition = int(get(live, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))
        return max(super()._new_pods(draft, replicas), replicas - partition)

    def _hold(self, draft: Draft, replicas: int, goal: Pods, new: int) -> None:
        count = self._count(draft, self.app.name, replicas)
        held = manifests.stable(self.release, count, self.rolling._replace(partition=goal.stable))
        self._apply_own(draft, held, f"{goal.canary} of {sum(goal)} pods, the highest first: the partition keeps the others")
        if new < goal.canary:
            self._unblock(draft)
        draft.wait(self.app.name, "held", goal.canary, "one pod at a time, each ready before the next one goes")

    def _beside(self, observed: Observed, weight: int) -> list[str]:
        return [*super()._beside(observed, weight), *_limits_in_vain(self.release)]


def _limits_in_vain(release: Release) -> list[str]:
    """What asks for another pace than the one that a StatefulSet has."""
    asked = release.options.ramped.model_fields_set & {"max_surge", "max_unavailable"}
    is_own = get(release.workload, "spec", "updateStrategy", "rollingUpdate", "maxUnavailable") is not None
    notes = ["maxSurge and maxUnavailable of the release file are for Deployments: a StatefulSet replaces one pod at a time"]
    own = ["maxUnavailable of a StatefulSet has no effect (Kubernetes 1.36 drops it without a word): one pod at a time"]
    return [*(notes if asked else []), *(own if is_own else [])]


class RampedDaemonSet(_RampedSet):
    """A DaemonSet has no partition: under OnDelete its controller replaces nothing by itself, and the pods of the share are
    deleted, as many at a time as its own limits allow. So the share stays whoever looks on, but for new nodes and pods that are
    lost: those get the new template, which the plan says."""

    workloads = (DAEMON_SET,)

    @property
    def rolling(self) -> Rolling:
        """What the release file says, else what its own manifest does, else Kubernetes' default. One of the two limits is 0, or
        the API server refuses them."""
        options = self.release.options.ramped
        own = get(self.release.workload, "spec", "updateStrategy", "rollingUpdate", default={})
        surge, unavailable = own.get("maxSurge") or 0, own.get("maxUnavailable")
        if options.model_fields_set & {"max_surge", "max_unavailable"}:
            surge, unavailable = options.max_surge, options.max_unavailable
        if unavailable is None:
            unavailable = 0 if surge else 1
        return Rolling(surge, unavailable, options.min_ready_seconds or None)

    def loosened(self, live: Obj | None, weight: int) -> tuple[str, ...]:
        path = ("spec", "updateStrategy", "type")
        return () if live is None or get(live, *path) == "OnDelete" else (f".{'.'.join(path)}",)

    def _hold(self, draft: Draft, replicas: int, goal: Pods, new: int) -> None:
        name, version = self.app.name, self.release.version
        held = manifests.stable(self.release, None, self.rolling._replace(type="OnDelete"))
        self._apply_own(draft, held, "OnDelete: no pod moves by itself")
        at_once = max(workload_of(held).limits(manifests.stable(self.release, None, self.rolling), replicas).unavailable, 1)
        while new < goal.canary:
            new = min(new + at_once, goal.canary)
            draft.renew(ref_of(held), "any", new, f"{version} comes in, up to {new} of {goal.canary} pods")
            draft.wait(name, "held", new, "every pod ready before others go")
        draft.wait(name, "held", goal.canary, "every pod ready")
        draft.notes.append(f"a DaemonSet has no partition: new nodes, and pods that are lost, get {version} meanwhile")


class RecreateStatefulSet(Recreate):
    """Scaled to nothing, and back: its controller ends the pods in its own order, and its claims stay."""

    workloads = (STATEFUL_SET,)

    @property
    def rolling(self) -> Rolling:
        return Rolling(max_surge=0, max_unavailable=1)

    def _clear(self, draft: Draft, manifest: Obj) -> None:
        live = draft.workload(self.app.name)
        if not pods_of(live):
            return
        if get(live, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled") == "Delete":
            if not draft.is_back:
                raise BadInput(
                    f"recreate scales {self.app.name} to 0, and its persistentVolumeClaimRetentionPolicy deletes its claims then",
                    hint="set whenScaled: Retain first, or choose ramped, which keeps every pod's place",
                )
            draft.notes.append("rolled back one pod at a time: scaled to 0, its claims would be deleted (whenScaled: Delete)")
            return
        draft.scale(self.app.name, 0, "every old pod goes, in the set's own order; its claims stay", is_dark=True)
        draft.wait(self.app.name, "drained", 0, "before the first new one comes")


class RecreateDaemonSet(Recreate):
    """Told to run nowhere, and then everywhere."""

    workloads = (DAEMON_SET,)

    @property
    def rolling(self) -> Rolling:
        return Rolling(0, 1)

    def _clear(self, draft: Draft, manifest: Obj) -> None:
        if not draft.replicas(self.app.name):
            return
        nowhere = copy.deepcopy(manifest)
        pods = nowhere["spec"]["template"]["spec"]
        pods["nodeSelector"] = {**(pods.get("nodeSelector") or {}), **NOWHERE}
        draft.apply(nowhere, "every old pod goes: no node has this label")
        draft.wait(self.app.name, "drained", 0, "before the first new one comes")
