"""Several releases in one run: each by `ship.run`, over one connection, in the order that `ship.schedule` allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..cluster.events import RunEvent
from ..cluster.port import Cluster
from ..errors import BadInput, RollwayError, TimedOut, Unreachable
from ..plan.plan import Plan
from ..plan.steps import Phase
from ..release.model import Release
from ..release.several import After, App, in_order
from ..strategies import of_release, stands
from ..strategies.base import Request
from . import run as ship
from .run import Options, Result
from .schedule import Schedule, Skipped
from .watch import Watch

AT_ONCE = 4


@dataclass(frozen=True)
class Outcome:
    """What became of one of the releases: a `result`, an `error` that kept it from one, or nothing, `skipped` for that reason."""

    release: Release
    result: Result | None = None
    error: RollwayError | None = None
    skipped: str = ""
    seconds: float = 0.0

    @property
    def app(self) -> App:
        return _app(self.release)

    @property
    def phase(self) -> Phase | None:
        """Where the release stands because of this run; None where the run has not touched it."""
        if self.result:
            return self.result.phase
        return "Progressing" if isinstance(self.error, TimedOut) and self.seconds else None

    @property
    def exit_code(self) -> int:
        """One that is found wrong only now counts as failed: exit code 2 would say that nothing of the run was touched."""
        if self.result:
            return 0 if self.result.is_ok else 1
        if isinstance(self.error, BadInput):
            return 1
        return self.error.exit_code if self.error else 0

    @property
    def shortfall(self) -> str:
        """Why what depends on it cannot start, as in "which …"; empty where it is live everywhere."""
        if self.error:
            return "is not done in time" if isinstance(self.error, TimedOut) else "was refused"
        if self.result is None or not self.result.is_ok:
            return "failed"
        if self.result.phase != "Paused":
            return ""
        return f"is paused{stands.at(self.result.stands) if self.result.stands else f' at {self.result.weight}%'}"


@dataclass(frozen=True)
class Planned:
    """A release's plan, or why there is none."""

    release: Release
    plan: Plan | None = None
    error: RollwayError | None = None

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0


@dataclass(frozen=True)
class Began:
    """All that will be released."""

    releases: tuple[Release, ...]


@dataclass(frozen=True)
class Started:
    app: App


@dataclass(frozen=True)
class Told:
    """Something happened in the run of one."""

    app: App
    event: RunEvent


@dataclass(frozen=True)
class Ended:
    """It is over, or will never start."""

    app: App
    outcome: Outcome


ManyEvent = Began | Started | Told | Ended


async def run(
    cluster: Cluster,
    releases: Sequence[Release],
    after: After,
    request: Request,
    *,
    at_once: int = AT_ONCE,
    options: Options | None = None,
    watch_for: Callable[[Release], Watch | None] = lambda release: None,
    emit: Callable[[ManyEvent], None] = lambda event: None,
) -> tuple[Outcome, ...]:
    """Releases all of them, and answers what became of each, in their order.

    A release starts when all it depends on is live everywhere: one that failed, was refused or stopped at a pause keeps back what
    is behind it, and nothing else. Where the cluster cannot be reached, nothing more is started. The options' `timeout_s` is for
    all together. Raises BadInput, with nothing touched, where the share that is asked for is none that every strategy can hold.
    """
    _refuse_share(releases, request)
    return await _Run(cluster, releases, after, request, options or Options(), watch_for, emit).until_over(at_once)


async def plan(
    cluster: Cluster,
    releases: Sequence[Release],
    after: After,
    request: Request,
    *,
    at_once: int = AT_ONCE,
    force: bool = False,
    prepares: bool = False,
) -> tuple[Planned, ...]:
    """What `run` would do now, in the order of what depends on what. Changes nothing."""
    _refuse_share(releases, request)
    slots = asyncio.Semaphore(at_once)
    unreachable: list[Unreachable] = []

    async def planned(release: Release) -> Planned:
        async with slots:
            if unreachable:
                return Planned(release, error=unreachable[0])
            try:
                made = await ship.plan(cluster, release, request, force=force, prepares=prepares)
                return Planned(release, plan=made)
            except RollwayError as error:
                unreachable.extend([error] if isinstance(error, Unreachable) else [])
                return Planned(release, error=error)

    by_app = {_app(release): release for release in releases}
    return tuple(await asyncio.gather(*(planned(by_app[app]) for app in in_order(after))))


def exit_code(ended: Sequence[Outcome | Planned]) -> int:
    """The worst by meaning: a release that failed, one that is wrong, a cluster that failed, no time left, a refusal."""
    codes = {one.exit_code for one in ended}
    return next((code for code in (1, 2, 4, 5, 3) if code in codes), 0)


def phase(outcomes: Sequence[Outcome]) -> Phase:
    """Of all together: the one that is furthest from Promoted. What was refused has yet to come: Progressing."""
    phases = {one.phase or "Progressing" for one in outcomes if not one.skipped}  # which is another one's doing
    order: tuple[Phase, ...] = ("Failed", "RolledBack", "Progressing", "Paused")
    return next((each for each in order if each in phases), "Promoted")


class _Run:
    """One run: the schedule, and the tasks that carry it out."""

    def __init__(
        self,
        cluster: Cluster,
        releases: Sequence[Release],
        after: After,
        request: Request,
        options: Options,
        watch_for: Callable[[Release], Watch | None],
        emit: Callable[[ManyEvent], None],
    ) -> None:
        self._cluster = cluster
        self._releases = {_app(release): release for release in releases}
        self._after = after
        self._request = request
        self._options = options
        self._watch_for = watch_for
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._ends_at = None if options.timeout_s is None else self._loop.time() + options.timeout_s
        self._outcomes: dict[App, Outcome] = {}

    async def until_over(self, at_once: int) -> tuple[Outcome, ...]:
        schedule = Schedule(self._after, at_once)
        running: dict[asyncio.Task[Outcome], App] = {}
        self._emit(Began(tuple(self._releases.values())))
        try:
            while not schedule.is_over:
                for app in schedule.start():
                    self._emit(Started(app))
                    running[asyncio.create_task(self._one(app))] = app
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in running if task in done]:  # a set has no order; a run shall be its seed
                    self._settle(schedule, running.pop(task), task.result())
        finally:
            # also on Ctrl-C: each gives its lock back
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return tuple(self._outcomes[app] for app in self._releases)

    async def _one(self, app: App) -> Outcome:
        release, began = self._releases[app], self._loop.time()
        left_s = None if self._ends_at is None else round(self._ends_at - began, 1)
        if left_s is not None and left_s <= 0:
            return Outcome(release, error=TimedOut(f"{release.app} was not started: the time was over", hint=_AGAIN))
        watch = self._watch_for(release)
        options = replace(self._options, timeout_s=left_s, watch=watch, emit=lambda event: self._emit(Told(app, event)))
        try:
            result = await ship.run(self._cluster, release, self._request, options=options)
        except RollwayError as error:
            return Outcome(release, error=error, seconds=self._loop.time() - began)
        return Outcome(release, result=result, seconds=self._loop.time() - began)

    def _settle(self, schedule: Schedule[App], app: App, outcome: Outcome) -> None:
        self._note(app, outcome)
        self._skip(schedule.ended(app, outcome.shortfall))
        if isinstance(outcome.error, Unreachable):
            # each of the others would find that out for itself, after as long a wait
            self._skip(schedule.stop("the cluster cannot be reached"))

    def _skip(self, skipped: Sequence[Skipped[App]]) -> None:
        for app, reason in skipped:
            self._note(app, Outcome(self._releases[app], skipped=reason))

    def _note(self, app: App, outcome: Outcome) -> None:
        self._outcomes[app] = outcome
        self._emit(Ended(app, outcome))


_AGAIN = "the same command goes on where this one stopped"


def _refuse_share(releases: Sequence[Release], request: Request) -> None:
    """Before anything is touched, and for all at once."""
    if request.weight is None:
        return
    mistakes = [*_unholdable(releases, request.weight)]
    if mistakes:
        detail = "\n".join(f"{release.app}: {bad.summary}" for release, bad in mistakes)
        raise BadInput(f"{request.weight}% is no share that all of them can hold", detail=detail, hint=mistakes[0][1].hint)


def _unholdable(releases: Sequence[Release], weight: int) -> Iterator[tuple[Release, BadInput]]:
    for release in releases:
        try:
            of_release(release.strategy, release).check_weight(weight)
        except BadInput as bad:
            yield release, bad


def _app(release: Release) -> App:
    return App(release.namespace, release.app)
