"""What a runner in the cluster is sent to do: all that a run is made from, packed for a Secret; and how it goes on with it when
the pod before it was killed."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..cluster import history
from ..cluster.port import Cluster
from ..errors import BadInput
from ..kube.clock import now, parse_timestamp
from ..kube.objects import SECRET, digest, get
from ..notify import PIPELINE
from ..plan.revision import Entry, Revision
from ..plan.steps import Frozen
from ..release.model import Release
from ..release.sources import variables_of
from .run import Options
from .saved import Asked, SavedPlan

FORMAT = "rollway.dev/errand.v1"
LEAST_S = 1.0
KEY = "rollway-errand"
"""In the Secret's data, beside variables by their names: no variable is called so."""


class Stood(Frozen):
    """How the revision stood that an errand acts on, before it began: a failure of before is none of the errand's."""

    entry: Entry | None = None
    message: str = ""


class Errand(Frozen):
    """`asked` is what a plan is computed from; `plan` one that was agreed on. `revision` is the number that it acts on. `job` is
    the runner's name, `by` who began it; `until` a moment (RFC 3339), empty for no limit. `ticks`: it is a CronJob's, which takes
    the release one pause further at a time."""

    format: Literal["rollway.dev/errand.v1"] = "rollway.dev/errand.v1"
    job: str
    asked: Asked
    plan: SavedPlan | None = None
    revision: int = 0
    stood: Stood = Stood()
    by: str = ""
    until: str = ""
    goes_on: bool = True
    goes_back: bool = True
    skip_gates: str = ""
    ticks: bool = False

    @property
    def release(self) -> Release:
        return released(self.asked)

    @property
    def who(self) -> str:
        """For the lock and the history."""
        return f"job {self.job} (started by {self.by})"

    @property
    def mark(self) -> str:
        """A fingerprint of what is to be done, whoever asks for it and when: the same command again is the same errand."""
        kept = {"job", "asked", "goes_on", "goes_back", "skip_gates", "ticks"}
        return digest(self.model_dump(mode="json", include=kept))

    def options(self, base: Options) -> Options:
        """`base` has what hears and measures."""
        left_s = max((parse_timestamp(self.until) - now()).total_seconds(), LEAST_S) if self.until else None
        return replace(
            base, holder=self.who, by=self.who, goes_on=self.goes_on and not self.ticks, goes_back=self.goes_back,
            force=self.asked.force, is_override=self.asked.is_override, skip_gates=self.skip_gates, timeout_s=left_s,
        )  # fmt: skip


def released(asked: Asked) -> Release:
    """The release that is asked for, with what looks on at it."""
    from ..release.conduct import as_recorded

    return as_recorded(Release.from_record(asked.release), asked.release)


def packed(errand: Errand) -> str:
    """For a Secret's data. Raises BadInput where the API server would not take it."""
    data = base64.b64encode(history.packed(errand.model_dump_json().encode())).decode()
    if len(data) > history.MAX_PACKED:
        raise BadInput(
            f"the release is too large to run in the cluster: {len(data):,} bytes packed, of at most {history.MAX_PACKED:,}",
            hint="leave large ConfigMaps and Secrets to manifests of their own",
        )
    return data


def unpacked(data: str) -> Errand:
    """Raises BadInput for what `packed` does not write."""
    try:
        return Errand.model_validate_json(history.unpacked(base64.b64decode(data)))
    except ValueError as error:
        raise BadInput(
            f"the errand of this runner cannot be read: {str(error).splitlines()[0]}",
            hint="the runner's image has to be of the rollway that starts it, or a newer one",
        ) from error


def environment_of(release: Release, here: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that gates and those that are told name, as they are here; nothing else of this environment travels."""
    names = [*variables_of(*release.gates_for(release.strategy), *release.notify)]
    names += [name for each in release.notify for name in PIPELINE.get(each.sink, ())]
    return {name: here[name] for name in dict.fromkeys(names) if here.get(name)}


async def read(cluster: Cluster, namespace: str, name: str) -> Errand:
    """By the runner itself, whose rights let it list Secrets. Raises BadInput where it is not there."""
    found = await cluster.list(SECRET, namespace, fields={"metadata.name": name})
    if not found:
        raise BadInput(f"there is no errand: Secret {name} of namespace {namespace} is gone")
    return unpacked(str(get(found[0], "data", KEY, default="")))


Turn = Literal["on", "back", "over"]


def turn_of(errand: Errand, revisions: Sequence[Revision]) -> Turn:
    """What is left of an errand that may have been begun by a pod before: to go `on` with it, to go `back`, as it has failed
    already, or nothing: it is `over`."""
    if follower_of(errand, revisions):
        return "over"
    found = next((each for each in revisions if each.number == errand.revision), None)
    if errand.asked.request.action == "rollback" or found is None or not _is_ours(errand, found):
        return "on"
    if errand.stood == stood_of(found):
        return "on"
    if found.phase in ("RolledBack", "Failed"):
        return "over"
    # why it fails is written before the way back begins, and goes as soon as it stands anew
    return "back" if found.message and found.phase != "Promoted" and errand.goes_back else "on"


def follower_of(errand: Errand, revisions: Sequence[Revision]) -> Revision | None:
    """What somebody has released after it, and stands: what is left of the errand would begin the older one anew, over that. Its
    own has a later number where the one that it was to have was taken meanwhile."""
    own = errand.release.digest if errand.asked.request.action == "apply" else ""
    later = [each for each in revisions if each.number > errand.revision and each.phase != "RolledBack"]
    return next((each for each in reversed(later) if each.digest != own), None)


def _is_ours(errand: Errand, found: Revision) -> bool:
    """A number may have gone to somebody else's release meanwhile."""
    return errand.asked.request.action == "promote" or found.digest == errand.release.digest


def stood_of(revision: Revision | None) -> Stood:
    if revision is None:
        return Stood()
    return Stood(entry=revision.entries[-1] if revision.entries else None, message=revision.message)


def asked_of(release: Release, **how: Any) -> Asked:
    """`how`: request, strategy, is_override, force."""
    return Asked(release=release.to_record(), **how)
