"""The pods of an application, whichever of its versions' selectors chooses them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..kube.objects import Obj, get, labels_of, matches, ref_of
from ..plan.observed import Observed
from ..release.model import Release


def workloads(release: Release, observed: Observed) -> list[Obj]:
    """The release's own, as its manifest has it, and those that are live: by what they select its pods are listed
    (kube.workload.labels_of_all)."""
    own = observed.objects.get(ref_of(release.workload))
    return [release.workload, *observed.workloads(release.app), *([own] if own else [])]


def of_these(pods: Iterable[Obj], found: Sequence[Obj]) -> list[Obj]:
    """Of pods that were listed by what the selectors have in common those that one of them chooses."""
    return [pod for pod in pods if any(matches(get(each, "spec", "selector"), labels_of(pod)) for each in found)]
