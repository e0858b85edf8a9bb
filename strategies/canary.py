"""canary: a second Deployment behind the same Service; the share of requests is the share of ready pods."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import Obj
from ..plan.plan import Split
from ..routing.ratio import Pods, beside, split
from . import manifests
from .base import Strategy
from .draft import Draft
from .manifests import Rolling


class Canary(Strategy):
    """The new pods are ready before old ones go, and old ones are back before new ones go."""

    name = "canary"
    shares_by_pods = True
    suffix = "canary"

    @property
    def rolling(self) -> Rolling:
        surge = self.release.options.canary.max_surge
        return (
            Rolling(surge, 0, None, self.deadline_s)
            if self.release.options.canary.may_surge
            else Rolling(0, 1, None, self.deadline_s)
        )

    @property
    def deadline_s(self) -> int:
        return self.release.options.canary.progress_deadline_seconds

    def first_weight(self) -> int:
        return self.next_weight(0)

    def next_weight(self, weight: int) -> int:
        return next((step.weight for step in self.release.options.canary.steps if step.weight > weight), 100)

    def pause_s(self, weight: int) -> int | None:
        return next((step.pause for step in self.release.options.canary.steps if step.weight == weight), None)

    def check_weight(self, weight: int) -> None:
        if not 0 <= weight <= 100:
            raise BadInput(f"{weight}% is no share", hint="a whole number from 0 to 100")

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release, total = self.release, replicas or self.release.replicas or 1
        pods = split(total, self.first_weight(), may_surge=self.release.options.canary.may_surge)
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        return (*release.others, *release.services, self._canary(pods.canary), own)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        self._refuse_empty(weight, replicas)
        pods = self._pods(draft, weight, replicas)
        self._make_ready(draft, self.release)
        self._raise(draft, pods)
        self._lower(draft, pods)
        return Split(stable=pods.stable, canary=pods.canary, percent=pods.percent)

    def _pods(self, draft: Draft, weight: int, replicas: int) -> Pods:
        if draft.observed.is_autoscaled(self.app.name):
            draft.notes.append(f"an HPA scales {self.app.name}: its pods stay, the canary's share is reached beside them")
            return beside(draft.replicas(self.app.name), weight)
        return split(replicas, weight, may_surge=self.release.options.canary.may_surge)

    def _raise(self, draft: Draft, pods: Pods) -> None:
        name = self._canary_name
        now = draft.replicas(name)
        why = "more of the new version" if now else "the new version, beside the old"
        draft.resume(name)
        draft.apply(self._canary(max(pods.canary, now)), why, is_made=True)
        draft.wait(name, "rolled-out", max(pods.canary, now), "nothing shrinks before")
        if draft.replicas(self.app.name) < pods.stable:
            draft.scale(self.app.name, pods.stable, "the old version takes its share back")
            draft.wait(self.app.name, "rolled-out", pods.stable, "before the new one shrinks")

    def _lower(self, draft: Draft, pods: Pods) -> None:
        total = sum(pods)
        share = f"{pods.canary} of {total} pods: {pods.percent:g}% of requests"
        if draft.replicas(self._canary_name) > pods.canary:
            draft.apply(self._canary(pods.canary), share)
            draft.wait(self._canary_name, "rolled-out", pods.canary, "its surplus pods leave")
        if draft.replicas(self.app.name) > pods.stable:
            draft.scale(self.app.name, pods.stable, share)
            draft.wait(self.app.name, "rolled-out", pods.stable, "the surplus pods leave")

    def _canary(self, replicas: int) -> Obj:
        return manifests.second(self.release, self.suffix, self.suffix, replicas, deadline_s=self.deadline_s)

    @property
    def _canary_name(self) -> str:
        return manifests.second_name(self.release, self.suffix)
