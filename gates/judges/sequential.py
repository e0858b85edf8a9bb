"""More errors than the stable version? A test that may be looked at as often as one likes.

In an interval in which the share θ of the requests went to the new version, an error that occurs falls on it with odds θr :
1−θ, where r is how many times as often it errs. Given the errors of the interval, e in all and x of them on the new version,
the likelihood of a ratio r against that of 1 is

    r^x / (1 + θ(r − 1))^e

and the product over intervals, for every r above 1, is a test martingale while r ≤ 1 is true; so is any mixture of them. By
Ville's inequality it ever reaches 1/α with probability α at most: the release goes back when it does (Wald 1945; Robbins 1970;
Howard, Ramdas and others, 2021). Shares may change from interval to interval, the rate of errors may, too: only how they are
split counts.

Errors come in clumps: a client tries again, a pod stalls. With clumps of m the exponent is m times too large, so it is divided
by the dispersion that the intervals show: Pearson's statistic of each side, variance over mean, where it is larger than chance
makes it (McCullagh and Nelder 1989, 4.5). As long as there is one interval only, all its errors are one clump. What that costs
in time is in docs/gates.md.

The same test is asked of slow answers: those above the bucket in which the stable version's 95th percentile fell before
anything was counted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..figures import Both, Counts, Figures, Histograms, Phase, State, Verdict
from ..words import number, share

RATIOS = (1.5, 2.5, 5.0, 10.0, 25.0)
WEIGHTS = (0.10, 0.12, 0.23, 0.45, 0.10)
"""The mixture: ratios that a release may be worse by, and how much of the evidence is staked on each. Five times and ten times as
many errors are what has to be found quickly; what is smaller is found, too, later."""
_LOG_RATIOS, _LOG_WEIGHTS = tuple(map(math.log, RATIOS)), tuple(map(math.log, WEIGHTS))

CHANCE = 1.5
"""Standard deviations by which a dispersion has to be above 1 to be believed."""
QUANTILE = 0.95
ENOUGH = 100.0
"""Requests of the stable version, until its 95th percentile is known well enough."""


class Spread(NamedTuple):
    """What the intervals of one side come to: how many with requests, the requests, the errors, the sum of squared errors over
    requests, and the most errors in one of them."""

    intervals: int = 0
    requests: float = 0.0
    errors: float = 0.0
    squares: float = 0.0
    most: float = 0.0

    def and_one(self, counts: Counts) -> Spread:
        if counts.requests <= 0:
            return self
        return Spread(
            self.intervals + 1,
            self.requests + counts.requests,
            self.errors + counts.errors,
            self.squares + counts.errors**2 / counts.requests,
            max(self.most, counts.errors),
        )

    @property
    def dispersion(self) -> float:
        """Variance over mean of its errors, at least 1: how many errors come as one."""
        if self.intervals < 2:
            return max(self.most, 1.0)
        if not self.errors:
            return 1.0
        freedom = self.intervals - 1
        pearson = (self.squares * self.requests / self.errors - self.errors) / freedom
        mean = self.errors / self.intervals
        by_chance = 1.0 + CHANCE * math.sqrt((2.0 + 1.0 / mean) / freedom)
        return pearson if pearson > by_chance else 1.0


@dataclass(frozen=True)
class Sequential:
    """`alpha`: how often a release that is no worse may be taken back, at most. `what` is counted, in words: "errors"."""

    alpha: float = 0.01
    what: str = "errors"

    def begin(self) -> State:
        return {"logs": [0.0] * len(RATIOS), "stable": list(Spread()), "new": list(Spread())}

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
        dispersion = max(Spread(*state["stable"]).dispersion, Spread(*state["new"]).dispersion)
        terms = [staked + log / dispersion for staked, log in zip(_LOG_WEIGHTS, state["logs"], strict=True)]
        most = max(terms)
        return float(most + math.log(sum(math.exp(term - most) for term in terms)))

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
            "stable": list(Spread(*state["stable"]).and_one(stable)),
            "new": list(Spread(*state["new"]).and_one(new)),
        }
        # what it has reached once it has reached; a mixture is never more than the most of what it is of
        wanted = -math.log(self.alpha)
        if not after.get("reached") and max(logs) >= wanted and (reached := self.evidence(after)) >= wanted:
            after["reached"] = round(reached, 6)
        return after

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


def _slow(histogram: Mapping[float, float], bound: float) -> Counts:
    whole = max(histogram.values(), default=0.0)
    quick = max((count for each, count in histogram.items() if each <= bound), default=0.0)
    return Counts(whole, max(whole - quick, 0.0))
