"""Controllers of kinds that most clusters here never see: each is imported and made when the first object of its kind appears."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from importlib import import_module

from ...kube.objects import (
    API_GATEWAY,
    CRON_JOB,
    DAEMON_SET,
    DEFINITION,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HPA,
    HTTP_ROUTE,
    JOB,
    PDB,
    PERSISTENT_VOLUME_CLAIM,
    REPLICATION_CONTROLLER,
    RESOURCE_QUOTA,
    STATEFUL_SET,
    Kind,
)
from ..store.store import Change
from .engine import Controller

Make = Callable[[type], Controller]
"""Makes a controller of its class, with what this cluster gives to each."""

_VOLUMES = ("volumebinding", "VolumeBinding")
LAZY: Mapping[Kind, Sequence[tuple[str, str]]] = {
    STATEFUL_SET: (("statefulset", "StatefulSetController"),),
    DAEMON_SET: (("daemonset", "DaemonSetController"),),
    JOB: (("job", "JobController"),),
    CRON_JOB: (("cronjob", "CronJobController"),),
    REPLICATION_CONTROLLER: (("replicationcontroller", "ReplicationControllerController"),),
    PERSISTENT_VOLUME_CLAIM: (("claimprotection", "ClaimProtection"), _VOLUMES),
    Kind("v1", "PersistentVolume", "persistentvolumes", namespaced=False): (_VOLUMES,),
    RESOURCE_QUOTA: (("resourcequota", "ResourceQuotaController"),),
    PDB: (("disruption", "DisruptionController"),),
    HPA: (("autoscaler", "AutoscalerController"),),
    DEFINITION: (("definition", "DefinitionController"),),
    **dict.fromkeys((GATEWAY_CLASS, API_GATEWAY, HTTP_ROUTE, GRPC_ROUTE), (("gateway", "GatewayController"),)),
}
"""The kind, and where its controllers are: a new one is one row. One controller may be of several kinds."""


def lazily(make: Make, *, without: Container[str] = ()) -> list[Lazily]:
    """Each controller of the table once, but those `without`, by module."""
    places = dict.fromkeys(place for row in LAZY.values() for place in row)
    return [Lazily(place, make) for place in places if place[0] not in without]


class Lazily:
    """Stands in the queue for one controller, which sleeps there until there is an object of one of its `kinds`."""

    def __init__(self, place: tuple[str, str], make: Make) -> None:
        self._module, self._class = place
        self.name, self.kinds = self._module, [kind for kind, row in LAZY.items() if place in row]
        self._make = make
        self._controller: Controller | None = None

    def note(self, change: Change) -> None:
        if self._controller is None:
            self._controller = self._make(getattr(import_module(f".{self._module}", __package__), self._class))
        self._controller.note(change)

    def sync(self, namespace: str, name: str) -> None:
        if self._controller is not None:
            self._controller.sync(namespace, name)
