"""What the new version's pods tell by themselves: restarts, readiness, lines of their logs."""

from __future__ import annotations

import asyncio
import re

from ..cluster.port import Cluster
from ..errors import ClusterError
from ..gates.figures import Value
from ..health.pods import is_ready
from ..kube.objects import POD, Obj, get
from ..release.gates import Gate
from .port import NoFigure, Unmeasured, Window

MOST_LINES = 1000
"""Of a pod's log, a look: more than that in an interval is counted as that many."""


class Pods:
    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        assert gate.pods is not None
        self._options, self._cluster = gate.pods, cluster
        self._pattern = re.compile(gate.pods.log) if gate.pods.log is not None else None

    async def measure(self, window: Window) -> Value:
        if not window.new.names:
            raise NoFigure("the new version has no pod")
        try:
            if self._pattern is not None:
                return Value(float(sum(await asyncio.gather(*(self._lines(window, name) for name in window.new.names)))))
            found = await self._cluster.list(POD, window.namespace)
        except ClusterError as error:
            raise Unmeasured(f"the pods cannot be asked: {error.summary}") from None
        pods = [pod for pod in found if pod["metadata"]["name"] in window.new.names]
        return Value(float(sum(map(_restarts, pods) if self._options.restarts else (not is_ready(pod) for pod in pods))))

    def asks(self, window: Window) -> list[str]:
        what = f"lines that match {self._options.log}" if self._pattern else "restarts" if self._options.restarts else "unready"
        return [f"{what} of the pods {window.new.pods}"]

    async def close(self) -> None:
        pass

    async def _lines(self, window: Window, name: str) -> int:
        assert self._pattern is not None
        since_s = max(round(window.seconds), 1)
        text = await self._cluster.logs(window.namespace, name, window.container, tail_lines=MOST_LINES, since_s=since_s)
        return sum(1 for line in text.splitlines() if self._pattern.search(line))


def _restarts(pod: Obj) -> int:
    return sum(int(state.get("restartCount", 0)) for state in get(pod, "status", "containerStatuses", default=()))
