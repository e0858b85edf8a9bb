"""The Pod Security Standards, a function a check, in the words of Kubernetes' own (pod-security-admission, policy)."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ....kube.objects import Obj, annotations_of, get


class Violation(NamedTuple):
    reason: str
    detail: str = ""


class Check(NamedTuple):
    """`replaces`: the baseline's check about the same thing."""

    name: str
    look: Callable[[Obj, Obj], Violation | None]
    replaces: str = ""


def _containers(spec: Obj) -> list[Obj]:
    return [each for part in ("initContainers", "containers", "ephemeralContainers") for each in spec.get(part) or ()]


def _quoted(values: Iterable[str]) -> str:
    return ", ".join(json.dumps(value) for value in values)


def _number(one: str, several: str, count: int) -> str:
    return one if count == 1 else several


def _named(names: Sequence[str]) -> str:
    return f"{_number('container', 'containers', len(names))} {_quoted(names)}"


def _bad(spec: Obj, wrong: Callable[[Obj], bool]) -> list[str]:
    return [each["name"] for each in _containers(spec) if wrong(each)]


# baseline


def _apparmor(spec: Obj, pod: Obj) -> Violation | None:
    setters, values = _setters(spec, "appArmorProfile", "type", ("RuntimeDefault", "Localhost"))
    prefix = "container.apparmor.security.beta.kubernetes.io/"
    noted = [
        f'{key}="{value}"'
        for key, value in sorted(annotations_of(pod).items())
        if key.startswith(prefix) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    ]
    said = [f"{' and '.join(setters)} must not set AppArmor profile type to {_quoted(values)}"] if setters else []
    said += [f"{_number('annotation', 'annotations', len(noted))} {', '.join(noted)}"] if noted else []
    count = len(values) + len(noted)
    reason = _number("forbidden AppArmor profile", "forbidden AppArmor profiles", count)
    return Violation(reason, "; ".join(said)) if said else None


_DEFAULT_CAPABILITIES = (
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip


def _added(spec: Obj, allowed: Sequence[str]) -> str:
    names, forbidden = [], set()
    for each in _containers(spec):
        wrong = set(get(each, "securityContext", "capabilities", "add", default=())) - set(allowed)
        if wrong:
            names.append(each["name"])
            forbidden |= wrong
    return f"{_named(names)} must not include {_quoted(sorted(forbidden))} in securityContext.capabilities.add" if names else ""


def _capabilities(spec: Obj, _: Obj) -> Violation | None:
    found = _added(spec, _DEFAULT_CAPABILITIES)
    return Violation("non-default capabilities", found) if found else None


def _host_namespaces(spec: Obj, _: Obj) -> Violation | None:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return Violation("host namespaces", ", ".join(found)) if found else None


def _host_paths(spec: Obj, _: Obj) -> Violation | None:
    names = [each["name"] for each in spec.get("volumes") or () if each.get("hostPath") is not None]
    return Violation("hostPath volumes", f"{_number('volume', 'volumes', len(names))} {_quoted(names)}") if names else None


def _using(spec: Obj, used: Callable[[Obj], Iterable[Any]]) -> tuple[list[str], set[Any]]:
    """The names of the containers that use any of something, and all that is used."""
    found = [(each["name"], set(used(each))) for each in _containers(spec)]
    return [name for name, here in found if here], {each for _, here in found for each in here}


def _host_ports(spec: Obj, _: Obj) -> Violation | None:
    names, ports = _using(spec, lambda each: (port["hostPort"] for port in each.get("ports") or () if port.get("hostPort")))
    if not names:
        return None
    uses, what = _number("uses", "use", len(names)), _number("hostPort", "hostPorts", len(ports))
    return Violation("hostPort", f"{_named(names)} {uses} {what} {', '.join(map(str, sorted(ports)))}")


def _host_probes(spec: Obj, _: Obj) -> Violation | None:
    names, hosts = _using(spec, lambda each: (host for host in _probed(each) if host and not _is_loopback(host)))
    if not names:
        return None
    uses, what = _number("uses", "use", len(names)), _number("probe or lifecycle host", "probe or lifecycle hosts", len(hosts))
    return Violation("probe or lifecycle host", f"{_named(names)} {uses} {what} {_quoted(sorted(hosts))}")


def _probed(container: Obj) -> Iterator[str]:
    handlers = [container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup")]
    handlers += [get(container, "lifecycle", name) for name in ("preStop", "postStart")]
    for handler in handlers:
        for way in ("httpGet", "tcpSocket"):
            yield get(handler, way, "host", default="")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _privileged(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: bool(get(each, "securityContext", "privileged")))
    return Violation("privileged", f"{_named(names)} must not set securityContext.privileged=true") if names else None


def _proc_mount(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: get(each, "securityContext", "procMount", default="Default") != "Default")
    values = sorted({get(each, "securityContext", "procMount") for each in _containers(spec) if each["name"] in names})
    return (
        Violation("procMount", f"{_named(names)} must not set securityContext.procMount to {_quoted(values)}") if names else None
    )


_SELINUX = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _selinux(spec: Obj, _: Obj) -> Violation | None:
    setters, types, others = [], set(), set()
    contexts = [("pod", get(spec, "securityContext", "seLinuxOptions"))]
    contexts += [(f'container "{each["name"]}"', get(each, "securityContext", "seLinuxOptions")) for each in _containers(spec)]
    for who, options in contexts:
        type_ = (options or {}).get("type", "")
        wrong = {f"{name} may not be set" for name in ("user", "role") if (options or {}).get(name)}
        if type_ not in _SELINUX or wrong:
            setters.append(who)
            types |= {type_} - set(_SELINUX)
            others |= wrong
    if not setters:
        return None
    said = [f"{_number('type', 'types', len(types))} {_quoted(sorted(types))}"] if types else []
    said += sorted(others, reverse=True)
    return Violation("seLinuxOptions", f"{' and '.join(setters)} set forbidden securityContext.seLinuxOptions: {'; '.join(said)}")


_SYSCTLS = (
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
)  # fmt: skip


def _sysctls(spec: Obj, _: Obj) -> Violation | None:
    found = [each["name"] for each in get(spec, "securityContext", "sysctls", default=()) if each["name"] not in _SYSCTLS]
    return Violation("forbidden sysctls", ", ".join(found)) if found else None


def _seccomp(spec: Obj, _: Obj) -> Violation | None:
    setters, values = _setters(spec, "seccompProfile", "type", ("RuntimeDefault", "Localhost"))
    if not setters:
        return None
    how = f"must not set securityContext.seccompProfile.type to {_quoted(values)}"
    return Violation("seccompProfile", f"{' and '.join(setters)} {how}")


def _setters(spec: Obj, profile: str, name: str, allowed: Sequence[str]) -> tuple[list[str], list[str]]:
    """(who sets a value that is not allowed, these values)."""
    setters, values = [], set()
    of_pod = get(spec, "securityContext", profile, name)
    if of_pod is not None and of_pod not in allowed:
        setters.append("pod")
        values.add(of_pod)
    names = []
    for each in _containers(spec):
        own = get(each, "securityContext", profile, name)
        if own is not None and own not in allowed:
            names.append(each["name"])
            values.add(own)
    return setters + ([_named(names)] if names else []), sorted(values)


def _host_process(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: bool(get(each, "securityContext", "windowsOptions", "hostProcess")))
    who = ["pod"] if get(spec, "securityContext", "windowsOptions", "hostProcess") else []
    who += [_named(names)] if names else []
    how = "must not set securityContext.windowsOptions.hostProcess=true"
    return Violation("hostProcess", f"{' and '.join(who)} {how}") if who else None


# restricted


def _escalation(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: get(each, "securityContext", "allowPrivilegeEscalation") is not False)
    detail = f"{_named(names)} must set securityContext.allowPrivilegeEscalation=false"
    return Violation("allowPrivilegeEscalation != false", detail) if names else None


def _capabilities_dropped(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: "ALL" not in get(each, "securityContext", "capabilities", "drop", default=()))
    said = [f'{_named(names)} must set securityContext.capabilities.drop=["ALL"]'] if names else []
    if added := _added(spec, ("NET_BIND_SERVICE",)):
        said.append(added)
    return Violation("unrestricted capabilities", "; ".join(said)) if said else None


_VOLUMES = ("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret")


def _volume_types(spec: Obj, _: Obj) -> Violation | None:
    names, types = [], set()
    for volume in spec.get("volumes") or ():
        kinds = {key for key in volume if key != "name"}
        if kinds and not kinds & set(_VOLUMES):
            names.append(volume["name"])
            types |= kinds
    if not names:
        return None
    what = _number("restricted volume type", "restricted volume types", len(types))
    volumes = f"{_number('volume', 'volumes', len(names))} {_quoted(names)} {_number('uses', 'use', len(names))}"
    return Violation("restricted volume types", f"{volumes} {what} {_quoted(sorted(types))}")


def _not_root(spec: Obj, _: Obj) -> Violation | None:
    of_pod = get(spec, "securityContext", "runAsNonRoot")
    own = {each["name"]: get(each, "securityContext", "runAsNonRoot") for each in _containers(spec)}
    wrong = [name for name, value in own.items() if value is False]
    silent = [name for name, value in own.items() if value is None] if not of_pod else []
    setters = (["pod"] if of_pod is False else []) + ([_named(wrong)] if wrong else [])
    said = []
    if setters:
        said = [f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"]
    elif silent:
        said = [f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true"]
    return Violation("runAsNonRoot != true", said[0]) if said else None


def _user(spec: Obj, _: Obj) -> Violation | None:
    names = _bad(spec, lambda each: get(each, "securityContext", "runAsUser") == 0)
    who = (["pod"] if get(spec, "securityContext", "runAsUser") == 0 else []) + ([_named(names)] if names else [])
    return Violation("runAsUser=0", f"{' and '.join(who)} must not set runAsUser=0") if who else None


def _seccomp_set(spec: Obj, pod: Obj) -> Violation | None:
    if wrong := _seccomp(spec, pod):
        return wrong
    of_pod: Any = get(spec, "securityContext", "seccompProfile", "type")
    names = _bad(spec, lambda each: of_pod is None and get(each, "securityContext", "seccompProfile", "type") is None)
    how = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Violation("seccompProfile", f"pod or {_named(names)} {how}") if names else None


BASELINE = (
    Check("appArmorProfile", _apparmor),
    Check("capabilities_baseline", _capabilities),
    Check("hostNamespaces", _host_namespaces),
    Check("hostPathVolumes", _host_paths),
    Check("hostPorts", _host_ports),
    Check("hostProbesAndHostLifecycle", _host_probes),
    Check("privileged", _privileged),
    Check("procMount", _proc_mount),
    Check("seLinuxOptions", _selinux),
    Check("seccompProfile_baseline", _seccomp),
    Check("sysctls", _sysctls),
    Check("windowsHostProcess", _host_process),
)
RESTRICTED = (
    Check("allowPrivilegeEscalation", _escalation),
    Check("capabilities_restricted", _capabilities_dropped, "capabilities_baseline"),
    Check("restrictedVolumes", _volume_types, "hostPathVolumes"),
    Check("runAsNonRoot", _not_root),
    Check("runAsUser", _user),
    Check("seccompProfile_restricted", _seccomp_set, "seccompProfile_baseline"),
)
