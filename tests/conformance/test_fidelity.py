"""Rehearsals against releases on a real node under real load: what is predicted from the parameters alone is what was measured.

Another folder of recordings is read from the environment variable ROLLWAY_CONFORMANCE (its subfolder `truth`).
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

import pytest
from fidelity import is_same_order, rows_of, scenarios_in, section
from truth import Parameters, predict

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("ROLLWAY_CONFORMANCE") or HERE) / "truth"
PAGE = HERE.parent.parent / "docs" / "fidelity.md"


SCENARIOS = scenarios_in(FOLDER)
PROBE = {"path": "/", "period_s": 1, "initial_delay_s": 0, "timeout_s": 1, "success_threshold": 1, "failure_threshold": 3}
QUIET: Parameters = {
    "replicas": 3, "start_delay_s": 1.0, "latency_s": 0.05, "readiness_probe": PROBE, "liveness_probe": None, "prestop_s": 2,
    "grace_s": 30, "max_surge": "25%", "max_unavailable": "25%", "sigterm": "exits at once", "progress_deadline_s": 600,
    "v2_env": {}, "rate_rps": 40.0, "client_timeout_s": 2.0,
}  # fmt: skip
"""Of a release that was never measured: stories are played from any parameters."""
BAD: Parameters = {"v2_env": {"READY_AFTER": "never"}, "progress_deadline_s": 6, "hold_after_deadline_s": 2}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_median_prediction_is_near_the_median_measurement(name: str) -> None:
    """Duration within 10%, downtime and losses within 20% or 5 requests, both versions answering within 20% or 0.5 s, peaks
    exact, the kinds of failure in the measured order; and the page shows the very figures."""
    rows = rows_of(SCENARIOS[name])
    text = section(name, rows)
    print(text)

    assert [row.name for row in rows if not row.is_near] == []
    assert is_same_order(rows)
    if FOLDER.parent == HERE:
        assert text in PAGE.read_text(encoding="utf-8"), "docs/fidelity.md is out of date: `make fidelity`"


def test_the_seconds_that_an_old_side_is_kept_are_part_of_its_release() -> None:
    """It is over when the old side's Deployment is deleted: the recordings were measured so."""
    at_once, kept = (predict({**QUIET, "strategy": "BlueGreen", "delete_v1_after_s": seconds}, 0) for seconds in (0, 5))

    assert kept.duration_s - at_once.duration_s == pytest.approx(5, abs=0.1)
    assert (kept.peak_pods, kept.toll.failed) == (6, 0)


def test_one_pod_without_a_probe_refuses_longer_than_its_predecessor_is_waited_for() -> None:
    """Measured: 102 refused and 15 timed out. The new pod is asked from its first moment on and refuses for 3 s; of the old one
    half of the requests are timed out, until the proxies' next update, a second after the new one came."""
    alone = {**QUIET, "replicas": 1, "start_delay_s": 3.0, "latency_s": 0.2, "readiness_probe": None, "prestop_s": 0}
    runs = [predict({**alone, "strategy": "RollingUpdate"}, seed) for seed in range(20)]
    refused, timed_out = (median(run.kinds.get(kind, 0) for run in runs) for kind in ("refused", "timeout"))

    assert refused == pytest.approx(102, abs=5)
    assert timed_out == pytest.approx(15, abs=5)


@pytest.mark.parametrize(("strategy", "peak"), [("RollingUpdate", 4), ("BlueGreen", 6), ("Canary", 4)])
def test_a_release_that_goes_bad_is_taken_back_whatever_its_strategy(strategy: str, peak: int) -> None:
    """It is known to be bad at its deadline, which is seen within a second; nobody is answered by it, and no request is lost."""
    found = predict({**QUIET, **BAD, "strategy": strategy}, 0)

    assert 6 < found.duration_s < 7.2
    assert (found.peak_pods, found.toll.failed, found.toll.ok["new"]) == (peak, 0, 0)


@pytest.mark.parametrize("wrong", [{"strategy": "Shadow"}, {"strategy": "RollingUpdate", "v2_env": {"COLOUR": "blue"}}])
def test_a_story_that_nobody_knows_is_not_taken_for_another(wrong: Parameters) -> None:
    with pytest.raises(ValueError, match="nobody knows how"):
        predict({**QUIET, **wrong}, 0)
