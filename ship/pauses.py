"""A release that stands in a pause: what is left of it, and who waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import StalePlan
from ..kube.clock import now, parse_timestamp
from ..plan.observed import Observed
from ..plan.revision import Revision
from ..release.model import Release
from ..strategies import of_release

if TYPE_CHECKING:
    from .options import Options


class Paused(NamedTuple):
    """A revision that stands in a pause, and the version that serves beside it."""

    revision: Revision
    stable_version: str


def left_s(revision: Revision) -> float:
    """What is left of its pause, whoever has waited for the rest. 0 where it has no end of its own."""
    if revision.phase != "Paused" or not revision.pause_s or not revision.paused_at:
        return 0.0
    left = revision.pause_s - (now() - parse_timestamp(revision.paused_at)).total_seconds()
    return min(max(left, 0.0), float(revision.pause_s))  # clocks of machines differ: never more than all of it


async def hold(paused: Paused, seconds: float, options: Options) -> None:
    """Waits for so long, and for its gates."""
    current = paused.revision
    if options.teller:
        options.teller.begin([current], current.number)
    strategy = of_release(current.strategy, Release.from_record(current.release))
    is_last = strategy.next_weight(current.weight) == 100
    await options.watches.hold(current, paused.stable_version, seconds, is_last=is_last)


def refuse_stale(observed: Observed, paused: Revision) -> Revision:
    """What is under way. Raises StalePlan where it is no longer what stood in the pause."""
    current = observed.in_flight
    if current is None or _stand(current) != _stand(paused):
        raise StalePlan("another run has acted on the release while this one paused", hint="see `deploy status`")
    return current


def _stand(revision: Revision) -> tuple[object, ...]:
    return revision.number, revision.phase, revision.weight, revision.paused_at
