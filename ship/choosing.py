"""Which strategy a request speaks of, and of which release. Pure."""

from __future__ import annotations

from ..errors import BadInput
from ..kube.objects import ref_of
from ..plan.observed import Observed
from ..plan.revision import Revision
from ..release.config import holds_the_same, is_pinned, written_name
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
    release = _as_it_stands(release, observed)
    # applying the release that is under way goes on with it as what it is; another one is applied as the file says
    goes_on = current and (request.action == "promote" or current.digest == release.digest)
    name = strategy or (current.strategy if current and goes_on else str(release.strategy))
    if request.action == "promote" and current and not is_override:
        return of_release(name, Release.from_record(current.release), force=force)
    return of_release(name, release, force=force)


def _as_it_stands(release: Release, observed: Observed) -> Release:
    """What somebody has deployed under the names as written stays so for as long as it is the release: to name its configuration
    by content alone would restart all of its pods."""
    written = release.as_written
    if written is release:
        return release
    if any(each and each.digest == written.digest for each in (observed.in_flight, observed.live)):
        return written
    names = {ref_of(obj)._replace(name=written_name(obj)) for obj in release.others if is_pinned(obj)}
    config = [obj for obj in written.others if ref_of(obj) in names]
    is_there = all(holds_the_same(observed.objects.get(ref_of(obj)), obj) for obj in config)
    return written if is_there and of_release(release.strategy, written).is_found_running(observed) else release


def _rolled_back(observed: Observed, request: Request) -> Revision | None:
    """The revision that was rolled back last, where the request is for that very rollback again: it is left as that left it."""
    last, live = observed.history[-1] if observed.history else None, observed.live
    is_again = live is not None and request.to_revision in (None, live.number)
    return last if last and last.phase == "RolledBack" and is_again else None
