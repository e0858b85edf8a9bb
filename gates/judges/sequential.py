"""More errors than the stable version? A test that may be looked at as often as one likes.

In an interval in which the share θ of the requests went to the new version, an error that occurs falls on it with odds θr :
1−θ, where r is how many times as often it errs. Given the errors of the interval, e in all and x of them on the new version,
the likelihood of a ratio r against that of 1 is

    r^x / (1 + θ(r − 1))^e

and the product over intervals, for every r above 1, is a test martingale while r ≤ 1 is true; so is any mixture of them. By
Ville's inequality it ever reaches 1/α with probability α at most: the release goes back when it does (Wald 1945; Robbins 1970;
Howard, Ramdas and others, 2021). Shares may change from interval to interval, the rate of errors may, too: only how they are
split counts. An error on the new version makes a large step of it, so it would mostly end well above 1/α, which is given back
before (gates.overshoot).

Errors come in clumps: a client tries again, a pod stalls. With clumps of m the exponent is m times too large, so it is divided
by the dispersion that the intervals show: Pearson's statistic of each side, variance over mean, where it is larger than chance
makes it (McCullagh and Nelder 1989, 4.5). As long as there is one interval only, all its errors are one clump, and that is
given up as slowly as a seventh of a degree of freedom is: of few intervals nobody knows. Clients that try again make requests
as well as errors, so an interval counts with no more requests than it would have had without them. What that costs in time is
in docs/gates.md.

The same test is asked of slow answers: those above the bucket in which the stable version's 95th percentile fell before
anything was counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..figures import Both, Counts, Figures, Histograms, Phase, State, Verdict
from ..overshoot import binomial, boost
from ..words import number, share

RATIOS = (1.5, 3.0, 6.0, 12.0, 24.0)
WEIGHTS = (0.05, 0.15, 0.30, 0.35, 0.15)
"""The mixture: ratios that a release may be worse by, each twice the one before, and how much of the evidence is staked on each.
Several times as many errors are what has to be found quickly; what is smaller is found, too, later."""
_LOG_RATIOS, _LOG_WEIGHTS = tuple(map(math.log, RATIOS)), tuple(map(math.log, WEIGHTS))

CHANCE = 1.5
"""Standard deviations by which a dispersion has to be above 1 to be believed."""
PRIOR = 0.15
"""Degrees of freedom, as which it counts that an interval's errors may all be one clump."""
MOST_RAISED = 40
"""Errors in an interval: a step of more of them does not end far above what is missing."""
GIVEN_BACK = 0.8
"""Of what a step would end above it: the rest is for counts that a Prometheus extrapolates."""
ALONE = 1.05
"""A dispersion, from which on errors do not come one by one: what was given back for such errors counts for nothing."""
QUANTILE = 0.95
ENOUGH = 100.0
"""Requests of the stable version, until its 95th percentile is known well enough."""


class Spread(NamedTuple):
    """What the intervals of one side come to: how many with requests, the requests, the errors, the sum of squared errors over
    the requests that they are of (`weighed`, their sum), and the most errors in one of them."""

    intervals: int = 0
    requests: float = 0.0
    errors: float = 0.0
    squares: float = 0.0
    most: float = 0.0
    weighed: float = 0.0

    def and_one(self, counts: Counts) -> Spread:
        if counts.requests <= 0:
            return self
        requests, errors = counts
        usual = self.requests / self.intervals if self.intervals else requests
        weight = min(requests, max(requests - max(errors - 1.0, 0.0), usual))
        return Spread(
            self.intervals + 1,
            self.requests + requests,
            self.errors + errors,
            self.squares + errors**2 / weight,
            max(self.most, errors),
            self.weighed + weight,
        )

    @property
    def dispersion(self) -> float:
        """Variance over mean of its errors, at least 1: how many errors come as one."""
        if self.intervals < 2 or not self.errors:
            return max(self.most, 1.0)
        freedom = self.intervals - 1
        pearson = (self.squares * self.weighed / self.errors - self.errors) / freedom
        mean = self.errors / self.intervals
        by_chance = 1.0 + CHANCE * math.sqrt((2.0 + 1.0 / mean) / freedom)
        seen = pearson if pearson > by_chance else 1.0
        return (PRIOR * max(self.most, 1.0) + freedom * seen) / (PRIOR + freedom)


@dataclass(frozen=True)
class Sequential:
    """`alpha`: how often a release that is no worse may be taken back, at most. `what` is counted, in words: "errors"."""

    alpha: float = 0.01
    what: str = "errors"

    def begin(self) -> State:
        return {"logs": [0.0] * len(RATIOS), "raised": 0.0, "stable": list(Spread()), "new": list(Spread())}

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        if isinstance(figures, Histograms):
            return self._take_times(state, figures)
        assert isinstance(figures, Both)
        return self._counted(state, figures)

    def miss(self, state: State, at_s: float, cause: str) -> State:
        return state

    def phase(self, state: State) -> Phase:
        return Phase.FAILED if state.get("reached") else Phase.RUNNING

    def verdict(self, state: State) -> Verdict:
        stable, new = Spread(*state["stable"]), Spread(*state["new"])
        measured = min(stable.intervals, new.intervals)
        evidence = math.exp(min(float(state.get("reached") or self.evidence(state)), 700.0))
        shown = {
            "evidence": round(evidence, 3), "requests": new.requests, "errors": new.errors, "stableRequests": stable.requests,
            "stableErrors": stable.errors, "dispersion": round(max(stable.dispersion, new.dispersion), 2),
        }  # fmt: skip
        if not new.requests or not stable.requests:
            lacking = "new" if not new.requests else "stable"
            return Verdict(Phase.RUNNING, f"no request of the {lacking} version yet", 0, shown)
        seen = (
            f"{self._said(state)} {share(new.errors, new.requests)} of {number(round(new.requests))} on the new version, "
            f"{share(stable.errors, stable.requests)} of {number(round(stable.requests))} on the stable one"
        )
        if state.get("reached"):
            return Verdict(Phase.FAILED, f"{seen}: by chance in less than {self.alpha:.2%} of good releases", measured, shown)
        return Verdict(Phase.RUNNING, f"{seen}: evidence {number(evidence)} of {number(1 / self.alpha)}", measured, shown)

    def evidence(self, state: State) -> float:
        """The logarithm of the mixture, as it stands."""
        return _evidence(state, max(Spread(*state["stable"]).dispersion, Spread(*state["new"]).dispersion))

    def _counted(self, state: State, both: Both) -> State:
        stable, new = both
        requests, errors = stable.requests + new.requests, stable.errors + new.errors
        theta = new.requests / requests if requests else 0.0
        logs: Sequence[float] = state["logs"]
        if errors:
            logs = [
                log + new.errors * log_ratio - errors * math.log1p(theta * (ratio - 1.0))
                for log, ratio, log_ratio in zip(logs, RATIOS, _LOG_RATIOS, strict=True)
            ]
        after: dict[str, Any] = {
            **state,
            "logs": [round(log, 9) for log in logs],
            "raised": round(float(state["raised"]) + self._raised(state, errors, theta), 9),
            "stable": list(Spread(*state["stable"]).and_one(stable)),
            "new": list(Spread(*state["new"]).and_one(new)),
        }
        # what it has reached once it has reached; a mixture is never more than the most of what it is of
        wanted = -math.log(self.alpha)
        if after.get("reached") or max(logs) + after["raised"] < wanted:
            return after
        # where errors are independent, this alone keeps to α, whatever the dispersion seems to be meanwhile
        after["sure"] = bool(state.get("sure")) or _evidence(after, 1.0) >= wanted
        if after["sure"] and (reached := self.evidence(after)) >= wanted:
            after["reached"] = round(reached, 6)
        return after

    def _raised(self, state: State, errors: float, theta: float) -> float:
        """By how much the evidence is raised before so many errors are split, as a logarithm. (A Prometheus extrapolates: they
        need not be whole.)"""
        count = round(errors)
        if state.get("sure") or not 0.0 < theta < 1.0 or not 0 < count <= MOST_RAISED:
            return 0.0
        terms = _terms(state, 1.0)
        known = _mixed(terms)
        missing = -math.log(self.alpha) - known - float(state["raised"])
        return raised_by([term - known for term in terms], missing, count, theta) if missing > 0.0 else 0.0

    # slow answers

    def _take_times(self, state: State, times: Histograms) -> State:
        """The bound is chosen from what came before, so that it cannot be chosen to suit what is counted."""
        bound = state.get("bound")
        if bound is None:
            return self._bounded(state, times)
        return self._counted(state, Both(_slow(times.stable, bound), _slow(times.new, bound)))

    def _bounded(self, state: State, times: Histograms) -> State:
        known: dict[str, float] = dict(state.get("before") or {})
        for bound, count in times.stable.items():
            known[repr(bound)] = known.get(repr(bound), 0.0) + count
        found = sorted((float(bound), count) for bound, count in known.items())
        if not found or found[-1][1] < ENOUGH:
            return {**state, "before": known}
        finite = [each for each in found if math.isfinite(each[0])]
        chosen = next((bound for bound, count in finite if count >= QUANTILE * found[-1][1]), finite[-1][0] if finite else None)
        return {**{key: value for key, value in state.items() if key != "before"}, "bound": chosen}

    def _said(self, state: State) -> str:
        bound = state.get("bound")
        return f"{self.what}:" if bound is None else f"slower than {number(bound)} s:"


def raised_by(terms: Sequence[float], missing: float, count: int, theta: float) -> float:
    """The logarithm of what the evidence is raised by before `count` errors are split. `terms`: of each ratio's part of it, whose
    sum is 1; `missing`, above 0: of what it lacks."""
    parts = [math.exp(term) / (1.0 + theta * (ratio - 1.0)) ** count for term, ratio in zip(terms, RATIOS, strict=True)]
    # by how many of the errors fall on the new version
    factors = [sum(part * ratio**new for part, ratio in zip(parts, RATIOS, strict=True)) for new in range(count + 1)]
    if math.log(factors[-1]) <= missing:
        return 0.0
    return GIVEN_BACK * math.log(boost(factors, binomial(count, theta), math.exp(missing)))


def _evidence(state: State, dispersion: float) -> float:
    return _mixed(_terms(state, dispersion)) + (float(state["raised"]) if dispersion < ALONE else 0.0)


def _terms(state: State, dispersion: float) -> list[float]:
    """The logarithms of what each ratio contributes to the mixture."""
    return [staked + log / dispersion for staked, log in zip(_LOG_WEIGHTS, state["logs"], strict=True)]


def _mixed(terms: Sequence[float]) -> float:
    most = max(terms)
    return float(most + math.log(sum(math.exp(term - most) for term in terms)))


def _slow(histogram: Mapping[float, float], bound: float) -> Counts:
    whole = max(histogram.values(), default=0.0)
    quick = max((count for each, count in histogram.items() if each <= bound), default=0.0)
    return Counts(whole, max(whole - quick, 0.0))
