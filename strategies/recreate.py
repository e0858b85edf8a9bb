"""recreate: every old pod goes, then every new one comes. Simple, cheap, and down in between."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, Obj, get, is_a
from ..kube.workload import workload_of
from ..plan.plan import Split
from ..release.model import Release
from . import manifests
from .base import Strategy
from .draft import Draft
from .manifests import Rolling


class Recreate(Strategy):
    name = "recreate"
    is_dark = True

    @property
    def rolling(self) -> Rolling:
        return Rolling(type="Recreate", deadline_s=self.deadline_s)

    @property
    def deadline_s(self) -> int:
        return self.release.options.recreate.progress_deadline_seconds

    def check_weight(self, weight: int) -> None:
        if weight != 100:
            raise BadInput(
                f"recreate cannot stop at {weight}%: all pods are replaced at once",
                hint="for a share choose ramped, canary or ab",
            )

    def render(self, replicas: int | None = None) -> tuple[Obj, ...]:
        release = self.release
        own = manifests.stable(release, replicas or release.replicas, self.rolling)
        return (*release.others, *release.services, own)

    def _share(self, draft: Draft, weight: int, replicas: int) -> Split:
        raise AssertionError("check_weight lets only 100% through")

    @property
    def why_wait(self) -> str:
        return "downtime: from the last old pod's end to the first new one's readiness"

    def _finish(self, draft: Draft, replicas: int) -> Split:
        if draft.replicas(self.app.name) and not self._runs_already(draft, self.release):
            draft.notes.append("there will be downtime: all old pods stop before the first new one starts")
            if get(self.release.workload, "spec", "podReplacementPolicy") == "TerminationStarted":
                draft.notes.append("podReplacementPolicy TerminationStarted: new pods start while old ones are still ending")
        return super()._finish(draft, replicas)

    def _roll_beside(self, draft: Draft, release: Release, replicas: int) -> None:
        """Rolls a Deployment that stands between two versions at the number of pods that it has. Kubernetes divides another
        number among two ReplicaSets in a rolling update alone: under Recreate it would wait for ever, and roll nothing."""
        live, now = draft.workload(self.app.name), draft.replicas(self.app.name)
        if live is None or not now or now == replicas or not is_a(live, DEPLOYMENT) or _is_of_one_version(live):
            return
        paused = False if get(live, "spec", "paused") else None
        why, why_wait = self._why_roll(draft, release, rolls=True)
        self._apply_own(draft, manifests.stable(release, now, self.rolling, paused=paused), why)
        draft.wait(self.app.name, "rolled-out", now, why_wait)


def _is_of_one_version(live: Obj) -> bool:
    counts = workload_of(live).counts(live)
    return not counts.is_behind and counts.updated in (0, counts.all)
