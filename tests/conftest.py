"""What all tests share: the support folder on the path, the switch that rewrites golden files, and what a slow machine means."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

from pace import Disturbed, Pace

# how long an example takes is the machine's business, and no property; which examples are drawn is not the day's: what nobody has
# touched stays green. New ones are drawn where somebody looks for faults (`make search`, `make newest`).
ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same examples", ANY_MACHINE, derandomize=True, database=None)
settings.register_profile("new examples", ANY_MACHINE, max_examples=300)
settings.load_profile("same examples")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files with what is produced now")


def pytest_configure(config: pytest.Config) -> None:
    """A shell that runs something in the background has it ignore Ctrl-C, and so would all that a test starts and stops."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.add_cleanup(_lifeline())


def _lifeline() -> Callable[[], None]:
    """Sandboxes in the background end with the tests that have started them, however those end: a killed one tidies nothing up.
    Answers how it is taken away."""
    folder = tempfile.TemporaryDirectory(prefix="rollway-tests-")
    pipe = Path(folder.name) / "lifeline"
    os.mkfifo(pipe)
    held = os.open(pipe, os.O_RDWR)
    os.environ["ROLLWAY_SANDBOX_LIFELINE"] = str(pipe)

    def cut() -> None:
        os.close(held)
        folder.cleanup()

    return cut


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait in real time, and others compute meanwhile."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("real_time") is None)  # what waits longest begins first
    for item in items:
        if item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[Disturbed.__name__]))


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stand until the end: looked through with every collection of garbage, they
    cost an eighth of the whole run."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """A test of real time that fails while the machine is late by itself says so, and is measured again."""
    if not pyfuncitem.get_closest_marker("real_time"):
        return (yield)
    with Pace() as pace:
        pyfuncitem.stash[PACE] = pace
        try:
            return (yield)
        except AssertionError as failed:
            if not pace.is_disturbed:
                raise
            raise Disturbed(f"the machine was up to {pace.late_s:.2f} s late meanwhile: {failed}") from failed


PACE = pytest.StashKey[Pace]()


@pytest.fixture
def late(request: pytest.FixtureRequest) -> object:
    """Asks how late the machine has been so far, in seconds, by which what is asserted of real time is widened."""
    return lambda: request.node.stash[PACE].late_s
