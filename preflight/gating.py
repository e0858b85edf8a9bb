"""Gates that will not do what they are there for: queries that are none, counts of the wrong time, too little time or traffic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..gates.figures import Both, Counts, Phase
from ..gates.templates import filled, names_in
from ..release.yamlfile import Path
from ..strategies import of_release
from ..strategies.stops import Stop, stops_of
from .case import Case
from .model import Found

if TYPE_CHECKING:
    from ..release.gates import Gate

GOOD, BAD = 0.005, 0.05
"""What a gate on errors has to tell apart, at least: shares of answers that are errors."""
STEP = 0.05
"""Of the time that has passed: what is told of a time is as exact as that."""
LONGEST_S = 48 * 3600.0
EXAMPLES: Mapping[str, str] = {
    "app": "shop", "namespace": "shop", "service": "shop", "deployment": "shop", "track": "canary", "pods": "shop-[a-z0-9]+",
    "version": "1.0", "revision": "2", "weight": "10", "interval": "60s",
}  # fmt: skip
QUERIES = ("query", "requests", "errors", "compare", "effect", "metrics")
COUNTED = {"requests", "errors", "effect", "metrics"}


def unreadable(case: Case) -> Iterator[Found]:
    for gate, path, text in _queries(case):
        if wrong := _wrong(filled(text, EXAMPLES)):
            yield Found(None, path, f"gate {gate.name}: {wrong}", hint="ask its Prometheus: `deploy gates`")


def miscounting(case: Case) -> Iterator[Found]:
    """Requests and errors are of the time since the last look: of more, they are counted again and again."""
    for gate, path, text in _queries(case):
        if COUNTED.isdisjoint(path) or not gate.goes_on:
            continue  # of a share alone it does not matter
        if "interval" not in names_in(text):
            message = f"gate {gate.name} counts the same {path[-1]} again at each look: its query has a range of its own"
            yield Found(None, path, message, hint="sum(increase(…[{{ interval }}])): the time since the last look")
        elif _is_rate(_parsed(filled(text, EXAMPLES))):
            message = f"gate {gate.name} counts {path[-1]}, and the query answers how many there are a second"
            yield Found(None, path, message, hint="increase in place of rate")


def powerless(case: Case) -> Iterator[Found]:
    if not case.release.gates:
        return
    stops = stops_of(of_release(case.strategy, case.release))
    for place, gate in enumerate(case.release.gates):
        asked = [stop for stop in stops if gate.holds(stop.weight, is_last=stop.is_last)]
        if said := (
            _meets_no_stop(gate, stops, case.strategy)
            or _lacks_time(gate, asked)
            or _meets_nobody(case, gate)
            or _lacks_traffic(case, gate, asked)
        ):
            message, hint = said
            yield Found(None, ("gates", place), f"gate {gate.name} {message}", hint=hint)


def _meets_no_stop(gate: Gate, stops: list[Stop], strategy: str) -> tuple[str, str] | None:
    """Of a release that has no stops by itself, as ramped, somebody says the share who knows his gates."""
    known = [stop.weight for stop in stops]
    missed = [weight for weight in gate.moment if weight not in known] if isinstance(gate.moment, tuple) else []
    if not known or not missed:
        return None
    return (
        f"is asked at {_shares(missed)}, and {strategy} stops at {_shares(known)}: it is never measured there",
        f"when: [{', '.join(map(str, known))}], or a step at {_shares(missed)}",
    )


def _shares(weights: list[int]) -> str:
    return " and ".join(f"{weight}%" for weight in weights)


def _lacks_time(gate: Gate, asked: list[Stop]) -> tuple[str, str] | None:
    """A pause that is over before the gate has looked; or one that is decided by so many measurements, and each pause and its
    deadline are over before."""
    first, shortest = gate.first_look, min((stop.pause_s for stop in asked if stop.pause_s is not None), default=math.inf)
    if first > shortest and gate.on_fail != "report":
        return (
            f"looks for the first time after {_time(first)}, and a pause of {_time(shortest)} is over before: it is prolonged",
            "a longer pause, or a shorter interval or initialDelay",
        )
    count = gate.asked.limits.count
    if not gate.ends or count is None or not asked:
        return None
    needed = gate.initial_delay + (count - 1) * gate.interval
    given = max((stop.pause_s or 0) + gate.deadline for stop in asked)
    if needed <= given or any(stop.pause_s is None for stop in asked):
        return None
    return (
        f"is decided after {_time(needed)} ({count} measurements), and its pause and its deadline are over after {_time(given)}",
        "fewer or more frequent measurements, a longer pause, or a later deadline",
    )


def _meets_nobody(case: Case, gate: Gate) -> tuple[str, str] | None:
    if gate.chosen_judge != "sequential" or case.strategy not in ("blue-green", "recreate"):
        return None
    return (
        f"compares requests of two versions, and with {case.strategy} never both get some",
        "a bound (max, min) on the new version, or ramped, canary, ab",
    )


def _lacks_traffic(case: Case, gate: Gate, asked: list[Stop]) -> tuple[str, str] | None:
    """Where the traffic is known, and all its time is: even a version with ten times as many errors would not be found."""
    traffic = case.release.traffic
    is_known = "rate" in traffic.model_fields_set and case.strategy == "canary" and case.replicas
    if not is_known or gate.chosen_judge != "sequential" or not asked:
        return None
    lengths = [float(stop.pause_s) for stop in asked if stop.pause_s is not None]
    if len(lengths) < len(asked):
        return None  # somebody promotes, when he has seen enough
    strategy, shares = of_release(case.strategy, case.release), list[float]()
    for stop in asked:
        pods = case.pods_at(stop.weight, case.replicas or 1)
        if not (share := strategy.due_share(stop.weight, pods.canary, pods.stable)):
            return None  # of those whom a match tells apart, nobody knows how many come
        shares.append(share)
    needed_s = _needed_s(gate, list(zip(shares, lengths, strict=True)), float(traffic.rate))
    if needed_s <= sum(lengths):
        return None
    wanted = _time(needed_s) if math.isfinite(needed_s) else "days"
    return (
        f"has {_time(sum(lengths))}, and at {traffic.rate} requests/s it would need {wanted} to find a version with "
        f"{BAD:.0%} errors in place of {GOOD:.1%}",
        "longer pauses, or a larger first step; `deploy gates --power` says what it finds",
    )


def _needed_s(gate: Gate, stages: list[tuple[float, float]], rate: float) -> float:
    """Until its judge takes back a version that errs as often as is expected; the last share goes on."""
    from ..gates.judges import judge_of

    judge = judge_of(gate.chosen_judge, gate.asked)
    state, at_s = judge.begin(), 0.0
    for share, seconds in [*stages, (stages[-1][0], LONGEST_S)]:
        ends_s = at_s + seconds
        while at_s < ends_s:
            # every look of the first minutes, then fewer
            slice_s = min(max(float(gate.interval), at_s * STEP), ends_s - at_s)
            at_s += slice_s
            stable, new = rate * slice_s * (1 - share), rate * slice_s * share
            state = judge.take(state, at_s, Both(Counts(stable, stable * GOOD), Counts(new, new * BAD)))
            if judge.verdict(state).phase == Phase.FAILED:
                return at_s
    return math.inf


def _queries(case: Case) -> Iterator[tuple[Gate, Path, str]]:
    """What gates ask a Prometheus in the user's own words, with the path in the release file."""
    own = len(case.release.gates)
    for place, gate in enumerate(case.release.gates_for(case.strategy)):
        below: Path = ("gates", place) if place < own else ("strategies", "ab", "experiment")
        for path, text in gate.templates():
            if path[0] in QUERIES and gate.options.is_promql:
                yield gate, (*below, *path), text


def _wrong(query: str) -> str:
    """Why it is no PromQL; empty where it is."""
    try:
        _parsed(query)
    except ValueError as error:
        return str(error)
    return ""


def _parsed(query: str) -> Any:
    """Its tree; None where there is no parser for this machine. Raises ValueError."""
    try:
        import promql_parser
    except ImportError:
        return None
    return promql_parser.parse(query)


def _is_rate(tree: Any) -> bool:
    """Whether what is added up is a rate."""
    while inner := getattr(tree, "expr", None):
        tree = inner
    return str(getattr(getattr(tree, "func", None), "name", "")) in ("rate", "irate")


def _time(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
