"""`deploy status`: what is live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..context import Connected
from ..options import Where
from ..session import Screen
from ..several import look_all
from ..subject import Named, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release


@verb(
    ("deploy status -o json", "for scripts"),
    ("deploy status shop -n shop", "without a release file"),
    ("deploy status -f services/", "several"),
)
def status(subject: Named, where: Where, screen: Screen) -> int:
    """What is live, what is under way, and who is at it.

    Of the release file's application, or of APP as its cluster knows it. Of a folder, all of them.
    """
    session = screen.session()

    async def one(release: Release, connected: Connected) -> int:
        from ...ship.status import status as look

        session.view.status(await look(connected.cluster, release), strategy=release.strategy)
        return 0

    async def all_of(releases: list[Release], connected: Connected) -> int:
        from ...ship.status import status as look

        session.view.statuses([(await look(connected.cluster, release), release.strategy) for release in releases])
        return 0

    return look_all(session, subject, where, all_of) if subject.is_many else with_subject(session, subject, where, one)
