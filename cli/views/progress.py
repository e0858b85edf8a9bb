"""A run as it goes, from its events: one line an object that is worked on, and how requests are shared. No screen in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...cluster.events import RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, StepMoved, Waiting
from ...health.routes import is_route
from ...kube.objects import VIRTUAL_SERVICE, get, is_a
from ...kube.workload import WORKLOAD_KINDS, is_workload
from ...plan.plan import Plan
from ...plan.steps import Apply, Delete, Pause, Record, Route, Scale, Step, Wait
from .words import duration, pods, row, title, version_of

State = Literal["running", "done", "failed", "stopped"]
Clock = Callable[[], float]


@dataclass
class Line:
    """`began` and `ended` are moments of the clock, in seconds."""

    name: str
    what: str
    began: float
    counts: str = ""
    message: str = ""
    hindrance: str = ""
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

    def finish(self, *, is_done: bool) -> None:
        """The run is over; or, where it is not done, was cut off: then it stays as far as it has come."""
        self._end("done" if is_done else "stopped")

    @property
    def percent(self) -> float:
        return self._percent

    def _begin(self, event: RunBegan) -> None:
        self._end("done")
        plan = event.plan
        old, new = (plan.to_version, plan.from_version) if plan.action == "rollback" else (plan.from_version, plan.to_version)
        is_shared = bool(old) and old != new
        heading = f"back to {plan.to_version}" if event.is_way_back else title(plan)
        self._sides = Sides(plan, self._percent)
        self._percent = self._sides.percent
        self.percent_peak = max(self.percent_peak, float(plan.from_weight))
        self.sections.append(Section(heading, self._clock(), (old, new), self._percent, is_shared))

    def _step_began(self, step: Step) -> None:
        if isinstance(step, Record | Pause):
            return
        name, lines = _name(step), self.sections[-1].lines
        if isinstance(step, Wait) and lines and lines[-1].name == name:
            # what was changed and what is then waited for are one line
            lines[-1].state = "running"
            return
        lines.append(Line(name, _headline(step), self._clock()))

    def _moved(self, event: StepMoved) -> None:
        section = self.sections[-1]
        if section.lines:
            line = section.lines[-1]
            line.counts = f"{event.ready}/{event.wanted} ready" if event.wanted else ""
            line.message = event.message
            line.hindrance = event.message.partition("; ")[2]  # behind the count: what keeps it from coming
        if self._sides and isinstance(event.step, Wait):
            self._shared(self._sides.moved(event.step, event.ready))

    def _step_ended(self, step: Step) -> None:
        if isinstance(step, Record | Pause):
            return
        line = self.sections[-1].lines[-1]
        line.state, line.ended, line.message, line.hindrance = "done", self._clock(), "", ""
        if self._sides:
            self._shared(self._sides.ended(step))

    def _wait(self, event: Waiting) -> None:
        self._end("done")
        if event.seconds:
            if not self.sections:
                self._begin_in_pause(event.weight)
            at = f"at {event.weight}%, " if event.weight else ""
            line = Line("pause", f"{at}{duration(event.seconds)}", self._clock())
            self.sections[-1].lines.append(line)
            self.sections[-1].ended = None

    def _begin_in_pause(self, weight: int) -> None:
        """A promotion that waits out what is left of a pause has its plan after that."""
        self.sections.append(Section("in a pause", self._clock(), ("", ""), float(weight), is_shared=False))
        self.percent_peak = float(weight)

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
    """How requests are shared, followed through the steps of a plan: for the bar, not for deciding anything.

    A share moves in the plan's direction only. Where it follows the pods (canary, ramped, recreate) it is counted in ready pods;
    elsewhere it changes with the route.
    """

    def __init__(self, plan: Plan, percent: float) -> None:
        """`percent` is where the run has come to so far; a plan that is the first of its run tells by its steps."""
        self.at_end = plan.split.percent
        self._is_by_pods = plan.strategy in ("canary", "ramped", "recreate") and not plan.router
        self._new_version = plan.from_version if plan.action == "rollback" else plan.to_version
        self._runs_new: dict[str, bool] = {}
        self._pods: dict[str, int] = {}
        self._new: dict[str, int] = {}
        self._start(plan)
        self.percent = percent or self._counted() or float(plan.from_weight)

    def moved(self, step: Wait, ready: int) -> float:
        if self._is_by_pods and step.until == "rolled-out":
            name = step.ref.name
            self._pods[name] = step.pods
            if name in self._runs_new:
                # in place: what one version has, the other has not
                self._new[name] = ready if self._runs_new[name] else max(step.pods - ready, 0)
            self._follow()
        return self.percent

    def ended(self, step: Step) -> float:
        match step:
            case Apply() if is_workload(step.manifest):
                self._runs_new[step.ref.name] = version_of(step.manifest) == self._new_version
            case Apply() if _splits(step):
                self.percent = self.at_end
            case Route() if set(step.was) == set(step.selector):  # a switch; another one merely names the present track
                self.percent = self.at_end
            case Scale() if self._is_by_pods:
                self._pods[step.ref.name] = step.replicas
                self._new[step.ref.name] = min(self._new.get(step.ref.name, 0), step.replicas)
                self._follow()
            case Delete():
                self._pods.pop(step.ref.name, None)
                self._new.pop(step.ref.name, None)
        return self.percent

    def _start(self, plan: Plan) -> None:
        """The pods before the plan, from the first step on each Deployment."""
        for step in plan.steps:
            if isinstance(step, Scale) or (isinstance(step, Apply) and is_workload(step.manifest)):
                self._pods.setdefault(step.ref.name, _before(step))
        if plan.strategy == "canary":
            for name in [name for name in self._pods if name.endswith("-canary")]:
                self._new[name] = self._pods[name]
                self._pods.setdefault(name.removesuffix("-canary"), plan.steady_pods)

    def _counted(self) -> float | None:
        total = sum(self._pods.values())
        return round(100 * sum(self._new.values()) / total, 1) if total and self._is_by_pods else None

    def _follow(self) -> None:
        found = self._counted()
        if found is None:
            return
        if self.at_end >= self.percent:
            self.percent = max(self.percent, min(found, self.at_end))
        else:
            self.percent = min(self.percent, max(found, self.at_end))


def _splits(step: Apply) -> bool:
    """Whether it is a route, by which shares of requests are given."""
    return is_a(step.manifest, VIRTUAL_SERVICE) or is_route(step.ref)


def _name(step: Step) -> str:
    """A workload goes by its name alone: it is what a release is about."""
    each = row(step)
    return next((each.object.removeprefix(f"{kind.name} ") for kind in WORKLOAD_KINDS if kind.name in each.object), each.object)


def _headline(step: Step) -> str:
    match step:
        case Wait() if is_route(step.ref):
            return "waits until it is taken up"
        case Wait(until="drained"):
            return "its pods leave"
        case Wait():
            return f"waits for {pods(step.pods)}"
        case _:
            return row(step).what


def _before(step: Apply | Scale) -> int:
    if isinstance(step, Scale):
        return step.was
    if step.creates:
        return 0
    change = next((change for change in step.changes if change.path == ".spec.replicas"), None)
    return int((change.before if change else get(step.manifest, "spec", "replicas")) or 0)
