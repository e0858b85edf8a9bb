"""How much better one version is, looked at as often as one likes."""

from __future__ import annotations

import math
from random import Random

import pytest
from rollway.compare.chance import binomial
from rollway.gates.effects import Sums, effect
from rollway.gates.figures import Phase, Samples
from rollway.gates.judges.effect import EffectJudge, Wanted

LOOKS = 400


def judged(judge: EffectJudge, stable: float, new: float, seed: int, visits: int = 100) -> tuple[Phase, int]:
    """Of conversions: how it ends, and after how many looks."""
    random, state = Random(f"{stable} {new} {seed}"), judge.begin()
    for look in range(1, LOOKS + 1):
        sides = (Sums(visits, binomial(visits, share, random)) for share in (stable, new))
        state = judge.take(state, 10.0 * look, Samples(*sides))
        if (phase := judge.phase(state)) != Phase.RUNNING:
            return phase, look
    return Phase.RUNNING, LOOKS


@pytest.mark.parametrize(("alpha", "most"), [(0.05, 12), (0.01, 4)])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
def test_two_versions_that_are_alike_are_seldom_told_apart(share: float, alpha: float, most: int) -> None:
    """At any of 400 looks; of 120 releases, with room for chance."""
    ends = [judged(EffectJudge(alpha), share, share, seed)[0] for seed in range(120)]
    assert sum(end != Phase.RUNNING for end in ends) <= most


@pytest.mark.parametrize(
    ("new", "better", "phase"),
    [
        (0.15, "higher", Phase.PASSED),
        (0.07, "higher", Phase.FAILED),
        (0.15, "lower", Phase.FAILED),
        (0.07, "lower", Phase.PASSED),
    ],
)
def test_what_is_better_is_found_to_be_so(new: float, better: str, phase: Phase) -> None:
    judge = EffectJudge(0.01, Wanted(better=better))  # type: ignore[arg-type]
    ends = [judged(judge, 0.1, new, seed) for seed in range(40)]
    assert {end for end, _ in ends} == {phase}
    assert sorted(look for _, look in ends)[20] < 120


def test_the_interval_holds_the_true_difference_at_every_look() -> None:
    """Of means, too: 5% of a mean of 10 with a deviation of 3."""
    missed = 0
    for seed in range(60):
        random, sides = Random(seed), ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])
        for _ in range(200):
            for mean, sums in zip((10.0, 10.5), sides, strict=True):
                for value in (random.gauss(mean, 3.0) for _ in range(5)):
                    sums[:] = [sums[0] + 1, sums[1] + value, sums[2] + value**2]
            found = effect(*(Sums(*sums) for sums in sides), alpha=0.05, tuning=2000.0, is_relative=True)
            if sides[0][0] >= 100 and found is not None and not found.low <= 0.05 <= found.high:
                missed += 1
                break
    assert missed <= 6


def test_it_narrows_and_says_so_in_a_sentence() -> None:
    judge, state = EffectJudge(0.05), EffectJudge().begin()
    assert judge.verdict(state).why == "too few yet: 0 of 0 on the new version, 0 of 0 on the stable one"
    widths = []
    for look in range(1, 6):
        state = judge.take(state, 10.0 * look, Samples(Sums(2000.0, 200.0), Sums(2000.0, 230.0)))
        verdict = judge.verdict(state)
        widths.append(verdict.shown["high"] - verdict.shown["low"])
    assert widths == sorted(widths, reverse=True)
    assert verdict.phase == Phase.PASSED
    assert verdict.why.startswith("better: +15% (between +")
    assert verdict.why.endswith("with 95% confidence): 0.115 of 10,000 on the new version, 0.1 of 10,000 on the stable one")


@pytest.mark.parametrize(
    ("stable", "new"),
    [(Sums(), Sums(10, 1)), (Sums(10, 1), Sums()), (Sums(10, 0), Sums(10, 1)), (Sums(10, 10), Sums(10, 10))],
    ids=["no stable", "no new", "relative to nothing", "no variance"],
)
def test_where_nothing_can_be_said_nothing_is(stable: Sums, new: Sums) -> None:
    assert effect(stable, new, alpha=0.05, tuning=1000.0, is_relative=True) is None


def test_a_conversion_is_a_value_of_0_or_1() -> None:
    """The same, but for the degree of freedom that a mean has and a share has not."""
    share, mean = Sums(1000.0, 200.0), Sums(1000.0, 200.0, 200.0)
    assert mean.variance == pytest.approx(share.variance * 1000 / 999)
    assert math.isclose(share.variance, 0.16)
