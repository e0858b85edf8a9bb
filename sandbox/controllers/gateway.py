"""The controller of the Gateway API: it says of GatewayClasses, Gateways and routes what became of them.

It looks at all of them at once: there are few, and each hangs on others. What it decides stands in `attachment`, what it tells in
`gatewaystatus`; the data plane carries it out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import (
    API_GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    NAMESPACE,
    REFERENCE_GRANT,
    SECRET,
    SERVICE,
    Kind,
    Obj,
)
from ..store.store import Change, Store
from . import attachment, gatewaystatus
from .attachment import CLASS, CONTROLLER, Known, Listener
from .engine import Queue
from .index import Index
from .newpods import Door

OWN = (GATEWAY_CLASS, API_GATEWAY, HTTP_ROUTE, GRPC_ROUTE, REFERENCE_GRANT)
"""The kinds whose first object wakes it."""
_CONCERNS = (*OWN, SERVICE, NAMESPACE, SECRET)


def known(store: Store, *, presumes: bool = False) -> Known:
    """What the store holds of it."""
    return Known(
        classes=tuple(store.list(GATEWAY_CLASS)),
        gateways=tuple(store.list(API_GATEWAY)),
        routes=(*store.list(HTTP_ROUTE), *store.list(GRPC_ROUTE)),
        grants=tuple(store.list(REFERENCE_GRANT)),
        namespaces=tuple(store.list(NAMESPACE)),
        services=tuple(store.list(SERVICE)),
        secrets=tuple(store.list(SECRET)),
        presumes=presumes,
    )


def ensure_class(store: Store, now: datetime) -> None:
    """The GatewayClass that is there by itself."""
    if store.find(GATEWAY_CLASS, "", CLASS) is None:
        meta = {"name": CLASS, "creationTimestamp": timestamp(now), "generation": 1}
        head = {"apiVersion": GATEWAY_CLASS.api_version, "kind": GATEWAY_CLASS.name, "metadata": meta}
        store.create(GATEWAY_CLASS, head | {"spec": {"controllerName": CONTROLLER, "description": "served by the sandbox"}})


class GatewayController:
    """`admit` presumes or not what nobody said of the cluster."""

    name = "gateway"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door) -> None:
        self._store, self._queue, self._now, self._presumes = store, queue, now, admit.presumes
        self._has_begun = False

    def note(self, change: Change) -> None:
        if any(change.kind.is_a(kind) for kind in _CONCERNS):
            self._queue.add(self.name, "", "")

    def sync(self, namespace: str, name: str) -> None:
        if not self._has_begun and not self._presumes:
            ensure_class(self._store, self._now())
        self._has_begun = True
        found, now, hanging = known(self._store, presumes=self._presumes), self._now(), Counter[Listener]()
        for route in found.routes:
            at = attachment.parents(route, found)
            hanging.update({each.listener for parent in at for each in parent.attached})
            self._write(HTTP_ROUTE if route["kind"] == HTTP_ROUTE.name else GRPC_ROUTE, route,
                        gatewaystatus.route_status(route, at, found, now))  # fmt: skip
        for gateway in found.gateways:
            if found.controller_of(gateway):
                self._write(API_GATEWAY, gateway, gatewaystatus.gateway_status(gateway, found, hanging, now))
        for each in found.classes:
            if found.presumes or each["spec"].get("controllerName") == CONTROLLER:
                self._write(GATEWAY_CLASS, each, gatewaystatus.class_status(each, now))

    def _write(self, kind: Kind, obj: Obj, status: Obj | None) -> None:
        if status is not None and status != obj.get("status"):
            self._store.update(kind, obj | {"status": status})
