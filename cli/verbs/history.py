"""`deploy history`: what was released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import options as given
from ..context import Connected
from ..options import DEFAULT_FILE, Source, Where
from ..session import Screen
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release


@verb(("deploy history -o json", "for scripts"))
def history(where: Where, screen: Screen, file: given.File = DEFAULT_FILE) -> int:
    """What was released, and how it ended."""
    session = screen.session()

    async def use_case(release: Release, connected: Connected) -> int:
        from ...cluster.history import load

        found = await load(connected.cluster, release.app, release.namespace)
        session.view.history(release.app, release.namespace, found)
        return 0

    return session.with_release(Source([file]), where, use_case)
