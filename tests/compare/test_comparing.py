"""Whole comparisons: each strategy under each fault, ways back, what would improve it, what is recommended, odd releases."""

from __future__ import annotations

import asyncio
import copy
import json
import math
from dataclasses import replace
from functools import cache

import pytest
from hooked import hook
from rollway.cli.views.compare_json import compare_document
from rollway.compare import rehearse
from rollway.compare.advice import recommended
from rollway.compare.comparing import compared
from rollway.compare.rehearsal import base_of, rehearse_once
from rollway.compare.report import html
from rollway.compare.results import Comparison, Outcome
from rollway.compare.scenario import Bad, Scenario, latency_of
from rollway.compare.sweep import variants_of
from rollway.errors import BadInput
from rollway.kube.objects import Obj, ref_of
from rollway.plan.observed import Observed
from rollway.release.gates import Gate
from rollway.release.model import Release
from sets import SET_WAYS
from shop import STRATEGIES, release

STEPS = {"canary": {"steps": [{"weight": 10, "pause": "20s"}, {"weight": 50, "pause": "20s"}]}}
NEW = release("v2", options=STEPS)


def without_prestop(replicas: int = 4) -> Release:
    made = release("v2", options=STEPS, replicas=replicas)
    del made.workload["spec"]["template"]["spec"]["containers"][0]["lifecycle"]
    return made


@cache
def good() -> Comparison:
    return compared(NEW, Scenario(), seeds=3)


@cache
def bad(kind: Bad) -> Comparison:
    return compared(NEW, Scenario(bad=kind, notice_s=20), seeds=2)


def outcomes(comparison: Comparison) -> dict[str, Outcome]:
    return {outcome.strategy: outcome for outcome in comparison.outcomes}


def lost(outcome: Outcome) -> float:
    return outcome.range(lambda run: run.toll.failed).median


# what they say


def test_every_strategy_releases_it() -> None:
    """Only recreate has an outage; blue-green has twice the pods, canary and ab hold on the way; none goes below the wanted
    pods but recreate; who is done has nobody on the old version."""
    found = outcomes(good())

    assert tuple(found) == STRATEGIES
    assert {run.phase for outcome in found.values() for run in outcome.runs} == {"Promoted"}
    assert {name for name, outcome in found.items() if lost(outcome)} == {"recreate"}
    assert {name for name, outcome in found.items() if outcome.typical.min_ready < 4} == {"recreate"}
    assert found["recreate"].typical.min_ready == 0
    assert found["blue-green"].typical.peak_pods == 8
    assert found["canary"].typical.duration_s > 40 > found["ramped"].typical.duration_s
    for outcome in found.values():
        run = outcome.typical
        assert sum(run.toll.ok.values()) + run.toll.failed == run.toll.sent
        assert run.bands.old[-1] == 0 < run.bands.new[-1]


@pytest.mark.parametrize("kind", ["500s", "slow"])
def test_a_version_that_answers_badly_is_taken_back(kind: Bad) -> None:
    """Where the share is held down, fewest meet it; all that meet it are lost, and each release is taken back."""
    found = outcomes(bad(kind))
    met = {name: outcome.range(lambda run: run.toll.met_new).median for name, outcome in found.items()}

    assert {run.phase for outcome in found.values() for run in outcome.runs} == {"RolledBack"}
    assert min(met, key=lambda name: met[name]) in ("canary", "ab")
    assert met["canary"] < met["ramped"] < 1.2 * met["recreate"] * 2
    assert all(run.toll.ok["new"] == 0 < run.toll.met_new for outcome in found.values() for run in outcome.runs)
    assert bad(kind).recommended in ("canary", "ab")
    assert bad(kind).improvements == ()
    cause = {"500s": "bad version", "slow": "timeout"}[kind]
    assert all(run.toll.by_cause()[cause] > 0 for outcome in found.values() for run in outcome.runs)  # type: ignore[index]


@pytest.mark.parametrize("kind", ["never-ready", "crash"])
def test_a_version_that_does_not_get_ready_meets_nobody(kind: Bad) -> None:
    """The release sees it by itself and goes back; only where the old pods went first somebody loses requests, until they are
    there again."""
    found = outcomes(bad(kind))

    assert {run.phase for outcome in found.values() for run in outcome.runs} == {"RolledBack"}
    assert all(run.failure and run.toll.met_new == 0 for outcome in found.values() for run in outcome.runs)
    assert {name for name, outcome in found.items() if lost(outcome)} == {"recreate"}
    assert found["recreate"].typical.duration_s > found["recreate"].typical.toll.downtime_s > 5
    assert found["ramped"].typical.duration_s == 0
    assert bad(kind).recommended != "recreate"


def test_a_way_back_leads_from_each_step() -> None:
    """From each share that is held and from the end; from a canary's first step in less time than from its end."""
    found = outcomes(good())

    assert [way.weight for way in found["canary"].ways_back] == [10, 50, 100]
    assert [way.after for way in found["blue-green"].ways_back] == ["half-way", "right after the switch", "the end"]
    first, _, last = found["canary"].ways_back
    assert first.traffic_s.median < last.traffic_s.median
    switched = found["blue-green"].ways_back[1]
    assert switched.traffic_s.median < 2 < found["blue-green"].ways_back[2].duration_s.median + 2
    assert all(way.traffic_s.low >= 0 for outcome in found.values() for way in outcome.ways_back)


def test_what_the_user_could_improve_is_tried() -> None:
    """Without a preStop hook a ramped release loses requests; the fix that check proposes makes them fewer, and is not taken for
    one of the new version alone: it is the old pods that stop."""
    comparison = compared(without_prestop(), Scenario(rate=400), strategies=("ramped",), seeds=3)

    [gain] = comparison.improvements
    assert (gain.rule, gain.strategy) == ("RW004", "ramped")
    assert "preStop" in gain.fix
    assert gain.lost.median == lost(comparison.outcomes[0]) > 10
    assert gain.lost_fixed.median == 0


def test_the_recommendation_says_why() -> None:
    """One that loses nothing and needs least, in two sentences that name figures; none where all are refused."""
    comparison = good()
    best = outcomes(comparison)[comparison.recommended]

    assert lost(best) == 0
    assert best.typical.peak_pods == min(each.typical.peak_pods for each in comparison.outcomes if not lost(each))
    assert comparison.reason.startswith(f"{comparison.recommended} loses no request, and everybody has the new version after ")
    assert comparison.reason.count(". ") == 1
    assert recommended(replace(comparison, outcomes=(Outcome("ab", refused="no Istio"),)))[0] == ""


# the same seed


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Of the document and of the page; another seed gives others."""
    again = compared(NEW, Scenario(), seeds=3)
    other = compared(NEW, Scenario(), seeds=3, seed=1)

    assert document(again) == document(good()) != document(other)
    assert html(again) == html(good()) != html(other)
    assert "3 seeds from 0" in html(again)


def document(comparison: Comparison) -> str:
    return json.dumps(compare_document(comparison, bands=True), sort_keys=False)


def test_the_rate_changes_what_is_lost_and_nothing_else() -> None:
    """A thousand times the requests: a thousand times the losses, at the same moments."""
    few, many = (
        outcomes(compared(NEW, Scenario(rate=rate), strategies=("recreate",), seeds=3))["recreate"] for rate in (50, 50_000)
    )

    assert [run.duration_s for run in few.runs] == [run.duration_s for run in many.runs]
    assert lost(many) / 1000 == pytest.approx(lost(few), rel=0.2)


def test_request_by_request_comes_to_the_same() -> None:
    """Every request by itself, through the same proxies: the same figures, within chance."""
    rough, exact = (
        outcomes(compared(without_prestop(), Scenario(rate=200, is_each_request=each), strategies=("recreate",), seeds=5))[
            "recreate"
        ]
        for each in (False, True)
    )

    assert [run.duration_s for run in rough.runs] == [run.duration_s for run in exact.runs]
    for a, b in zip(rough.runs, exact.runs, strict=True):
        assert a.toll.sent == pytest.approx(b.toll.sent, abs=1)
        assert a.toll.failed == pytest.approx(b.toll.failed, abs=5 + 4 * math.sqrt(b.toll.failed))
        assert a.toll.downtime_s == pytest.approx(b.toll.downtime_s, abs=0.3)
        assert a.toll.dark_s == b.toll.dark_s


# bounds and bad input


def test_what_is_not_done_by_its_bound_is_cut_and_says_so() -> None:
    comparison = compared(NEW, Scenario(bound_s=5), seeds=2)
    canary, recreate = outcomes(comparison)["canary"], outcomes(comparison)["recreate"]

    assert all(run.is_cut and run.duration_s == pytest.approx(5, abs=0.1) for run in canary.runs)
    assert not any(run.is_cut for run in recreate.runs)
    assert comparison.recommended == "recreate"
    assert canary.ways_back == ()


@pytest.mark.parametrize(
    "figures",
    [{"rate": 0}, {"rate": -1}, {"rate": math.nan}, {"rate": math.inf}, {"timeout_s": 0}, {"bound_s": 0}, {"matching": 0},
     {"matching": 1}, {"latency": latency_of(0)}],
    ids=str,
)  # fmt: skip
def test_figures_without_sense_are_refused(figures: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        Scenario(**figures)  # type: ignore[arg-type]


def test_no_seeds_and_no_pods_are_refused() -> None:
    with pytest.raises(BadInput, match="0 seeds"):
        compared(NEW, Scenario(), seeds=0)
    with pytest.raises(BadInput, match="0 pods"):
        compared(release("v2", replicas=0), Scenario())


# options


def test_a_sweep_tries_each_value_of_an_option() -> None:
    """More surge: more pods, and sooner done; the best is one of them."""
    variants = variants_of(NEW, "ramped", "maxSurge", ["1", "100%"])
    comparison = compared(NEW, Scenario(), variants=variants, seeds=2)
    one, all_ = comparison.outcomes

    assert (one.strategy, all_.strategy) == ("ramped maxSurge=1", "ramped maxSurge=100%")
    assert one.typical.peak_pods < all_.typical.peak_pods
    assert one.typical.duration_s > all_.typical.duration_s
    assert comparison.recommended == "ramped maxSurge=1"


@pytest.mark.parametrize(("key", "value", "said"), [("maxSirge", "1", "no option of ramped"), ("maxSurge", "many", "'many'")])
def test_a_sweep_of_nonsense_is_refused(key: str, value: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        variants_of(NEW, "ramped", key, [value])

    assert "maxSurge" in caught.value.hint
    assert "pydantic" not in str(caught.value.detail)


# odd releases


def test_without_a_service_nobody_asks() -> None:
    """Nothing can be lost, what splits by Service refuses, and the page says what is assumed."""
    comparison = compared(replace(NEW, services=()), Scenario(), seeds=1)
    found = outcomes(comparison)

    assert all(run.toll.sent == 0 for outcome in found.values() for run in outcome.runs)
    assert "no Service" in found["blue-green"].refused
    assert "no Service" in found["ab"].refused
    assert found["ramped"].typical.min_ready == 4
    assert "loses no request" not in comparison.reason
    assert "no Service selects the pods: nobody sends requests" in comparison.assumed


def test_a_single_pod_is_released_without_loss_where_one_more_may_come() -> None:
    found = outcomes(compared(release("v2", replicas=1, options=STEPS), Scenario(), seeds=2))

    assert {name for name, outcome in found.items() if lost(outcome) > 1} == {"recreate"}
    assert found["ramped"].typical.peak_pods == 2


def scaler(least: int) -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "shop", "namespace": "shop"},
            "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 10}}  # fmt: skip


def test_an_autoscaler_decides_how_many_pods_there_are() -> None:
    """As few as it allows, or as many as run now; the release does not change that number."""
    scaled = release("v2", replicas=None)
    scaled = replace(scaled, others=(*scaled.others, scaler(3)))
    live = copy.deepcopy(release("v1", replicas=6).workload)

    assert compared(scaled, Scenario(), strategies=("ramped",), seeds=1).replicas == 3
    now = compared(scaled, Scenario(), strategies=("blue-green",), seeds=1, observed=observed(live), is_alone=True)
    assert now.replicas == 6
    assert now.outcomes[0].typical.min_ready == 6
    assert now.outcomes[0].typical.bands.ready_new[-1] == 6


def observed(*objects: Obj) -> Observed:
    return Observed(objects={ref_of(obj): obj for obj in objects})


def quota(pods: int) -> Obj:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": "shop"},
            "spec": {"hard": {"pods": str(pods)}}}  # fmt: skip


def test_what_does_not_fit_is_not_recommended() -> None:
    """A quota of the cluster, or in the manifests: who needs more pods than it allows says so."""
    comparison = compared(NEW, Scenario(), seeds=1, observed=observed(quota(7)))
    found = outcomes(comparison)

    assert found["blue-green"].fits == "ResourceQuota small: pods is for 7 of 8 pods"
    assert not found[comparison.recommended].fits
    assert outcomes(good())["blue-green"].fits is None


def test_one_strategy_by_its_python_name() -> None:
    """`rehearse` answers inside a running event loop, with typed results; what cannot be released is refused in words."""

    async def both() -> tuple[Outcome, Outcome]:
        return await rehearse(NEW, "blue-green", seeds=2), await rehearse(replace(NEW, services=()), "blue-green")

    outcome, refused = asyncio.run(both())

    assert [run.seed for run in outcome.runs] == [0, 1]
    assert outcome.ways_back == ()
    assert refused.runs == ()
    assert "no Service" in refused.refused


def test_a_release_with_gates_is_rehearsed_and_asks_nobody() -> None:
    """Blue-green stops before its switch where a gate is asked there: a smoke test, which is taken for good."""
    smoke = {"name": "smoke", "job": "nowhere.invalid/smoke:1", "when": "before"}
    gated = replace(NEW, gates=(Gate.model_validate(smoke), Gate.model_validate({"name": "up", "pods": "restarts", "max": 0})))
    plain, found = outcomes(compared(NEW, Scenario(), seeds=1)), outcomes(compared(gated, Scenario(), seeds=1))

    assert set(found) == set(STRATEGIES)
    assert {each.typical.phase for each in found.values()} == {"Promoted"}
    assert [mark.text for mark in found["blue-green"].typical.marks if "holds" in mark.text] == ["holds 0%"]
    assert [mark.text for mark in plain["blue-green"].typical.marks if "holds" in mark.text] == []


def test_hooks_take_their_time_and_nothing_else() -> None:
    """Every strategy is rehearsed with the Jobs around it: they take as long as they say, lose no request, and count as nobody's
    pods."""
    slow = replace(NEW, hooks=(hook("before", "migrate", "v2", "{run: 40s}"), hook("after", "tidy", "v2")))
    plain, told = outcomes(good()), outcomes(compared(slow, Scenario(), seeds=3))
    for strategy in STRATEGIES:
        runs = told[strategy].runs
        assert not any(run.failure for run in runs)
        assert lost(told[strategy]) == pytest.approx(lost(plain[strategy]), rel=0.05)
        taken = told[strategy].range(lambda run: run.command_s).median - plain[strategy].range(lambda run: run.command_s).median
        assert 40 < taken < 60, strategy
        peaks = [max(run.peak_not_terminating for run in each[strategy].runs) for each in (plain, told)]
        assert abs(peaks[0] - peaks[1]) <= 1  # one that comes may meet one that goes, or not


@pytest.mark.parametrize("way", SET_WAYS)
def test_a_sets_pods_are_known_again_by_their_revision(way: str) -> None:
    """Pods of a StatefulSet come back under the names that they had: each life is one of its own. One at a time is missing."""
    base = base_of(release("v1", strategy=way), 1, 4)
    run = rehearse_once(base, release("v2", strategy=way), way.partition(" ")[0], Scenario(), 1)
    assert (run.phase, run.peak_pods) == ("Promoted", 4)
    assert run.toll.ok["old"] > 0
    assert run.toll.ok["new"] > 0
    if way.startswith("ramped"):
        assert (run.min_ready, run.toll.dark_s, run.toll.lost) == (3, 0, {})


def test_a_policy_that_waits_for_pods_that_end_is_rehearsed() -> None:
    """Those that end count among the pods that the surge allows: fewer at a time, and it takes longer."""

    def policed(tag: str, policy: str | None) -> Release:
        made = release(tag, options={"ramped": {"maxSurge": 1, "maxUnavailable": 0}})
        made.workload["spec"] |= {"podReplacementPolicy": policy} if policy else {}
        return made

    runs = {}
    for policy in (None, "TerminationStarted", "TerminationComplete"):
        base = base_of(policed("v1", policy), 1)
        runs[policy] = rehearse_once(base, policed("v2", policy), "ramped", Scenario(), 1)
    assert runs[None].peak_pods == runs["TerminationStarted"].peak_pods > 5
    assert runs["TerminationComplete"].peak_pods <= runs[None].peak_pods
    assert runs["TerminationComplete"].command_s > runs[None].command_s
