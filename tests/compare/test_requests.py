"""The traffic computed per interval, against the same traffic one request at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded import recorded
from rollway.compare import requests, traffic
from rollway.compare.lives import EMPTY_REFUSED, EMPTY_SILENT, Answers, Latency, PodLife, Stint
from rollway.compare.proxies import KUBE_PROXY, MESH, Routing, Target, Told
from rollway.compare.results import Loss, Toll, Version
from rollway.compare.scenario import latency_of
from rollway.compare.traffic import Load, Recording, Segment

UNTIL_S = 12.0

moments = st.integers(0, 1200).map(lambda hundredths: hundredths / 100)


@st.composite
def lives(draw: st.DrawFn, name: str) -> PodLife:
    """A pod of one or two processes, the last of which may still run."""
    edges = sorted(draw(st.lists(moments, min_size=1, max_size=6)))
    stints = [Stint(*edges[place : place + 3]) for place in range(0, len(edges), 3)]
    last = stints[-1]
    gone_s = last.ends_s + draw(st.sampled_from([0.0, 0.2, 2.0])) if last.ends_s < math.inf else math.inf
    if draw(st.booleans()):
        stints[0] = stints[0]._replace(listens_s=-math.inf)
    return PodLife(name, draw(st.sampled_from(["old", "new"])), tuple(stints), gone_s)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    pods = [draw(lives(f"pod-{number}")) for number in range(draw(st.integers(1, 5)))]
    is_mesh = draw(st.booleans())
    groups = ["a", "b"] if is_mesh else ["a"]
    names = st.sampled_from([pod.name for pod in pods])
    told = st.builds(
        Told,
        moments,
        st.sampled_from(groups),
        names,
        st.sampled_from(["ready", "serving", ""]),
    )
    known = [Told(-1.0, group, pod.name, "ready") for group in groups for pod in pods if draw(st.booleans())]
    shares = draw(st.lists(st.tuples(moments, st.integers(0, 10)), min_size=1, max_size=4)) if is_mesh else [(0.0, 10)]
    routings = [
        Routing(at_s, tuple(target for target in (Target(tenths / 10, "a"), Target(1 - tenths / 10, "b")) if target.share))
        for at_s, tenths in sorted(shares)
    ]
    routings[0] = routings[0]._replace(at_s=-1.0)
    changes = sorted(draw(st.lists(told, max_size=12)), key=lambda change: change.at_s)
    proxy = MESH if is_mesh else KUBE_PROXY
    return Recording({pod.name: pod for pod in pods}, (*known, *changes), tuple(routings), 0.0, UNTIL_S, proxy)


@st.composite
def loads(draw: st.DrawFn) -> Load:
    # What asks again and is then cut off or in time, depending on its latency, is approximate: no answer takes from 1 to 4 s.
    one = st.one_of(st.integers(1, 99), st.just(500)).map(lambda hundredths: hundredths / 100)
    values = st.lists(one, min_size=1, max_size=3).map(sorted)
    answers: dict[Version, Answers] = {
        "old": Answers(Latency(tuple(draw(values)))),
        "new": Answers(Latency(tuple(draw(values))), draw(st.sampled_from([0.0, 0.3, 1.0]))),
    }
    return Load(draw(st.sampled_from([40.0, 200.0, 333.3])), draw(st.sampled_from([0.5, 2.0, 4.0])), answers)


def expected(parts: list[Segment], load: Load) -> tuple[Counter[object], Counter[object]]:
    """(requests by what becomes of them, their variance), as the intervals have it."""
    means, variances = Counter[object](), Counter[object]()
    for segment in parts:
        number = (segment.to_s - segment.from_s) * load.rate
        for outcome, share in by_fate(segment).items():
            means[outcome] += number * share
            # and how many fall into the interval depends on the phase
            variances[outcome] += number * share * (1 - share) + 0.25
    return means, variances


def by_fate(segment: Segment) -> dict[object, float]:
    found: dict[object, float] = {}
    for (fate, version), share in segment.mixture.items():
        key = version if fate == "ok" else fate
        found[key] = found.get(key, 0.0) + share
    return found


def counted(toll: Toll) -> Mapping[object, int]:
    return {**toll.ok, **toll.lost}


def stretches(parts: list[Segment]) -> int:
    """How often it begins that nobody is there."""
    is_empty = [any(fate in (EMPTY_SILENT, EMPTY_REFUSED) for fate, _ in segment.mixture) for segment in parts]
    return sum(now and not before for before, now in zip([False, *is_empty], is_empty, strict=False))


@settings(max_examples=100, deadline=None)
@given(recordings(), loads(), st.integers(0, 1000))
def test_both_ways_of_counting_agree(recording: Recording, load: Load, seed: int) -> None:
    """Of every fate as many as the intervals expect, within five standard deviations, on whatever pods and proxies do."""
    parts = traffic.segments(recording, load, Random(seed))
    means, variances = expected(parts, load)

    toll = requests.count(recording, load, Random(seed))

    slack = 2 + stretches(parts)  # a rejection is told at the beginning of each second, not in the mean of it
    for fate in {*means, *counted(toll)}:
        spread = 5 * math.sqrt(variances[fate]) + slack
        assert counted(toll).get(fate, 0) == pytest.approx(means[fate], abs=spread), fate
    assert toll.sent == pytest.approx(UNTIL_S * load.rate, abs=1)


def test_who_has_waited_already_gets_fewer_answers_in_time() -> None:
    """Of those that ask again after a second, with one left, those are lost whose answer takes longer than that."""
    answers = Answers(Latency((0.1, 0.4, 0.8, 1.5)))
    load = Load(1000.0, 2.0, {"old": answers, "new": answers})
    pods = {"x": PodLife("x", "old", (Stint(-math.inf),))}
    told = (Told(-1.0, "a", "x", "ready"), Told(1.0, "a", "x", ""), Told(2.5, "a", "x", "ready"))
    recording = Recording(pods, told, (Routing(-1.0, (Target(1.0, "a"),)),), 0.0, 5.0)

    means, _ = expected(traffic.segments(recording, load, Random(1)), load)
    toll = requests.count(recording, load, Random(1))

    assert means["old"] == pytest.approx(3500 + 750, abs=30)
    assert toll.ok["old"] == pytest.approx(means["old"], abs=60)
    assert toll.by_cause()["no endpoint"] == pytest.approx(500 + 250, abs=60)


@settings(max_examples=100, deadline=None)
@given(recordings(), loads(), st.integers(0, 1000))
def test_the_intervals_leave_nothing_out(recording: Recording, load: Load, seed: int) -> None:
    """They follow each other without gaps, none is empty, the shares of each add up to 1, and every request is counted once."""
    parts = traffic.segments(recording, load, Random(seed))
    toll = traffic.count(parts, load, Random(seed))

    assert [parts[0].from_s, *(segment.to_s for segment in parts)] == [*(segment.from_s for segment in parts), UNTIL_S]
    assert all(segment.from_s < segment.to_s for segment in parts)
    for segment in parts:
        assert sum(segment.mixture.values()) == pytest.approx(1, abs=1e-6)
        assert min(segment.mixture.values()) > 0
    assert toll.sent == sum(toll.ok.values()) + toll.failed
    assert 0 <= toll.downtime_s <= UNTIL_S + 1 / load.rate
    assert toll.dark_s <= UNTIL_S + 1e-6


@pytest.mark.parametrize("strategy", ["recreate", "ramped", "blue-green", "canary", "ab"])
@pytest.mark.parametrize("latency", [latency_of(0.05), latency_of(0.1, 0.8)], ids=["fixed", "long-tailed"])
def test_they_agree_on_a_release(strategy: str, latency: Latency) -> None:
    """Every figure of the toll is, in the mean over 24 draws, the same by both; of pods that stop without a word."""
    recording = recorded(strategy)
    answers = Answers(latency)
    load = Load(100.0, 2.0, {"old": answers, "new": replace(answers, error_share=0.02)})
    seeds = range(24)
    parts = traffic.segments(recording, load, Random(5))
    rough = [traffic.count(parts, load, Random(seed)) for seed in seeds]
    # the proxies' part of the chance is held, that of the requests is drawn anew
    exact = [requests.count(recording, load, _Continued(5, seed)) for seed in seeds]

    assert mean(toll.sent for toll in rough) == pytest.approx(mean(toll.sent for toll in exact), abs=0.5)
    for fate in {fate for toll in exact for fate in counted(toll)}:
        a, b = ([counted(toll).get(fate, 0) for toll in tolls] for tolls in (rough, exact))
        assert mean(a) == pytest.approx(mean(b), abs=1.5 + 1.3 * math.sqrt(max(mean(a), mean(b)))), fate
    # both versions answer from one to another: at either end half of the longest answer is chance
    for figure, slack in (("downtime_s", 0.15), ("mixed_s", 0.1 + latency.longest_s)):
        a, b = ([getattr(toll, figure) for toll in tolls] for tolls in (rough, exact))
        assert mean(a) == pytest.approx(mean(b), abs=slack), figure


class _Continued(Random):
    """Draws the proxies' lag from one seed, all that comes after from another."""

    def __init__(self, first: int, then: int) -> None:
        super().__init__(then)
        self._lags = Random(first)

    def uniform(self, a: float, b: float) -> float:
        return self._lags.uniform(a, b)


def mean(values: object) -> float:
    found = list(values)  # type: ignore[call-overload]
    return sum(found) / len(found)


def test_a_route_that_is_replaced_soon_does_not_come_back() -> None:
    """A route waits for endpoints that it leads to; the one that follows it does not overtake it."""
    pods = {name: PodLife(name, version, (Stint(-math.inf),)) for name, version in (("x", "old"), ("y", "new"))}  # type: ignore[arg-type]
    told = (Told(-1.0, "a", "x", "ready"), Told(1.2, "b", "y", "ready"))
    routings = (Routing(-1.0, (Target(1.0, "a"),)), Routing(1.0, (Target(1.0, "b"),)), Routing(1.05, (Target(1.0, "a"),)))
    answers = Answers(Latency((0.01,)))
    load = Load(100.0, 2.0, {"old": answers, "new": answers})

    parts = traffic.segments(Recording(pods, told, routings, 0.0, 5.0, MESH), load, Random(1))

    assert parts[-1].ok("old") == 1


def test_a_mesh_tries_a_refused_connection_at_other_pods() -> None:
    """One pod of four that refuses costs nothing; three of four cost a quarter of the requests, all of them everything."""
    answers = Answers(Latency((0.01,)))
    load = Load(1000.0, 2.0, {"old": answers, "new": answers})
    lost = {}
    for refusing in (1, 3, 4):
        stints = [Stint(math.inf) if number < refusing else Stint(-math.inf) for number in range(4)]
        pods = {f"p{number}": PodLife(f"p{number}", "old", (stint,)) for number, stint in enumerate(stints)}
        told = tuple(Told(-1.0, "a", name, "ready") for name in pods)
        recording = Recording(pods, told, (Routing(-1.0, (Target(1.0, "a"),)),), 0.0, 4.0, MESH)
        [segment] = traffic.segments(recording, load, Random(1))
        lost[refusing] = segment.lost
        assert requests.count(recording, load, Random(1)).failed / 4000 == pytest.approx(segment.lost, abs=0.05)

    assert lost == {1: 0, 3: pytest.approx(0.25), 4: 1}


@pytest.mark.parametrize(("proxy", "kind"), [(KUBE_PROXY, "timeout"), (MESH, "5xx")])
def test_who_is_sent_to_nobody(proxy: traffic.Proxy, kind: str) -> None:
    """waits in vain where packets are dropped, and is told so by a proxy that speaks HTTP; so is who no route takes."""
    answers = Answers(Latency((0.01,)))
    load = Load(100.0, 2.0, {"old": answers, "new": answers})
    pods = {"x": PodLife("x", "old", (Stint(-math.inf),))}
    told = (Told(-1.0, "a", "x", "ready"),)
    nowhere = Recording(pods, told, (Routing(-1.0, (Target(1.0, "nobody's"),)),), 0.0, 3.0, proxy)
    partly = replace(nowhere, routings=(Routing(-1.0, (Target(0.75, "a"),)),))

    for recording, share in ((nowhere, 1.0), (partly, 0.25)):
        parts = traffic.segments(recording, load, Random(1))
        toll = traffic.count(parts, load, Random(1))
        assert parts[0].lost == pytest.approx(share)
        assert toll.lost[Loss("no endpoint", kind)] == pytest.approx(300 * share, abs=40)  # type: ignore[arg-type]
        assert toll.sent == sum(toll.ok.values()) + toll.failed
