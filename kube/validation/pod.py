"""What the API server refuses in pods and pod templates, in its own words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..codec import amount
from ..objects import Obj
from . import affinity, checks, internal, volumes
from .checks import Problems


def pod_spec(field: str, spec: Obj) -> Problems:
    yield from volumes.volumes(f"{field}.volumes", spec)
    names: set[str] = set()
    if not spec.get("containers"):
        yield checks.required(f"{field}.containers")
    for part in ("containers", "initContainers"):
        for place, container in enumerate(spec.get(part) or ()):
            yield from _container(f"{field}.{part}[{place}]", container, spec, names, is_init=part != "containers")
    yield from _restart_policy(f"{field}.restartPolicy", spec.get("restartPolicy"))
    dns = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
    yield from _one_of(f"{field}.dnsPolicy", spec.get("dnsPolicy"), dns)
    yield from checks.labels(f"{field}.nodeSelector", spec.get("nodeSelector"))
    for place, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not secret.get("name"):
            yield checks.required(f"{field}.imagePullSecrets[{place}].name")
    if account := spec.get("serviceAccountName"):
        yield from checks.by_rule(f"{field}.serviceAccountName", account, checks.subdomain_name)
    if node := spec.get("nodeName"):
        yield from checks.by_rule(f"{field}.nodeName", node, checks.subdomain_name)
    if (deadline := spec.get("activeDeadlineSeconds")) is not None and not 1 <= deadline <= 2**31 - 1:
        yield checks.invalid(f"{field}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            yield from checks.by_rule(f"{field}.{name}", value, checks.label_name)
    yield from _tolerations(f"{field}.tolerations", spec.get("tolerations") or ())
    yield from affinity.affinity(f"{field}.affinity", spec.get("affinity") or {})
    yield from _spread(f"{field}.topologySpreadConstraints", spec.get("topologySpreadConstraints") or ())
    if priority_class := spec.get("priorityClassName"):
        yield from checks.by_rule(f"{field}.priorityClassName", priority_class, checks.subdomain_name)
    yield from checks.not_negative(f"{field}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))


def template(field: str, template_: Obj) -> Problems:
    meta = template_.get("metadata") or {}
    yield from checks.labels(f"{field}.labels", meta.get("labels"))
    yield from checks.annotation_map(f"{field}.annotations", meta.get("annotations"))
    yield from pod_spec(f"{field}.spec", template_["spec"])


def _one_of(field: str, value: Any, supported: Sequence[str]) -> Problems:
    if not value:
        yield checks.required(field)
    elif value not in supported:
        yield checks.unsupported(field, value, sorted(supported))


def _restart_policy(field: str, policy: str | None) -> Problems:
    known = ("Always", "OnFailure", "Never")
    if not policy:
        yield checks.required(field)
    elif policy not in known:
        yield checks.unsupported(field, policy, known)


def _container(field: str, container: Obj, spec: Obj, names: set[str], *, is_init: bool) -> Problems:
    name = container.get("name", "")
    if not name:
        yield checks.required(f"{field}.name")
    else:
        yield from checks.by_rule(f"{field}.name", name, checks.label_name)
    image = container.get("image", "")
    if not image:
        yield checks.required(f"{field}.image")
    elif image.strip() != image:
        yield checks.invalid(f"{field}.image", image, "must not have leading or trailing whitespace")
    policies = ("File", "FallbackToLogsOnError")
    yield from _one_of(f"{field}.terminationMessagePolicy", container.get("terminationMessagePolicy"), policies)
    yield from _ports(f"{field}.ports", container.get("ports") or ())
    yield from _environment(field, container)
    yield from _mounts(f"{field}.volumeMounts", container, spec)
    pull = ("Always", "IfNotPresent", "Never")
    yield from _one_of(f"{field}.imagePullPolicy", container.get("imagePullPolicy"), pull)
    yield from _resources(f"{field}.resources", container.get("resources") or {})
    for who in ("runAsUser", "runAsGroup"):
        if (number := (container.get("securityContext") or {}).get(who)) is not None:
            yield from checks.in_range(f"{field}.securityContext.{who}", number, 0, 2**31 - 1)
    if name in names:
        yield checks.duplicate(f"{field}.name", name)
    names.add(name)
    if is_init and container.get("restartPolicy") != "Always":
        for hook in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
            if container.get(hook) is not None:
                yield checks.forbidden(f"{field}.{hook}", "may not be set for init containers without restartPolicy=Always")
        return
    for hook_name, hook in (container.get("lifecycle") or {}).items():
        if isinstance(hook, Mapping):
            yield from _handler(f"{field}.lifecycle.{hook_name}", hook, spec.get("terminationGracePeriodSeconds"))
    for probe_name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(probe_name)) is not None:
            yield from _probe(f"{field}.{probe_name}", probe, is_readiness=probe_name == "readinessProbe")


def _ports(field: str, ports: Sequence[Obj]) -> Problems:
    seen: set[str] = set()
    for place, port in enumerate(ports):
        here = f"{field}[{place}]"
        if name := port.get("name"):
            found = list(checks.by_rule(f"{here}.name", name, checks.port_name))
            yield from found
            if not found and name in seen:
                yield checks.duplicate(f"{here}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield checks.required(f"{here}.containerPort")
        else:
            yield from checks.port_number(f"{here}.containerPort", port["containerPort"])
        if host_port := port.get("hostPort"):
            yield from checks.port_number(f"{here}.hostPort", host_port)
        yield from _one_of(f"{here}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def _environment(field: str, container: Obj) -> Problems:
    for place, variable in enumerate(container.get("env") or ()):
        here = f"{field}.env[{place}]"
        if not variable.get("name"):
            yield checks.required(f"{here}.name")
        else:
            yield from checks.by_rule(f"{here}.name", variable["name"], checks.env_name)
        if (source := variable.get("valueFrom")) is not None:
            yield from _env_source(f"{here}.valueFrom", source, variable)
    for place, source in enumerate(container.get("envFrom") or ()):
        here = f"{field}.envFrom[{place}]"
        named = [key for key in ("configMapRef", "secretRef") if source.get(key) is not None]
        if not named:
            yield checks.invalid(here, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(named) > 1:
            yield checks.invalid(here, "", "may not have more than one field specified at a time")
        for key in named:
            if not source[key].get("name"):
                yield checks.required(f"{here}.{key}.name")


# What a variable may be read from; the other fields of a pod are no environment.
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|(labels|annotations)\['[^']+'\])|spec\.(nodeName|serviceAccountName|restartPolicy)"
    r"|status\.(hostIPs?|podIPs?)"
)


def _env_source(field: str, source: Obj, variable: Obj) -> Problems:
    if variable.get("value"):
        yield checks.invalid(field, "", "may not be specified when `value` is not empty")
    if not source:
        yield checks.invalid(
            field, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        )
    path = (source.get("fieldRef") or {}).get("fieldPath", "")
    if "fieldRef" in source and not path:
        yield checks.required(f"{field}.fieldRef.fieldPath")
    elif path and not _FIELD_PATH.fullmatch(path):
        why = f"error converting fieldPath: field label not supported: {path}"
        yield checks.invalid(f"{field}.fieldRef.fieldPath", path, why)
    for key in ("configMapKeyRef", "secretKeyRef"):
        if (chosen := source.get(key)) is not None:
            if not chosen.get("name"):
                yield checks.required(f"{field}.{key}.name")
            if not chosen.get("key"):
                yield checks.required(f"{field}.{key}.key")
            else:
                yield from checks.by_rule(f"{field}.{key}.key", chosen["key"], checks.config_key)
    if len(source) > 1:
        yield checks.invalid(field, "", "may not have more than one field specified at a time")


def _mounts(field: str, container: Obj, spec: Obj) -> Problems:
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    seen: set[str] = set()
    for place, mount in enumerate(container.get("volumeMounts") or ()):
        here, name, path = f"{field}[{place}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield checks.required(f"{here}.name")
        elif name not in volumes:
            yield checks.not_found(f"{here}.name", name)
        if not path:
            yield checks.required(f"{here}.mountPath")
        elif path in seen:
            yield checks.invalid(f"{here}.mountPath", path, "must be unique")
        seen.add(path)


def _resources(field: str, resources: Obj) -> Problems:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, value in amounts.items():
            here = f"{field}.{part}"
            if "/" not in name and name not in ("cpu", "memory", "ephemeral-storage") and not name.startswith("hugepages-"):
                yield checks.invalid(here, name, "must be a standard resource type or fully qualified")
                yield checks.invalid(here, name, "must be a standard resource for containers")
            if amount(value) < 0:
                yield checks.invalid(f"{here}[{name}]", value, "must be greater than or equal to 0")
    for name, value in requests.items():
        if name in limits and amount(value) > amount(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield checks.invalid(f"{field}.requests", value, why)


def _probe(field: str, probe: Obj, *, is_readiness: bool) -> Problems:
    yield from _handler(field, probe)
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        yield from checks.not_negative(f"{field}.{name}", probe.get(name))
    if (grace := probe.get("terminationGracePeriodSeconds")) is not None:
        if is_readiness:
            yield checks.invalid(f"{field}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")
        elif grace <= 0:
            yield checks.invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if not is_readiness and probe.get("successThreshold", 1) != 1:
        yield checks.invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")


def _handler(field: str, handler: Mapping[str, Any], grace_s: int | None = None) -> Problems:
    found = [name for name in ("exec", "httpGet", "tcpSocket", "grpc", "sleep") if handler.get(name) is not None]
    for place, name in enumerate(found):
        if place:
            yield checks.forbidden(f"{field}.{name}", "may not specify more than 1 handler type")
        elif name == "sleep":
            yield from _sleep(f"{field}.{name}", handler[name], grace_s)
        else:
            yield from _HANDLERS[name](f"{field}.{name}", handler[name])
    if not found:
        yield checks.required(field, "must specify a handler type")


def _exec(field: str, action: Obj) -> Problems:
    if not action.get("command"):
        yield checks.required(f"{field}.command")


def _http(field: str, action: Obj) -> Problems:
    if not action.get("path"):
        yield checks.required(f"{field}.path")
    yield from checks.port_or_name(f"{field}.port", action["port"])
    yield from _one_of(f"{field}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))


def _tcp(field: str, action: Obj) -> Problems:
    yield from checks.port_or_name(f"{field}.port", action["port"])


def _grpc(field: str, action: Obj) -> Problems:
    yield from checks.port_number(f"{field}.port", action["port"])


def _sleep(field: str, action: Obj, grace_s: int | None) -> Problems:
    """Only as long as the pod may take to end."""
    if grace_s is not None and not 0 <= action["seconds"] <= grace_s:
        why = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_s})"
        yield checks.invalid(field, action["seconds"], why)


_HANDLERS: Mapping[str, Callable[[str, Obj], Problems]] = {
    "exec": _exec,
    "httpGet": _http,
    "tcpSocket": _tcp,
    "grpc": _grpc,
}


def _tolerations(field: str, tolerations: Sequence[Obj]) -> Problems:
    for place, toleration in enumerate(tolerations):
        here = f"{field}[{place}]"
        if key := toleration.get("key"):
            yield from checks.by_rule(f"{here}.key", key, checks.qualified_name)
        operator = toleration.get("operator") or "Equal"
        if operator not in ("Equal", "Exists"):
            yield checks.unsupported(f"{here}.operator", operator, ("Equal", "Exists"))
        elif operator == "Exists" and toleration.get("value"):
            yield checks.invalid(f"{here}.operator", toleration["value"], "value must be empty when `operator` is 'Exists'")
        effect = toleration.get("effect", "")
        if effect and effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            yield checks.unsupported(f"{here}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))


def _spread(field: str, constraints: Sequence[Obj]) -> Problems:
    for place, constraint in enumerate(constraints):
        here = f"{field}[{place}]"
        if constraint.get("maxSkew", 0) <= 0:
            yield checks.invalid(f"{here}.maxSkew", constraint.get("maxSkew", 0), "must be greater than zero")
        if not constraint.get("topologyKey"):
            yield checks.required(f"{here}.topologyKey", "can not be empty")
        when = constraint.get("whenUnsatisfiable", "")
        if when not in ("DoNotSchedule", "ScheduleAnyway"):
            yield checks.unsupported(f"{here}.whenUnsatisfiable", when, ("DoNotSchedule", "ScheduleAnyway"))


_NOT_EPHEMERAL = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources")


def ephemeral_update(new: Obj, old: Obj) -> Problems:
    """Ephemeral containers are added, and stay as they are."""
    field, spec = "spec.ephemeralContainers", new["spec"]
    now = {each.get("name"): each for each in spec.get("ephemeralContainers") or ()}
    for each in old["spec"].get("ephemeralContainers") or ():
        if each["name"] not in now:
            yield checks.forbidden(field, f'existing ephemeral containers "{each["name"]}" may not be removed\n')
        elif now[each["name"]] != each:
            yield checks.forbidden(field, f'existing ephemeral containers "{each["name"]}" may not be changed\n')
    names = {each["name"] for part in ("containers", "initContainers") for each in spec.get(part) or ()}
    for place, each in enumerate(spec.get("ephemeralContainers") or ()):
        here = f"{field}[{place}]"
        if not each.get("name"):
            yield checks.required(f"{here}.name")
        elif each["name"] in names:
            yield checks.duplicate(f"{here}.name", each["name"])
        names.add(each.get("name", ""))
        if not each.get("image"):
            yield checks.required(f"{here}.image")
        for name in _NOT_EPHEMERAL:
            if each.get(name):
                yield checks.forbidden(f"{here}.{name}", "cannot be set for an Ephemeral Container")


# pods do not change

_FIXED = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_update(new: Obj, old: Obj) -> Problems:
    """Images, tolerations to come on top and the deadline may change; the rest is refused with a diff of the two specs."""
    spec, before = new["spec"], old["spec"]
    if len(spec.get("containers") or ()) != len(before.get("containers") or ()):
        yield checks.forbidden("spec.containers", "pod updates may not add or remove containers")
        return
    for part in ("containers", "initContainers"):
        for place, container in enumerate(spec.get(part) or ()):
            if not container.get("image"):
                yield checks.required(f"spec.{part}[{place}].image")
    munged = dict(spec)
    for part in ("containers", "initContainers"):
        if before.get(part) and len(spec.get(part) or ()) == len(before[part]):
            pairs = zip(spec[part], before[part], strict=True)
            munged[part] = [mine | {"image": theirs.get("image", "")} for mine, theirs in pairs]
    _restore(munged, before, "activeDeadlineSeconds")
    if all(toleration in (spec.get("tolerations") or ()) for toleration in before.get("tolerations") or ()):
        _restore(munged, before, "tolerations")
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and spec.get("terminationGracePeriodSeconds") == 1:
        _restore(munged, before, "terminationGracePeriodSeconds")
    if munged != before:
        yield checks.forbidden("spec", f"{_FIXED}\n{_diff(before, munged)}")


def _restore(munged: Obj, before: Obj, name: str) -> None:
    munged.pop(name, None)
    if name in before:
        munged[name] = before[name]


def _diff(old: Obj, new: Obj) -> str:
    left, right = (internal.spec_text(spec).splitlines(keepends=True) for spec in (old, new))
    return "".join(list(difflib.unified_diff(left, right))[2:])
