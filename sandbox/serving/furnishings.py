"""The columns of what a cluster is furnished with: volumes and their classes, webhooks, policies, certificates asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ...kube.objects import Obj, annotations_of, get, labels_of
from ...kube.printed import age
from ..api.claims import IS_DEFAULT
from .columns import AGE, NAME, Column
from .policies import MODES

Cells = Sequence[Any]
Printer = tuple[tuple[Column, ...], Callable[[Obj, datetime], Cells]]


def _created(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def volume(obj: Obj, now: datetime) -> Cells:
    spec, holder = obj.get("spec") or {}, get(obj, "spec", "claimRef", default={})
    phase = "Terminating" if "deletionTimestamp" in obj["metadata"] else get(obj, "status", "phase", default="")
    return (
        obj["metadata"]["name"], get(spec, "capacity", "storage", default=""),
        ",".join(MODES.get(each, each) for each in spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""), phase,
        f"{holder.get('namespace', '')}/{holder.get('name', '')}" if holder else "", spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>", get(obj, "status", "reason", default=""), _created(obj, now),
        spec.get("volumeMode") or "<unset>",
    )  # fmt: skip


def storage_class(obj: Obj, now: datetime) -> Cells:
    name = obj["metadata"]["name"] + (" (default)" if annotations_of(obj).get(IS_DEFAULT) == "true" else "")
    return (
        name, obj.get("provisioner", ""), obj.get("reclaimPolicy") or "Delete", obj.get("volumeBindingMode") or "Immediate",
        str(bool(obj.get("allowVolumeExpansion"))).lower(), _created(obj, now),
    )  # fmt: skip


def api_service(obj: Obj, now: datetime) -> Cells:
    service = get(obj, "spec", "service", default=None)
    told = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    condition: Obj = next((each for each in get(obj, "status", "conditions", default=()) if each["type"] == "Available"), {})
    reason = f" ({condition['reason']})" if condition.get("status") == "False" and condition.get("reason") else ""
    return obj["metadata"]["name"], told, f"{condition.get('status', 'Unknown')}{reason}", _created(obj, now)


def component(obj: Obj, now: datetime) -> Cells:
    healthy: Obj = next((each for each in obj.get("conditions") or () if each["type"] == "Healthy"), {})
    state = {"True": "Healthy", "False": "Unhealthy"}.get(healthy.get("status", ""), "Unknown")
    return obj["metadata"]["name"], state, healthy.get("message", ""), healthy.get("error", "")


def _counted(name: str) -> Callable[[Obj, datetime], Cells]:
    return lambda obj, now: (obj["metadata"]["name"], len(obj.get(name) or ()), _created(obj, now))


def admission_policy(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    kind = spec.get("paramKind")
    told = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind else "<unset>"
    rules = spec.get("validations") if "validations" in spec else spec.get("mutations")
    return obj["metadata"]["name"], len(rules or ()), told, _created(obj, now)


def policy_binding(obj: Obj, now: datetime) -> Cells:
    spec, ref = obj.get("spec") or {}, get(obj, "spec", "paramRef", default=None)
    told = "<unset>"
    if ref is not None:
        told = f"{ref['namespace']}/{ref.get('name', '')}" if ref.get("namespace") else f"*/{ref.get('name') or '*'}"
    return obj["metadata"]["name"], spec.get("policyName", ""), told, _created(obj, now)


def signing_request(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    lasts = f"{spec['expirationSeconds']}s" if spec.get("expirationSeconds") is not None else "<none>"
    told = [each["type"] for each in get(obj, "status", "conditions", default=())]
    condition = ",".join(each for each in ("Approved", "Denied", "Failed") if each in told) or "Pending"
    condition += ",Issued" if get(obj, "status", "certificate") else ""
    return (
        obj["metadata"]["name"],
        _created(obj, now),
        spec.get("signerName") or "<none>",
        spec.get("username", ""),
        lasts,
        condition,
    )


def driver(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    flags = [str(bool(spec.get(name))).lower() for name in ("attachRequired", "podInfoOnMount", "storageCapacity")]
    tokens = ",".join(each.get("audience", "") for each in spec.get("tokenRequests") or ()) or "<unset>"
    modes = ",".join(spec.get("volumeLifecycleModes") or ()) or "<none>"
    again = str(bool(spec.get("requiresRepublish"))).lower()
    return obj["metadata"]["name"], *flags, tokens, again, modes, _created(obj, now)


def attachment(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    is_attached = str(bool(get(obj, "status", "attached"))).lower()
    claimed = get(spec, "source", "persistentVolumeName", default="")
    return obj["metadata"]["name"], spec.get("attacher", ""), claimed, spec.get("nodeName", ""), is_attached, _created(obj, now)


def runtime_class(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj.get("handler", ""), _created(obj, now)


def limits(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")


def flow(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    level = get(spec, "priorityLevelConfiguration", "name", default="")
    method = get(spec, "distinguisherMethod", "type", default="<none>")
    dangling = [each["status"] for each in get(obj, "status", "conditions", default=()) if each["type"] == "Dangling"]
    return (
        obj["metadata"]["name"], level, spec.get("matchingPrecedence", 0), method, _created(obj, now),
        dangling[0] if dangling else "?",
    )  # fmt: skip


def priority_level(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    of_type = spec.get(str(spec.get("type", "")).lower()) or {}
    queues = get(of_type, "limitResponse", "queuing", default={})
    told = [queues.get(name, "<none>") for name in ("queues", "handSize", "queueLengthLimit")]
    shares = of_type.get("nominalConcurrencyShares", "<none>")
    return obj["metadata"]["name"], spec.get("type", ""), shares, *told, _created(obj, now)


def address(obj: Obj, now: datetime) -> Cells:
    ref = get(obj, "spec", "parentRef", default={})
    resource = ".".join(filter(None, (ref.get("resource"), ref.get("group"))))
    whose = "/".join(filter(None, (resource, ref.get("namespace"), ref.get("name"))))
    return obj["metadata"]["name"], whose or "<none>"


def service_network(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], ",".join(get(obj, "spec", "cidrs", default=())), _created(obj, now)


def drivers(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], len(get(obj, "spec", "drivers", default=())), _created(obj, now)


def capacity(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj.get("storageClassName", ""), obj.get("capacity") or "<unset>"


def attributes(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj.get("driverName", ""), _created(obj, now)


def resource_claim(obj: Obj, now: datetime) -> Cells:
    is_going, status = "deletionTimestamp" in obj["metadata"], obj.get("status") or {}
    states = ["deleted"] if is_going else []
    if "allocation" in status:
        states += ["allocated", "reserved"] if status.get("reservedFor") else ["allocated"]
    elif not is_going:
        states += ["pending"]
    return obj["metadata"]["name"], ",".join(states), _created(obj, now)


def resource_slice(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    pool = get(spec, "pool", "name", default="")
    return obj["metadata"]["name"], spec.get("nodeName", ""), spec.get("driver", ""), pool, _created(obj, now)


def pod_template(obj: Obj, now: datetime) -> Cells:
    template = obj.get("template") or {}
    containers = get(template, "spec", "containers", default=())
    labels = ",".join(f"{key}={value}" for key, value in sorted(labels_of(template).items()))
    names, images = (",".join(each.get(key, "") for each in containers) for key in ("name", "image"))
    return obj["metadata"]["name"], names, images, labels or "<none>"


_WEBHOOKS: Printer = ((NAME, Column("Webhooks", "integer"), AGE), _counted("webhooks"))
_POLICY = (NAME, Column("Validations", "integer"), Column("ParamKind"), AGE)
_BINDING = (NAME, Column("PolicyName"), Column("ParamRef"), AGE)
PRINTERS: Mapping[str, Printer] = {
    "APIService": ((NAME, Column("Service"), Column("Available"), AGE), api_service),
    "ComponentStatus": ((NAME, Column("Status"), Column("Message"), Column("Error")), component),
    "PersistentVolume": (
        (
            NAME, Column("Capacity"), Column("Access Modes"), Column("Reclaim Policy"), Column("Status"), Column("Claim"),
            Column("StorageClass"), Column("VolumeAttributesClass"), Column("Reason"), AGE, Column("VolumeMode", "string", 1),
        ),
        volume,
    ),
    "StorageClass": (
        (
            NAME, Column("Provisioner"), Column("ReclaimPolicy"), Column("VolumeBindingMode"), Column("AllowVolumeExpansion"),
            AGE,
        ),
        storage_class,
    ),
    "MutatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingWebhookConfiguration": _WEBHOOKS,
    "ValidatingAdmissionPolicy": (_POLICY, admission_policy),
    "MutatingAdmissionPolicy": ((NAME, Column("Mutations", "integer"), Column("ParamKind"), AGE), admission_policy),
    "ValidatingAdmissionPolicyBinding": (_BINDING, policy_binding),
    "MutatingAdmissionPolicyBinding": (_BINDING, policy_binding),
    "CertificateSigningRequest": (
        (
            NAME, AGE, Column("SignerName"), Column("Requestor"), Column("RequestedDuration"), Column("Condition"),
        ),
        signing_request,
    ),
    "CSIDriver": (
        (
            NAME, Column("AttachRequired", "boolean"), Column("PodInfoOnMount", "boolean"), Column("StorageCapacity", "boolean"),
            Column("TokenRequests"), Column("RequiresRepublish", "boolean"), Column("Modes"), AGE,
        ),
        driver,
    ),
    "VolumeAttachment": (
        (NAME, Column("Attacher"), Column("PV"), Column("Node"), Column("Attached", "boolean"), AGE), attachment,
    ),
    "RuntimeClass": ((NAME, Column("Handler"), AGE), runtime_class),
    "LimitRange": ((NAME, Column("Created At", "date")), limits),
    "PodTemplate": ((NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), pod_template),
    "FlowSchema": (
        (
            NAME, Column("PriorityLevel"), Column("MatchingPrecedence", "integer"), Column("DistinguisherMethod"), AGE,
            Column("MissingPL"),
        ),
        flow,
    ),
    "PriorityLevelConfiguration": (
        (
            NAME, Column("Type"), Column("NominalConcurrencyShares", "integer"), Column("Queues", "integer"),
            Column("HandSize", "integer"), Column("QueueLengthLimit", "integer"), AGE,
        ),
        priority_level,
    ),
    "IPAddress": ((NAME, Column("ParentRef")), address),
    "ServiceCIDR": ((NAME, Column("CIDRs"), AGE), service_network),
    "CSINode": ((NAME, Column("Drivers", "integer"), AGE), drivers),
    "CSIStorageCapacity": ((NAME, Column("StorageClassName"), Column("Capacity")), capacity),
    "VolumeAttributesClass": ((NAME, Column("DriverName"), AGE), attributes),
    "ResourceClaim": ((NAME, Column("State"), AGE), resource_claim),
    "ResourceSlice": ((NAME, Column("Node"), Column("Driver"), Column("Pool"), AGE), resource_slice),
}  # fmt: skip
"""By kind: the columns, and what stands in them."""
