"""Servers inside the cluster: which addresses name a Service there. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from ..kube.objects import SERVICE
from ..release.sources import Need

_WORD = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_PORTS = {"http": 80, "https": 443}


class Inside(NamedTuple):
    """A Service and one of its ports. `name` is what the API server's proxy calls it, and RBAC: `https:prometheus:9090`."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def inside(address: str, namespace: str) -> Inside | None:
    """The Service that the host of an address names, as pods of the `namespace` would find it: `prometheus`,
    `prometheus.monitoring`, `prometheus.monitoring.svc` and whatever domain follows. None of every other host.

    Two words may be a server of the internet as well: which one is meant only a name server knows.
    """
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    words = (parts.hostname or "").rstrip(".").split(".")
    if not all(map(_WORD.fullmatch, words[:2])) or words == ["localhost"] or (len(words) > 2 and words[2] != "svc"):
        return None
    scheme = "https:" if parts.scheme == "https" else ""
    return Inside(words[1] if len(words) > 1 else namespace, f"{scheme}{words[0]}:{port}")


def needed(address: str, namespace: str, method: str = "GET") -> Iterator[Need]:
    """What it takes to ask it where this machine has no way into the cluster but the API server's."""
    if (service := inside(address, namespace)) is not None:
        verb = {"GET": "get", "POST": "create", "PUT": "update"}[method]
        yield Need(SERVICE, (verb,), "proxy", service.name, "" if service.namespace == namespace else service.namespace)
