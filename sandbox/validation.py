"""What the API server refuses, kind by kind, in its own words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from ..kube.objects import Kind, Obj, get, matches
from ..kube.schema import schema_of
from . import checks, validation_pod
from .checks import Problem, Problems
from .validation_custom import custom

Check = Callable[[Obj], Problems]
UpdateCheck = Callable[[Obj, Obj], Problems]


def refuse_new(kind: Kind, obj: Obj) -> None:
    """Raises Invalid with everything that is wrong with a new object."""
    _refuse(kind, obj, [*_metadata(kind, obj), *_spec(kind, obj)])


def refuse_changed(kind: Kind, obj: Obj, before: Obj) -> None:
    """Raises Invalid with everything that is wrong with an update: what is wrong in itself, and what may not change."""
    problems = [*_metadata(kind, obj), *_metadata_update(obj, before), *_spec(kind, obj)]
    if check := _UPDATES.get(kind.name):
        problems += check(obj, before)
    _refuse(kind, obj, problems)


def _refuse(kind: Kind, obj: Obj, problems: list[Problem]) -> None:
    if problems:
        raise checks.refusal(kind.name, kind.group, obj["metadata"].get("name", ""), problems)


def _spec(kind: Kind, obj: Obj) -> Problems:
    type_ = schema_of(kind)
    if type_ is not None and type_.is_custom:
        yield from custom(obj, type_)
    elif check := _CHECKS.get(kind.name):
        yield from check(obj)


# metadata

_NAME_RULES: Mapping[str, checks.Rule] = {
    "Service": checks.label_1035,
    "Namespace": checks.label_name,
    "Role": checks.path_segment,
    "RoleBinding": checks.path_segment,
}


def _metadata(kind: Kind, obj: Obj) -> Problems:
    meta = obj["metadata"]
    rule = _NAME_RULES.get(kind.name, checks.subdomain_name)
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
            yield _immutable(f"metadata.{name}", meta.get(name, ""))


def _go_strings(values: list[str]) -> str:
    return "[]string{" + ", ".join(map(checks.shown, values)) + "}"


def _immutable(field: str, value: Any) -> Problem:
    return checks.invalid(field, value, "field is immutable")


# workloads


def _deployment(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    yield from _selector(spec, "deployment")
    yield from _template(spec)
    yield from _strategy(spec.get("strategy") or {})
    ready = spec.get("minReadySeconds", 0)
    yield from checks.not_negative("spec.minReadySeconds", ready)
    yield from checks.not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    yield from checks.not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= ready:
        yield checks.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _replica_set(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    yield from checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from _selector(spec, "deployment")
    yield from _template(spec)


def _selector(spec: Obj, workload: str) -> Problems:
    selector = spec.get("selector")
    if selector is None:
        yield checks.required("spec.selector")
        return
    yield from checks.label_selector("spec.selector", selector)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield checks.invalid("spec.selector", selector, f"empty selector is invalid for {workload}")


def _template(spec: Obj) -> Problems:
    template, selector = spec["template"], spec.get("selector")
    labels = get(template, "metadata", "labels", default={})
    operators = {term.get("operator") for term in (selector or {}).get("matchExpressions") or ()}
    if operators - {"In", "NotIn", "Exists", "DoesNotExist"}:
        yield checks.invalid("spec.selector", selector, "invalid label selector")
        return
    # No selector at all selects nothing, an empty one everything.
    if selector is None or not matches(selector, labels):
        shown = labels or None
        yield checks.invalid("spec.template.metadata.labels", shown, "`selector` does not match template `labels`")
    yield from validation_pod.template("spec.template", template)
    policy = template["spec"].get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield checks.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        yield checks.forbidden("spec.template.spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported")


def _strategy(strategy: Obj) -> Problems:
    field, rolling = "spec.strategy", strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                why = "may not be specified when strategy `type` is 'Recreate'"
                yield checks.forbidden(f"{field}.rollingUpdate", why)
        case "RollingUpdate":
            yield from _rolling(f"{field}.rollingUpdate", rolling or {})
        case other:
            internal = {"Type": other, "RollingUpdate": _internal_rolling(rolling)}
            yield checks.unsupported(field, internal, ("Recreate", "RollingUpdate"))


def _internal_rolling(rolling: Obj | None) -> Obj | None:
    if rolling is None:
        return None
    return {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}


def _rolling(field: str, rolling: Obj) -> Problems:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from checks.count_or_percent(f"{field}.maxUnavailable", unavailable)
    yield from checks.count_or_percent(f"{field}.maxSurge", surge)
    if _is_nothing(unavailable) and _is_nothing(surge):
        yield checks.invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    if isinstance(unavailable, str) and re.fullmatch("[0-9]+%", unavailable) and int(unavailable[:-1]) > 100:
        yield checks.invalid(f"{field}.maxUnavailable", unavailable, "must not be greater than 100%")


def _is_nothing(value: int | str) -> bool:
    if isinstance(value, int):
        return value == 0
    digits = re.fullmatch("([0-9]+)%?", value)
    return digits is None or int(digits[1]) == 0


def _same_selector(obj: Obj, before: Obj) -> Problems:
    if obj["spec"].get("selector") != before["spec"].get("selector"):
        yield _immutable("spec.selector", obj["spec"].get("selector"))


def _pod(obj: Obj) -> Problems:
    yield from validation_pod.pod_spec("spec", obj["spec"])


# services

_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def _service(obj: Obj) -> Problems:
    spec = obj["spec"]
    kind = spec.get("type")
    is_headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not is_headless and kind != "ExternalName":
        yield checks.required("spec.ports")
    if kind == "ExternalName":
        yield from _external_name(spec)
    elif kind in ("LoadBalancer", "NodePort") and is_headless:
        yield checks.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    names: set[str] = set()
    for place, port in enumerate(spec.get("ports") or ()):
        yield from _service_port(f"spec.ports[{place}]", port, names, needs_name=len(spec["ports"]) > 1)
    yield from checks.labels("spec.selector", spec.get("selector"))
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        yield checks.unsupported("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    yield from _session(spec)
    yield from _addresses(spec)
    if kind not in _SERVICE_TYPES:
        yield checks.unsupported("spec.type", kind, _SERVICE_TYPES)
    yield from _unique_ports(spec)
    yield from _policies(spec)


def _external_name(spec: Obj) -> Problems:
    if spec.get("clusterIP"):
        yield checks.forbidden("spec.clusterIPs[0]", "may not be set for ExternalName services")
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        yield checks.required("spec.externalName")
    else:
        yield from checks.by_rule("spec.externalName", name, checks.subdomain_name)


def _service_port(field: str, port: Obj, names: set[str], *, needs_name: bool) -> Problems:
    name = port.get("name", "")
    if needs_name and not name:
        yield checks.required(f"{field}.name")
    elif name:
        yield from checks.by_rule(f"{field}.name", name, checks.label_name)
        if name in names:
            yield checks.duplicate(f"{field}.name", name)
        names.add(name)
    yield from checks.port_number(f"{field}.port", port.get("port", 0))
    if not port.get("protocol"):
        yield checks.required(f"{field}.protocol")
    elif port["protocol"] not in ("SCTP", "TCP", "UDP"):
        yield checks.unsupported(f"{field}.protocol", port["protocol"], ("SCTP", "TCP", "UDP"))
    yield from checks.port_or_name(f"{field}.targetPort", port.get("targetPort", 0))
    if application := port.get("appProtocol"):
        yield from checks.by_rule(f"{field}.appProtocol", application, checks.qualified_name)


def _session(spec: Obj) -> Problems:
    seconds = get(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and seconds is not None and not 0 < seconds <= 86400:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        yield checks.invalid(field, seconds, "must be greater than 0 and less than 86400")


_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _addresses(spec: Obj) -> Problems:
    for place, text in enumerate(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ())):
        if text != "None" and not _is_address(text):
            yield checks.invalid(f"spec.clusterIPs[{place}]", text, _NO_ADDRESS)
    for place, text in enumerate(spec.get("externalIPs") or ()):
        if not _is_address(text):
            yield checks.invalid(f"spec.externalIPs[{place}]", text, _NO_ADDRESS)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _unique_ports(spec: Obj) -> Problems:
    seen: set[tuple[Any, ...]] = set()
    node_ports: set[tuple[Any, ...]] = set()
    for place, port in enumerate(spec.get("ports") or ()):
        key = (port.get("port"), port.get("protocol"))
        if key in seen:
            internal = {
                "Name": "",
                "Protocol": port.get("protocol", ""),
                "AppProtocol": None,
                "Port": port.get("port", 0),
                "TargetPort": 0,
                "NodePort": 0,
            }
            yield checks.duplicate(f"spec.ports[{place}]", internal)
        seen.add(key)
        if node_port := port.get("nodePort"):
            if spec.get("type") == "ClusterIP":
                yield checks.forbidden(f"spec.ports[{place}].nodePort", "may not be used when `type` is 'ClusterIP'")
            if (node_port, port.get("protocol")) in node_ports:
                yield checks.duplicate(f"spec.ports[{place}].nodePort", node_port)
            node_ports.add((node_port, port.get("protocol")))


def _policies(spec: Obj) -> Problems:
    for name, supported in (("externalTrafficPolicy", ("Cluster", "Local")), ("internalTrafficPolicy", ("Cluster", "Local"))):
        value = spec.get(name)
        if name == "externalTrafficPolicy" and value and spec.get("type") not in ("NodePort", "LoadBalancer"):
            yield checks.invalid(f"spec.{name}", value, "may only be set for externally-accessible services")
        elif value and value not in supported:
            yield checks.unsupported(f"spec.{name}", value, supported)


def _service_update(obj: Obj, before: Obj) -> Problems:
    spec, was = obj["spec"], before["spec"]
    if was.get("type") != "ExternalName" and spec.get("type") != "ExternalName":
        old, new = was.get("clusterIPs") or [], spec.get("clusterIPs") or []
        if old and new != old:
            yield checks.invalid("spec.clusterIPs[0]", new, "may not change once set")


# configuration


def _config_map(obj: Obj) -> Problems:
    for part in ("data", "binaryData"):
        for key in sorted(obj.get(part) or {}):
            yield from checks.by_rule(f"{part}[{key}]", key, checks.config_key)
            if part == "binaryData" and key in (obj.get("data") or {}):
                yield checks.invalid(f"{part}[{key}]", key, "duplicate of key present in data")
    size = sum(len(value.encode()) for part in ("data", "binaryData") for value in (obj.get(part) or {}).values())
    if size > 1024 * 1024:
        yield checks.too_long("", 1024 * 1024)


def _config_map_update(obj: Obj, before: Obj) -> Problems:
    yield from _frozen(obj, before, ("data", "binaryData"))


def _frozen(obj: Obj, before: Obj, parts: tuple[str, ...]) -> Problems:
    if not before.get("immutable"):
        return
    if not obj.get("immutable"):
        yield checks.forbidden("immutable", "field is immutable when `immutable` is set")
    for part in parts:
        if (obj.get(part) or {}) != (before.get(part) or {}):
            yield checks.forbidden(part, "field is immutable when `immutable` is set")


_SECRET_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def _secret(obj: Obj) -> Problems:
    data = obj.get("data") or {}
    for key in sorted(data):
        yield from checks.by_rule(f"data[{key}]", key, checks.config_key)
    if sum(len(value) * 3 // 4 for value in data.values()) > 1024 * 1024:
        yield checks.too_long("data", 1024 * 1024)
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in data:
            yield checks.required(f"data[{key}]")
    if obj.get("type") == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        yield checks.required("data[username]")
        yield checks.required("data[password]")
    if obj.get("type") == "kubernetes.io/service-account-token" and not get(
        obj, "metadata", "annotations", "kubernetes.io/service-account.name"
    ):
        yield checks.required("metadata.annotations[kubernetes.io/service-account.name]")


def _secret_update(obj: Obj, before: Obj) -> Problems:
    if obj.get("type") != before.get("type"):
        yield _immutable("type", obj.get("type"))
    yield from _frozen(obj, before, ("data",))


# the rest


def _lease(obj: Obj) -> Problems:
    spec = obj["spec"]
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield checks.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from checks.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    if (strategy := spec.get("strategy")) is not None:
        yield from checks.by_rule("spec.strategy", strategy, checks.qualified_name)


def _budget(obj: Obj) -> Problems:
    spec = obj["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        internal = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield checks.invalid("spec", internal, "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            yield from checks.count_or_percent(f"spec.{name}", value)
            if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
                yield checks.invalid(f"spec.{name}", value, "must not be greater than 100%")
    yield from checks.label_selector("spec.selector", spec.get("selector"))


def _autoscaler(obj: Obj) -> Problems:
    spec = obj["spec"]
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        yield checks.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield checks.invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield checks.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not target.get(name):
            yield checks.required(f"spec.scaleTargetRef.{name}")


def _ingress(obj: Obj) -> Problems:
    spec = obj["spec"]
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        internal = {"IngressClassName": spec.get("ingressClassName"), "DefaultBackend": None, "TLS": None, "Rules": None}
        yield checks.invalid("spec", internal, "either `defaultBackend` or `rules` must be specified")
    for place, rule in enumerate(spec.get("rules") or ()):
        for number, path in enumerate(get(rule, "http", "paths", default=[])):
            here = f"spec.rules[{place}].http.paths[{number}]"
            kind = path.get("pathType")
            if kind is None:
                yield checks.required(f"{here}.pathType", "pathType must be specified")
            elif kind not in ("Exact", "ImplementationSpecific", "Prefix"):
                yield checks.unsupported(f"{here}.pathType", kind, ("Exact", "ImplementationSpecific", "Prefix"))
            elif kind != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
                yield checks.invalid(f"{here}.path", path.get("path", ""), "must be an absolute path")


_CHECKS: Mapping[str, Check] = {
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "Pod": _pod,
    "Service": _service,
    "ConfigMap": _config_map,
    "Secret": _secret,
    "Lease": _lease,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
    "Ingress": _ingress,
}

_UPDATES: Mapping[str, UpdateCheck] = {
    "Deployment": _same_selector,
    "ReplicaSet": _same_selector,
    "Pod": validation_pod.pod_update,
    "Service": _service_update,
    "ConfigMap": _config_map_update,
    "Secret": _secret_update,
}
