"""A run as it goes, from its events: one line an object that is worked on, and how requests are shared. No screen in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...cluster.events import RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, StepMoved, Waiting
from ...kube.objects import DEPLOYMENT, get, labels_of
from ...plan.observed import TRACK_LABEL
from ...plan.plan import Plan
from ...plan.steps import Apply, Hold, Pause, Record, Route, Scale, Step, Wait
from .words import duration, pods, row, title, version_of

State = Literal["running", "done", "failed"]
Clock = Callable[[], float]


@dataclass
class Line:
    """`began` and `ended` are moments of the clock, in seconds."""

    name: str
    what: str
    began: float
    counts: str = ""
    message: str = ""
    state: State = "running"
    ended: float = 0.0

    def seconds(self, now: float) -> float:
        return (now if self.state == "running" else self.ended) - self.began


@dataclass
class Section:
    """One plan of a run: its title, its lines, and the two versions with the share of the new one in percent."""

    title: str
    began: float
    versions: tuple[str, str]
    percent: float
    is_shared: bool
    lines: list[Line] = field(default_factory=list)
    ended: float | None = None


class Progress:
    """Takes events; `sections` is what there is to show. `clock` answers seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sections: list[Section] = []
        self.percent_peak = 0.0
        self._percent = 0.0
        self._sides: Sides | None = None

    def take(self, event: RunEvent) -> None:
        match event:
            case RunBegan():
                self._begin(event)
            case StepBegan():
                self._step_began(event.step)
            case StepMoved():
                self._moved(event)
            case StepEnded():
                self._step_ended(event.step)
            case RunFailed():
                self._end("failed")
            case Waiting():
                self._wait(event)

    def finish(self) -> None:
        """The run is over, however it went."""
        self._end("done")

    @property
    def percent(self) -> float:
        return self._percent

    def _begin(self, event: RunBegan) -> None:
        self._end("done")
        plan = event.plan
        old, new = (plan.to_version, plan.from_version) if plan.action == "rollback" else (plan.from_version, plan.to_version)
        is_shared = bool(old) and old != new
        heading = f"back to {plan.to_version}" if event.is_way_back else title(plan)
        self._sides = Sides.of(plan, self._percent)
        self._percent = self._sides.percent
        self.sections.append(Section(heading, self._clock(), (old, new), self._percent, is_shared))

    def _step_began(self, step: Step) -> None:
        if isinstance(step, Record | Pause):
            return
        said, lines = row(step), self.sections[-1].lines
        if isinstance(step, Wait) and lines and lines[-1].name == said.name:
            lines[-1].state = "running"
            return
        what = duration(step.seconds) if isinstance(step, Hold) else _headline(step)
        lines.append(Line(said.name, what, self._clock()))

    def _moved(self, event: StepMoved) -> None:
        section = self.sections[-1]
        if section.lines:
            line = section.lines[-1]
            line.counts = f"{event.ready}/{event.wanted} ready" if event.wanted else ""
            line.message = event.message
        if self._sides and isinstance(event.step, Wait):
            self._shared(self._sides.moved(event.step, event.ready))

    def _step_ended(self, step: Step) -> None:
        if isinstance(step, Record | Pause):
            return
        line = self.sections[-1].lines[-1]
        line.state, line.ended, line.message = "done", self._clock(), ""
        if self._sides:
            self._shared(self._sides.ended(step))

    def _wait(self, event: Waiting) -> None:
        self._end("done")
        if event.seconds:
            line = Line("pause", f"at {event.weight}%, {duration(event.seconds)}", self._clock())
            self.sections[-1].lines.append(line)
            self.sections[-1].ended = None

    def _shared(self, percent: float) -> None:
        self._percent = self.sections[-1].percent = percent
        self.percent_peak = max(self.percent_peak, percent)

    def _end(self, state: State) -> None:
        if not self.sections or self.sections[-1].ended is not None:
            return
        section = self.sections[-1]
        section.ended = self._clock()
        for line in section.lines:
            if line.state == "running":
                line.state, line.ended = state, section.ended
        if state == "done" and self._sides:
            self._shared(self._sides.at_end)


class Sides:
    """How many pods of each version there are, followed through the steps of a plan: for the bar, not for deciding anything."""

    def __init__(self, plan: Plan, old: int, new: int, percent: float) -> None:
        self._plan = plan
        self._is_by_pods = plan.strategy in ("canary", "ramped", "recreate")
        self._counts = {True: new, False: old}
        self._is_new: dict[str, bool] = {}
        self.percent = percent
        self.at_end = plan.split.percent

    @staticmethod
    def of(plan: Plan, percent: float) -> Sides:
        """`percent` is the share so far; a plan that is the first of its run says by its steps where it starts."""
        new = sum(_before(step) for step in _first_touches(plan) if _is_second(step, plan))
        total = plan.steady_pods
        old = max(total - new, 0)
        return Sides(plan, old, new, round(100 * new / (old + new), 1) if new else percent)

    def moved(self, step: Wait, ready: int) -> float:
        if self._is_by_pods and step.until != "drained":
            is_new = self._is_new.get(step.ref.name, _is_second_name(step.ref.name, self._plan))
            wanted = max(step.pods, 1)
            if step.ref.name in self._is_new and self._plan.strategy != "canary":
                # in place: what one version wins the other loses
                share = 100 * ready / wanted if is_new else 100 - 100 * ready / wanted
                target = self.at_end
                self.percent = round(min(share, target) if is_new else max(share, target), 1)
            else:
                self._counts[is_new] = ready
                total = sum(self._counts.values())
                self.percent = round(100 * self._counts[True] / total, 1) if total else self.percent
        return self.percent

    def ended(self, step: Step) -> float:
        match step:
            case Apply() if step.manifest["kind"] == DEPLOYMENT.name:
                new = self._plan.from_version if self._plan.action == "rollback" else self._plan.to_version
                self._is_new[step.ref.name] = version_of(step.manifest) == new
            case Apply() if step.manifest["kind"] == "VirtualService":
                self.percent = self.at_end
            case Scale() if self._is_by_pods:
                is_new = _is_second_name(step.ref.name, self._plan)
                self._counts[is_new] = min(self._counts[is_new], step.replicas)
            case Route():
                self.percent = self.at_end if _is_switch(step) else self.percent
        return self.percent


def _headline(step: Step) -> str:
    match step:
        case Wait(until="drained"):
            return "its pods leave"
        case Wait():
            return f"waits for {pods(step.pods)}"
        case _:
            return row(step).what


def _first_touches(plan: Plan) -> list[Apply | Scale]:
    """The first step on each Deployment that changes its number of pods or creates it."""
    seen: dict[str, Apply | Scale] = {}
    for step in plan.steps:
        if isinstance(step, Scale) or (isinstance(step, Apply) and step.manifest["kind"] == DEPLOYMENT.name):
            seen.setdefault(step.ref.name, step)
    return list(seen.values())


def _before(step: Apply | Scale) -> int:
    if isinstance(step, Scale):
        return step.was
    if step.creates:
        return 0
    change = next((change for change in step.changes if change.path == ".spec.replicas"), None)
    return int((change.before if change else get(step.manifest, "spec", "replicas")) or 0)


def _is_second(step: Apply | Scale, plan: Plan) -> bool:
    if isinstance(step, Apply):
        return TRACK_LABEL in labels_of(step.manifest) and plan.strategy == "canary"
    return _is_second_name(step.ref.name, plan)


def _is_second_name(name: str, plan: Plan) -> bool:
    return plan.strategy == "canary" and name.endswith("-canary")


def _is_switch(step: Route) -> bool:
    """A patch that moves requests from one track to another, not one that merely names the present one."""
    return set(step.was) == set(step.selector)
