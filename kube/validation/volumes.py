"""What the API server refuses in the volumes of a pod, in its own words."""

from __future__ import annotations

from ..objects import Obj, get
from ..quantity import amount
from . import checks
from .checks import Problems

MOST_OPEN = 0o777
HOST_PATH_TYPES = ("", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket")


def volumes(field: str, spec: Obj) -> Problems:
    seen: set[str] = set()
    for place, volume in enumerate(spec.get("volumes") or ()):
        here, name = f"{field}[{place}]", volume.get("name", "")
        if not name:
            yield checks.required(f"{here}.name")
        else:
            yield from checks.by_rule(f"{here}.name", name, checks.label_name)
        if name in seen:
            yield checks.duplicate(f"{here}.name", name)
        seen.add(name)
        sources = [key for key in volume if key != "name"]
        for extra in sources[1:]:
            yield checks.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type")
        if "secret" in volume and not volume["secret"].get("secretName"):
            yield checks.required(f"{here}.secret.secretName")
        if "configMap" in volume and not volume["configMap"].get("name"):
            yield checks.required(f"{here}.configMap.name")
        if (host := volume.get("hostPath")) is not None:
            yield from _host_path(f"{here}.hostPath", host)
        for kind in ("secret", "configMap", "downwardAPI", "projected"):
            yield from _modes(f"{here}.{kind}", volume.get(kind) or {})


def _host_path(field: str, source: Obj) -> Problems:
    path, type_ = source.get("path") or "", source.get("type") or ""
    if not path:
        yield checks.required(f"{field}.path")
    elif ".." in path.split("/"):
        yield checks.invalid(f"{field}.path", path, "must not contain '..'")
    if type_ not in HOST_PATH_TYPES:
        yield checks.unsupported(f"{field}.type", type_, HOST_PATH_TYPES)


def _modes(field: str, source: Obj) -> Problems:
    """Of the files in a volume: YAML reads 644 as a decimal number, which is no mode."""
    pairs = [("defaultMode", source.get("defaultMode"))]
    pairs += [(f"items[{place}].mode", item.get("mode")) for place, item in enumerate(source.get("items") or ())]
    for name, mode in pairs:
        if mode is not None and not 0 <= mode <= MOST_OPEN:
            yield checks.invalid(f"{field}.{name}", mode, "must be a number between 0 and 0777 (octal), both inclusive")


ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")


def claim(obj: Obj) -> Problems:
    spec = obj.get("spec") or {}
    modes = spec.get("accessModes") or ()
    if not modes:
        yield checks.required("spec.accessModes", "at least 1 access mode is required")
    yield from checks.label_selector("spec.selector", spec.get("selector"))
    for mode in modes:
        if mode not in ACCESS_MODES:
            yield checks.unsupported("spec.accessModes", mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield checks.forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes")
    size = get(spec, "resources", "requests", "storage")
    if size is None:
        yield checks.required("spec.resources[storage]")
    elif amount(size) <= 0:
        yield checks.invalid("spec.resources[storage]", size, "must be greater than zero")
    if name := spec.get("storageClassName"):
        yield from checks.by_rule("spec.storageClassName", name, checks.subdomain_name)
    if (mode := spec.get("volumeMode")) is not None and mode not in VOLUME_MODES:
        yield checks.unsupported("spec.volumeMode", mode, VOLUME_MODES)
