"""What the new version's pods tell by themselves: restarts, readiness, lines of their logs."""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import Field, StrictBool, model_validator

from ..cluster.port import Cluster, Tail
from ..errors import ClusterError
from ..gates.figures import Value
from ..health.pods import is_ready
from ..kube.objects import POD, Obj, get
from ..release.sources import SourceOptions
from ..release.wrong import Wrong
from .port import NoFigure, Unmeasured, Window

if TYPE_CHECKING:
    from ..release.gates import Gate

MOST_LINES = 1000
"""Of a container's log, a look: more than that in an interval is counted as that many."""


class PodsOptions(SourceOptions):
    """What the new version's pods tell by themselves: one of these."""

    adds_up = True
    is_number = True

    restarts: StrictBool = Field(False, description="How often their containers have been restarted.")
    unready: StrictBool = Field(False, description="How many of them are not ready.")
    log: str | None = Field(None, description="How many lines of their logs match this regular expression since the last look.")

    @classmethod
    def written(cls, value: Any) -> Any:
        return {value: True} if isinstance(value, str) and value in ("restarts", "unready") else value

    @property
    def is_rehearsed(self) -> bool:
        return self.log is None  # modelled pods say nothing of their own

    @model_validator(mode="after")
    def _is_one(self) -> PodsOptions:
        if [self.restarts, self.unready, self.log is not None].count(True) != 1:
            raise Wrong("takes one of restarts, unready and log")
        if self.log is not None:
            try:
                re.compile(self.log)
            except re.error as error:
                raise Wrong(f"{self.log!r} is no regular expression: {error}", at=("log",)) from None
        return self


class _Seen(NamedTuple):
    """Of a pod's log: the lines that match, and the moment of the last line (as the node has it; empty: there is none)."""

    matching: tuple[str, ...]
    last: str


class Pods:
    """A line is counted at one look: by the moment that its node gives it, whose clock need not be ours. At the first look of all
    everything counts that the new version's pods have printed, as they start; where a run was killed, what they printed since the
    last look of that one, to the second."""

    options = PodsOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._options, self._cluster = gate.options_as(PodsOptions), cluster
        self._pattern = re.compile(self._options.log) if self._options.log is not None else None
        self._last: dict[str, str] | None = None  # by the pod's uid, the moment of the last line that was seen; None: no look yet

    async def measure(self, window: Window) -> Value:
        if not window.new.names:
            raise NoFigure("the new version has no pod")
        try:
            found = await self._cluster.list(POD, window.namespace)
            pods = [pod for pod in found if pod["metadata"]["name"] in window.new.names]
            if self._pattern is not None:
                lines = await self._lines(window, pods, self._pattern)
                return Value(float(len(lines)), next(iter(lines), ""))
        except ClusterError as error:
            raise Unmeasured(f"the pods cannot be asked: {error.summary}") from None
        counts = [_restarts(pod) if self._options.restarts else int(not is_ready(pod)) for pod in pods]
        return Value(
            float(sum(counts)), ", ".join(pod["metadata"]["name"] for pod, count in zip(pods, counts, strict=True) if count)
        )

    def asks(self, window: Window) -> list[str]:
        what = f"lines that match {self._options.log}" if self._pattern else "restarts" if self._options.restarts else "unready"
        return [f"{what} of the pods {window.new.pods}"]

    async def close(self) -> None:
        pass

    async def _lines(self, window: Window, pods: list[Obj], pattern: re.Pattern[str]) -> list[str]:
        is_all = window.is_first or self._last is not None  # a pod that was not there at the last look is new
        since_s = None if is_all else max(math.ceil(window.seconds), 1)
        found = await asyncio.gather(*(self._seen(window, pod, pattern, since_s) for pod in pods))
        self._last = {pod["metadata"]["uid"]: seen.last for pod, seen in zip(pods, found, strict=True)}
        return [line for seen in found for line in seen.matching]

    async def _seen(self, window: Window, pod: Obj, pattern: re.Pattern[str], since_s: int | None) -> _Seen:
        before = (self._last or {}).get(pod["metadata"]["uid"], "")
        # one that panics ends by it: its last words are in the log of the life before
        lives = (True, False) if _restarts(pod, window.container) else (False,)
        texts = await asyncio.gather(*(self._log(window, pod, since_s, is_previous=previous) for previous in lives))
        stamped = [line.partition(" ") for text in texts for line in text.splitlines()]
        fresh = [line for line in stamped if line[0] > before]
        matching = tuple(line for _, _, line in fresh if pattern.search(line))
        return _Seen(matching, max((moment for moment, _, _ in stamped), default=before))

    async def _log(self, window: Window, pod: Obj, since_s: int | None, *, is_previous: bool) -> str:
        tail = Tail(MOST_LINES, is_previous, since_s, timestamps=True)
        return await self._cluster.logs(window.namespace, pod["metadata"]["name"], window.container, tail)


def _restarts(pod: Obj, container: str = "") -> int:
    """Of all its containers, or of one."""
    states = get(pod, "status", "containerStatuses", default=())
    return sum(int(state.get("restartCount", 0)) for state in states if not container or state["name"] == container)
