"""`deploy watch`: looks on, from wherever, until one has seen enough."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ..context import Connected, Interrupted
from ..options import Where
from ..session import Screen
from ..subject import Named, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Once = Annotated[bool, typer.Option("--once", help="shows it once, and ends")]


@verb(
    ("deploy watch", "of the release file's application; Ctrl-C ends it"),
    ("deploy watch shop -n shop", "without a release file"),
    ("deploy watch shop --once -o json", "as it stands, for scripts"),
)
def watch(subject: Named, where: Where, screen: Screen, once: Once = False) -> int:
    """Looks on while a release goes on, whoever runs it.

    A tree of revisions, Deployments and pods; the share asked for and given, what the gates measure, what is waited for, since
    when, and who is at it. Changes nothing. In a pipe, what changes is a line each; with -o json it is shown once.
    """
    session = screen.session()
    if subject.is_many:
        raise BadInput("one application at a time is watched", hint="name it: deploy watch APP; `deploy list` shows all of them")

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship import sight
        from ..views.watching import follower

        if once or screen.output == "json":
            session.view.sight(await sight.see(connected.cluster, release))
            return 0
        with contextlib.closing(follower(session.view)) as shown:
            async with contextlib.aclosing(sight.follow(connected.cluster, release)) as seen:
                async for each in seen:
                    shown.show(each)
        return 0

    try:
        return with_subject(session, subject, where, use_case)
    except Interrupted:
        return 0  # whoever looks on has seen enough
