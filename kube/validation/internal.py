"""Objects in the server's internal form, with Go's field names: what its messages print of them."""

from __future__ import annotations

import json
from typing import Any

from ..objects import Obj
from ..schema import Field, ListOf, MapOf, Scalar, Struct, Type, empty, types

# The server's own (internal) types have another order than the published ones, and what concerns the host in the
# security context.
_SPEC_ORDER = (
    "volumes", "initContainers", "containers", "ephemeralContainers", "restartPolicy", "terminationGracePeriodSeconds",
    "activeDeadlineSeconds", "dnsPolicy", "nodeSelector", "serviceAccountName", "automountServiceAccountToken",
    "nodeName", "securityContext", "imagePullSecrets", "hostname", "subdomain", "setHostnameAsFQDN", "affinity",
    "schedulerName", "tolerations", "hostAliases", "priorityClassName", "priority", "preemptionPolicy", "dnsConfig",
    "readinessGates", "runtimeClassName", "overhead", "enableServiceLinks", "topologySpreadConstraints", "os",
    "schedulingGates", "resourceClaims", "resources", "hostnameOverride", "schedulingGroup",
)  # fmt: skip
_HOST_FIELDS = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


def spec_text(spec: Obj) -> str:
    """A pod spec as the server prints its internal form, with Go's field names: what diffs in messages are made of."""
    return json.dumps(_internal_spec(spec), indent=1, ensure_ascii=False) + "\n"


def template(template_: Obj) -> Obj:
    """A pod template in the server's internal form, for messages: its metadata as written, its spec with Go's field names."""
    return {**(template_.get("metadata") or {}), "Spec": _internal_spec(template_["spec"])}


def form(value: Obj, name: str) -> Obj:
    """A value of the type of that name in the server's internal form, where that has the fields of the published one."""
    form: Obj = _go_value(value, types()[name])
    return form


def _internal_spec(spec: Obj) -> Obj:
    type_ = types()["PodSpec"]
    out: dict[str, Any] = {}
    for name in _SPEC_ORDER:
        declared = type_.fields[name]
        out[declared.go] = _go_form(spec.get(name), declared)
    if out["SecurityContext"] is not None:
        host = {type_.fields[name].go: _go_form(spec.get(name), type_.fields[name]) for name in _HOST_FIELDS}
        out["SecurityContext"] = host | _reordered(out["SecurityContext"])
    return out


def _reordered(context: Obj) -> Obj:
    """Here the internal type has Sysctls after FSGroupChangePolicy, the published one before it."""
    late = {"Sysctls": context["Sysctls"]}
    out: Obj = {}
    for name, value in context.items():
        if name != "Sysctls":
            out |= {name: value} | (late if name == "FSGroupChangePolicy" else {})
    return out


def _go_form(value: Any, declared: Field) -> Any:
    type_ = declared.type
    if value is None and not declared.is_pointer and isinstance(type_, Struct):
        value = {}
    if value is None:
        return None if declared.is_pointer or isinstance(type_, ListOf | MapOf) else empty(declared)
    return _go_value(value, type_)


def _go_value(value: Any, type_: Type) -> Any:
    match type_:
        case Struct():
            return {each.go: _go_form(value.get(each.name), each) for each in type_.fields.values()}
        case ListOf():
            return [_go_value(item, type_.item) for item in value]
        case MapOf():
            return {key: _go_value(value[key], type_.item) for key in sorted(value)}
        case Scalar():
            return value
