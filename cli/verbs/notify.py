"""`deploy notify`: who is told of a release, and whether they can be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ..context import Connected
from ..options import Source, Where
from ..session import Screen
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Tests = Annotated[bool, typer.Option("--test", help="sends each of them one message now")]


@verb(
    ("deploy notify", "who is told of what"),
    ("deploy notify --test", "one message to each"),
)
def notify(source: Source, where: Where, screen: Screen, test: Tests = False) -> int:
    """Shows who is told of a release, as the release file says.

    With --test each of them gets a message that says it is one; exit code 1 where one could not be told: a slip in an address or
    a token is found before a release needs it. Secrets are read, and shown nowhere.
    """
    session = screen.session()
    if source.is_many:
        raise BadInput("those who are told are those of one release file", hint="name it with -f")

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship.telling import try_all
        from ..views.notify_text import notify_document, notify_lines
        from ..views.paint import Paint, is_lively

        _refuse_none(release)
        found = await try_all(connected.cluster, release) if test else None
        text = "\n".join(notify_lines(release, found, Paint(is_lively(sys.stdout))))
        session.view.document(notify_document(release, found), text)
        return 1 if found and any(found.values()) else 0

    return session.with_release(source, where, use_case)


def _refuse_none(release: Release) -> None:
    if not release.notify:
        raise BadInput(f"the release file of {release.app} has nobody to be told", hint="notify: see docs/notify.md")
