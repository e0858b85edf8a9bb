"""What the gates of a release would do under a scenario, by strategy: how often they err, and what they find, how soon."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..release.model import Release
from .scenario import Scenario

if TYPE_CHECKING:
    from ..ship.foreseeing import Outlook

GOOD, BAD = 100, 25
"""Releases that are drawn: few enough to be no part of the time that a comparison takes."""


@dataclass(frozen=True)
class Foretold:
    """Of a strategy, or a variant of one, by its label."""

    strategy: str
    gates: tuple[Outlook, ...]


def foretold(variants: Iterable[tuple[str, str, Release]], scenario: Scenario) -> tuple[Foretold, ...]:
    """`variants` as (label, strategy, release)."""
    gated = [variant for variant in variants if variant[2].gates_for(variant[1])]
    if not gated:
        return ()
    from ..ship.foreseeing import Assumed, outlook

    assumed = Assumed(scenario.rate, pause_s=scenario.gate_s, matching=scenario.matching, good=GOOD, bad=BAD)
    return tuple(Foretold(label, outlook(release, assumed, strategy)) for label, strategy, release in gated)
