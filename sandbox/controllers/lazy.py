"""Controllers of kinds that most clusters here never see: each is imported and made when the first object of its kind appears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from ...kube.objects import CRON_JOB, DAEMON_SET, DEFINITION, JOB, PDB, REPLICATION_CONTROLLER, STATEFUL_SET, Kind
from ..store.store import Change
from .engine import Controller

Make = Callable[[type], Controller]
"""Makes a controller of its class, with what this cluster gives to each."""

LAZY: Mapping[Kind, tuple[str, str]] = {
    STATEFUL_SET: ("statefulset", "StatefulSetController"),
    DAEMON_SET: ("daemonset", "DaemonSetController"),
    JOB: ("job", "JobController"),
    CRON_JOB: ("cronjob", "CronJobController"),
    REPLICATION_CONTROLLER: ("replicationcontroller", "ReplicationControllerController"),
    PDB: ("disruption", "DisruptionController"),
    DEFINITION: ("definition", "DefinitionController"),
}
"""The kind, and where its controller is: a new one is one row."""


class Lazily:
    """Stands in the queue for one controller, which sleeps there until there is an object of its `kind`."""

    def __init__(self, kind: Kind, make: Make) -> None:
        module, self._class = LAZY[kind]
        self.name = module
        self._module, self.kind, self._make = module, kind, make
        self._controller: Controller | None = None

    def note(self, change: Change) -> None:
        if self._controller is None:
            self._controller = self._make(getattr(import_module(f".{self._module}", __package__), self._class))
        self._controller.note(change)

    def sync(self, namespace: str, name: str) -> None:
        if self._controller is not None:
            self._controller.sync(namespace, name)
