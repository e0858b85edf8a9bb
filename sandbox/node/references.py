"""What a pod's configuration misses: ConfigMaps, Secrets and keys that are not there, in the kubelet's words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...kube.objects import CONFIG_MAP, SECRET, Kind, Obj, get
from ..store.store import Store

_EVERYWHERE = (CONFIG_MAP, "kube-root-ca.crt")  # a cluster makes it in each namespace
_WORDS = {CONFIG_MAP: "configmap references non-existent config key", SECRET: "references non-existent secret key"}


def has_references(container: Obj) -> bool:
    """Whether the environment comes from elsewhere at all."""
    return bool(container.get("envFrom")) or any("valueFrom" in each for each in container.get("env") or ())


def unmounted(store: Store, pod: Obj) -> Iterator[str]:
    """For each volume that cannot be set up, the message of FailedMount."""
    for volume in pod["spec"].get("volumes") or ():
        if why := _missing(store, pod["metadata"]["namespace"], volume):
            yield f'MountVolume.SetUp failed for volume "{volume["name"]}" : {why}'


def _missing(store: Store, namespace: str, volume: Obj) -> str:
    for kind, source in _sources(volume):
        name = source.get("name") or source.get("secretName") or ""
        if source.get("optional") or (kind, name) == _EVERYWHERE:
            continue
        found = store.find(kind, namespace, name)
        if found is None:
            return f'{kind.name.lower()} "{name}" not found'
        has = {*(found.get("data") or {}), *(found.get("binaryData") or {})}
        for item in source.get("items") or ():
            if item["key"] not in has:
                return f"{_WORDS[kind]}: {item['key']}"
    return ""


def _sources(volume: Obj) -> Iterator[tuple[Kind, Obj]]:
    projected: Iterable[Obj] = get(volume, "projected", "sources", default=())
    for each in (volume, *projected):
        for field, kind in (("configMap", CONFIG_MAP), ("secret", SECRET)):
            if source := each.get(field):
                yield kind, source
