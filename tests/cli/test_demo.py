"""`deploy demo`: every story ends as it is told, within a minute, by the real use cases."""

from __future__ import annotations

import asyncio
import re

import pytest
from rollway.cli.context import Surroundings
from rollway.cli.demo import STORIES
from rollway.sandbox.timeline import VirtualLoop
from rollway.strategies import NAMES
from shell import run


@pytest.mark.parametrize("strategy", NAMES)
def test_the_story_of_a_strategy(strategy: str) -> None:
    """2.0.0 is promoted; 3.0.0 fails, says why, and is taken back; a gate takes 4.0.0 back; the history shows all of them."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome = run("demo", strategy, surroundings=Surroundings(run=runner.run))
        took = runner.get_loop().time()

    assert outcome.code == 0, outcome.err
    assert took < 60
    assert "KeyError: 'PAYMENT_URL'   (last line of its log)" in outcome.err
    assert "gate log failed: " in outcome.err
    assert ", wanted at most 0: Traceback (most recent call last): ConnectionError: payments" in outcome.err
    history = re.findall(r"^(\d) +(\S+) +\S+ +(promoted|rolled back)", outcome.out, re.MULTILINE)
    assert history[:2] == [("4", "4.0.0", "rolled back"), ("3", "3.0.0", "rolled back")]
    assert history[2:] == [("2", "2.0.0", "promoted"), ("1", "1.0.0", "promoted")]
    assert all(f"$ deploy {act.command}" in outcome.out for act in STORIES[strategy])


def test_the_downtime_of_recreate_is_told() -> None:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        outcome = run("demo", "recreate", surroundings=Surroundings(run=runner.run))

    assert "there will be downtime" in outcome.out


def test_an_unknown_strategy_has_no_story() -> None:
    assert run("demo", "cannary").code == 2
