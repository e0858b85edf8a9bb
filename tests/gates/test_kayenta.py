"""Values of two versions, compared: how often a good one is taken for bad, and what is said of it."""

from __future__ import annotations

import json
from random import Random

import pytest
from rollway.gates.figures import Pair, Pairs, Phase, State, Verdict
from rollway.gates.judges.kayenta import MOST_KEPT, Kayenta, Metric
from rollway.gates.ranks import root

HIGHER = Metric(worse="higher")


def judged(judge: Kayenta, draws: list[dict[str, tuple[float | None, float | None]]]) -> tuple[State, Verdict]:
    state = judge.begin()
    for at, each in enumerate(draws):
        state = judge.take(state, float(at), Pairs({name: Pair(*pair) for name, pair in each.items()}))
        state = json.loads(json.dumps(state, allow_nan=False))  # put away and taken up at any moment
    return state, judge.verdict(state)


def latencies(random: Random, count: int, factor: float) -> list[dict[str, tuple[float | None, float | None]]]:
    return [{"p95": (random.lognormvariate(-1.5, 0.3), factor * random.lognormvariate(-1.5, 0.3))} for _ in range(count)]


def test_a_good_version_is_seldom_taken_for_a_slow_one_and_a_slow_one_is_found() -> None:
    random, judge = Random(4), Kayenta({"p95": HIGHER})
    good = [judged(judge, latencies(random, 30, 1.0))[1].phase for _ in range(300)]
    slow = [judged(judge, latencies(random, 30, 1.5))[1].phase for _ in range(50)]

    assert good.count(Phase.FAILED) <= 8  # one side of 98% is 3 of 300: more than 8 by chance in less than 1 of 200
    assert slow.count(Phase.FAILED) >= 48


def test_it_is_decided_once_with_all_measurements_there() -> None:
    judge = Kayenta({"p95": HIGHER}, count=10)
    slow = latencies(Random(1), 10, 4.0)
    assert judged(judge, slow[:9])[1].phase == Phase.RUNNING
    verdict = judged(judge, slow)[1]
    assert verdict.phase == Phase.FAILED
    assert "p95 higher than the stable version" in verdict.why


def test_groups_have_weights_and_a_score_between_the_two_cannot_be_told() -> None:
    metrics = {"p95": Metric("higher", groups=("speed",)), "cpu": Metric("higher", groups=("cost",))}
    draws = [{"p95": (1.0 + at % 3, 1.0 + at % 3), "cpu": (1.0 + at % 3, 5.0 + at % 3)} for at in range(10)]
    scores = {
        weight: judged(Kayenta(metrics, {"cost": weight}, 10), draws)[1] for weight in (4.0, 20.0, 60.0)
    }  # what is left of the weights is the other group's

    assert [each.phase for each in scores.values()] == [Phase.PASSED, Phase.INCONCLUSIVE, Phase.FAILED]
    assert [each.shown["score"] for each in scores.values()] == [96.0, 80.0, 40.0]


def test_a_critical_metric_stands_for_all() -> None:
    metrics = {name: Metric("higher", is_critical=name == "errors") for name in ("errors", *"abcdefghi")}
    draws = [{name: (1.0, 2.0 if name == "errors" else 1.0) for name in metrics} for _ in range(10)]
    assert judged(Kayenta(metrics, count=10), draws)[1].shown["score"] == 0.0


@pytest.mark.parametrize("is_critical", [True, False])
def test_a_version_of_which_nothing_was_measured_is_not_judged(is_critical: bool) -> None:
    """A fault of what measures is no verdict, even of a critical metric."""
    metrics = {"p95": Metric(is_critical=is_critical), "cpu": Metric()}
    draws = [{"p95": (1.0, None), "cpu": (1.0 + at % 3, 1.0 + at % 3)} for at in range(10)]
    verdict = judged(Kayenta(metrics, count=10), draws)[1]
    assert verdict.phase == Phase.INCONCLUSIVE
    assert "no value of the new version" in verdict.why


def test_what_is_kept_is_bounded_and_reaches_back_to_the_beginning() -> None:
    judge = Kayenta({"p95": HIGHER}, count=2000)
    state, _ = judged(judge, [{"p95": (float(at), float(at))} for at in range(1000)])
    stable, new = state["series"]["p95"]
    assert len(stable) == len(new) <= MOST_KEPT
    assert min(stable) < 50
    assert max(stable) == 999


@pytest.mark.parametrize("crossing", [-3.0, 0.25, 7.9])
def test_the_root_of_a_step_is_where_it_steps(crossing: float) -> None:
    found = root(lambda at: 1.0 if at < crossing else -1.0, -10.0, 10.0)
    assert found == pytest.approx(crossing, abs=1e-4)
