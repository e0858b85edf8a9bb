"""What a release's gates would do: from its strategy's own stages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from byroute import http_route
from rollway.release.gates import Gate
from rollway.ship.foreseeing import Assumed, outlook, stages_of
from rollway.ship.power import Foreseen, Stage
from shop import STRATEGIES, release

STEPS = {"canary": {"steps": [{"weight": 10, "pause": "5m"}, {"weight": 50}]}}
ASSUMED = Assumed(rate=20.0, pause_s=120.0, matching=0.2)
COUNTED = {"name": "errors", "prometheus": "http://p:9090", "use": "http"}


def shop(strategy: str, *gates: dict[str, Any]) -> Any:
    written = tuple(Gate.model_validate({**COUNTED, **keys}) for keys in gates)
    return replace(release("v2", strategy=strategy, options=STEPS), gates=written)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_stages_are_those_in_which_both_versions_get_requests(strategy: str) -> None:
    wanted = {
        "canary": {10: Stage(0.2, 300.0), 50: Stage(0.5, 120.0)},  # of four pods
        "ab": {0: Stage(0.2, 120.0)},
    }
    assert stages_of(shop(strategy), ASSUMED) == wanted.get(strategy, {})


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"use": None, "query": "up", "max": 1}, "counted requests and values"),
        ({"interval": "10m"}, "shorter than its first look, after 600 s"),
        ({"initialDelay": "7m"}, "shorter than its first look, after 430 s"),
        ({"when": [30]}, "no stage"),
        ({"when": "after"}, "no stage"),
    ],
)
def test_what_cannot_be_said_says_why(keys: dict[str, Any], said: str) -> None:
    [found] = outlook(shop("canary", keys), ASSUMED)
    assert found.good is None
    assert said in found.why_not


def test_of_a_good_version_and_of_bad_ones() -> None:
    [found] = outlook(shop("canary", {}), ASSUMED)
    assert found.good is not None
    assert found.good.size == 0.005
    assert [round(each.size, 4) for each in found.bad] == [0.01, 0.02, 0.05, 0.1]
    shares = [each.taken_back / each.releases for each in found.bad]
    assert shares == sorted(shares)
    assert found.good.taken_back / found.good.releases < 0.02 < 0.9 < shares[2]


def test_more_looks_than_can_be_drawn_are_told_and_not_waited_for() -> None:
    [found] = outlook(shop("canary", {"interval": "1s"}), replace(ASSUMED, pause_s=86_400.0))
    assert found.good is None
    assert "measured 86,700 times" in found.why_not
    assert "--gate" in found.why_not


def test_of_slow_answers_it_is_said_how_many_more_are_found() -> None:
    [found] = outlook(shop("canary", {"of": "latency"}), replace(ASSUMED, good=200, bad=50))
    assert found.good is not None
    assert found.good.size == 0.05
    assert [round(each.size, 4) for each in found.bad] == [0.1, 0.2, 0.5, 1.0]
    assert found.good.taken_back <= 4
    assert all(each.taken_back == each.releases for each in found.bad)
    medians = [each.median_s for each in found.bad]
    assert medians == sorted(medians, reverse=True)


@pytest.mark.parametrize("worse", ["higher", "lower"])
def test_of_values_it_is_said_how_far_apart_they_have_to_be(worse: str) -> None:
    """The less they vary, the smaller the difference that is found; a pause lasts until it is decided."""
    compare = {"use": None, "compare": {"m": {"query": 'm{p="{{pods}}"}', "worse": worse}}}
    [found] = outlook(shop("canary", compare), replace(ASSUMED, good=100, bad=50))
    [noisy] = outlook(shop("canary", compare), replace(ASSUMED, good=100, bad=50, spread=0.5))
    assert found.good is not None
    assert (found.good.taken_back, found.good.releases) == (0, 20)
    assert [each.size for each in found.bad] == [1.1, 1.25, 1.5, 2.0]
    assert found.bad[-1] == Foreseen(2.0, 10, 10, 300.0, 300.0, 0.0)
    assert sum(each.taken_back for each in noisy.bad) < sum(each.taken_back for each in found.bad)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_of_an_ab_test_it_is_said_how_long_it_takes(better: str) -> None:
    """The smaller the difference, the longer; until the deadline, and looked at seldom."""
    asked = {"count": 'v{p="{{pods}}"}', "total": 'o{p="{{pods}}"}', "better": better}
    keys = {"use": None, "effect": asked, "interval": "5m", "deadline": "168h"}
    [found] = outlook(shop("ab", keys), replace(ASSUMED, rate=5.0, good=100, bad=20, matching=0.5))
    assert found.good is not None
    assert found.good.taken_back <= 3
    assert [each.taken_back for each in found.bad] == [20] * 4
    times = [each.median_s or 0.0 for each in found.bad]
    assert times == sorted(times, reverse=True)
    assert times[0] > 3 * times[2] > 0
    assert all(time_s % 300 == 0 for time_s in times)


def test_of_an_ab_test_of_values_nothing_can_be_assumed() -> None:
    asked = {"count": 'v{p="{{pods}}"}', "total": 'o{p="{{pods}}"}', "squares": 'q{p="{{pods}}"}'}
    [found] = outlook(shop("ab", {"use": None, "effect": asked}), ASSUMED)
    assert "cannot be assumed" in found.why_not


def test_the_share_is_the_one_that_is_given() -> None:
    """Of routes the weight itself, and besides it whom a step's rules catch; of pods the nearest to it."""

    def routed(*steps: dict[str, Any]) -> dict[int, float]:
        wanted = release("v2", strategy="canary", options={"canary": {"steps": [*steps]}})
        wanted = replace(wanted, router="gateway", others=(*wanted.others, http_route()))
        return {weight: round(stage.share, 4) for weight, stage in stages_of(wanted, ASSUMED).items()}

    testers = {"weight": 0, "match": [{"headers": {"x-beta": "1"}}]}
    assert routed({"weight": 10}) == {10: 0.1}
    assert routed(testers, {"weight": 10}) == {0: 0.2, 10: 0.28}
    assert stages_of(shop("canary"), ASSUMED)[10].share == 0.2
