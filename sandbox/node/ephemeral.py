"""Ephemeral containers (`kubectl debug`): added to a pod that runs, started once, never again.

Beside a process it is one, too: its `command`, or a shell where it says none, as its image is not run. Beside a modelled pod
nothing runs in it, and it stays running, as its pod does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.objects import POD, Obj, get
from ..store.store import Store
from .podstatus import Container, ended, entry, running
from .runtime import CannotStart, Runtime

START_ERROR = 128


def to_start(pod: Obj) -> list[Obj]:
    """Those that nothing is known of yet."""
    known = {each["name"] for each in get(pod, "status", "ephemeralContainerStatuses", default=())}
    return [each for each in get(pod, "spec", "ephemeralContainers", default=()) if each["name"] not in known]


class Ephemerals:
    """Starts them, and writes down what becomes of them."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store, self._now = store, now

    def start(self, namespace: str, name: str, uid: str, runtime: Runtime) -> None:
        for spec in to_start(self._store.get(POD, namespace, name)):

            def over(code: int, spec: Obj = spec) -> None:
                self._over(namespace, name, uid, spec, code)

            begun = running(self._now())
            self._write(namespace, name, spec, begun)
            try:
                runtime.start_beside(self._store.get(POD, namespace, name), spec, over)
            except CannotStart as error:
                self._over(namespace, name, uid, spec, START_ERROR, reason="StartError", message=error.message)

    def _over(self, namespace: str, name: str, uid: str, spec: Obj, code: int, *, reason: str = "", message: str = "") -> None:
        pod = self._store.find(POD, namespace, name)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        since = next(each for each in pod["status"]["ephemeralContainerStatuses"] if each["name"] == spec["name"])
        state = ended(pod, spec["name"], Container(state=since["state"]), code, self._now(), reason=reason, message=message)
        self._write(namespace, name, spec, Container(state=state))

    def _write(self, namespace: str, name: str, spec: Obj, container: Container) -> None:
        pod = self._store.get(POD, namespace, name)
        told = {key: value for key, value in entry(pod, spec, container).items() if key != "started"}
        others = [each for each in get(pod, "status", "ephemeralContainerStatuses", default=()) if each["name"] != spec["name"]]
        self._store.update(POD, pod | {"status": pod["status"] | {"ephemeralContainerStatuses": [*others, told]}})
