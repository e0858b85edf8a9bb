"""How often a strategy is rehearsed: until its figures are known well enough, and never for nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.compare.comparing import Sight, compared
from rollway.compare.enough import agree, interval, is_enough, next_look
from rollway.compare.results import Comparison, Outcome, Run, range_of
from rollway.compare.scenario import Scenario
from shop import release

NEW = release("v2", options={"canary": {"steps": [{"weight": 50, "pause": "5s"}]}})


@cache
def some() -> Comparison:
    return compared(NEW, Scenario(), strategies=("ramped",), seeds=5, is_alone=True)


def runs(count: int, **figures: object) -> tuple[Run, ...]:
    """So many, alike but for the figures, each of which is a list to take turns with."""
    first = some().outcomes[0].runs[0]
    made = []
    for place in range(count):
        changed = {name: values[place % len(values)] for name, values in figures.items()}  # type: ignore[index,arg-type]
        made.append(replace(first, seed=place, **changed))  # type: ignore[arg-type]
    return tuple(made)


def enough(found: tuple[Run, ...]) -> bool:
    return is_enough(some(), Outcome("ramped", found))


def test_what_is_alike_is_enough_after_three_and_never_before() -> None:
    assert [enough(runs(count)) for count in (1, 2, 3, 5)] == [False, False, True, True]


def test_what_varies_is_walked_again() -> None:
    """By more than a fifth, by a phase, or by whether there is a figure at all."""
    assert not enough(runs(5, duration_s=[10.0, 12.5]))
    assert enough(runs(5, duration_s=[10.0, 11.5]))
    assert not enough(runs(5, phase=["Promoted", "RolledBack"]))
    assert not enough(
        runs(5, toll=[some().outcomes[0].runs[0].toll, replace(some().outcomes[0].runs[0].toll, mixed_s=float("nan"))])
    )


@pytest.mark.parametrize(("pods", "is_known"), [(10, False), (1_000, True)])
def test_what_pods_cost_is_known_well_enough_to_a_second_of_each(pods: int, is_known: bool) -> None:
    """What is a minute of the one is nothing of a thousand."""
    found = Outcome("ramped", runs(5, pod_seconds=[216.0, 372.0]))

    assert is_enough(replace(some(), replicas=pods), found) == is_known


def test_three_that_agree_have_to_agree_better() -> None:
    """Than five, as both ends of three are nearer to each other than those of many."""
    assert not enough(runs(3, duration_s=[10.0, 11.5]))
    assert enough(runs(5, duration_s=[10.0, 11.5]))


def test_draws_of_one_walk_count_as_one() -> None:
    walk = runs(1)[0]

    assert not enough(tuple(replace(walk, draw=draw) for draw in range(8)))


def test_one_that_strays_among_many_is_no_reason_to_go_on() -> None:
    assert enough(runs(20, duration_s=[10.0] * 18 + [30.0, 31.0]))


@given(st.integers(2, 400))
def test_looks_rise_to_the_bound(most: int) -> None:
    looks = [1]
    while looks[-1] < most:
        looks.append(next_look(looks[-1], most))

    assert looks == sorted(set(looks))
    assert looks[-1] == most
    assert len(looks) < 20


def test_two_ways_back_that_a_reader_would_not_tell_apart_agree() -> None:
    assert agree(range_of([8.0, 8.2]))
    assert not agree(range_of([2.0, 2.9]))


@pytest.mark.parametrize("number", [5, 8, 12, 20, 60])
def test_the_interval_holds_the_median_in_about_nineteen_of_twenty_cases(number: int) -> None:
    """Of a skewed distribution, whose median is known."""
    random, held, tries = Random(7), 0, 2000
    for _ in range(tries):
        low, high = interval([random.expovariate(1.0) for _ in range(number)])
        held += low <= 0.693147 <= high

    assert 0.90 <= held / tries <= 0.99
    assert interval([1.0, 2.0, 9.0]) == (1.0, 9.0)


# what is done


def test_fewer_walks_than_seeds_where_they_are_enough() -> None:
    """As many runs as seeds at most; those of a walk differ in what was drawn alone; an exact number is walked one by one."""
    seen: list[tuple[int, int]] = []

    def look(sight: Sight) -> None:
        seen.append((sight.done, sight.known().outcomes[0].walks))

    found = compared(NEW, Scenario(), strategies=("canary",), seeds=20, stops_early=True, is_alone=True, look=look)
    outcome = found.outcomes[0]
    exact = compared(NEW, Scenario(), strategies=("canary",), seeds=3, is_alone=True).outcomes[0]

    assert (outcome.walks < 20, outcome.stopped) == (True, "narrow")
    assert 3 <= outcome.walks <= len(outcome.runs) <= 20
    assert len({run.seed for run in outcome.runs}) == outcome.walks
    assert len({(run.seed, run.draw) for run in outcome.runs}) == len(outcome.runs)
    walked = {run.seed: {each.command_s for each in outcome.runs if each.seed == run.seed} for run in outcome.runs}
    assert all(len(commands) == 1 for commands in walked.values())
    assert (exact.walks, exact.stopped, [run.draw for run in exact.runs]) == (3, "bound", [0, 0, 0])
    assert repr(exact.runs[0]) == repr(outcome.runs[0])  # one of them may have been pickled, and no NaN equals another
    assert seen == [(walks, walks) for walks in range(1, outcome.walks + 1)]


def test_few_walks_tell_what_many_do() -> None:
    """The medians of what stopped early are within what it stopped for."""
    early, all_ = (compared(NEW, Scenario(), seeds=20, stops_early=stops, is_alone=True).outcomes for stops in (True, False))
    for few, many in zip(early, all_, strict=True):
        for figure in (lambda run: run.duration_s, lambda run: float(run.toll.failed), lambda run: float(run.peak_pods)):
            ours, theirs = (median(map(figure, outcome.runs)) for outcome in (few, many))
            assert ours == pytest.approx(theirs, rel=0.2, abs=10 if theirs > 50 else 1)


def test_what_is_known_is_shown_where_somebody_stops_it() -> None:
    """Marked as such; before anything is known of each strategy there is nothing to show."""

    def stop_at(walks: int) -> Comparison:
        def look(sight: Sight) -> None:
            if sight.done == walks:
                raise KeyboardInterrupt

        return compared(NEW, Scenario(), strategies=("ramped", "recreate"), seeds=20, stops_early=True, look=look)

    found = stop_at(3)

    assert found.is_partial
    assert [outcome.stopped for outcome in found.outcomes] == ["interrupted", "interrupted"]
    assert all(outcome.runs for outcome in found.outcomes)
    assert found.recommended == ""
    with pytest.raises(KeyboardInterrupt):
        stop_at(1)
