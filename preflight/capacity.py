"""Room for a release: pods that may be missing, and new pods that have to fit in beside the old ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kube.objects import (
    DEPLOYMENT,
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_QUOTA,
    STATEFUL_SET,
    Obj,
    get,
    is_a,
    labels_of,
    matches,
)
from ..kube.quantity import amount, of_a_pod
from ..kube.validation.workload import REPLACEMENT_POLICIES
from ..kube.workload import pods_of, workload_of
from ..release.model import key_of
from ..release.options import is_none
from ..release.yamlfile import Path
from .case import POD, Case, mapping, mappings, named, texts
from .model import Edit, Found

_NO_SURGE = "release by recreate, or by ramped with maxSurge: 0, maxUnavailable: 1"


def last_pod_taken(case: Case) -> Iterator[Found]:
    if case.strategy not in ("ramped", "canary") or not case.serving or not case.replicas:
        return
    surge, unavailable = case.rolling.max_surge, case.rolling.max_unavailable
    if _is_stuck(surge, unavailable) or case.limits(case.replicas).unavailable < case.replicas:
        return
    if workload_of(case.workload).is_set and workload_of(case.workload).is_scaled:
        why = f"{named(case.workload)} has one pod, which leaves before the one in its place comes"
        yield Found(case.workload, ("spec", "replicas"), why, hint="two pods or more, or a Deployment, whose new pod comes first")
        return
    obj, path = _limits_of(case)
    key = None if obj is None else case.key
    at = "maxSurge" if case.strategy == "canary" else "maxUnavailable"  # whose pods that may be missing have no key
    edits = [] if case.strategy == "canary" else [Edit(key, (*path, at), 0)]
    if is_none(surge):
        edits.append(Edit(key, (*path, "maxSurge"), 1))
    pods = "the only pod" if case.replicas == 1 else f"all {case.replicas} pods"
    yield Found(
        obj,
        (*path, at),
        f"maxUnavailable {unavailable} with maxSurge {surge} lets {pods} go before a new one is ready",
        tuple(edits),
    )


def cannot_move(case: Case) -> Iterator[Found]:
    """Of the rolling update that would run, and of the Deployment's own, which it has when no release is under way."""
    from ..strategies.manifests import rolling_of

    own = (case.workload, ("spec", "strategy", "rollingUpdate"))
    for rolling, (obj, path) in ((case.rolling, _limits_of(case)), (rolling_of(case.workload), own)):
        if rolling and rolling.type == "RollingUpdate" and _is_stuck(rolling.max_surge, rolling.max_unavailable):
            edit = Edit(None if obj is None else case.key, (*path, "maxSurge"), 1)
            yield Found(obj, (*path, "maxUnavailable"), "maxSurge and maxUnavailable are both 0", (edit,))
            return


def limit_in_vain(case: Case) -> Iterator[Found]:
    path = ("spec", "updateStrategy", "rollingUpdate", "maxUnavailable")
    for workload in (case.workload, *case.release.others):
        if is_a(workload, STATEFUL_SET) and (asked := get(workload, *path)) is not None:
            told = f"{named(workload)} asks for maxUnavailable {asked}, which is dropped without a word: one pod at a time"
            yield Found(workload, path, told, (Edit(key_of(workload), path, is_removal=True),))


def alpha_policy(case: Case) -> Iterator[Found]:
    path = ("spec", "podReplacementPolicy")
    for workload in (case.workload, *case.release.others):
        if is_a(workload, DEPLOYMENT) and (policy := get(workload, *path)) is not None:
            is_known = policy in REPLACEMENT_POLICIES
            what = "which most clusters do not know" if is_known else f"and there are only {' and '.join(REPLACEMENT_POLICIES)}"
            told = f"{named(workload)} asks for podReplacementPolicy {policy}, {what}"
            edits = (Edit(key_of(workload), path, is_removal=True),)
            yield Found(workload, path, told, edits, severity=None if is_known else "error")


def _is_stuck(surge: int | str, unavailable: int | str) -> bool:
    return is_none(surge) and is_none(unavailable)


def _limits_of(case: Case) -> tuple[Obj | None, Path]:
    """Where the limits of the rolling update are written: the release file's block, else the Deployment."""
    block = case.strategy if case.strategy in ("ramped", "canary") else ""
    options = getattr(case.release.options, block).model_fields_set if block else set()
    rolling = ("spec", workload_of(case.workload).stanza, "rollingUpdate")
    is_own = get(case.workload, *rolling) is not None and block != "canary"
    if options & {"max_surge", "max_unavailable"} or not is_own:
        return None, ("strategies", block or case.strategy)
    return case.workload, rolling


def volume_held(case: Case) -> Iterator[Found]:
    if not case.runs_beside or len(_nodes(case)) == 1:
        return
    claims = {claim["metadata"]["name"]: claim for claim in case.all(PERSISTENT_VOLUME_CLAIM)}
    for place, volume in mappings(case.pod, "volumes"):
        name = get(volume, "persistentVolumeClaim", "claimName")
        modes = texts(claims.get(name), "spec", "accessModes") if isinstance(name, str) else []
        is_held = bool(modes) and set(modes) <= {"ReadWriteOnce", "ReadWriteOncePod"}
        if not is_held or get(volume, "persistentVolumeClaim", "readOnly"):
            continue
        is_surely = set(modes) == {"ReadWriteOncePod"}
        whose = "one pod at a time" if is_surely else "the pods of one node"
        yield Found(
            case.workload,
            (*POD, "volumes", place),
            f"the volume of claim {name} is for {whose} ({modes[0]}), and {case.strategy} starts new pods beside the old",
            hint=_NO_SURGE,
            severity="error" if is_surely else None,
        )


def port_held(case: Case) -> Iterator[Found]:
    if not case.runs_beside or _has_spare_nodes(case):
        return
    if get(case.pod, "hostNetwork") is True and any(each.ports for each in case.containers):
        yield Found(case.workload, (*POD, "hostNetwork"), _one_a_node(case, "hostNetwork"), hint=_NO_SURGE)
        return
    for container in case.containers:
        for place, port in mappings(container.spec, "ports"):
            if port.get("hostPort"):
                path = (*container.path, "ports", place, "hostPort")
                yield Found(case.workload, path, _one_a_node(case, f"hostPort {port['hostPort']}"), hint=_NO_SURGE)


def node_held(case: Case) -> Iterator[Found]:
    path = ("affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not case.runs_beside or _has_spare_nodes(case):
        return
    for place, term in mappings(case.pod, *path):
        if term.get("matchLabelKeys") or term.get("mismatchLabelKeys") or term.get("namespaces"):
            continue
        if _chooses(term.get("labelSelector"), case.labels):
            per = str(term.get("topologyKey", "")).rpartition("/")[2] or "node"
            what = f"anti-affinity that keeps its own pods one a {per}"
            yield Found(case.workload, (*POD, *path, place), _one_a_node(case, what), hint=f"{_NO_SURGE}; or prefer it only")


def _chooses(selector: Any, labels: dict[str, str]) -> bool:
    try:
        return isinstance(selector, dict) and bool(selector) and matches(selector, labels)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _one_a_node(case: Case, what: str) -> str:
    count = case.replicas or 1
    nodes = _nodes(case)
    known = f"; there are {len(nodes)} nodes" if nodes else ""
    return f"{what}: the {case.surge} more that {case.strategy} starts beside {count} need nodes of their own{known}"


def _nodes(case: Case) -> list[Obj]:
    """The live nodes that take pods; none where no cluster was asked."""
    return [node for node in case.live(NODE) if not get(node, "spec", "unschedulable")]


def _has_spare_nodes(case: Case) -> bool:
    return len(_nodes(case)) >= (case.replicas or 1) + case.surge


def quota_exceeded(case: Case) -> Iterator[Found]:
    for quota in case.all(RESOURCE_QUOTA):
        if get(quota, "spec", "scopes") or get(quota, "spec", "scopeSelector"):
            continue
        used = mapping(quota, "status", "used")
        for resource, limit in mapping(quota, "spec", "hard").items():
            if found := _over(case, quota, str(resource), limit, used.get(resource, 0)):
                yield found


def _over(case: Case, quota: Obj, resource: str, limit: Any, used: Any) -> Found | None:
    """What a release needs of one resource of a quota above what is left of it."""
    try:
        each, left = of_a_pod((each.spec for each in case.containers), resource), amount(limit) - amount(used)
    except ValueError:
        return None
    if not each:
        return None
    running = pods_of(case.live_workload)
    count = case.replicas if case.replicas is not None else max(running, 1)
    wanted = max(count - running, 0) + case.surge
    fits = int(left / each + 1e-9)
    if fits >= wanted:
        return None
    unavailable = case.limits(count).unavailable
    least = case.surge if case.strategy in ("blue-green", "ab") else 0 if unavailable else min(case.surge, 1)
    surely = fits < max(count - running, 0) + least
    what = f"{wanted} more pods" if wanted != 1 else "one more pod"
    return Found(
        quota if case.is_written(quota) else case.workload,
        ("spec", "hard", resource) if case.is_written(quota) else ("spec", "replicas"),
        f"{named(quota)} leaves room for {max(fits, 0)} of them by {resource}, and {case.strategy} needs {what}",
        hint="raise the quota, ask for less, or take a strategy that needs no room: recreate, or ramped with maxSurge: 0",
        severity="error" if surely else None,
    )


def fits_nowhere(case: Case) -> Iterator[Found]:
    """Needs the cluster's nodes: a pod that asks for more than the largest of them has waits for ever."""
    nodes = _nodes(case)
    if not nodes:
        return
    for resource, unit in (("cpu", "CPUs"), ("memory", "bytes of memory")):
        try:
            asked = of_a_pod((each.spec for each in case.containers), f"requests.{resource}")
            most = max(amount(get(node, "status", "allocatable", resource, default=0)) for node in nodes)
        except ValueError:
            continue
        if most and asked > most:
            place = next((each for each in case.containers if get(each.spec, "resources")), case.containers[0])
            yield Found(
                case.workload,
                (*place.path, "resources"),
                f"each pod asks for {asked:,.10g} {unit}, and no node has more than {most:,.10g}",
                hint="ask for less, or for a larger node first",
            )
    asked_of = {str(key): str(value) for key, value in mapping(case.pod, "nodeSelector").items()}
    if asked_of and not any(asked_of.items() <= labels_of(node).items() for node in nodes):
        wanted = ", ".join(f"{key}={value}" for key, value in asked_of.items())
        yield Found(
            case.workload, (*POD, "nodeSelector"), f"no node has the labels {wanted}", hint="label one, or choose by others"
        )
