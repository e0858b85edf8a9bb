"""`deploy status`: what is live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import options as given
from ..context import Connected
from ..options import DEFAULT_FILE, Source, Where
from ..session import Screen
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release


@verb(("deploy status -o json", "for scripts"))
def status(where: Where, screen: Screen, file: given.File = DEFAULT_FILE) -> int:
    """What is live, what is under way, and who is at it."""
    session = screen.session()

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship.status import status as look

        session.view.status(await look(connected.cluster, release), strategy=release.strategy)
        return 0

    return session.with_release(Source([file]), where, use_case)
