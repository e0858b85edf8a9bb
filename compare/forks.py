"""The turnings of a rehearsal: at each a copy of this process goes the way back, so that the way up to there is walked once.

Where a process must not be copied (other threads run, or the system has no such thing) the way is walked again for each turning:
the same moments, the same figures, to the byte.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, NoReturn, TypeVar

from .story import Point, Turns

T = TypeVar("T")


def may_fork() -> bool:
    """A copy has but one thread: what others hold would be held for ever."""
    return sys.platform == "linux" and threading.active_count() == 1


class Forks(Generic[T]):
    """Copies this process at each turning it is asked at, and waits for what comes of it. `found` is that, by turning; None where
    the copy has died."""

    def __init__(self) -> None:
        self.found: dict[Point, T | None] = {}
        self._pipe: int | None = None

    @property
    def is_copy(self) -> bool:
        return self._pipe is not None

    def __call__(self, point: Point) -> bool:
        """Whether to turn back here: in the copy, once."""
        if self.is_copy:
            return False
        loop = asyncio.get_running_loop()
        reader, writer = os.pipe()
        sys.stdout.flush()
        if child := os.fork():
            os.close(writer)
            self.found[point] = _told(reader, child)
            return False
        os.close(reader)
        gc.disable()  # it ends soon, and looking for garbage would touch all of the memory that is shared with the trunk
        self._pipe = writer
        asyncio._set_running_loop(loop)  # which is bound to the process that it was begun in
        return True

    def leave(self, found: T | None) -> NoReturn:
        """Tells what came of it, and ends the copy: nothing of what the trunk had begun is ended by it."""
        assert self._pipe is not None
        try:
            with os.fdopen(self._pipe, "wb") as pipe:
                pipe.write(b"" if found is None else pickle.dumps(found))
        finally:
            os._exit(0)


def _told(reader: int, child: int) -> Any:
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(told) if told else None


def grown(walk: Callable[[Turns], T]) -> tuple[T, dict[Point, T]]:
    """(what comes of the way without a turn, of that with each of its turnings). `walk` is the same every time but for what its
    turnings answer, and answers rather than raises where something does not work."""
    if not may_fork():
        passed: dict[Point, None] = {}

        def note(point: Point) -> bool:
            passed[point] = None
            return False

        return walk(note), {point: walk(point.__eq__) for point in passed}
    forks: Forks[T] = Forks()
    try:
        trunk = walk(forks)
    except BaseException:
        if forks.is_copy:
            forks.leave(None)
        raise
    if forks.is_copy:
        forks.leave(trunk)
    return trunk, {point: walk(point.__eq__) if found is None else found for point, found in forks.found.items()}
