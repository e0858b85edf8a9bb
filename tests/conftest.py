"""What all tests share: the support folder on the path, the switch that rewrites golden files, and what a slow machine means."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent / "support"))

from pace import Disturbed, Pace

# how long an example takes is the machine's business, and no property
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files with what is produced now")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: some tests wait in real time, and others compute meanwhile."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("real_time") is None)  # what waits longest begins first
    for item in items:
        if item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[Disturbed.__name__]))


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
