"""Which strategy a request speaks of, and of which release. Pure."""

from __future__ import annotations

from ..errors import BadInput
from ..plan.observed import Observed
from ..plan.revision import Revision
from ..release.model import Release
from ..strategies import already, of_release
from ..strategies.base import Request, Strategy


def choose(
    release: Release,
    observed: Observed,
    request: Request,
    strategy: str | None,
    *,
    is_override: bool = False,
    force: bool = False,
) -> Strategy:
    """The strategy that a request speaks of, on the release it speaks of.

    Without a name it is that of the release under way, else of the release file (to roll back: of what is live). Promoting and
    rolling back speak of the release under way, whatever the file says by now, unless the command line changed it.
    """
    current = observed.in_flight
    if request.action == "rollback":
        known = current or _rolled_back(observed, request) or observed.live
        if known is None:
            return of_release(strategy or release.strategy, release, force=force)
        if current and strategy and strategy != current.strategy:
            under_way = f"{already.a(current.strategy)} release of {current.version} is under way"
            raise BadInput(f"{under_way}, not {already.a(strategy)} one")
        return of_release(strategy or known.strategy, Release.from_record(known.release), force=force)
    # applying the release that is under way goes on with it as what it is; another one is applied as the file says
    goes_on = current and (request.action == "promote" or current.digest == release.digest)
    name = strategy or (current.strategy if current and goes_on else str(release.strategy))
    if request.action == "promote" and current and not is_override:
        return of_release(name, Release.from_record(current.release), force=force)
    return of_release(name, release, force=force)


def _rolled_back(observed: Observed, request: Request) -> Revision | None:
    """The revision that was rolled back last, where the request is for that very rollback again: it is left as that left it."""
    last, live = observed.history[-1] if observed.history else None, observed.live
    is_again = live is not None and request.to_revision in (None, live.number)
    return last if last and last.phase == "RolledBack" and is_again else None
