"""What gates would do at a given traffic, in a sentence each: for terminals, plans and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .figures import seconds
from .results import Comparison

if TYPE_CHECKING:
    from ..ship.foreseeing import Outlook
    from ..ship.power import Foreseen

_WORSE = {"errors": "errors", "slow": "slow answers", "times": "values"}


class Told(NamedTuple):
    """Of which traffic; what each gate would do by each strategy; and why those do nothing that do nothing by any."""

    traffic: str
    does: tuple[str, ...]
    silent: tuple[str, ...]


def told(comparison: Comparison) -> Told | None:
    """None where the release has no gates."""
    if not comparison.gates:
        return None
    from ..ship.foreseeing import Assumed

    every = [(one.strategy, each) for one in comparison.gates for each in one.gates]
    does = tuple(f"{strategy}: {each.gate} {brief(each)}" for strategy, each in every if each.good or each.says)
    doing = {each.gate for _, each in every if each.good or each.says}
    silent = {each.gate: f"{each.gate}: {each.why_not}" for _, each in every if each.gate not in doing}
    return Told(f"gates, at {comparison.rate:g} requests/s of which {Assumed.errors:.1%} fail", does, tuple(silent.values()))


def brief(each: Outlook) -> str:
    """As far as it can be said."""
    if each.good is None:
        return each.says or each.why_not
    soon = ["" if one.median_s is None else f" ({seconds(one.median_s)})" for one in each.bad]
    found = [f"{size(one, each.kind)} in {share(one)}{within}" for one, within in zip(each.bad, soon, strict=True)]
    return f"takes {share(each.good)} of good versions back; of {_WORSE[each.kind]} it finds (half within) {', '.join(found)}"


def size(one: Foreseen, kind: str) -> str:
    return f"{one.size:.3g} times" if kind == "times" else percent(one.size)


def share(one: Foreseen) -> str:
    return f"{one.taken_back / one.releases:.1%}".replace(".0%", "%")


def percent(part: float) -> str:
    return f"{100 * part:.3g}%"
