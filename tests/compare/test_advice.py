"""What a comparison recommends, and how it marks what went wrong."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from rollway.cli.views.compare_text import compare_lines
from rollway.cli.views.paint import Paint
from rollway.compare.advice import recommended
from rollway.compare.comparing import compared
from rollway.compare.results import Comparison, Outcome, range_of
from rollway.compare.scenario import Scenario
from shop import release


@cache
def good() -> Comparison:
    return compared(release("v2"), Scenario(), seeds=1)


def found(comparison: Comparison, name: str) -> Outcome:
    return next(outcome for outcome in comparison.outcomes if outcome.strategy == name)


def test_the_recommendation_looks_at_the_way_back() -> None:
    """Of two that lose nothing on the way, the one whose way back loses requests comes second; and it is said of it."""
    comparison = good()
    best = found(comparison, comparison.recommended)
    losing = replace(best, ways_back=(replace(best.ways_back[0], lost=range_of([40.0])),))
    others = [outcome for outcome in comparison.outcomes if outcome is not best]

    assert recommended(replace(comparison, outcomes=(losing, *others)))[0] not in ("", best.strategy)
    assert "; its way back loses up to 40." in recommended(replace(comparison, outcomes=(losing,)))[1]


def test_no_green_tick_beside_lost_requests() -> None:
    """It is done, but it was not without a loss."""
    comparison = good()
    heads = [line.split()[:2] for line in compare_lines(comparison, width=None, paint=Paint(False)) if line.startswith("  ")]
    marks = {words[1]: words[0] for words in heads if len(words) == 2 and words[0] in "✓!✗▸"}

    assert marks["recreate"] == "!"
    assert {marks[name] for name in ("ramped", "canary", "blue-green", "ab") if marks[name] != "▸"} == {"✓"}
