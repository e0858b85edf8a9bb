"""Walks of a release through the embedded cluster, with the ways back that leave them: here, or on all cores where that pays."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
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
    release's own."""

    label: str
    strategy: str
    seed: int
    draws: int = 1
    has_turns: bool = False
    moments: tuple[Moment, ...] = ()

    def done(self, ground: Ground) -> Tree:
        variant = ground.variants[self.label]
        release = ground.scenario.behaving(variant.release, is_new=True)

        def once(turns: Turns) -> Tree:
            try:
                plot = Plot(moments=self.moments)
                runs = walked(
                    ground.base, release, self.strategy, ground.scenario, self.seed, plot,
                    draws=self.draws, turns=turns, aside=variant.aside,
                )  # fmt: skip
            except RollwayError as error:
                return Tree(refused=error.summary)
            return Tree(runs)

        if not self.has_turns:
            return once(goes_on)
        trunk, leaves = grown(once)
        return Tree(trunk.runs, {point: leaf.runs[0] for point, leaf in leaves.items() if leaf.runs}, trunk.refused)


# where it is done

Tell = Callable[[Job, Any], None]


class Walkers:
    """Does jobs, and answers what came of them, in their order. `tell` is told of each as soon as it is done."""

    def __init__(self, ground: Ground, pool: ProcessPoolExecutor | None) -> None:
        self._ground, self._pool = ground, pool

    def __call__(self, jobs: Sequence[Job], tell: Tell = lambda job, found: None) -> list[Any]:
        if self._pool is None:
            return [self._here(job, tell) for job in jobs]
        # The longest first, so that no core is left with one at the end: canary moves pod by pod, ab has two versions whole.
        order = sorted(jobs, key=lambda job: LONGEST.get(job.strategy, 0), reverse=True)
        running = {self._pool.submit(_done, job): job for job in order}
        for each in as_completed(running):
            tell(running[each], each.result())
        found = {id(job): future.result() for future, job in running.items()}
        return [found[id(job)] for job in jobs]

    def stop(self) -> None:
        """At once: what other processes are at is given up."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            _stop()

    def _here(self, job: Job, tell: Tell) -> Any:
        with collecting_seldom():
            found = job.done(self._ground)
        tell(job, found)
        return found


@contextmanager
def walkers(ground: Ground, walks: int) -> Iterator[Walkers]:
    """On all cores where so many walks are worth it. Copying this process is the quickest, but only safe without threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    can_copy = may_fork()
    if cores == 1 or walks * ground.base.replicas < (WORTH_COPIES if can_copy else WORTH_STARTS):
        yield Walkers(ground, None)
        return
    context = multiprocessing.get_context("fork" if can_copy else "spawn")
    gc.collect()
    gc.freeze()  # a copy that looks for garbage among what it shares would come to own all of it
    pool = ProcessPoolExecutor(cores, context, initializer=_begin, initargs=(ground,))
    try:
        yield Walkers(ground, pool)
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
