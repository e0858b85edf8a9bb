"""A comparison made by hand: five strategies with the figures and bands that a release of a small shop typically has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rollway.compare.results import (
    Bands,
    Comparison,
    Improvement,
    Loss,
    Mark,
    Outcome,
    Run,
    Toll,
    WayBack,
    range_of,
)

EMPTY, STOPPED = Loss("no endpoint", "timeout"), Loss("stopped pod", "refused")
KILLED, STARTING, WRONG = Loss("killed in flight", "reset"), Loss("not listening", "refused"), Loss("bad version", "5xx")
RATE, STEP_S, REPLICAS = 200, 0.25, 4


@dataclass(frozen=True)
class At:
    """How things are from a moment on: shares of the requests, pods and ready pods of the old and the new version."""

    at_s: float
    new: float = 0.0
    lost: float = 0.0
    pods: tuple[int, int] = (REPLICAS, 0)
    ready: tuple[int, int] = (REPLICAS, 0)


def bands(states: Sequence[At], until_s: float) -> Bands:
    series: list[tuple[float, ...]] = []
    moments = [-2 + STEP_S * number for number in range(int((until_s + 2) / STEP_S))]
    for moment in moments:
        now = [state for state in states if state.at_s <= moment][-1]
        answered = RATE * (1 - now.lost)
        series.append((answered * (1 - now.new), answered * now.new, RATE * now.lost, *now.pods, *now.ready))
    old, new, lost, *pods = zip(*series, strict=True)
    return Bands(-2, STEP_S, old, new, lost, *(tuple(int(count) for count in counts) for counts in pods))


def outcome(
    name: str,
    states: Sequence[At],
    *,
    done_s: float,
    lost: dict[Loss, int],
    downtime_s: float = 0.0,
    dark_s: float | None = None,
    mixed_s: float = 0.0,
    pod_seconds: float = 0.0,
    api: int = 12,
    marks: Sequence[Mark] = (),
    back_s: Sequence[float] = (),
    phase: str = "Promoted",
    failure: str = "",
    fits: str | None = "",
    seeds: int = 3,
    shown_s: float | None = None,
) -> Outcome:
    """The middle seed has these figures, the others a tenth less and more."""
    runs = []
    drawn = bands(states, (shown_s or done_s) + 3)
    for number in range(seeds):
        factor = 1 + 0.1 * (number - seeds // 2)
        counted = {loss: round(count * factor) for loss, count in lost.items()}
        toll = Toll(
            sent=int(RATE * (done_s + 5)),
            ok={"old": 1200, "new": 900},
            lost=counted,
            downtime_s=downtime_s * factor,
            dark_s=(downtime_s if dark_s is None else dark_s) * factor,
            mixed_s=mixed_s * factor,
            spoilt_new=counted.get(WRONG, 0),
        )
        peak = max(old + new for old, new in zip(drawn.pods_old, drawn.pods_new, strict=True))
        least = min(old + new for old, new in zip(drawn.ready_old, drawn.ready_new, strict=True))
        runs.append(
            Run(
                seed=7 + number, phase=phase, failure=failure, duration_s=done_s * factor, command_s=(shown_s or done_s) * factor,
                toll=toll, peak_pods=peak, peak_not_terminating=peak, pod_seconds=pod_seconds * factor, min_ready=least,
                api_requests=api, bands=drawn, marks=tuple(marks),
            )
        )  # fmt: skip
    weights = [mark.weight or 0 for mark in marks if mark.weight is not None]
    ways = tuple(
        WayBack(f"{weight}%", weight, range_of([back]), range_of([2 * back + 1]), range_of([0.0]))
        for weight, back in zip(weights, back_s, strict=False)
    )
    return Outcome(name, tuple(runs), ways, fits)


def recreate() -> Outcome:
    states = [At(-2), At(1, lost=1, pods=(4, 0), ready=(0, 0)), At(3, lost=1, pods=(0, 4), ready=(0, 0)),
              At(12, new=1, pods=(0, 4), ready=(0, 4))]  # fmt: skip
    marks = [Mark(0.4, "Deployment shop: 1.4.0 → 1.4.1"), Mark(12, "4 of 4 pods are ready", 100)]
    return outcome(
        "recreate", states, done_s=12.4, lost={EMPTY: 1890, STARTING: 310}, downtime_s=11, mixed_s=-11, marks=marks, back_s=[11.8]
    )


def ramped() -> Outcome:
    states = [At(-2), At(0.5, pods=(4, 1))]
    for number in range(1, 5):
        begin = 6 * number
        states.append(At(begin, new=number / 4, lost=0.06, pods=(5 - number, number), ready=(4 - number, number)))
        states.append(At(begin + 1, new=number / 4, pods=(4 - number, min(number + 1, 4)), ready=(4 - number, number)))
    marks = [Mark(0.4, "Deployment shop: 1.4.0 → 1.4.1"), Mark(24.5, "4 of 4 pods are ready", 100)]
    return outcome(
        "ramped", states, done_s=24.9, lost={STOPPED: 190, KILLED: 24}, mixed_s=18.2, pod_seconds=21, marks=marks, back_s=[19.4]
    )


def blue_green() -> Outcome:
    states = [At(-2), At(0.5, pods=(4, 4)), At(6.5, pods=(4, 4), ready=(4, 4)), At(7, new=1, pods=(4, 4), ready=(4, 4)),
              At(37, new=1, pods=(4, 4), ready=(0, 4)),
              At(38.5, new=1, pods=(0, 4), ready=(0, 4))]  # fmt: skip
    marks = [Mark(0.4, "Deployment shop-green: 4 pods of 1.4.1", 0), Mark(7, "Service shop: track stable → green", 100),
             Mark(37, "Deployment shop: 4 → 0 pods")]  # fmt: skip
    return outcome(
        "blue-green", states, done_s=7.2, lost={}, pod_seconds=146, api=15, marks=marks, back_s=[0.3, 0.4], mixed_s=0.06,
        shown_s=37, fits="the quota compute leaves 2 pods, 4 more are needed",
    )  # fmt: skip


def canary() -> Outcome:
    states = [At(-2), At(0.5, pods=(4, 1)), At(6, new=0.2, pods=(4, 1), ready=(4, 1)),
              At(20, new=0.2, pods=(4, 2), ready=(4, 1)), At(26, new=0.5, lost=0.1, pods=(4, 2), ready=(2, 2)),
              At(27, new=0.5, pods=(2, 2), ready=(2, 2)),
              At(40, new=0.5, pods=(2, 4), ready=(2, 2)), At(47, new=1, pods=(0, 4), ready=(0, 4))]  # fmt: skip
    marks = [Mark(0.4, "apply canary"), Mark(0.4, "Deployment shop-canary: 1 pod of 1.4.1"), Mark(6, "pause for 14 s", 20),
             Mark(26, "promote"), Mark(26, "pause for 14 s", 50),
             Mark(47, "Deployment shop-canary: removed", 100)]  # fmt: skip
    return outcome(
        "canary", states, done_s=47.3, lost={STOPPED: 31, KILLED: 4}, mixed_s=41, pod_seconds=38, api=31, marks=marks,
        back_s=[1.2, 3.4, 18.8],
    )  # fmt: skip


def ab() -> Outcome:
    return Outcome("ab", refused="needs Istio: the cluster has no VirtualService (networking.istio.io/v1)")


def comparison(**changes: object) -> Comparison:
    """A release of shop from 1.4.0 to 1.4.1, by all five strategies."""
    lost, fixed = range_of([190, 214, 236]), range_of([0.0])
    fix = "add preStop sleep 5"
    made = Comparison(
        "shop", "1.4.0", "1.4.1", REPLICAS, 7, (recreate(), ramped(), blue_green(), canary(), ab()),
        recommended="canary",
        reason="canary loses 35 of 10,460 requests and is taken back in 3.4 s from half of the traffic. blue-green would lose "
        "none, but the quota leaves 2 pods where it needs 4.",
        improvements=(Improvement("RW004", fix, "ramped", lost, fixed),
                      Improvement("RW004", fix, "canary", range_of([35.0]), fixed)),
        rate=RATE, assumed=("answers take 20 to 80 ms", "a pod is ready 6 s after it is made"),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def bad_comparison() -> Comparison:
    """The new version answers with errors, and is taken back."""
    states = [At(-2), At(0.5, pods=(4, 1)), At(6, new=0.0, lost=0.2, pods=(4, 1), ready=(4, 1)), At(16, pods=(4, 0))]
    taken_back = outcome(
        "canary", states, done_s=17, lost={WRONG: 400}, phase="RolledBack", failure="20% of requests failed for 10 s",
        marks=[Mark(0.4, "Deployment shop-canary: 1 pod of 1.4.1"), Mark(6, "pause for 14 s", 20), Mark(16, "going back", 0)],
        back_s=[1.2],
    )  # fmt: skip
    all_bad = [At(-2), At(1, lost=1, pods=(0, 4), ready=(0, 0)), At(12, lost=1, pods=(0, 4), ready=(0, 4))]
    cut = outcome("recreate", all_bad, done_s=60, lost={EMPTY: 2200, WRONG: 9600}, downtime_s=59, phase="Failed", failure="")
    cut = replace(cut, runs=tuple(replace(run, is_cut=True) for run in cut.runs))
    return comparison(
        outcomes=(cut, taken_back), bad="500s", improvements=(), recommended="canary", reason="canary does least harm."
    )
