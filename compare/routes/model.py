"""What the routes of any router come to in a rehearsal: shares of the requests, and whose pods answer them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from ...kube.objects import Kind, Obj
from ..proxies import KUBE_PROXY, Proxy


class Group(NamedTuple):
    """The endpoints of a Service whose pods carry the labels of a subset (empty: all of them)."""

    service: str
    subset: Mapping[str, str]

    @property
    def name(self) -> str:
        return "|".join([self.service, *(f"{key}={value}" for key, value in sorted(self.subset.items()))])

    def holds(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.subset.items())


Share = tuple[float, Group]


class Routes(NamedTuple):
    """The share of the requests that goes to each group, and what sends them there. `copies`: what of them is copied to whom,
    beside."""

    shares: list[Share]
    proxy: Proxy = KUBE_PROXY
    copies: tuple[Share, ...] = ()


class Objects(Protocol):
    def list(self, kind: Kind, namespace: str = "") -> Iterator[Obj]: ...
