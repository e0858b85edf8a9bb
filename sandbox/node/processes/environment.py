"""What a container's program is told: its environment and its command line, as Kubernetes makes them. Pure but for `may_listen`.

Beyond what Kubernetes gives there are POD_IP, POD_NAME and POD_NAMESPACE, and, as the image is not run, its name as ROLLWAY_IMAGE
and its tag as ROLLWAY_VERSION. Of this machine's environment PATH, HOME and LANG are kept.
"""

from __future__ import annotations

import base64
import os
import re
import sys
from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal

from ....kube.codec import Misfit, amount
from ....kube.objects import CONFIG_MAP, SECRET, SERVICE, Kind, Obj, annotations_of, get, labels_of
from ...api.addresses import loopback_address, loopback_port, may_listen
from ...store.store import Store
from ..behaviour import tag_of

KEPT = ("PATH", "HOME", "LANG")
HOST = "127.0.0.1"


class Misconfigured(Exception):
    """The environment cannot be made: a reference that leads nowhere. Says so as the kubelet does."""


def environment(store: Store, pod: Obj, container: Obj, address: str) -> dict[str, str]:
    """All variables. What stands later wins: this machine's, the pod's, the Services', envFrom, env. Raises Misconfigured."""
    meta, image = pod["metadata"], container.get("image", "")
    made = {name: os.environ[name] for name in KEPT if name in os.environ} | {"PATH": search_path()}
    made |= {"POD_IP": address, "POD_NAME": meta["name"], "POD_NAMESPACE": meta["namespace"]}
    made |= {"ROLLWAY_IMAGE": image, "ROLLWAY_VERSION": tag_of(image)}
    made["HOSTNAME"] = get(pod, "spec", "hostname", default=meta["name"])
    if get(pod, "spec", "enableServiceLinks", default=True):
        for service in store.list(SERVICE, meta["namespace"]):
            made |= service_links(service)
    for source in container.get("envFrom") or ():
        made |= _all_of(store, meta["namespace"], source)
    for entry in container.get("env") or ():
        if "valueFrom" not in entry:
            made[entry["name"]] = expand(str(entry.get("value") or ""), made)
        elif (value := _value_from(store, pod, container, entry["valueFrom"], address)) is not None:
            made[entry["name"]] = value
    return made


def search_path() -> str:
    """Where programs are looked for: last of all beside this Python, where `deploy` is, whatever the shell knows of it."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)])


def command_line(container: Obj, env: Mapping[str, str]) -> list[str]:
    """`command` and `args`, with $(VARIABLES) in them replaced. Empty where there is no command: the image's is not known."""
    if not container.get("command"):
        return []
    return [expand(str(word), env) for word in [*container["command"], *(container.get("args") or ())]]


def expand(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the variable's value where there is one, `$$` a dollar."""
    return re.sub(r"\$(?:\$|\(([^()]*)\))", lambda found: _expanded(found, env), text)


def _expanded(found: re.Match[str], env: Mapping[str, str]) -> str:
    return "$" if found[0] == "$$" else env.get(found[1], found[0])


def service_links(service: Obj) -> dict[str, str]:
    """SHOP_SERVICE_HOST, SHOP_SERVICE_PORT and the older SHOP_PORT_80_TCP_ADDR and its like. Empty for a headless Service."""
    host, ports = loopback_address(get(service, "spec", "clusterIP", default="")), get(service, "spec", "ports", default=())
    if not host or not ports:
        return {}
    prefix = _variable(service["metadata"]["name"])
    numbers = [loopback_port(port["port"], may_listen=may_listen(port["port"])) for port in ports]
    made = {f"{prefix}_SERVICE_HOST": host, f"{prefix}_SERVICE_PORT": str(numbers[0])}
    protocol = str(ports[0].get("protocol", "TCP")).lower()
    made[f"{prefix}_PORT"] = f"{protocol}://{host}:{numbers[0]}"
    for port, number in zip(ports, numbers, strict=True):
        if port.get("name"):
            made[f"{prefix}_SERVICE_PORT_{_variable(port['name'])}"] = str(number)
        protocol = str(port.get("protocol", "TCP")).lower()
        link = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        made |= {link: f"{protocol}://{host}:{number}", f"{link}_PROTO": protocol}
        made |= {f"{link}_PORT": str(number), f"{link}_ADDR": host}
    return made


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


# references


def _all_of(store: Store, namespace: str, source: Obj) -> dict[str, str]:
    for field, kind in (("configMapRef", CONFIG_MAP), ("secretRef", SECRET)):
        if reference := source.get(field):
            data = _data(store, namespace, kind, reference)
            return {f"{source.get('prefix') or ''}{key}": value for key, value in data.items()}
    return {}


def _value_from(store: Store, pod: Obj, container: Obj, source: Obj, address: str) -> str | None:
    """None leaves the variable unset: an optional reference that leads nowhere."""
    namespace = pod["metadata"]["namespace"]
    for field, kind in (("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)):
        if reference := source.get(field):
            data = _data(store, namespace, kind, reference)
            if reference["key"] not in data and not reference.get("optional"):
                where = f"{kind.name} {namespace}/{reference.get('name', '')}"
                raise Misconfigured(f"couldn't find key {reference['key']} in {where}")
            return data.get(reference["key"])
    if reference := source.get("resourceFieldRef"):
        return _resource(pod, container, reference)
    return _field(pod, get(source, "fieldRef", "fieldPath", default=""), address)


def _data(store: Store, namespace: str, kind: Kind, reference: Obj) -> dict[str, str]:
    found = store.find(kind, namespace, reference.get("name", ""))
    if found is None:
        if reference.get("optional"):
            return {}
        raise Misconfigured(f'{kind.name.lower()} "{reference.get("name", "")}" not found')
    data = found.get("data") or {}
    if kind == CONFIG_MAP:
        return {key: str(value) for key, value in data.items()}
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _field(pod: Obj, path: str, address: str) -> str:
    of_map = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if of_map:
        return str((labels_of if of_map[1] == "labels" else annotations_of)(pod).get(of_map[2], ""))
    known = {"status.podIP": address, "status.podIPs": address, "status.hostIP": HOST, "status.hostIPs": HOST}
    if path in known:
        return known[path]
    defaults = {"spec.serviceAccountName": "default"}
    value = get(pod, *path.split("."), default=defaults.get(path))
    if value is None or isinstance(value, dict | list):
        raise Misconfigured(f"unsupported fieldPath: {path}")
    return str(value)


def _resource(pod: Obj, container: Obj, reference: Obj) -> str:
    """In units of the divisor, rounded up. Where nothing is set: what the machine has."""
    named: Iterable[Obj] = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    meant = next((each for each in named if each["name"] == reference.get("containerName")), container)
    group, _, resource = str(reference.get("resource", "")).partition(".")
    value = get(meant, "resources", group, resource)
    if value is None and resource == "cpu":
        value = os.cpu_count() or 1
    if value is None and resource == "memory":
        value = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        divisor = amount(reference.get("divisor") or 1) or Decimal(1)
    except Misfit as error:
        raise Misconfigured(f"resourceFieldRef {reference.get('resource', '')}: divisor: {error}") from error
    return str((amount(value or 0) / divisor).to_integral_value(rounding=ROUND_CEILING))
