"""What the gates of a release would do under a scenario, by strategy: how often they err, and what they find, how soon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..release.model import Release
from ..ship.foreseeing import Assumed, Outlook, outlook
from .scenario import Scenario

GOOD, BAD = 100, 25
"""Releases that are drawn: few enough to be no part of the time that a comparison takes."""


@dataclass(frozen=True)
class Foretold:
    """Of a strategy, or a variant of one, by its label."""

    strategy: str
    gates: tuple[Outlook, ...]


def foretold(variants: Iterable[tuple[str, str, Release]], scenario: Scenario) -> tuple[Foretold, ...]:
    """`variants` as (label, strategy, release)."""
    assumed = Assumed(scenario.rate, pause_s=scenario.gate_s, matching=scenario.matching, good=GOOD, bad=BAD)
    return tuple(
        Foretold(label, outlook(release, assumed, strategy))
        for label, strategy, release in variants
        if release.gates_for(strategy)
    )
