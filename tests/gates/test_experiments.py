"""Which version is the better one: what is decided, in which order, and in which words; and how long it takes."""

from __future__ import annotations

import itertools
import json
import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollway.compare.chance import binomial
from rollway.gates.effects import Sums, at_least, effect
from rollway.gates.experiments import Measure, Terms
from rollway.gates.figures import Phase, Samples, State, Trials
from rollway.gates.foretold import Expected, foretold, found_within
from rollway.gates.judges import fits
from rollway.gates.judges.experiment import Experiment

SIMULATED = pytest.mark.usefixtures("untraced")
DAY_S = 86400.0
ORDERS = Terms({"orders": Measure()}, least=0.02)
GUARDED = Terms({"orders": Measure(), "errors": Measure("guardrail", "lower", tolerated=0.05)})


def judge(terms: Terms = ORDERS, *, ends: bool = True, longest_s: float = 14 * DAY_S) -> Experiment:
    return Experiment(terms, longest_s, ends)


def side(visits: float, **shares: float) -> dict[str, Sums]:
    return {name: Sums(visits, share * visits) for name, share in shares.items()}


def taken(
    judge: Experiment,
    stable: dict[str, Sums],
    new: dict[str, Sums],
    looks: int = 10,
    wanted: float | None = 0.5,
    every_s: float = 300.0,
) -> State:
    """So many looks that all show the same."""
    state = judge.begin()
    for look in range(1, looks + 1):
        seen = {name: Samples(stable[name], new[name]) for name in stable}
        state = judge.take(state, 1e9 + look * every_s, Trials(seen, wanted, every_s))
    return state


@pytest.mark.parametrize(
    ("b", "phase", "said"),
    [
        (0.115, "passed", "b is better by 15% (5% to 25%) in orders"),
        (0.085, "failed", "b is worse by 15% (7% to 23%) in orders"),
        (0.101, "running", "not decided: b may be anything from 8% worse to 10% better in orders"),
    ],
)
def test_the_primary_metric_decides(b: float, phase: str, said: str) -> None:
    verdict = judge().verdict(taken(judge(), side(2500, orders=0.1), side(2500, orders=b)))
    assert (str(verdict.phase), verdict.why) == (phase, said)


def test_where_lower_is_better_less_is_better() -> None:
    terms = Terms({"cancelled": Measure(better="lower")})
    found = judge(terms).verdict(taken(judge(terms), side(2500, cancelled=0.1), side(2500, cancelled=0.085)))
    assert found.phase == Phase.PASSED
    assert found.why == "b is better by 15% (7% to 23%) in cancelled"
    assert found.shown["estimate"] == pytest.approx(-0.15)  # the figures are b's mean minus a's


def test_a_difference_that_does_not_matter_is_found_too() -> None:
    """The interval within the least difference on both sides: nobody has to wait for more."""
    state = taken(judge(), side(400_000, orders=0.1), side(400_000, orders=0.1))
    verdict = judge().verdict(state)
    assert verdict.phase == Phase.INCONCLUSIVE
    assert verdict.why.startswith("b and a differ by less than 2%: b may be anything from 0.")


def test_it_is_told_and_measured_on_where_nobody_asks_it_to_end() -> None:
    state = taken(judge(), side(2500, orders=0.1), side(2500, orders=0.115))
    verdict = judge(ends=False).verdict(state)
    assert verdict.phase == Phase.RUNNING
    assert verdict.why == "b is better by 15% (5% to 25%) in orders; it may be stopped now"


def test_nothing_is_said_of_few_visits() -> None:
    verdict = judge().verdict(taken(judge(), side(50, orders=0.1), side(50, orders=0.5), looks=10))
    assert verdict.why == "not decided: too little is known of orders yet (250 in 500 visits of b, 50 in 500 visits of a)"
    assert verdict.phase == Phase.RUNNING


def test_harm_is_told_before_what_is_better() -> None:
    stable, new = side(5000, orders=0.1, errors=0.02), side(5000, orders=0.12, errors=0.03)
    verdict = judge(GUARDED).verdict(taken(judge(GUARDED), stable, new))
    assert verdict.phase == Phase.FAILED
    assert verdict.why == "b harms errors: it is higher by at least 31%, and 5% is tolerated"
    assert verdict.shown["low"] > 0
    assert verdict.shown["errors.low"] > 0


def test_what_is_tolerated_is_no_harm_nor_is_what_is_better() -> None:
    stable = side(50_000, orders=0.1, errors=0.02)
    for errors in (0.0204, 0.015):
        verdict = judge(GUARDED).verdict(taken(judge(GUARDED), stable, side(50_000, orders=0.12, errors=errors)))
        assert verdict.phase == Phase.PASSED


def test_a_share_that_is_off_is_told_before_any_result_and_decides_nothing() -> None:
    """However good b looks: who came to it was not left to chance."""
    state = taken(judge(GUARDED), side(5000, orders=0.1, errors=0.02), side(5600, orders=0.15, errors=0.05), looks=60)
    verdict = judge(GUARDED).verdict(state)
    assert verdict.phase == Phase.RUNNING
    assert verdict.why.startswith("no result: the new version gets 53% of the requests in place of 50%")


def test_before_that_can_be_known_nothing_is_decided() -> None:
    state = taken(judge(), side(2500, orders=0.1), side(2500, orders=0.2), looks=6)
    assert judge().phase(state) == Phase.RUNNING
    assert judge().verdict(state).why == "not decided: first it is looked whether each version gets its share of the visits"


def test_a_share_that_nobody_says_is_asked_of_nobody() -> None:
    state = taken(judge(), side(2500, orders=0.1), side(5600, orders=0.15), looks=60, wanted=None)
    assert judge().phase(state) == Phase.PASSED


@pytest.mark.parametrize("ends", [True, False])
def test_after_its_longest_time_it_is_over(ends: bool) -> None:
    it = judge(ends=ends, longest_s=3000.0)
    state = taken(it, side(2500, orders=0.1), side(2500, orders=0.101))
    assert it.verdict(state).phase == Phase.INCONCLUSIVE
    assert it.verdict(state).why.startswith("over after 50 minutes, and not decided: b may be anything from")


def test_its_time_goes_on_while_its_source_is_down() -> None:
    it = judge(longest_s=3000.0)
    state = it.begin()
    for second in range(0, 3001, 100):
        state = it.miss(state, 1e9 + second, "away")
        assert it.phase(state) == (Phase.INCONCLUSIVE if second == 3000 else Phase.RUNNING)
    assert it.verdict(state).measured == 0


counts = st.tuples(st.integers(0, 5000), st.floats(0, 1), st.integers(0, 5000), st.floats(0, 1))


@given(st.lists(counts, max_size=20), st.integers(0, 20))
@settings(max_examples=100, deadline=None)
def test_put_away_and_taken_up_again_it_is_as_if_it_had_gone_on(looks: list[Any], cut: int) -> None:
    """Whatever was counted, and whenever it was killed: neither reset nor doubled."""
    it = judge()
    whole = again = it.begin()
    for number, (visits, a, more, b) in enumerate(looks):
        figures = Trials({"orders": Samples(Sums(visits, a * visits), Sums(more, b * more))}, 0.5, 300.0)
        if number == cut:
            again = json.loads(json.dumps(again))
            assert fits(again, it)
        whole, again = (it.take(state, 1e9 + 300.0 * number, figures) for state in (whole, again))
    assert it.verdict(again) == it.verdict(whole)
    assert sum(sums[0] for sums in (again["stable"]["orders"], again["new"]["orders"])) == sum(v + m for v, _, m, _ in looks)


def ended(terms: Terms, a: dict[str, float], b: dict[str, float], seed: int, looks: int, visits: int) -> tuple[Phase, int]:
    it, random = judge(terms), Random(f"{a} {b} {seed}")
    state = it.begin()
    for look in range(1, looks + 1):
        sides = ({name: Sums(visits, binomial(visits, share, random)) for name, share in each.items()} for each in (a, b))
        stable, new = sides
        seen = {name: Samples(stable[name], new[name]) for name in a}
        state = it.take(state, 300.0 * look, Trials(seen, 0.5, 300.0))
        if (phase := it.phase(state)) not in (Phase.RUNNING, Phase.INCONCLUSIVE):
            return phase, look
    return Phase.RUNNING, looks


@SIMULATED
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_versions_that_are_alike_are_seldom_told_apart(share: float) -> None:
    """At any of 300 looks, at α = 5%, of 100 experiments; with room for chance."""
    terms = Terms({"orders": Measure()})
    ends = [ended(terms, {"orders": share}, {"orders": share}, seed, 300, 200)[0] for seed in range(100)]
    assert sum(end != Phase.RUNNING for end in ends) <= 10


@SIMULATED
def test_guardrails_share_their_false_alarms() -> None:
    """Three of them, none harmed, and a primary metric that is alike: of 60 experiments."""
    names = ("errors", "slow", "cancelled")
    terms = Terms({"orders": Measure(), **{name: Measure("guardrail", "lower") for name in names}})
    shares = {"orders": 0.1, **dict.fromkeys(names, 0.05)}
    ends = [ended(terms, shares, shares, seed, 150, 500)[0] for seed in range(60)]
    assert sum(end != Phase.RUNNING for end in ends) <= 7


@SIMULATED
def test_the_bound_on_one_side_holds_at_every_look() -> None:
    """Of a true difference of 0, and of 5%: it is above it at any of 300 looks in at most α of them."""
    missed = 0
    for seed in range(200):
        random, sums = Random(seed), [[0.0, 0.0], [0.0, 0.0]]
        for _ in range(300):
            for each, share in zip(sums, (0.2, 0.21), strict=True):
                each[:] = [each[0] + 200, each[1] + binomial(200, share, random)]
            bound = at_least(*(Sums(*each) for each in sums), alpha=0.05, tuning=20_000.0, is_relative=True)
            if sums[0][0] >= 1000 and bound is not None and bound > 0.05:
                missed += 1
                break
    assert missed <= 17


def test_the_bound_on_one_side_is_tighter_than_the_interval() -> None:
    """Than its lower end at 2α; and what falls is bounded as what rises."""
    sides = Sums(10_000.0, 2000.0), Sums(10_000.0, 2100.0)
    two = effect(*sides, alpha=0.05, tuning=20_000.0, is_relative=True)
    one = at_least(*sides, alpha=0.05, tuning=20_000.0, is_relative=True)
    assert two is not None
    assert one is not None
    assert two.low < one < two.estimate
    assert at_least(sides[1], sides[0], alpha=0.05, tuning=20_000.0, is_relative=False, falls=True) == pytest.approx(
        at_least(*sides, alpha=0.05, tuning=20_000.0, is_relative=False)
    )


CASES = [
    (0.05, 0.1, Expected(20, 0.5, 0.1)),
    (0.01, 0.2, Expected(20, 0.2, 0.05)),
    (0.05, 0.1, Expected(3, 0.5, 10.0, 15.0)),
]


@SIMULATED
@pytest.mark.parametrize(("alpha", "least", "expected"), CASES)
def test_it_takes_as_long_as_is_foretold(alpha: float, least: float, expected: Expected) -> None:
    """500 experiments of the very judge's interval with a difference of just that size: as many are decided in the time as the
    power says, and half of them in half_s, within 10%."""
    terms = Terms({"m": Measure(is_share=expected.deviation is None)}, alpha, least=least)
    looks = 80
    expected = expected._replace(every_s=foretold(terms, expected, 0.8).seconds / looks)
    plan = foretold(terms, expected, 0.8)
    terms, looks = terms._replace(tuning=plan.visits), round(plan.seconds / expected.every_s)
    times = sorted(_decided_at(terms, expected, plan.visits / looks, 3 * looks, seed) for seed in range(500))
    assert sum(time <= looks for time in times) / 500 == pytest.approx(0.8, rel=0.1)
    assert times[250] / looks == pytest.approx(plan.half_s / plan.seconds, rel=0.1)
    assert found_within(terms, expected, plan.seconds) == pytest.approx(0.8, abs=0.02)


def _decided_at(terms: Terms, expected: Expected, visits: float, most: int, seed: int) -> float:
    """The look at which the interval first lies on one side of zero; each visit's value is drawn."""
    random = Random(seed)
    mean = expected.mean * (1 + terms.least)
    sides = [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    for look in range(1, most + 1):
        for each, share, of in ((sides[0], 1 - expected.share, expected.mean), (sides[1], expected.share, mean)):
            count = round(visits * share)
            if expected.deviation is None:
                total, squares = float(binomial(count, of, random)), 0.0
            else:
                total = random.gauss(of * count, expected.deviation * math.sqrt(count))
                spread = (count - 1) * expected.deviation**2 * (1 + random.gauss(0, math.sqrt(2 / (count - 1))))
                squares = total**2 / count + spread
            each[:] = [each[0] + count, each[1] + total, each[2] + squares]
        sums = [Sums(n, t, None if expected.deviation is None else s) for n, t, s in sides]
        found = effect(sums[0], sums[1], alpha=terms.alpha, tuning=terms.tuning, is_relative=True)
        if found is not None and (found.low > 0 or found.high < 0):
            return look
    return math.inf


@given(st.floats(0.001, 0.1), st.floats(0.01, 0.5), st.floats(0.05, 0.95), st.floats(0.01, 0.5))
@settings(max_examples=10, deadline=None)
def test_what_is_harder_to_find_takes_longer(alpha: float, mean: float, share: float, least: float) -> None:
    def takes(alpha: float = alpha, least: float = least, power: float = 0.8) -> float:
        return foretold(Terms({"m": Measure()}, alpha, least=least), Expected(10, share, mean), power).seconds

    assert takes(least=least / 2) > takes()
    assert takes(power=0.9) >= takes() >= takes(alpha=2 * alpha)
    times = [
        found_within(Terms({"m": Measure()}, alpha, least=least, tuning=5000), Expected(10, share, mean), takes() * part)
        for part in (0.3, 1, 3)
    ]
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
