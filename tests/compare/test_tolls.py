"""What samples are told to mean: versions, outages, and the cause of a loss by what the pods did around it."""

from __future__ import annotations

import pytest
from rollway.compare.census import Census
from rollway.compare.results import Cause, Loss
from rollway.compare.tolls import Traffic, cause_of, toll_of
from rollway.load.report import Kind, Sample


def sample(at_s: float, version: str = "", lost: Kind | None = None, took_s: float = 0.001) -> Sample:
    return Sample(0, at_s, 0.0, took_s, 0, version, lost)


def census(*, stops_s: float | None = None, begins_s: float | None = None, endpoints: int = 2) -> Census:
    """Two pods; one that stops then, or one that becomes ready then."""
    made = Census()
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}, "metadata": {}}
    for name in ("a", "b"):
        made.count_pod(name, "old", -9.0, ready)
    made.endpoints.add(-9.0, endpoints)
    if stops_s is not None:
        made.count_pod("a", "old", stops_s, {**ready, "metadata": {"deletionTimestamp": "now"}})
        made.count_pod("a", "old", stops_s + 0.5, ready, is_gone=True)
    if begins_s is not None:
        made.count_pod("c", "new", begins_s, ready)
    return made


CAUSES: list[tuple[str, Sample, Census, Cause]] = [
    ("timeout", sample(5, lost="timeout", took_s=2), census(), "timeout"),
    ("silent where nobody is", sample(5, lost="timeout", took_s=2), census(endpoints=0), "no endpoint"),
    ("silent after a pod is gone", sample(5.7, lost="timeout", took_s=2), census(stops_s=5), "stopped pod"),
    ("at work when its pod stopped", sample(5, lost="reset", took_s=0.2), census(stops_s=5), "killed in flight"),
    ("just after its pod stopped", sample(5.9, lost="reset"), census(stops_s=5), "stopped pod"),
    ("long after a pod stopped", sample(9, lost="reset"), census(stops_s=5, begins_s=8.9), "not listening"),
    ("nobody there", sample(9, lost="refused"), census(endpoints=0), "no endpoint"),
    ("ready too early", sample(5.2, lost="reset"), census(begins_s=5), "not listening"),
    ("nothing happened", sample(5, lost="reset"), census(), "stopped pod"),
    ("an error of the application", sample(5, "2.0.0", lost="5xx"), census(stops_s=5), "bad version"),
    ("an error of the proxy", sample(5, lost="5xx"), census(endpoints=0), "no endpoint"),
    ("an error by nobody known", sample(5, lost="5xx"), census(), "bad version"),
]


@pytest.mark.parametrize(("asked", "pods", "cause"), [row[1:] for row in CAUSES], ids=[row[0] for row in CAUSES])
def test_a_loss_is_put_down_to_what_the_pods_did(asked: Sample, pods: Census, cause: Cause) -> None:
    assert cause_of(asked, pods) == cause


def test_versions_are_told_by_what_answered_before() -> None:
    """Downtime is the longest run of losses in the order of sending; who waits for the new version waits until it is over."""
    samples = [sample(place / 10, "1", took_s=0.05) for place in range(10)]
    samples += [sample(1 + place / 10, lost="refused") for place in range(10)]
    samples += [sample(2 + place / 10, "2", took_s=0.05) for place in range(9)]
    samples += [sample(2.9, "2", lost="5xx")]
    traffic = Traffic(samples, 10.0, frozenset({"1"}))

    toll = toll_of(traffic, census(endpoints=0))

    assert (toll.sent, toll.ok, toll.failed) == (30, {"old": 10, "new": 9}, 11)
    assert toll.downtime_s == pytest.approx(1.0)
    assert toll.dark_s == pytest.approx(1.0)
    assert toll.mixed_s == pytest.approx(0.95 - 2.05)
    assert toll.met_new == 10
    assert toll.lost[Loss("no endpoint", "refused")] == 10
    assert traffic.alone_from_s("new") == pytest.approx(1.9)
    assert traffic.tells_versions


def test_answers_that_name_no_version_are_all_of_the_old_one() -> None:
    """Their label is the status, which stays."""
    traffic = Traffic([sample(place / 10, "200") for place in range(30)], 10.0, frozenset({"200"}))

    assert not traffic.tells_versions
    assert toll_of(traffic, census()).ok == {"old": 30, "new": 0}
