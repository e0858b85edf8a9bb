"""`deploy history`: what was released."""

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
    ("deploy history -o json", "for scripts"),
    ("deploy history shop -n shop", "without a release file"),
)
def history(subject: Named, where: Where, screen: Screen) -> int:
    """What was released, and how it ended.

    Of the release file's application, or of APP as its cluster knows it. Of a folder, all of them.
    """
    session = screen.session()

    async def one(release: Release, connected: Connected) -> int:
        from ...cluster.history import load

        session.view.history(release.app, release.namespace, await load(connected.cluster, release.app, release.namespace))
        return 0

    async def all_of(releases: list[Release], connected: Connected) -> int:
        from ...cluster.history import load

        known = [(each.app, each.namespace, await load(connected.cluster, each.app, each.namespace)) for each in releases]
        session.view.histories(known)
        return 0

    return look_all(session, subject, where, all_of) if subject.is_many else with_subject(session, subject, where, one)
