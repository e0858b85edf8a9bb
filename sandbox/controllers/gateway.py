"""The controller of the Gateway API: it says of GatewayClasses, Gateways and routes what became of them.

It looks at all of them at once: there are few, and each hangs on others. What is decided stands in `attachment`, what is told in
`gatewaystatus`. Where there is a data plane, that tells it itself, by `tell`: when it is carried out, and not before."""

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


def tell(store: Store, found: Known, now: datetime) -> None:
    """Writes what became of the objects, as they were found: a generation that is newer by now is not spoken of."""
    hanging = Counter[Listener]()
    for route in found.routes:
        kind, seen = HTTP_ROUTE if route["kind"] == HTTP_ROUTE.name else GRPC_ROUTE, _as_told(store, route)
        at = attachment.parents(route, found)
        hanging.update({each.listener for parent in at for each in parent.attached})
        _write(store, kind, seen, gatewaystatus.route_status(seen, at, found, now))
    for gateway in found.gateways:
        if found.controller_of(gateway):
            seen = _as_told(store, gateway)
            _write(store, API_GATEWAY, seen, gatewaystatus.gateway_status(seen, found, hanging, now))
    for each in found.classes:
        if found.presumes or each["spec"].get("controllerName") == CONTROLLER:
            seen = _as_told(store, each)
            _write(store, GATEWAY_CLASS, seen, gatewaystatus.class_status(seen, now))


def _as_told(store: Store, obj: Obj) -> Obj:
    """The object as it was found, with the status that it has now."""
    live = store.find(Kind(obj["apiVersion"], obj["kind"], ""), *attachment.place_of(obj)) or {}
    return {key: value for key, value in obj.items() if key != "status"} | (
        {"status": live["status"]} if "status" in live else {}
    )


def _write(store: Store, kind: Kind, seen: Obj, status: Obj | None) -> None:
    live = store.find(kind, *attachment.place_of(seen))
    if live is not None and status is not None and status != live.get("status"):
        store.update(kind, live | {"status": status})


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
        tell(self._store, known(self._store, presumes=self._presumes), self._now())
