"""How slow this machine is: beforehand, so that the times a test chooses fit it, and meanwhile, so that what is asserted of real
time is what the product promises and not what a quiet machine does."""

from __future__ import annotations

import functools
import math
import subprocess
import sys
import threading
import time

STEP_S = 0.02
DISTURBED_S = 0.25
QUIET_S = 0.1
"""What a start of Python with a few imports takes on a machine that does nothing else."""


class Disturbed(AssertionError):
    """What was asserted did not hold, and the machine was late by itself: measured again, once."""


class Pace:
    """Notes how much later than asked a thread of this process is woken, while the block lasts."""

    def __init__(self) -> None:
        self.late_s = 0.0
        """The most that it was late, in seconds."""
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Pace:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()

    @property
    def is_disturbed(self) -> bool:
        return self.late_s > DISTURBED_S or slowness() > 2

    def _watch(self) -> None:
        before = time.monotonic()
        while not self._is_over.wait(STEP_S):
            now = time.monotonic()
            self.late_s, before = max(self.late_s, now - before - STEP_S), now


@functools.cache
def slowness() -> float:
    """How many times longer than on a quiet machine a process takes to start and be done: from 1 to 10; a little counts as 1."""
    began = time.monotonic()
    for _ in range(2):
        subprocess.run([sys.executable, "-c", "import asyncio, json, typing"], check=True)
    measured = (time.monotonic() - began) / 2 / QUIET_S
    return min(10.0, measured) if measured > 1.5 else 1.0


def stretched(seconds: float) -> int:
    """A time that a test chooses to be quick, as whole seconds that this machine keeps."""
    return math.ceil(seconds * slowness())
