"""What the kubelet remembers of a pod that it looks after, and how long it waits before it tries again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ...kube.objects import Obj
from .behaviour import Life, Moment
from .podstatus import Container, running
from .runtime import Runtime

BACK_OFF_S, MOST_BACK_OFF_S = 10, 300
Stage = Literal["creating", "running", "stopping"]


@dataclass
class Run:
    """A pod on this node. `deleted_s` and `grace_s` are set once it has to stop. Lists have an entry a container."""

    uid: str
    life: Life
    containers: list[Container]
    runtime: Runtime = field(init=False)
    stage: Stage = "creating"
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

    def wait(self, index: int, reason: str, message: str, now: datetime) -> None:
        """The container cannot run yet. Those that do what the others do have images of their own, and run."""
        waiting = {"waiting": {"reason": reason, "message": message}}
        self.containers[index] = self.containers[index]._replace(state=waiting, is_ready=False)
        self.containers = [
            running(now, is_ready=True) if self.follows(each) and not container.is_running else container
            for each, container in enumerate(self.containers)
        ]

    def start(self, index: int, now: datetime, *, has_startup: bool) -> Container:
        """The container runs, once more where it has run before. Answers what it is where it cannot be started after all."""
        before, begun = self.containers[index], running(now)
        has_run = before.is_over or bool(before.last)
        unstarted = before._replace(restarts=before.restarts + has_run, last=before.state if before.is_over else before.last)
        self.containers[index] = begun._replace(last=unstarted.last, restarts=unstarted.restarts, is_started=not has_startup)
        for other, container in enumerate(self.containers):
            if self.follows(other) and not self.life.others and not container.is_running:
                self.containers[other] = begun._replace(is_ready=True, is_started=True)
            elif self.follows(other) and self.life.others and not (container.is_ready and has_run):
                self.containers[other] = (container if container.is_running else begun)._replace(is_ready=False, is_started=True)
        return unstarted

    def end(self, index: int, state: Obj) -> None:
        self.containers[index] = self.containers[index]._replace(state=state, is_ready=False, is_started=False)

    def end_followers(self, state: Obj) -> None:
        """Those that do what the others do end as the last of them has."""
        follower = self.containers[0]._replace(state=state, is_ready=False, is_started=False)
        self.containers = [each if each.is_over else follower for each in self.containers]

    def set_ready(self, index: int, *, is_ready: bool) -> None:
        """Those that do what the others do become ready with them."""
        self.containers = [
            container._replace(is_ready=is_ready) if each == index or (self.follows(each) and is_ready) else container
            for each, container in enumerate(self.containers)
        ]


def back_off_s(failures: int) -> int:
    """The wait before the next try: 10, 20, 40 … 300 seconds."""
    return int(min(BACK_OFF_S * 2 ** min(failures - 1, 10), MOST_BACK_OFF_S))


def mount_back_off_s(failures: int) -> float:
    """The wait before volumes are set up again: half a second, 1, 2, 4 … 122 seconds."""
    return float(min(0.5 * 2 ** min(failures - 1, 10), 122))


def go_duration(seconds: int) -> str:
    """As Go prints it: 10s, 1m20s, 5m0s."""
    return f"{seconds // 60}m{seconds % 60}s" if seconds >= 60 else f"{seconds}s"
