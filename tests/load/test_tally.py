"""From samples to a report: arithmetic alone."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.load.report import Bucket, Outage, Report, Sample
from rollway.load.tally import MOST_BUCKETS, MOST_VERSIONS, Latencies, Outages, Tally, Timeline
from tallied import report_of

RATE = 10.0


def sample(number: int, *, lost: bool = False, took_s: float = 0.01, version: str = "v1") -> Sample:
    kind = "refused" if lost else None
    return Sample(number, number / RATE, 0.0, took_s, 0 if lost else 200, "" if lost else version, kind)  # type: ignore[arg-type]


def of(pattern: str) -> Report:
    """`..xx.`: good and lost ones, ten a second."""
    return report_of([sample(n, lost=sign == "x") for n, sign in enumerate(pattern)], RATE)


@pytest.mark.parametrize(
    ("pattern", "outage"),
    [
        ("....", Outage()),
        ("..x..", Outage(1, 0.2, 0.1)),
        ("..xx..x", Outage(2, 0.2, 0.2)),
        ("x.xxx", Outage(3, 0.2, 0.3)),
        ("xxxx", Outage(4, 0.0, 0.4)),
    ],
)
def test_the_longest_outage(pattern: str, outage: Outage) -> None:
    """n requests lost in a row at a rate r last n/r, up to the next good one's moment or the end."""
    found = of(pattern).outage

    assert found.requests == outage.requests
    assert found.at_s == pytest.approx(outage.at_s)
    assert found.seconds == pytest.approx(outage.seconds)


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_order_of_ending_does_not_matter(lost: list[bool], shuffle: random.Random) -> None:
    """A timeout ends long after what was sent behind it: the outage is that of the order of sending."""
    samples = [sample(number, lost=is_lost) for number, is_lost in enumerate(lost)]
    mixed = shuffle.sample(samples, len(samples))

    assert report_of(mixed, RATE).outage == report_of(samples, RATE).outage


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_nothing_is_counted_twice_or_left_out(lost: list[bool]) -> None:
    """The kinds, the statuses, the versions and the timeline each add up to what was sent."""
    report = report_of([sample(number, lost=is_lost) for number, is_lost in enumerate(lost)], RATE)

    assert report.good + report.lost == report.sent == len(lost)
    assert sum(report.errors.values()) == report.lost == sum(sum(bucket.lost.values()) for bucket in report.buckets)
    assert sum(report.versions.values()) == report.good == sum(sum(bucket.versions.values()) for bucket in report.buckets)
    assert report.seconds == pytest.approx(len(lost) / RATE)
    assert report.success_ratio == report.good / len(lost)


@given(st.lists(st.floats(1e-6, 60), min_size=1, max_size=300), st.sampled_from([1, 50, 90, 99, 100]))
def test_percentiles_are_exact_to_three_digits(durations: list[float], percent: float) -> None:
    """Nearest rank; never above the maximum, which is exact."""
    found = Latencies()
    for seconds in durations:
        found.add(seconds)
    exact = sorted(durations)[max(math.ceil(len(durations) * percent / 100), 1) - 1]

    assert found.percentile(percent)[0] == pytest.approx(exact, rel=0.005)
    assert found.max_s == max(durations)
    assert found.summary().mean_s == pytest.approx(sum(durations) / len(durations))


def test_the_timeline_counts_by_tenths_of_a_second() -> None:
    """Good ones by version, lost ones by kind; a moment on a border belongs to what it begins."""
    samples = [Sample(n, n * 0.05, 0, 0.01, 200, "v1" if n < 3 else "v2") for n in range(5)]
    samples += [Sample(5, 0.3, 0, 0.01, lost="reset")]

    assert report_of(samples, 20).buckets == (
        Bucket(0.0, {"v1": 2}, {}),
        Bucket(0.1, {"v1": 1, "v2": 1}, {}),
        Bucket(0.2, {"v2": 1}, {}),
        Bucket(0.3, {}, {"reset": 1}),
    )


def test_the_timeline_does_not_grow_for_ever() -> None:
    """After an hour its steps double, and nothing is lost of what was counted."""
    line = Timeline()
    for second in range(4 * 3600):
        line.take(float(second), "v1", None)

    assert line.width_s == 0.4
    assert len(line.buckets()) <= MOST_BUCKETS
    assert sum(bucket.versions["v1"] for bucket in line.buckets()) == 4 * 3600


def test_memory_does_not_grow_with_requests() -> None:
    """Twenty thousand latencies, and versions of their own each: bounded."""
    tally = Tally(1000)
    for number in range(20_000):
        tally.send(number, number / 1000)
        tally.take(Sample(number, number / 1000, 0, 0.001 + number / 1e6, 200, f"build-{number}"))
    report = tally.report()

    assert len(report.versions) == MOST_VERSIONS + 1
    assert sum(report.versions.values()) == 20_000
    assert len(tally._latencies._counts) < 2_000
    assert not tally._outages._waiting


def test_what_was_not_sent_neither_ends_an_outage_nor_prolongs_it() -> None:
    """Nothing is known of it."""
    outages = Outages()
    for number, is_lost in enumerate((False, True, None, True, False)):
        outages.take(number, number / RATE, is_lost)

    assert (outages.longest.requests, outages.longest.seconds) == (2, pytest.approx(0.3))


def test_an_unanswered_request_does_not_hide_an_outage_behind_it() -> None:
    """A run that is cut off has requests without an end among those with one."""
    tally = Tally(RATE)
    for number in range(6):
        tally.send(number, number / RATE)
        if number != 1:
            tally.take(sample(number, lost=number > 2))

    report = tally.report()

    assert (report.unanswered, report.outage.requests) == (1, 3)


def test_the_longest_time_without_a_good_answer() -> None:
    """By when answers came, not by when they were asked for: a server that stalls loses nothing, and is silent."""
    stalled = [sample(n, took_s=0.01 if n < 5 or n > 15 else 1.6 - n / RATE) for n in range(20)]

    assert report_of(stalled, RATE).answer_gap_s == pytest.approx(1.6 - 0.41)
    assert report_of(stalled, RATE).lost == 0


def test_an_empty_run() -> None:
    """Nothing was sent: zeros, and no ratio."""
    report = Tally(RATE).report()

    assert (report.sent, report.seconds, report.success_ratio, report.outage) == (0, 0.0, None, Outage())
