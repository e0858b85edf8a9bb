"""What the API server refuses, kind by kind, in its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..objects import DEFINITION, POD, Kind, Obj, get, is_namesake
from ..schema import schema_of
from ..types_gateway import GROUP as GATEWAY_API
from . import autoscaler as validation_autoscaler
from . import batch as validation_batch
from . import checks, jobstatus, kept
from . import cron as validation_cron
from . import data as validation_data
from . import gateway as validation_gateway
from . import ingress as validation_ingress
from . import pod as validation_pod
from . import policy as validation_policy
from . import rbac as validation_rbac
from . import service as validation_service
from . import volumes as validation_volumes
from . import warnings as validation_warnings
from . import workload as validation_workload
from .checks import Problem, Problems
from .custom import custom
from .custom import status as custom_status

Schema = Mapping[str, Any]
Check = Callable[[Obj], Problems]
UpdateCheck = Callable[[Obj, Obj], Problems]


def refuse_new(kind: Kind, obj: Obj) -> None:
    """Raises Invalid with everything that is wrong with a new object."""
    _refuse(kind, obj, problems(kind, obj))


def problems(kind: Kind, obj: Obj) -> list[Problem]:
    """Everything that is wrong with an object in itself; it is decoded, and filled in."""
    return [*_metadata(kind, obj), *_spec(kind, obj)]


def refuse_changed(kind: Kind, obj: Obj, before: Obj) -> None:
    """Raises Invalid with everything that is wrong with an update: what is wrong in itself, and what may not change."""
    found = [*_metadata(kind, obj), *_metadata_update(obj, before), *_spec(kind, obj), *kept.update(kind, obj, before)]
    if schema_of(kind) is not None and (check := _UPDATES.get(kind.name)):
        found += check(obj, before)
    _refuse(kind, obj, found)


def refuse_beside(obj: Obj, before: Obj) -> None:
    """Raises Invalid where a pod's ephemeral containers may not become what they are to be."""
    _refuse(POD, obj, list(validation_pod.ephemeral_update(obj, before)))


def refuse_status(kind: Kind, obj: Obj, before: Obj) -> None:
    """Raises Invalid where the status contradicts itself, or the one `before`."""
    if kind.name in ("Deployment", "ReplicaSet", "ReplicationController"):
        _refuse(kind, obj, list(validation_workload.status(obj.get("status") or {})))
    elif kind.name == "Job":
        _refuse(kind, obj, list(jobstatus.status_update(obj, before)))
    elif kind.name == "StatefulSet":
        _refuse(kind, obj, list(validation_workload.set_status(obj.get("status") or {})))
    elif kind.name == "DaemonSet":
        _refuse(kind, obj, list(validation_workload.daemon_status(obj.get("status") or {})))
    elif kind.group == GATEWAY_API and (type_ := schema_of(kind)) is not None:
        _refuse(kind, obj, list(custom_status(obj, type_)))


def warnings(kind: Kind, obj: Obj) -> Sequence[str]:
    """What is said of a write that is accepted."""
    if not kind.is_a(DEFINITION):
        return validation_warnings.of(kind, obj)
    from . import definition

    return definition.unserved(obj)


def refuse_custom(kind: Kind, obj: Obj, schema: Schema, before: Obj | None = None) -> None:
    """Raises Invalid with everything that is wrong with an object of a kind that a definition makes."""
    from . import rules, structural

    found = [*_metadata(kind, obj)]
    if before is not None:
        found += _metadata_update(obj, before)
    plain = {key: value for key, value in obj.items() if key != "metadata"}
    meta = {key: value for key, value in obj["metadata"].items() if key in ("name", "generateName")}
    was = rules.NEW if before is None else before
    _refuse(kind, obj, [*found, *structural.problems(plain, schema, was, meta=meta)])


def refuse_custom_status(kind: Kind, obj: Obj, schema: Schema, before: Obj) -> None:
    """Raises Invalid where the status does not fit the definition."""
    from . import rules, structural

    described = get(schema, "properties", "status")
    if described is not None and "status" in obj:
        was = before.get("status", rules.NEW)
        _refuse(kind, obj, list(structural.status_problems(obj["status"], described, was)))


def _refuse(kind: Kind, obj: Obj, found: list[Problem]) -> None:
    if found:
        raise checks.refusal(kind.name, kind.group, obj["metadata"].get("name", ""), found)


def _spec(kind: Kind, obj: Obj) -> Problems:
    type_ = schema_of(kind)
    if check := _OPEN_CHECKS.get((kind.group, kind.name)):
        yield from check(obj)
    if type_ is None:
        return
    if type_.is_custom:
        yield from custom(obj, type_)
    elif check := _CHECKS.get(kind.name):
        yield from check(obj)


# What checks definitions, and what they define, is read where there are some.


def _definition(obj: Obj) -> Problems:
    from . import definition

    return definition.definition(obj)


def _definition_update(obj: Obj, before: Obj) -> Problems:
    from . import definition

    return definition.definition_update(obj, before)


_CHECKS: Mapping[str, Check] = {
    "Deployment": validation_workload.deployment,
    "ReplicaSet": validation_workload.replica_set,
    "ReplicationController": validation_workload.replication_controller,
    "StatefulSet": validation_workload.stateful_set,
    "DaemonSet": validation_workload.daemon_set,
    "ControllerRevision": validation_workload.controller_revision,
    "Job": validation_batch.job,
    "CronJob": validation_cron.cron_job,
    "Pod": validation_workload.pod,
    "Service": validation_service.service,
    "ConfigMap": validation_data.config_map,
    "Secret": validation_data.secret,
    "Lease": validation_data.lease,
    "PersistentVolumeClaim": validation_volumes.claim,
    "PodDisruptionBudget": validation_policy.budget,
    "HorizontalPodAutoscaler": validation_autoscaler.autoscaler,
    "Ingress": validation_ingress.ingress,
    "NetworkPolicy": validation_policy.network_policy,
    "Role": validation_rbac.role,
    "RoleBinding": validation_rbac.role_binding,
    "CustomResourceDefinition": _definition,
}

_OPEN_CHECKS: Mapping[tuple[str, str], Check] = {
    ("rbac.authorization.k8s.io", "ClusterRole"): validation_rbac.cluster_role,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): validation_rbac.cluster_role_binding,
}
"""Of kinds without a schema here."""

_UPDATES: Mapping[str, UpdateCheck] = {
    "Deployment": validation_workload.same_selector,
    "ReplicaSet": validation_workload.same_selector,
    "StatefulSet": validation_workload.stateful_set_update,
    "DaemonSet": validation_workload.same_selector,
    "ControllerRevision": validation_workload.same_data,
    "Job": validation_batch.job_update,
    "Pod": validation_pod.pod_update,
    "Service": validation_service.service_update,
    "ConfigMap": validation_data.config_map_update,
    "Secret": validation_data.secret_update,
    "CustomResourceDefinition": _definition_update,
    "GatewayClass": validation_gateway.same_controller,
}


# metadata

_NAME_RULES: Mapping[str, checks.Rule] = {
    "Service": checks.label_1035,
    "Namespace": checks.label_name,
    "StatefulSet": checks.label_name,
    "Role": checks.path_segment,
    "ClusterRole": checks.path_segment,
    "ClusterRoleBinding": checks.path_segment,
    "RoleBinding": checks.path_segment,
}


def _metadata(kind: Kind, obj: Obj) -> Problems:
    meta = obj["metadata"]
    known = None if is_namesake(kind.api_version, kind.name) else _NAME_RULES.get(kind.name)
    rule = known or checks.subdomain_name
    if prefix := meta.get("generateName"):
        # What comes after is made by the server: a trailing dash is fine.
        stem = prefix[:-1] + "a" if prefix.endswith("-") and len(prefix) > 1 else prefix
        for why in rule(stem):
            yield checks.invalid("metadata.generateName", prefix, why)
    if not meta.get("name"):
        yield checks.required("metadata.name", "name or generateName is required")
    else:
        yield from checks.by_rule("metadata.name", meta["name"], rule)
    yield from checks.labels("metadata.labels", meta.get("labels"))
    yield from checks.annotation_map("metadata.annotations", meta.get("annotations"))
    yield from _owners(meta)
    for finalizer in meta.get("finalizers") or ():
        found = list(checks.by_rule("metadata.finalizers", finalizer, checks.qualified_name))
        yield from found
        if not found and "/" not in finalizer and finalizer not in ("orphan", "foregroundDeletion", "kubernetes"):
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield checks.invalid("metadata.finalizers", finalizer, why)


def _owners(meta: Obj) -> Problems:
    controllers = []
    for owner in meta.get("ownerReferences") or ():
        for name, why in (
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ):
            if not owner.get(name):
                yield checks.invalid(f"metadata.ownerReferences.{name}", owner.get(name, ""), why)
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        first, second = (f"{owner['kind']}/{owner['name']}" for owner in controllers[:2])
        why = f'Only one reference can have Controller set to true. Found "true" in references for {first} and {second}'
        yield checks.invalid("metadata.ownerReferences", meta["ownerReferences"], why)


def _metadata_update(obj: Obj, before: Obj) -> Problems:
    meta, was = obj["metadata"], before["metadata"]
    if "deletionTimestamp" in was and (
        added := [name for name in meta.get("finalizers") or () if name not in (was.get("finalizers") or ())]
    ):
        why = f"no new finalizers can be added if the object is being deleted, found new finalizers {_go_strings(added)}"
        yield checks.forbidden("metadata.finalizers", why)
    for name in ("name", "namespace", "uid", "creationTimestamp"):
        if meta.get(name) != was.get(name):
            yield checks.immutable(f"metadata.{name}", meta.get(name, ""))


def _go_strings(values: list[str]) -> str:
    return "[]string{" + ", ".join(map(checks.shown, values)) + "}"
