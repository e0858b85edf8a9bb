"""Which strategy to take, and why, in two sentences. Pure."""

from __future__ import annotations

from .figures import amount, seconds
from .results import Comparison, Outcome

ALIKE = 2.0  # losses that differ by less count as the same


def recommended(comparison: Comparison) -> tuple[str, str]:
    """(the strategy, the reason). The fewest requests lost; of those alike the fewest on the way back, from wherever it is taken;
    then the fewest pods more, then the soonest done.

    With a bad version the fewest requests that met it come first. Empty where no strategy can release this.
    """
    usable = [outcome for outcome in comparison.outcomes if outcome.runs and not outcome.fits]
    if not usable:
        return "", "No strategy can release this: see why above."
    best = min(usable, key=lambda outcome: _cost(outcome, bool(comparison.bad)))
    return best.strategy, f"{_merit(best, comparison)} {_price(best, usable, comparison)}"


def _cost(outcome: Outcome, is_bad: bool) -> tuple[float, ...]:
    failed = sum(not _has_ended_well(run.phase, is_bad) or run.is_cut for run in outcome.runs)
    hurt = _hurt(outcome, is_bad)
    peak, lasts = outcome.range(lambda run: run.peak_pods).median, outcome.range(lambda run: run.duration_s).median
    back = _hurt_back(outcome)
    return (failed, 0.0 if hurt < ALIKE else hurt, 0.0 if back < ALIKE else back, peak, lasts)


def _has_ended_well(phase: str, is_bad: bool) -> bool:
    return phase == ("RolledBack" if is_bad else "Promoted")


def _hurt(outcome: Outcome, is_bad: bool) -> float:
    """The requests that a bad version spoilt or that got lost otherwise: all that went wrong for users."""
    return outcome.range(lambda run: run.toll.failed).median


def _hurt_back(outcome: Outcome) -> float:
    """The most requests that one of the ways back loses."""
    return max((way.lost.median for way in outcome.ways_back if way.lost.is_known), default=0.0)


def _merit(best: Outcome, comparison: Comparison) -> str:
    lost = best.range(lambda run: run.toll.failed).median
    sent = best.range(lambda run: run.toll.sent).median
    lasts = best.range(lambda run: run.duration_s).median
    what = "no request" if lost < 0.5 else f"{amount(lost, 'requests')} of {amount(sent, 'requests')} requests"
    if comparison.bad:
        few = ", the fewest of all" if lost >= 0.5 else ""
        return f"{best.strategy}: with a version that is bad ({comparison.bad}), {what} went wrong{few}."
    if not sent:
        return f"{best.strategy}: everybody would have the new version after {seconds(lasts)}, if a Service led to its pods."
    back = _hurt_back(best)
    also = f"; its way back loses up to {amount(back, 'requests')}" if back >= 0.5 else ""
    return f"{best.strategy} loses {what}, and everybody has the new version after {seconds(lasts)}{also}."


def _price(best: Outcome, usable: list[Outcome], comparison: Comparison) -> str:
    """What it costs, beside the one that is better at that."""
    peak = best.range(lambda run: run.peak_pods).median
    lasts = best.range(lambda run: run.duration_s).median
    others = [outcome for outcome in usable if outcome is not best]
    fewer = min(others, key=lambda outcome: outcome.range(lambda run: run.peak_pods).median, default=None)
    if fewer and fewer.range(lambda run: run.peak_pods).median < peak:
        least = fewer.range(lambda run: run.peak_pods).median
        return f"{fewer.strategy} would do with {least:.0f} pods instead of {peak:.0f}, {_but(fewer)}."
    sooner = min(others, key=lambda outcome: outcome.range(lambda run: run.duration_s).median, default=None)
    if sooner and not comparison.bad and sooner.range(lambda run: run.duration_s).median < lasts * 0.8:
        return f"{sooner.strategy} is done after {seconds(sooner.range(lambda r: r.duration_s).median)}, {_but(sooner)}."
    return f"It needs {peak:.0f} pods at most, {peak - comparison.replicas:.0f} more than before."


def _but(other: Outcome) -> str:
    lost = other.range(lambda run: run.toll.failed).median
    if lost >= 0.5:
        return f"but {amount(lost, 'requests')} requests are lost"
    return f"with {other.range(lambda run: run.peak_pods).median:.0f} pods at most"
