"""`deploy history`: what was released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..context import Connected
from ..options import Where
from ..session import Screen
from ..several import look_all
from ..subject import Named, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Every = Annotated[
    bool, typer.Option("-v", "--verbose", help="shows every turn: started, paused, promoted, rolled back; and its hooks")
]


@verb(
    ("deploy history -o json", "for scripts"),
    ("deploy history -v", "every turn that a revision took: when, and by whom"),
    ("deploy history shop -n shop", "without a release file"),
)
def history(subject: Named, where: Where, screen: Screen, verbose: Every = False) -> int:
    """What was released, how it ended, when and by whom; which one is live, and what was rolled back to what.

    Of the release file's application, or of APP as its cluster knows it. Of a folder, all of them.
    """
    session = screen.session(is_verbose=verbose)

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
