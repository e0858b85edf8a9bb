"""The manifests that strategies apply, made from the user's own: nothing is changed but what a strategy needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from ..kube.intstr import resolve
from ..kube.objects import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Obj, copied, get, merged
from ..kube.workload import workload_of
from ..plan.observed import APP_LABEL, DIGEST_ANNOTATION, TRACK_LABEL, VERSION_ANNOTATION
from ..release.model import Release
from ..routing.selector import STABLE

ACCOUNT = ("serviceAccountName", "serviceAccount")


class Rolling(NamedTuple):
    """How a workload replaces its own pods (spec.strategy, spec.updateStrategy), how long a pod must be ready to count, and how
    long nothing may move before the controller gives up. None leaves the manifest's own. `partition`: below it the pods of a
    StatefulSet keep their version."""

    max_surge: int | str = "25%"
    max_unavailable: int | str = 0
    min_ready_s: int | None = None
    deadline_s: int | None = None
    type: Literal["RollingUpdate", "Recreate", "OnDelete"] = "RollingUpdate"
    partition: int = 0


def stanza(workload: Mapping[str, Any], rolling: Rolling) -> Obj:
    """What the workload's kind calls that."""
    if rolling.type != "RollingUpdate":
        return {"type": rolling.type}
    return {"type": rolling.type, "rollingUpdate": _LIMITS[workload_of(workload).kind.name](rolling)}


def _limits(rolling: Rolling) -> Obj:
    return {"maxSurge": rolling.max_surge, "maxUnavailable": rolling.max_unavailable}


_LIMITS: Mapping[str, Callable[[Rolling], Obj]] = {
    DEPLOYMENT.name: _limits,
    STATEFUL_SET.name: lambda rolling: {"partition": rolling.partition},
    DAEMON_SET.name: _limits,
}


def rolling_of(workload: Mapping[str, Any]) -> Rolling | None:
    """The rolling update that a Deployment's manifest asks for itself; None where it asks for something else or for nothing."""
    asked = get(workload, "spec", "strategy", default={})
    if asked.get("type", "RollingUpdate") != "RollingUpdate" or not asked.get("rollingUpdate"):
        return None
    limits = asked["rollingUpdate"]
    return Rolling(limits.get("maxSurge", "25%"), limits.get("maxUnavailable", "25%"))


def at_rest(workload: Mapping[str, Any], rolling: Rolling) -> Rolling:
    """How a workload stands when no release is under way: by the limits that its manifest has, if it has any."""
    if get(workload, "spec", "updateStrategy", "type") == "OnDelete":
        return rolling._replace(type="OnDelete")
    if get(workload, "spec", "strategy", "type") == "Recreate":
        return rolling._replace(type="Recreate")
    own = rolling_of(workload)
    return (
        rolling._replace(type="RollingUpdate", max_surge=own.max_surge, max_unavailable=own.max_unavailable) if own else rolling
    )


def may_lack(release: Release, replicas: int) -> int:
    """The pods that the user lets be missing for a while: the manifest's maxUnavailable, else Kubernetes' own default."""
    own = rolling_of(release.workload)
    return resolve(own.max_unavailable if own else "25%", replicas, round_up=False)


def stable(
    release: Release,
    replicas: int | None,
    rolling: Rolling,
    *,
    is_exact: bool = False,
    paused: bool | None = None,
) -> Obj:
    """The user's workload under its own name. `replicas` None leaves the number to whoever scales it.

    `is_exact` keeps labels as they are: a snapshot of what somebody else deployed must not restart for a mark of ours.
    """
    out = copied(release.workload)
    if not is_exact:
        out = _marked(release, out)
        out = out if workload_of(out).is_set else tracked(out)
    _set(out, replicas, rolling.deadline_s)
    out["spec"][workload_of(out).stanza] = stanza(out, rolling)
    if rolling.min_ready_s is not None:
        out["spec"]["minReadySeconds"] = max(rolling.min_ready_s, get(out, "spec", "minReadySeconds", default=0))
    if paused is not None:
        out["spec"]["paused"] = paused
    return out


def tracked(manifest: Obj, track: str = STABLE) -> Obj:
    """The manifest of a Deployment whose pods carry the track."""
    out = copied(manifest)
    _label_pods(out, track)
    return out


def namesakes_apart(applied: Obj, manifest: Obj) -> Obj:
    """The manifest of a Deployment with another name for each port that an apply would keep, as somebody else has set it, beside
    the manifest's own one of that name: two of one name are refused."""
    kept = {each["name"]: each.get("ports") or () for each in applied["spec"]["template"]["spec"]["containers"]}
    out = copied(manifest)
    for container in get(out, "spec", "template", "spec", "containers", default=()):
        ours = {port["name"]: _number_of(port) for port in container.get("ports") or () if port.get("name")}
        for port in kept.get(container["name"], ()):
            if ours.get(port.get("name"), _number_of(port)) != _number_of(port):
                container["ports"].append({**port, "name": f"port-{port['containerPort']}"})
    return out


def account_stated(applied: Obj, manifest: Obj) -> Obj:
    """The manifest of a workload, with the account `default` where it names none and an apply would leave another. The field has
    an older name, which the API server keeps in step with it: nobody holds that, and it brings back what an apply takes away."""
    left, said = (get(each, "spec", "template", "spec", default={}) for each in (applied, manifest))
    if not left.get("serviceAccount") or left.get("serviceAccountName") or any(said.get(name) for name in ACCOUNT):
        return manifest
    return merged(manifest, {"spec": {"template": {"spec": {"serviceAccountName": "default"}}}})


def _number_of(port: Obj) -> tuple[int, str]:
    return port["containerPort"], port.get("protocol", "TCP")


def second(release: Release, suffix: str, track: str, replicas: int, *, deadline_s: int | None = None) -> Obj:
    """A second Deployment beside the user's, `<name>-<suffix>`, whose selector holds the track, so that neither takes the
    other's pods."""
    out = _marked(release, copied(release.workload))
    out["metadata"]["name"] = second_name(release, suffix)
    selector = out["spec"]["selector"]
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), TRACK_LABEL: track}
    out["metadata"]["labels"][TRACK_LABEL] = track
    _label_pods(out, track)
    _set(out, replicas, deadline_s)
    out["spec"]["strategy"] = stanza(out, Rolling())
    return out


def second_name(release: Release, suffix: str) -> str:
    return f"{release.workload['metadata']['name']}-{suffix}"


def _marked(release: Release, manifest: Obj) -> Obj:
    meta = manifest["metadata"]
    meta["labels"] = {**(meta.get("labels") or {}), APP_LABEL: release.app}
    marks = {DIGEST_ANNOTATION: release.digest, VERSION_ANNOTATION: release.version}
    meta["annotations"] = {**(meta.get("annotations") or {}), **marks}
    return manifest


def _label_pods(manifest: Obj, track: str) -> None:
    meta: dict[str, Any] = manifest["spec"]["template"].setdefault("metadata", {})
    meta["labels"] = {**(meta.get("labels") or {}), TRACK_LABEL: track}


def _set(manifest: Obj, replicas: int | None, deadline_s: int | None) -> None:
    spec, known = manifest["spec"], workload_of(manifest)
    spec.pop("replicas", None)
    if replicas is not None and known.is_scaled:
        spec["replicas"] = replicas
    if deadline_s is not None and not known.is_set and get(spec, "progressDeadlineSeconds") is None:
        spec["progressDeadlineSeconds"] = deadline_s
