"""recreate: every old pod goes, then every new one comes. Simple, cheap, and down in between."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import Obj, get
from ..plan.plan import Split
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
        if draft.replicas(self.app.name):
            draft.notes.append("there will be downtime: all old pods stop before the first new one starts")
            if get(self.release.workload, "spec", "podReplacementPolicy") == "TerminationStarted":
                draft.notes.append("podReplacementPolicy TerminationStarted: new pods start while old ones are still ending")
        return super()._finish(draft, replicas)
