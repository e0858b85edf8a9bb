"""What the kubelet remembers of a pod that it looks after, and how long it waits before it tries again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from .behaviour import Life, Moment
from .podstatus import Container
from .runtime import Runtime

BACK_OFF_S, MOST_BACK_OFF_S = 10, 300


@dataclass
class Run:
    """A pod on this node. `deleted_s` and `grace_s` are set once it has to stop. Lists have an entry a container."""

    uid: str
    life: Life
    containers: list[Container]
    runtime: Runtime = field(init=False)
    stage: Literal["creating", "running", "stopping"] = "creating"
    started_s: list[float] = field(init=False)
    moments: list[Iterator[Moment]] = field(init=False)  # that are known beforehand
    failures: list[int] = field(init=False)
    deleted_s: float = 0.0
    grace_s: int = -1
    mounts: int = 0  # how often the volumes could not be set up
    crowd: int = 0  # how many others stop at the same time
    next_: dict[int, int] = field(default_factory=dict)  # the step that a container waits for; earlier ones are void

    def __post_init__(self) -> None:
        self.started_s, self.failures = [0.0] * len(self.containers), [0] * len(self.containers)
        self.moments = [iter(()) for _ in self.containers]

    @property
    def is_running(self) -> bool:
        return any(each.is_running for each in self.containers)

    def follows(self, index: int) -> bool:
        """Whether the container does what the others do."""
        return index not in self.runtime.acts


def back_off_s(failures: int) -> int:
    """The wait before the next try: 10, 20, 40 … 300 seconds."""
    return int(min(BACK_OFF_S * 2 ** min(failures - 1, 10), MOST_BACK_OFF_S))


def mount_back_off_s(failures: int) -> float:
    """The wait before volumes are set up again: half a second, 1, 2, 4 … 122 seconds."""
    return float(min(0.5 * 2 ** min(failures - 1, 10), 122))


def go_duration(seconds: int) -> str:
    """As Go prints it: 10s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"
