"""An application as a tree: its revisions, their Deployments, their pods.

Pure: objects in, answers out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..health.pods import hindrance_of, is_of_template, is_ready
from ..kube.objects import Obj, annotations_of, get, labels_of
from ..kube.printed import pod_status
from ..kube.workload import SET_HASH, newest_hash, workload_of
from ..plan.observed import DIGEST_ANNOTATION
from ..plan.revision import Revision, in_flight_of, live_of
from ..release.model import Release, app_container
from .sides import Side
from .windows import is_of

HASH_LABEL = "pod-template-hash"


@dataclass(frozen=True)
class Leaf:
    """A pod: `status` as kubectl says it, `ready` of `containers`; `trouble` is what keeps it from being ready, in its words.
    `created` is a timestamp."""

    name: str
    status: str
    ready: int
    containers: int
    restarts: int
    created: str
    is_ready: bool
    trouble: str = ""


@dataclass(frozen=True)
class Branch:
    """A Deployment, with those of its pods that are of one revision: `ready` of `wanted`; `is_newest` where its template is that
    revision's."""

    side: Side
    pods: tuple[Leaf, ...]
    is_newest: bool
    ready: int
    wanted: int

    @staticmethod
    def of(side: Side, pods: Sequence[Leaf], *, is_newest: bool) -> Branch:
        ready = sum(leaf.is_ready for leaf in pods)
        if not is_newest:
            return Branch(side, tuple(pods), False, ready, len(pods))
        # of pods that may not be listed the Deployment's own count is what is known
        return Branch(side, tuple(pods), True, ready if pods else side.ready, side.wanted)


@dataclass(frozen=True)
class Stem:
    """A revision; None where its pods are of none that is known."""

    revision: Revision | None
    is_live: bool
    branches: tuple[Branch, ...]


def tree(
    release: Release,
    history: Sequence[Revision],
    sides: Sequence[Side],
    deployments: Sequence[Obj],
    pods: Sequence[Obj],
    revisions: Sequence[Obj] | None,
) -> tuple[Stem, ...]:
    """The newest revision first: those that are live, under way, or last, and those that have pods. `deployments` and their
    `sides` in one order. `revisions` are the ReplicaSets, or a set's ControllerRevisions; without
    them (None: they may not be listed) new pods are known by what they run."""
    live, current = live_of(history), in_flight_of(history)
    branches: dict[int, list[Branch]] = {}
    for side, deployment in zip(sides, deployments, strict=True):
        aim = _released_by(deployment, history)
        grouped: dict[int, list[Leaf]] = {aim.number if aim else 0: []}
        newest = _newest_hash(deployment, revisions)
        for pod in (pod for pod in pods if is_of(pod, deployment)):
            of = aim if _is_newest(pod, newest, deployment) else _runs(pod, release, aim, history)
            grouped.setdefault(of.number if of else 0, []).append(_leaf(pod))
        for number, leaves in grouped.items():
            is_aim = number == (aim.number if aim else 0)
            branches.setdefault(number, []).append(Branch.of(side, sorted(leaves, key=_order), is_newest=is_aim))
    shown = {each.number for each in (live, current, *history[-1:]) if each}
    known = [each for each in reversed(history) if each.number in shown or any(b.pods for b in branches.get(each.number, ()))]
    stems = [Stem(each, each is live, tuple(branches.get(each.number, ()))) for each in known]
    return (*stems, *([Stem(None, False, tuple(branches[0]))] if any(b.pods for b in branches.get(0, ())) else ()))


def compact(stems: Iterable[Stem], most_pods: int) -> Iterator[tuple[Stem, tuple[tuple[Branch, int], ...]]]:
    """Each revision with its Deployments, of which at most so many pods are left, those in trouble first, and how many more there
    are."""
    for stem in stems:
        cut: list[tuple[Branch, int]] = []
        for branch in stem.branches:
            kept = sorted(branch.pods, key=lambda leaf: (leaf.is_ready, branch.pods.index(leaf)))[:most_pods]
            left = tuple(leaf for leaf in branch.pods if leaf in kept)
            cut.append((replace(branch, pods=left), len(branch.pods) - len(left)))
        yield stem, tuple(cut)


def _released_by(deployment: Obj, history: Sequence[Revision]) -> Revision | None:
    """The revision whose template the Deployment has; what was found before any release is of the one that stands for it."""
    digest = annotations_of(deployment).get(DIGEST_ANNOTATION)
    found = [each for each in history if each.digest == digest]
    return _likeliest(found, history) if found else next((each for each in history if each.is_adopted), None)


def _runs(pod: Obj, release: Release, aim: Revision | None, history: Sequence[Revision]) -> Revision | None:
    """The revision of a pod that is not of its Deployment's newest template: by its image."""
    container = app_container({"metadata": {"name": release.app}, "spec": {"template": pod}}, release.app, release.container)
    found = [each for each in history if each.image == container.get("image") and each is not aim]
    return _likeliest(found, history)


def _likeliest(found: Sequence[Revision], history: Sequence[Revision]) -> Revision | None:
    preferred = [each for each in (in_flight_of(history), live_of(history)) if each in found]
    return next(iter((*preferred, *reversed(found))), None)


def _is_newest(pod: Obj, newest: str | None, deployment: Obj) -> bool:
    label = SET_HASH if workload_of(deployment).is_set else HASH_LABEL
    return is_of_template(pod, deployment) if newest is None else labels_of(pod).get(label) == newest


def _newest_hash(deployment: Obj, revisions: Sequence[Obj] | None) -> str | None:
    """That of the ReplicaSet that has the Deployment's template: what its revision's number says is older than the template until
    the controller has seen it. Empty where there is none yet, None where that cannot be told."""
    if revisions is None:
        return None
    if (known := workload_of(deployment)).is_set:
        return "" if known.counts(deployment).is_behind else newest_hash(deployment, revisions)
    uid, wanted = deployment["metadata"].get("uid"), deployment["spec"]["template"]
    for each in revisions:
        owners = each["metadata"].get("ownerReferences") or ()
        if any(owner["uid"] == uid for owner in owners) and _without_hash(each["spec"]["template"]) == _without_hash(wanted):
            return labels_of(each).get(HASH_LABEL, "")
    return ""


def _without_hash(template: Obj) -> Obj:
    meta = template.get("metadata") or {}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {key: value for key, value in (meta | {"labels": labels}).items() if value is not None}}


def _leaf(pod: Obj) -> Leaf:
    statuses = get(pod, "status", "containerStatuses", default=[])
    problem = None if is_ready(pod) else hindrance_of(pod)
    return Leaf(
        name=pod["metadata"]["name"],
        status=pod_status(pod),
        ready=sum(bool(each.get("ready")) for each in statuses),
        containers=len(get(pod, "spec", "containers", default=())),
        restarts=sum(int(each.get("restartCount", 0)) for each in statuses),
        created=str(pod["metadata"].get("creationTimestamp", "")),
        is_ready=is_ready(pod),
        trouble=": ".join(filter(None, (problem.reason, problem.detail))) if problem else "",
    )


def _order(leaf: Leaf) -> tuple[str, str]:
    return leaf.created, leaf.name
