"""`deploy gates`: what a release's gates would see now."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ..assumptions import Gate, Matching, Rate, duration_of, rate_of, share_of
from ..context import Connected
from ..options import Source, Where
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release
    from ...ship.foreseeing import Assumed

Jobs = Annotated[bool, typer.Option("--jobs", help="runs the gates' Jobs, too")]
Tests = Annotated[
    str | None, typer.Option("--test", metavar="FILE", help="asks nobody: what they decide of the courses of things in that file")
]
Power = Annotated[bool, typer.Option("--power", help="asks nobody: how often they would err, and how soon they would find what")]
Errors = Annotated[str, typer.Option("--errors", metavar="PERCENT", help="--power: the share of requests that fail today")]
Spread = Annotated[str, typer.Option("--spread", metavar="PERCENT", help="--power: how much values vary between measurements")]
Conversion = Annotated[str, typer.Option("--conversion", metavar="PERCENT", help="--power: of --rate visits so many convert")]
Clump = Annotated[int, typer.Option("--clump", min=1, max=1000, metavar="N", help="--power: so many errors come at once")]


@dataclass(frozen=True)
class Expected:
    """The traffic that is assumed, each as it is written."""

    power: Power = False
    rate: Rate = None
    errors: Errors = "0.5%"
    clump: Clump = 1
    spread: Spread = "10%"
    conversion: Conversion = "5%"
    gate: Gate = "10m"
    matching: Matching = "10%"

    def assumed(self, release: Release) -> Assumed:
        from ...ship.foreseeing import Assumed

        return Assumed(
            rate=rate_of(self.rate) if self.rate is not None else float(release.traffic.rate),
            errors=share_of(self.errors, "--errors"),
            clump=self.clump,
            spread=share_of(self.spread, "--spread"),
            conversion=share_of(self.conversion, "--conversion"),
            pause_s=duration_of(self.gate, "--gate"),
            matching=share_of(self.matching, "--matching"),
        )


@verb(
    ("deploy gates", "each value, its query and the verdict, now"),
    ("deploy gates --jobs", "with what Jobs say"),
    ("deploy gates --test incident.yaml", "what they would have decided last month"),
    ("deploy gates --power --rate 40", "what they would find, how soon, and how often they would err"),
)
def gates(source: Source, where: Where, screen: Screen, expected: Expected, jobs: Jobs = False, test: Tests = None) -> int:
    """Measures the release file's gates once, now, without a release.

    Shows each value, what was asked for it and what a verdict on it would be. Exit code 1 where one cannot be measured: a slip in
    a query is found before a release needs it. With --power it asks nobody, and says what the gates would do at your traffic.
    With --test a release runs in virtual time, and its gates measure what the file says: exit code 1 where they decide otherwise.
    """
    session = screen.session()
    if source.is_many:
        raise BadInput("gates are measured of one release file", hint="name it with -f")
    if test is not None and expected.power:
        raise BadInput("--test and --power: one at a time")
    if test is not None:
        return _test(session, session.release(source, where, reads_stdin=False), test)
    if expected.power:
        return _foresee(session, session.release(source, where), expected)

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship.gauging import gauge
        from ..views.gates_text import gauged_document, gauged_lines
        from ..views.paint import Paint, is_lively

        _refuse_none(release)
        found = await gauge(connected.cluster, release, with_jobs=jobs)
        text = "\n".join(gauged_lines(found, Paint(is_lively(sys.stdout))))
        session.view.document(gauged_document(found), text)
        return 0 if found.is_measured else 1

    return session.with_release(source, where, use_case)


def _foresee(session: Session, release: Release, expected: Expected) -> int:
    from ...ship.foreseeing import outlook, stages_of
    from ..views.outlook_text import outlook_document, outlook_lines
    from ..views.paint import Paint, is_lively

    _refuse_none(release)
    assumed = expected.assumed(release)
    stages, found = stages_of(release, assumed), outlook(release, assumed)
    text = "\n".join(outlook_lines(release, assumed, stages, found, Paint(is_lively(sys.stdout))))
    session.view.document(outlook_document(release, assumed, stages, found), text)
    return 0


def _test(session: Session, release: Release, path: str) -> int:
    from ...compare.incident import tried
    from ...compare.rehearsal import base_of, earlier
    from ...release.incidents import load_incidents
    from ..views.incidents_text import Tried, tried_document, tried_lines
    from ..views.paint import Paint, is_lively

    _refuse_none(release)
    file, document = load_incidents(path, release)
    placed = release.with_namespace(release.namespace or "default")
    base = base_of(earlier(placed), seed=0)
    found = [Tried(number, test, tried(base, placed, test)) for number, test in enumerate(file.tests)]
    text = "\n".join(tried_lines(found, document, Paint(is_lively(sys.stdout))))
    session.view.document(tried_document(found, document), text)
    return 0 if all(each.is_right for each in found) else 1


def _refuse_none(release: Release) -> None:
    if not release.gates_for(release.strategy):
        raise BadInput(f"{release.app} has no gates", hint="write some: docs/gates.md shows how")
