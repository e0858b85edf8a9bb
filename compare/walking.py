"""Walks of a release through the embedded cluster, with the ways back that leave them: here, or on all cores where that pays."""

from __future__ import annotations

import contextlib
import gc
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from ..errors import RollwayError
from ..release.model import Release
from .bystanders import NOTHING, Aside
from .forks import grown, may_fork
from .rehearsal import Base, walked
from .results import Run
from .scenario import Scenario
from .story import Moment, Plot, Point, Turns, goes_on

SELDOM = 200_000  # allocations between two looks of the garbage collector
PR_SET_PDEATHSIG = 1  # prctl(2)
LONGEST = {"canary": 2, "ab": 1}
WORTH_COPIES, WORTH_STARTS = 20, 4_000  # walks times pods, from which on copies of this process pay, and processes begun anew


class Variant(NamedTuple):
    """A strategy to be rehearsed, with the release that may have options of its own for it, and what that leaves aside."""

    label: str
    strategy: str
    release: Release
    aside: Aside = NOTHING


@dataclass(frozen=True)
class Ground:
    """What all walks of a comparison start from. `variants` by their labels."""

    base: Base
    scenario: Scenario
    variants: Mapping[str, Variant]


class Job(Protocol):
    """A piece of work that can be handed to another process, where the ground is known already."""

    @property
    def strategy(self) -> str: ...

    def done(self, ground: Ground) -> Any: ...


@dataclass(frozen=True)
class Tree:
    """One walk, drawn so often, and where its ways back led, by the points that they were taken from. `refused` says why the
    strategy cannot release this."""

    runs: tuple[Run, ...] = ()
    backs: Mapping[Point, Run] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Walk:
    """The variant of that label with that seed. Without `turns` it is never taken back; `moments` are points to do so beside the
    release's own, `only` the points to do so from if not from all."""

    label: str
    strategy: str
    seed: int
    draws: int = 1
    has_turns: bool = False
    moments: tuple[Moment, ...] = ()
    only: tuple[Point, ...] = ()

    def done(self, ground: Ground) -> Tree:
        def once(asked: Turns) -> Tree:
            def turns(point: Point) -> bool:
                return (not self.only or point in self.only) and asked(point)

            return _walk(self, ground, turns, self.draws)

        if not self.has_turns:
            return once(goes_on)
        trunk, leaves = grown(once)
        return Tree(trunk.runs, _backs(leaves), trunk.refused)


@dataclass(frozen=True)
class Again:
    """A walk that was done, once more to the last of these moments: from there it goes back itself, as what follows is known.
    From the others copies of it do."""

    label: str
    strategy: str
    seed: int
    moments: tuple[Moment, ...]

    def done(self, ground: Ground) -> Tree:
        *others, last = (moment.point for moment in self.moments)

        def once(asked: Turns) -> Tree:
            return _walk(self, ground, lambda point: point == last or (point in others and asked(point)))

        trunk, leaves = grown(once)
        return Tree(backs=_backs(leaves | {last: trunk}))


def _walk(job: Walk | Again, ground: Ground, turns: Turns, draws: int = 1) -> Tree:
    variant = ground.variants[job.label]
    release = ground.scenario.behaving(variant.release, is_new=True)
    try:
        runs = walked(
            ground.base, release, job.strategy, ground.scenario, job.seed, Plot(moments=job.moments),
            draws=draws, turns=turns, aside=variant.aside,
        )  # fmt: skip
    except RollwayError as error:
        return Tree(refused=error.summary)
    return Tree(runs)


def _backs(leaves: Mapping[Point, Tree]) -> dict[Point, Run]:
    return {point: leaf.runs[0] for point, leaf in leaves.items() if leaf.runs}


# where it is done

Tell = Callable[[Job, Any], Sequence[Job]]
"""Is told of each job as soon as it is done, with what came of it. Answers what is to be done besides, now that this is known."""


def _nothing_else(job: Job, found: Any) -> Sequence[Job]:
    return ()


_Numbered = tuple[int, Job]


class Walkers:
    """Does jobs, and answers what came of them, in their order; and those that `tell` answers, each once a core is free."""

    def __init__(self, ground: Ground, pool: ProcessPoolExecutor | None, cores: int = 1) -> None:
        self._ground, self._pool, self._cores = ground, pool, cores

    def __call__(self, jobs: Sequence[Job], tell: Tell = _nothing_else) -> list[Any]:
        found: dict[int, Any] = {}
        waiting = list(enumerate(jobs))
        running: dict[Future[Any], tuple[int, Job]] = {}
        numbers = itertools.count(len(jobs))
        while waiting or running:
            for number, job, result in self._finished(waiting, running):
                found[number] = result
                waiting += zip(numbers, tell(job, result), strict=False)
        return [found[number] for number in range(len(jobs))]

    def _finished(self, waiting: list[_Numbered], running: dict[Future[Any], _Numbered]) -> list[tuple[int, Job, Any]]:
        """What is done next of what waits, which then is under way or done."""
        if self._pool is None:
            number, job = waiting.pop(0)
            with collecting_seldom():
                return [(number, job, job.done(self._ground))]
        # The longest first, so that no core is left with one at the end: canary moves pod by pod, ab has two versions whole.
        waiting.sort(key=lambda each: LONGEST.get(each[1].strategy, 0), reverse=True)
        while waiting and len(running) <= self._cores:  # one more than there are cores, so that none waits for this process
            number, job = waiting.pop(0)
            running[self._pool.submit(_done, job)] = number, job
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        ended = sorted(((*running.pop(each), each) for each in done), key=itemgetter(0))
        return [(number, job, each.result()) for number, job, each in ended]

    def stop(self) -> None:
        """At once: what other processes are at is given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            _stop()


@contextmanager
def walkers(ground: Ground, walks: int) -> Iterator[Walkers]:
    """On all cores where so many walks are worth it. Copying this process is the quickest, but only safe without threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    can_copy = may_fork()
    if cores == 1 or walks * ground.base.replicas < (WORTH_COPIES if can_copy else WORTH_STARTS):
        yield Walkers(ground, None)
        return
    context = multiprocessing.get_context("fork" if can_copy else "spawn")
    gc.freeze()  # a copy that looks for garbage among what it shares would come to own all of it
    pool = ProcessPoolExecutor(cores, context, initializer=_begin, initargs=(ground,))
    try:
        yield Walkers(ground, pool, cores)
    except BaseException:
        _stop()
        raise
    finally:
        gc.unfreeze()
        pool.shutdown(cancel_futures=True)


def _stop() -> None:
    """Each of our processes with the copies that it has made of itself."""
    for child in multiprocessing.active_children():
        with contextlib.suppress(OSError):
            if child.pid and os.getpgid(child.pid) == child.pid:
                os.killpg(child.pid, signal.SIGTERM)


_ground: Ground | None = None
"""Of a process that does somebody else's jobs."""


def _begin(ground: Ground) -> None:
    global _ground
    _ground = ground
    gc.set_threshold(SELDOM)
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C is for who asked, who then stops us
    _end_with_parent()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)


def _end_with_parent() -> None:
    """Whoever asked may be killed, and then nobody tells us to stop."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _done(job: Job) -> Any:
    assert _ground is not None
    return job.done(_ground)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """A rehearsal makes many objects that live, and few circles: looking for those is a quarter of its time."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
