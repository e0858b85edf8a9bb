"""What is said of a command that comes again, or late: what was done, since when and by whom, and what goes further. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import BadInput, Refused
from ..plan.observed import Observed
from ..plan.revision import Revision, before
from ..release.model import Release
from .stands import at as stands_at


def applied(release: Release, stands: Revision | None, asked: int) -> Iterator[str]:
    """Of an apply or a promotion to `asked` percent that has nothing to do."""
    if stands is None or stands.phase != "Paused":
        yield f"{release.version} is live already"
        return
    yield f"paused already{stands_at(stands)}{_since(stands)}: go on with `deploy promote`"
    if asked < stands.weight:
        yield f"{asked}% would be less: `deploy rollback` takes it back"


def promoted(release: Release, observed: Observed) -> tuple[Revision, list[str]]:
    """The live revision, and what is said of it, where nothing is under way.

    Raises Refused where what was to be promoted has been taken back, or never began: a pipeline that expects it must not go on.
    """
    live, last = observed.live, observed.history[-1] if observed.history else None
    if live is None or last is None:
        raise Refused("nothing to promote: no release is under way", hint=f"start one with `deploy apply {release.strategy}`")
    if last is not live:
        raise Refused(
            f"nothing to promote: revision {last.number} ({last.version}) was rolled back, {last.standing}".rstrip(", "),
            detail=f"{live.version} is live, as revision {live.number}",
            hint="" if live.digest == release.digest else f"`deploy apply` releases {release.version}",
        )
    told = f", promoted {live.standing}" if live.standing else ""
    notes = [f"nothing to promote: {live.version} is live everywhere{told}"]
    if live.digest != release.digest:
        notes.append(f"the release file differs from it: `deploy apply` releases {release.version}")
    return live, notes


def unrecorded(release: Release, lost: Sequence[str]) -> Refused:
    """The refusal to promote where the record of what runs is gone: a pipeline that expects it must not go on."""
    return Refused(
        "nothing to promote that is known: the history lacks what runs",
        detail="\n".join(lost),
        hint=f"`deploy apply` releases {release.version} anew, `deploy rollback` goes back to what the history knows",
    )


def rolled_back(observed: Observed, target: Revision) -> Iterator[str]:
    """Of a rollback to `target` that has nothing to do."""
    last, earlier = observed.history[-1], before(observed.history, target.number)
    if last.phase == "RolledBack" and target is observed.live:
        since = f", {last.standing}" if last.standing else ""
        yield f"revision {last.number} ({last.version}) was rolled back to revision {target.number} ({target.version}){since}"
    else:
        yield f"revision {target.number} ({target.version}) is live already"
    if earlier:
        yield f"further back: `deploy rollback --to-revision {earlier.number}`"


def under_way(release: Release, other: Revision, strategy: str) -> Refused:
    """The refusal to release something else while somebody's `other` is under way."""
    stands = "is paused" if other.phase == "Paused" else "is under way"
    return Refused(
        f"{a(other.strategy)} release of {other.version} {stands}{stands_at(other)}{_since(other)}",
        hint="`deploy promote` takes it on, `deploy rollback` takes it back; "
        f"`deploy apply --replace` takes it back and releases {release.version} by {strategy} instead",
    )


def another(release: Release, other: Revision, strategy: str) -> BadInput:
    """What is said of promoting something else, by name or by the command line, than `other`, which is under way."""
    stands = "is paused" if other.phase == "Paused" else "is under way"
    asked = f"{a(strategy)} one of {release.version}"
    is_alike = (other.strategy, other.version) == (strategy, release.version)
    return BadInput(
        f"{a(other.strategy)} release of {other.version} {stands}{stands_at(other)}, not {'this one' if is_alike else asked}",
        hint="without a strategy, --image and --set `deploy promote` takes it on; "
        "`deploy apply --replace` takes it back and releases this instead",
    )


def a(strategy: str) -> str:
    return f"an {strategy}" if strategy == "ab" else f"a {strategy}"


def _since(revision: Revision) -> str:
    return f", since {revision.standing}" if revision.standing else ""
