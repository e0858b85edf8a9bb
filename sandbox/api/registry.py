"""What differs between kinds when they are written: status and generation, what a subresource resets, how they are deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...kube.fieldset import Path
from ...kube.objects import HOMES, KINDS, Kind, Obj
from ...kube.schema import schema_of, types
from .deletion import FOREGROUND, ORPHAN, Propagation
from .resizing import resized

PARTS: Mapping[str, tuple[str, str]] = {
    "ephemeralcontainers": ("spec", "ephemeralContainers"),
    "approval": ("status", "conditions"),
}
"""Subresources that write one part of an object, and nothing else."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`creates_on_update`: a PUT creates what is missing. `updates_blindly`: without a resourceVersion too.
    `answers_deleted`: a delete answers the object, not a Status. `orphans`: a delete that says nothing of them leaves its
    dependents. `has_scale`: the scale subresource exists."""

    is_custom: bool = False
    has_status: bool = False
    has_generation: bool = False
    creates_on_update: bool = False
    updates_blindly: bool = True
    answers_deleted: bool = False
    orphans: bool = False
    has_scale: bool = False
    bumps_on_annotations: bool = False
    status_keeps_labels: bool = False

    def dependents(self, live: Obj, asked: Propagation) -> Propagation:
        """What a delete does with the dependents: as asked, as its finalizers say already, else as is the kind's way."""
        is_open = not asked and not {FOREGROUND, ORPHAN} & set(live["metadata"].get("finalizers") or ())
        return "Orphan" if is_open and self.orphans else asked

    def ignored(self, subresource: str) -> Sequence[Path]:
        """The fields that a write to this endpoint cannot own, because it resets them."""
        if subresource in PARTS:
            return []
        if subresource == "status":
            paths: list[Path] = [("f:spec",)]
            if self.is_custom:
                paths.append(("f:metadata",))
            elif self.status_keeps_labels:
                paths.append(("f:metadata", "f:labels"))
            return paths
        return [("f:status",)] if self.has_status else []

    def reset(self, obj: Obj, live: Obj, subresource: str) -> Obj:
        """The object with everything that this endpoint does not write taken from the live one."""
        if subresource == "resize":
            return resized(obj, live)
        if subresource in PARTS:
            around, name = PARTS[subresource]
            part = (obj.get(around) or {}).get(name)
            kept = {key: value for key, value in (live.get(around) or {}).items() if key != name}
            out = dict(live) | {around: kept | ({name: part} if part else {})}
            return out | {"metadata": dict(live["metadata"])}
        if subresource == "status":
            meta = dict(live["metadata"] if self.is_custom else obj["metadata"])
            if self.status_keeps_labels:
                meta.pop("labels", None)
                if "labels" in live["metadata"]:
                    meta["labels"] = live["metadata"]["labels"]
            kept = {key: value for key, value in live.items() if key != "status"} | {
                "metadata": meta,
                "apiVersion": obj["apiVersion"],
            }
            return kept | ({"status": obj["status"]} if "status" in obj else {})
        out = dict(obj) | {"metadata": dict(obj["metadata"])}
        if self.has_status:
            out.pop("status", None)
            if "status" in live:
                out["status"] = live["status"]
        return out

    def bump(self, obj: Obj, live: Obj, subresource: str) -> None:
        """Raises the generation where what is wanted has changed."""
        if not self.has_generation or subresource == "status":
            return
        if self._wanted(obj) != self._wanted(live):
            obj["metadata"]["generation"] = (live["metadata"].get("generation") or 0) + 1

    def _wanted(self, obj: Obj) -> Obj:
        left_out = ("metadata", "apiVersion", "kind", "status" if self.has_status else "")
        wanted = {key: value for key, value in obj.items() if key not in left_out}
        if self.bumps_on_annotations:
            wanted["annotations"] = obj["metadata"].get("annotations") or {}
        return wanted


def _rules() -> Mapping[tuple[str, str], Rules]:
    with_generation = (
        "Deployment", "ReplicaSet", "Pod", "PodDisruptionBudget", "Ingress", "NetworkPolicy", "EndpointSlice",
        "VirtualService", "DestinationRule", "Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute", "ReferenceGrant",
        "StatefulSet", "DaemonSet", "ReplicationController", "Job", "CronJob",
        "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "FlowSchema",
        "PriorityLevelConfiguration", "PriorityClass", "IngressClass", "DeviceClass", "ResourceSlice", "PodTemplate",
    )  # fmt: skip
    not_blindly = (
        "Lease", "ServiceAccount", "PodDisruptionBudget", "Namespace", "VirtualService", "DestinationRule", "Gateway",
        "GatewayClass", "HTTPRoute", "GRPCRoute", "ReferenceGrant", "CustomResourceDefinition",
    )  # fmt: skip
    out = {}
    for kind in KINDS:
        type_ = schema_of(kind) or types()[kind.name]
        out[kind.group, kind.name] = Rules(
            is_custom=type_.is_custom,
            has_status="status" in type_.fields,
            has_generation=kind.name in with_generation,
            creates_on_update=kind.name in ("Lease", "Event", "Role", "RoleBinding"),
            updates_blindly=kind.name not in not_blindly,
            answers_deleted=kind.name in ("Pod", "Service", "ServiceAccount", "PersistentVolumeClaim", "ResourceQuota"),
            orphans=kind.name in ("ReplicationController", "Job"),
            has_scale=kind.name in ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController"),
            bumps_on_annotations=kind.name == "Deployment",
            status_keeps_labels=kind.name == "Deployment",
        )
    return out | {name: out[home.group, home.name] for name, home in HOMES.items()}


_RULES: Mapping[tuple[str, str], Rules] = _rules()
_CUSTOM = Rules(is_custom=True, has_status=True, has_generation=True, updates_blindly=False)


def rules_of(kind: Kind) -> Rules:
    """A kind that is not built in is a custom resource, whatever its name."""
    return _RULES.get((kind.group, kind.name), _CUSTOM)
