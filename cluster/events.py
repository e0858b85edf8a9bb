"""What a run tells while it goes: frozen data for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from ..health.pods import Problem
from ..plan.evidence import Evidence
from ..plan.plan import Plan
from ..plan.steps import Step


@dataclass(frozen=True)
class Failure:
    """Why a release failed. `summary` is one line; `pods` hold the first few troubled pods with what they say; `logs` the last
    lines of a pod's log by its name. `is_theirs`: somebody else has changed what was being released."""

    summary: str
    pods: tuple[Problem, ...] = ()
    logs: tuple[tuple[str, str], ...] = ()
    after_s: float = 0.0
    is_theirs: bool = False

    @property
    def told(self) -> tuple[str, ...]:
        """What the pods said, a line each: for whoever looks when they are gone."""
        said = [": ".join(filter(None, (pod.pod, pod.reason, *pod.detail.splitlines()))) for pod in self.pods]
        return (*said, *(f"{pod}> {line}" for pod, text in self.logs for line in text.splitlines()))


@dataclass(frozen=True)
class RunBegan:
    plan: Plan
    is_way_back: bool = False


@dataclass(frozen=True)
class StepBegan:
    index: int
    step: Step


@dataclass(frozen=True)
class StepMoved:
    """Something of a step that takes time has changed: `ready` of `wanted` pods (both 0 where nothing is counted)."""

    index: int
    step: Step
    message: str
    ready: int = 0
    wanted: int = 0


@dataclass(frozen=True)
class StepEnded:
    index: int
    step: Step
    seconds: float


@dataclass(frozen=True)
class RunFailed:
    failure: Failure


@dataclass(frozen=True)
class Waiting:
    """Between two plans of a run that goes on by itself: a pause of `seconds` at `weight` percent."""

    seconds: float
    weight: int


@dataclass(frozen=True)
class Noticed:
    """What somebody else has done to the application meanwhile; the run goes on with it."""

    message: str


@dataclass(frozen=True)
class Measured:
    """A gate has been measured: how it stands by now, and the figures in words."""

    gate: Evidence
    said: str


RunEvent = RunBegan | StepBegan | StepMoved | StepEnded | RunFailed | Waiting | Noticed | Measured
