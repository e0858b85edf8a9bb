"""How long the pods that run took to start, as their own statuses tell. Pure.

```
on a node ──(network, image, container)──► process started ──(the application)──► ready
```

The API tells times in whole seconds, so each difference may be off by nearly one: over several pods that evens out in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean, median

from ..health.pods import is_ready
from ..kube.clock import parse_timestamp
from ..kube.objects import Obj, get

ROUNDED_S = 0.5
"""By how much the difference of two times in whole seconds is off: its standard deviation, where it is largest."""


@dataclass(frozen=True)
class Startup:
    """In seconds, of so many `pods`. `app_s`: from a process' start until it listens, of the middle one of them. `node_s`: from a
    pod's place on a node until its process started, their mean without the quickest quarter and the slowest one;
    within `blur_s` of it in 19 of 20 cases, as far as rounding goes. None where no pod tells."""

    app_s: float | None = None
    node_s: float | None = None
    blur_s: float = 0.0
    pods: int = 0


def startup_of(pods: Iterable[Obj]) -> Startup:
    """Pods that are not ready, or were restarted, are left out: what they tell may be of an earlier process."""
    telling = [pod for pod in pods if is_ready(pod) and not _container(pod).get("restartCount")]
    apps = [seconds for pod in telling if (seconds := _listening_s(pod)) is not None]
    nodes = sorted(seconds for pod in telling if (seconds := _placing_s(pod)) is not None)
    middle = nodes[len(nodes) // 4 : len(nodes) - len(nodes) // 4]
    return Startup(
        app_s=round(median(apps), 1) if apps else None,
        node_s=round(mean(middle), 1) if middle else None,
        blur_s=_blur_s(len(nodes), len(middle)) if middle else 0.0,
        pods=len(nodes),
    )


def _blur_s(whole: int, middle: int) -> float:
    """Two standard deviations. What is left out leaves the mean as uncertain as the whole, and has fewer to share it."""
    return 2 * ROUNDED_S * whole / middle / math.sqrt(whole)


def _listening_s(pod: Obj) -> float | None:
    """To readiness, less half a period of the probe that found it."""
    probe = get(pod["spec"]["containers"][0], "readinessProbe")
    period_s = float(get(probe, "periodSeconds", default=10)) if probe else 0.0
    took_s = _between(_started(pod), _turned(pod, "Ready"))
    return None if took_s is None else max(took_s - period_s / 2, 0.0)


def _placing_s(pod: Obj) -> float | None:
    return _between(_turned(pod, "PodScheduled"), _started(pod))


def _between(begin: str | None, end: str | None) -> float | None:
    return max((parse_timestamp(end) - parse_timestamp(begin)).total_seconds(), 0.0) if begin and end else None


def _started(pod: Obj) -> str | None:
    started: str | None = get(_container(pod), "state", "running", "startedAt")
    return started


def _turned(pod: Obj, condition: str) -> str | None:
    known = get(pod, "status", "conditions", default=())
    return next((each.get("lastTransitionTime") for each in known if each["type"] == condition), None)


def _container(pod: Obj) -> Obj:
    """The status of its first container, whose probe it is; a kubelet lists them by their names."""
    name = pod["spec"]["containers"][0]["name"]
    return next((each for each in get(pod, "status", "containerStatuses", default=()) if each.get("name", name) == name), {})
