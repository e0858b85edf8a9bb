"""`deploy gates`: what a release's gates would see now."""

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

Jobs = Annotated[bool, typer.Option("--jobs", help="runs the gates' Jobs, too")]


@verb(
    ("deploy gates", "each value, its query and the verdict, now"),
    ("deploy gates --jobs", "with what Jobs say"),
)
def gates(source: Source, where: Where, screen: Screen, jobs: Jobs = False) -> int:
    """Measures the release file's gates once, now, without a release.

    Shows each value, what was asked for it and what a verdict on it would be. Exit code 1 where one cannot be measured: a slip in
    a query is found before a release needs it.
    """
    session = screen.session()
    if source.is_many:
        raise BadInput("gates are measured of one release file", hint="name it with -f")

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship.gauging import gauge
        from ..views.gates_text import gauged_document, gauged_lines
        from ..views.paint import Paint, is_lively

        if not release.gates:
            raise BadInput(f"{source.file} has no gates", hint="write some: docs/gates.md shows how")
        found = await gauge(connected.cluster, release, with_jobs=jobs)
        text = "\n".join(gauged_lines(found, Paint(is_lively(sys.stdout))))
        session.view.document(gauged_document(found), text)
        return 0 if found.is_measured else 1

    return session.with_release(source, where, use_case)
