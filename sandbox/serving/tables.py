"""The columns that `kubectl get` shows: the server prints, the client only lays out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ...kube.clock import parse_timestamp
from ...kube.conversion import converted
from ...kube.objects import EVENT, Kind, Obj, get, is_namesake, labels_of
from ...kube.printed import age, pod_status, selector_text
from ...kube.types_gateway import GROUP as GATEWAY_API
from ..store.customs import Custom
from . import columns, furnishings, policies
from .columns import AGE, NAME, Column

META = "meta.k8s.io/v1"
Cells = Sequence[Any]


class Printer(NamedTuple):
    """How objects of a kind are shown: the head of the table, and the cells of one."""

    head: Sequence[Obj]
    cells: Callable[[Obj, datetime], Cells]


def table(
    printer: Printer, objects: Sequence[Obj], now: datetime, *, version: str = "", continue_: str = "", include: str = ""
) -> Obj:
    rows = [{"cells": list(printer.cells(obj, now)), "object": _carried(obj, include)} for obj in objects]
    meta = {key: value for key, value in (("resourceVersion", version), ("continue", continue_)) if value}
    return {"kind": "Table", "apiVersion": META, "metadata": meta, "columnDefinitions": list(printer.head), "rows": rows}


def printer_of(kind: Kind, custom: Custom | None = None) -> Printer:
    """Of a kind that a definition makes, as that says."""
    if custom is not None:
        return _defined(custom.columns or (columns.CREATED,))
    shown, cells = _built_in(kind)
    return Printer([_head(column) for column in shown], cells)


def _head(column: Column) -> Obj:
    return {
        "name": column.name, "type": column.type, "format": "name" if column.name == "Name" else "", "description": column.told,
        "priority": column.priority,
    }  # fmt: skip


def _defined(further: Sequence[Mapping[str, Any]]) -> Printer:
    def cells(obj: Obj, now: datetime) -> Cells:
        return obj["metadata"]["name"], *(columns.cell(obj, column, now) for column in further)

    return Printer([_head(NAME), *map(columns.described, further)], cells)


def _built_in(kind: Kind) -> tuple[tuple[Column, ...], Callable[[Obj, datetime], Cells]]:
    if is_namesake(kind.api_version, kind.name):
        return _DEFAULT
    return _PRINTERS.get(f"{kind.name}.{kind.group}") or _PRINTERS.get(kind.name, _DEFAULT)


def _carried(obj: Obj, include: str) -> Obj | None:
    match include:
        case "None":
            return None
        case "Object":
            return obj
        case _:
            return metadata_of(obj)


def metadata_of(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": obj["metadata"]}


def _created(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def _plain(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], _created(obj, now)


def _images(spec: Obj) -> tuple[str, str]:
    containers = spec.get("containers") or []
    return ",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)


def _pod(obj: Obj, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    states = status.get("containerStatuses") or []
    ready = sum(bool(state.get("ready")) for state in states)
    return (
        obj["metadata"]["name"], f"{ready}/{len(spec.get('containers') or ())}", pod_status(obj), _restarts(states, now),
        _created(obj, now), status.get("podIP") or "<none>", spec.get("nodeName") or "<none>",
        status.get("nominatedNodeName") or "<none>", _gates(obj),
    )  # fmt: skip


def _restarts(states: Sequence[Obj], now: datetime) -> str:
    """How many, and how long ago the last run before this one has ended."""
    count = sum(state.get("restartCount", 0) for state in states)
    ended = [at for state in states if (at := get(state, "lastState", "terminated", "finishedAt"))]
    return f"{count} ({age(max(ended), now)} ago)" if count and ended else str(count)


def _gates(pod: Obj) -> str:
    """How many of the readiness gates are met."""
    types = [gate["conditionType"] for gate in get(pod, "spec", "readinessGates", default=())]
    met = {each["type"] for each in get(pod, "status", "conditions", default=()) if each["status"] == "True"}
    return f"{sum(each in met for each in types)}/{len(types)}" if types else "<none>"


def _ingress(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    at = [each.get("ip") or each.get("hostname") or "" for each in get(obj, "status", "loadBalancer", "ingress", default=())]
    return (
        obj["metadata"]["name"], spec.get("ingressClassName") or "<none>", ",".join(hosts) or "*", ",".join(at),
        "80, 443" if spec.get("tls") else "80", _created(obj, now),
    )  # fmt: skip


def _scale(obj: Obj, now: datetime) -> Cells:
    wanted, there = (get(obj, part, "replicas", default=0) for part in ("spec", "status"))
    return obj["metadata"]["name"], wanted, there, _created(obj, now)


def _deployment(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["template"]["spec"])
    return (
        obj["metadata"]["name"], f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0), status.get("availableReplicas", 0), _created(obj, now), names, images,
        selector_text(spec.get("selector") or {}),
    )  # fmt: skip


def _replica_set(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["template"]["spec"])
    return (
        obj["metadata"]["name"], spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0),
        _created(obj, now), names, images, selector_text(spec.get("selector") or {}),
    )  # fmt: skip


def _stateful_set(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["template"]["spec"])
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return obj["metadata"]["name"], ready, _created(obj, now), names, images


def _daemon_set(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["template"]["spec"])
    chosen = ",".join(
        f"{key}={value}" for key, value in sorted(get(spec, "template", "spec", "nodeSelector", default={}).items())
    )
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled", "numberAvailable")
    return (
        obj["metadata"]["name"], *(status.get(key, 0) for key in counts), chosen or "<none>", _created(obj, now), names, images,
        selector_text(spec.get("selector") or {}),
    )  # fmt: skip


def _job(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["template"]["spec"])
    done, wanted, at_once = status.get("succeeded", 0), spec.get("completions"), spec.get("parallelism") or 1
    completions = f"{done}/{wanted}" if wanted is not None else f"{done}/1 of {at_once}" if at_once > 1 else f"{done}/1"
    return (
        obj["metadata"]["name"], _job_status(obj), completions, _lasted(status, now), _created(obj, now), names, images,
        selector_text(spec.get("selector") or {}),
    )  # fmt: skip


def _job_status(obj: Obj) -> str:
    held = {each["type"] for each in get(obj, "status", "conditions", default=()) if each["status"] == "True"}
    known = next((each for each in ("Complete", "Failed") if each in held), "")
    if known or "deletionTimestamp" in obj["metadata"]:
        return known or "Terminating"
    return next((each for each in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if each in held), "Running")


def _lasted(status: Obj, now: datetime) -> str:
    start, end = status.get("startTime"), status.get("completionTime")
    return "" if not start else age(start, parse_timestamp(end) if end else now)


def _cron_job(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(spec["jobTemplate"]["spec"]["template"]["spec"])
    last = age(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else "<none>"
    return (
        obj["metadata"]["name"], spec["schedule"], spec.get("timeZone") or "<none>", str(bool(spec.get("suspend"))),
        len(status.get("active") or ()), last, _created(obj, now), names, images,
        selector_text(get(spec, "jobTemplate", "spec", "selector", default={})) or "<none>",
    )  # fmt: skip


def _controller_revision(obj: Obj, now: datetime) -> Cells:
    owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    whose = "<none>"
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        whose = f"{owner['kind'].lower()}{group and '.'}{group}/{owner['name']}"
    return obj["metadata"]["name"], whose, obj.get("revision", 0), _created(obj, now)


def _replication_controller(obj: Obj, now: datetime) -> Cells:
    spec, status = obj["spec"], obj.get("status") or {}
    names, images = _images(get(spec, "template", "spec", default={}))
    chosen = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    return (
        obj["metadata"]["name"], spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0),
        _created(obj, now), names, images, chosen,
    )  # fmt: skip


def _service(obj: Obj, now: datetime) -> Cells:
    spec = obj["spec"]
    ports = [
        f"{port['port']}:{port['nodePort']}/{port['protocol']}" if port.get("nodePort") else f"{port['port']}/{port['protocol']}"
        for port in spec.get("ports") or ()
    ]
    selector = ",".join(f"{key}={value}" for key, value in sorted((spec.get("selector") or {}).items()))
    return (
        obj["metadata"]["name"], spec["type"], spec.get("clusterIP") or "<none>", _external(obj), ",".join(ports) or "<none>",
        _created(obj, now), selector or "<none>",
    )  # fmt: skip


def _external(service: Obj) -> str:
    spec, at = service["spec"], get(service, "status", "loadBalancer", "ingress", default=())
    if spec["type"] == "ExternalName":
        return str(spec.get("externalName", ""))
    balanced = {each.get("ip") or each.get("hostname") or "" for each in at} if spec["type"] == "LoadBalancer" else set()
    return ",".join([*sorted(balanced), *(spec.get("externalIPs") or ())]) or (
        "<pending>" if spec["type"] == "LoadBalancer" else "<none>"
    )


def _namespace(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], get(obj, "status", "phase", default=""), _created(obj, now)


def _node(obj: Obj, now: datetime) -> Cells:
    status = obj.get("status") or {}
    info, at = status.get("nodeInfo") or {}, {each["type"]: each["address"] for each in status.get("addresses") or ()}
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), "Unknown")
    words = {"True": "Ready", "False": "NotReady"}.get(ready, "Unknown")
    words += ",SchedulingDisabled" if get(obj, "spec", "unschedulable") else ""
    prefix = "node-role.kubernetes.io/"
    roles = sorted(key.removeprefix(prefix) for key in labels_of(obj) if key.startswith(prefix))
    return (
        obj["metadata"]["name"], words, ",".join(roles) or "<none>", _created(obj, now), info.get("kubeletVersion", ""),
        at.get("InternalIP", "<none>"), at.get("ExternalIP", "<none>"), info.get("osImage", "<unknown>"),
        info.get("kernelVersion", "<unknown>"), info.get("containerRuntimeVersion", "<unknown>"),
    )  # fmt: skip


def _data(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _created(obj, now)


def _secret(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj.get("type", ""), len(obj.get("data") or {}), _created(obj, now)


def _event(obj: Obj, now: datetime) -> Cells:
    obj = converted(obj, EVENT.api_version)
    involved = obj.get("involvedObject") or {}
    series, source = obj.get("series") or {}, obj.get("source") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime") or obj["metadata"].get("creationTimestamp")
    last = series.get("lastObservedTime") or obj.get("lastTimestamp") or first
    place = "/".join(part for part in (involved.get("kind", "").lower(), involved.get("name", "")) if part)
    who = source.get("component") or obj.get("reportingComponent"), source.get("host") or obj.get("reportingInstance")
    told = obj.get("type", ""), obj.get("reason", ""), place, involved.get("fieldPath", ""), ", ".join(filter(None, who))
    count = series.get("count") or obj.get("count") or 1
    return age(last, now), *told, (obj.get("message") or "").strip(), age(first, now), count, obj["metadata"]["name"]


def _definition(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")


def _lease(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], get(obj, "spec", "holderIdentity", default=""), _created(obj, now)


def _gateway_class(obj: Obj, now: datetime) -> Cells:
    spec, accepted = obj["spec"], _condition(obj, "Accepted")
    return obj["metadata"]["name"], spec.get("controllerName", ""), accepted, _created(obj, now), spec.get("description") or ""


def _gateway(obj: Obj, now: datetime) -> Cells:
    at = [each["value"] for each in get(obj, "status", "addresses", default=())]
    cells = get(obj, "spec", "gatewayClassName", default=""), ",".join(at), _condition(obj, "Programmed")
    return obj["metadata"]["name"], *cells, _created(obj, now)


def _route(obj: Obj, now: datetime) -> Cells:
    hosts = get(obj, "spec", "hostnames", default=())
    return obj["metadata"]["name"], json.dumps(hosts, separators=(",", ":")) if hosts else "", _created(obj, now)


def _condition(obj: Obj, type_: str) -> str:
    conditions = get(obj, "status", "conditions", default=())
    return next((each["status"] for each in conditions if each["type"] == type_), "")


_WIDE = (Column("Containers", "string", 1), Column("Images", "string", 1), Column("Selector", "string", 1))
_DEFAULT: tuple[tuple[Column, ...], Callable[[Obj, datetime], Cells]] = ((NAME, AGE), _plain)
_PRINTERS: Mapping[str, tuple[tuple[Column, ...], Callable[[Obj, datetime], Cells]]] = {
    "Pod": (
        (
            NAME, Column("Ready"), Column("Status"), Column("Restarts"), AGE, Column("IP", "string", 1),
            Column("Node", "string", 1), Column("Nominated Node", "string", 1), Column("Readiness Gates", "string", 1),
        ),
        _pod,
    ),
    "Deployment": (
        (NAME, Column("Ready"), Column("Up-to-date", "integer"), Column("Available", "integer"), AGE, *_WIDE),
        _deployment,
    ),
    "ReplicaSet": (
        (NAME, Column("Desired", "integer"), Column("Current", "integer"), Column("Ready", "integer"), AGE, *_WIDE),
        _replica_set,
    ),
    "Scale": ((NAME, Column("Desired", "integer"), Column("Available", "integer"), AGE), _scale),
    "StatefulSet": ((NAME, Column("Ready"), AGE, *_WIDE[:2]), _stateful_set),
    "DaemonSet": (
        (
            NAME, Column("Desired", "integer"), Column("Current", "integer"), Column("Ready", "integer"),
            Column("Up-to-date", "integer"), Column("Available", "integer"), Column("Node Selector"), AGE, *_WIDE,
        ),
        _daemon_set,
    ),
    "Job": ((NAME, Column("Status"), Column("Completions"), Column("Duration"), AGE, *_WIDE), _job),
    "CronJob": (
        (
            NAME, Column("Schedule"), Column("Timezone"), Column("Suspend", "boolean"), Column("Active", "integer"),
            Column("Last Schedule"), AGE, *_WIDE,
        ),
        _cron_job,
    ),
    "ControllerRevision": ((NAME, Column("Controller"), Column("Revision"), AGE), _controller_revision),
    "ReplicationController": (
        (NAME, Column("Desired", "integer"), Column("Current", "integer"), Column("Ready", "integer"), AGE, *_WIDE),
        _replication_controller,
    ),
    "Service": (
        (
            NAME, Column("Type"), Column("Cluster-IP"), Column("External-IP"), Column("Port(s)"), AGE,
            Column("Selector", "string", 1),
        ),
        _service,
    ),
    "Ingress": (
        (NAME, Column("Class"), Column("Hosts"), Column("Address"), Column("Ports"), AGE),
        _ingress,
    ),
    "Namespace": ((NAME, Column("Status"), AGE), _namespace),
    "Node": (
        (
            NAME, Column("Status"), Column("Roles"), AGE, Column("Version"), Column("Internal-IP", "string", 1),
            Column("External-IP", "string", 1), Column("OS-Image", "string", 1), Column("Kernel-Version", "string", 1),
            Column("Container-Runtime", "string", 1),
        ),
        _node,
    ),
    "ConfigMap": ((NAME, Column("Data", told=columns.OF_DATA), AGE), _data),
    "Secret": ((NAME, Column("Type"), Column("Data"), AGE), _secret),
    "Event": (
        (
            Column("Last Seen"), Column("Type"), Column("Reason"), Column("Object"), Column("Subobject", "string", 1),
            Column("Source", "string", 1), Column("Message"), Column("First Seen", "string", 1), Column("Count", "string", 1),
            NAME._replace(priority=1),
        ),
        _event,
    ),
    "CustomResourceDefinition": ((NAME, Column("Created At", "date")), _definition),
    "Lease": ((NAME, Column("Holder"), AGE), _lease),
    **policies.PRINTERS,
    **furnishings.PRINTERS,
    "GatewayClass": (
        (NAME, Column("Controller"), Column("Accepted"), AGE, Column("Description", "string", 1)),
        _gateway_class,
    ),
    f"Gateway.{GATEWAY_API}": ((NAME, Column("Class"), Column("Address"), Column("Programmed"), AGE), _gateway),
    "HTTPRoute": ((NAME, Column("Hostnames"), AGE), _route),
    "GRPCRoute": ((NAME, Column("Hostnames"), AGE), _route),
}  # fmt: skip
