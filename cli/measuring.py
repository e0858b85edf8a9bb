"""`deploy compare --real`: the predicted strategies, one after the other, with processes and requests at real pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import BadInput
from .context import Interrupted, Terminated
from .session import Session
from .views.ticker import Ticker
from .views.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..compare.comparing import Variant
    from ..compare.real import Moment
    from ..compare.results import Comparison
    from ..compare.scenario import Scenario
    from ..release.model import Release

EVERY_S = 10.0  # between two lines, where there is no terminal
HIGHEST_RATE = 2_000.0


def refuse_unfit(release: Release, scenario: Scenario) -> None:
    """Before anything is computed. Raises BadInput."""
    from ..compare.fit import refuse_unfit

    if scenario.rate > HIGHEST_RATE:
        raise BadInput(
            f"--real at {scenario.rate:,g} requests a second: this machine sends them and answers them, too",
            hint=f"--rate {HIGHEST_RATE:g} at most; the predicted figures hold for any rate",
        )
    refuse_unfit(release, scenario)


def measure(
    session: Session, release: Release, scenario: Scenario, variants: Sequence[Variant], before: Release | None, of: Comparison
) -> Comparison:
    """What `of` predicts, measured. Tells first how long it takes, and then how far it has come."""
    from ..compare.real import about_s, measured

    known = [about_s(outcome, scenario) for outcome in of.outcomes if outcome.runs]
    session.view.note(f"measuring {len(known)} of {len(variants)} at real pace: about {duration(sum(known))}; Ctrl-C stops it")
    progress = _Progress()

    async def use_case() -> Comparison:
        return await measured(release, scenario, variants, before, predicted=of.outcomes, tell=progress.tell)

    try:
        found: Comparison = session.surroundings.run(use_case())
    except (Interrupted, Terminated) as error:
        raise type(error)("stopped; its sandbox is gone, and nothing else was touched") from None
    finally:
        progress.close()
    for remark in found.assumed:
        session.view.note(f"measured: {remark}")
    return found


class _Progress:
    """`ramped: 12 s of about 20 s`"""

    def __init__(self) -> None:
        self._strategy, self._ticker = "", Ticker(EVERY_S)

    def tell(self, moment: Moment) -> None:
        if moment.strategy != self._strategy:
            self._strategy, self._ticker = moment.strategy, Ticker(EVERY_S)
        of = f" of about {duration(moment.about_s)}" if moment.about_s >= moment.seconds else ""
        self._ticker.tell(moment.seconds, f"{moment.strategy}: {duration(moment.seconds)}{of}")

    def close(self) -> None:
        self._ticker.close()
