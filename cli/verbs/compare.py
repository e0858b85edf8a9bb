"""`deploy compare`: every strategy rehearsed on this release, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ...strategies import NAMES
from .. import options as given
from ..assumptions import Assumptions
from ..context import Connected, Interrupted
from ..options import DEFAULT_FILE, Override, Source, Where
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...compare.comparing import Variant
    from ...compare.pace import Pace
    from ...compare.results import Comparison
    from ...compare.scenario import Scenario
    from ...plan.observed import Observed
    from ...release.model import Release
    from ...ship.startup import Startup

Strategies = Annotated[str, typer.Option("--strategies", metavar="A,B|all", help="which to compare")]
Seeds = Annotated[
    str,
    typer.Option("--seeds", metavar="N|=N", help="how often each is rehearsed at most, or, with =, exactly; figures are medians"),
]
Seed = Annotated[str, typer.Option("--seed", metavar="N", help="the first of the seeds: the same one gives the same bytes")]
Calibrate = Annotated[bool, typer.Option("--calibrate", help="takes how long pods take to start from those that run now")]
Sweep = Annotated[
    str | None, typer.Option("--sweep", metavar="KEY=A,B,…", help="values of one option of one strategy: maxSurge=1,25%,50%")
]
Live = Annotated[bool, typer.Option("--live", help="from what is live: the version, the quotas and the nodes of the cluster")]
Report = Annotated[str | None, typer.Option("--report", metavar="FILE.html", help="one page that opens from disk")]
Png = Annotated[str | None, typer.Option("--png", metavar="FILE.png", help="a picture for a chat message")]
Real = Annotated[bool, typer.Option("--real", help="does it, too: at real pace, with pods that are processes of this machine")]
WithBands = Annotated[bool, typer.Option("--bands", help="with -o json: the traffic over time, too")]


@dataclass(frozen=True)
class Rehearsals:
    """What is rehearsed, and how often."""

    strategies: Strategies = "all"
    sweep: Sweep = None
    seeds: Seeds = "20"
    seed: Seed = "0"

    @property
    def count(self) -> int:
        return _count(self.seeds.removeprefix("="), "--seeds")

    @property
    def is_bound(self) -> bool:
        """Whether fewer seeds will do where they are enough."""
        return not self.seeds.startswith("=")

    @property
    def first(self) -> int:
        return _count(self.seed, "--seed", least=0)

    def refuse_wrong(self, release: Release, names: Sequence[str]) -> None:
        """Before a cluster is asked, not after."""
        _ = self.count, self.first, _variants(release, names, self.sweep)


@dataclass(frozen=True)
class Pictures:
    """What shows a comparison outside of a terminal."""

    report: Report = None
    png: Png = None

    def refuse_unwritable(self) -> None:
        """Before anything is computed, not after."""
        for path in (path for path in (self.report, self.png) if path):
            if not Path(path).resolve().parent.is_dir():
                raise BadInput(f"{path}: there is no folder {Path(path).parent}", hint="make it first")
            if Path(path).is_dir():
                raise BadInput(f"{path} is a folder", hint="name a file in it")

    def write(self, session: Session, comparison: Comparison, measured: Comparison | None) -> None:
        if self.report:
            from ...compare.report import html

            Path(self.report).write_text(html(comparison, measured), encoding="utf-8")
            session.view.note(f"the report is {self.report}")
        if self.png:
            from ...compare.picture import png as drawn

            Path(self.png).write_bytes(drawn(comparison))
            session.view.note(f"the picture is {self.png}")


@verb(
    ("deploy compare --rate 200", "every strategy, side by side"),
    ("deploy compare --bad 500s", "with a version that answers wrongly"),
    ("deploy compare ramped --sweep maxSurge=1,25%,50%", "one option's values"),
    ("deploy compare --live --calibrate --report report.html", "from what is live, as a page"),
)
def compare(
    where: Where,
    screen: Screen,
    override: Override,
    rehearsals: Rehearsals,
    assumed: Assumptions,
    pictures: Pictures,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    live: Live = False,
    calibrate: Calibrate = False,
    real: Real = False,
    bands: WithBands = False,
    anyway: given.Anyway = False,
) -> int:
    """Every strategy rehearsed on your release, side by side.

    What each would do to users: downtime, lost requests, pods, time. They are rehearsed on the embedded cluster in virtual
    time, by the code that would release it. Asks a cluster only with --live, --calibrate, --context or --sandbox. Changes
    nothing. With --real each strategy releases onto a sandbox of its own, too, which is gone afterwards.
    """
    session = screen.session()
    pictures.refuse_unwritable()
    release = session.release(Source([file]), where, override)
    names = _strategies(strategy, rehearsals.strategies)
    rehearsals.refuse_wrong(release, names)
    assumed.scenario(release)
    if not anyway:
        _vet(release)
    known = _ask(session, release, where) if live or calibrate or where.context or where.is_sandbox else _Known()
    release = release.with_namespace(where.namespace or release.namespace or known.namespace or "default")
    scenario = assumed.scenario(release, _learnt(known) if calibrate else None)
    for remark in known.remarks:
        session.view.note(remark)
    from ..measuring import measure, refuse_unfit

    if real:
        refuse_unfit(release, scenario)
    variants = _variants(release, names, rehearsals.sweep)
    comparison = _rehearsed(release, scenario, variants, known, rehearsals)
    if comparison.is_partial:
        session.view.comparison(comparison, bands=bands)
        raise Interrupted("stopped: what is shown is what was known by then")
    measured = measure(session, release, scenario, variants, known.before, comparison) if real else None
    session.view.comparison(comparison, measured=measured, bands=bands or pictures.report is not None)
    pictures.write(session, comparison, measured)
    return 0


def _rehearsed(
    release: Release, scenario: Scenario, variants: Sequence[Variant], known: _Known, rehearsals: Rehearsals
) -> Comparison:
    """Shows meanwhile how far it has come."""
    from ...compare.comparing import compared
    from ..rehearsing import Rehearsing

    progress = Rehearsing()
    try:
        return compared(
            release, scenario, variants=variants, before=known.before, observed=known.observed,
            seeds=rehearsals.count, seed=rehearsals.first, stops_early=rehearsals.is_bound, look=progress.look,
        )  # fmt: skip
    finally:
        progress.close()


def _vet(release: Release) -> None:
    """What cannot work is not worth a rehearsal."""
    from ...ship.checking import check

    if errors := check(release).errors:
        lines = [f"{found.where}  {found.id} {found.message}".strip() for found in errors]
        raise BadInput(
            f"`deploy check` finds {len(errors)} error{'s' if len(errors) != 1 else ''} in this release",
            detail="\n".join(lines),
            hint="mend them first, or rehearse it all the same with --force",
        )


def _strategies(strategy: str | None, listed: str) -> tuple[str, ...]:
    """Those that are named: by the word behind the verb, which may be several as well, or else by --strategies."""
    if strategy is None and listed == "all":
        return NAMES
    asked, said = (listed, f"--strategies {listed}") if strategy is None else (strategy, repr(strategy))
    named = [given.strategy_named(part.strip()) or "" for part in asked.split(",") if part.strip()]
    if not named:
        raise BadInput(f"{said}: names none", hint=f"all, or some of {', '.join(NAMES)}")
    return tuple(dict.fromkeys(named))


def _variants(release: Release, names: Sequence[str], sweep: str | None) -> Sequence[Variant]:
    from ...compare.comparing import Variant

    if sweep is None:
        return [Variant(name, name, release) for name in names]
    from ...compare.sweep import variants_of

    key, equals, values = sweep.partition("=")
    if not equals or not values:
        raise BadInput(f"--sweep {sweep}: no values", hint="such as --sweep maxSurge=1,25%,50%")
    name = names[0] if len(names) == 1 else release.strategy
    return variants_of(release, name, key.strip(), [value.strip() for value in values.split(",") if value.strip()])


def _count(text: str, option: str, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) < least:
        raise BadInput(f"{option} {text}: not a whole number from {least} on")
    return int(text)


@dataclass
class _Known:
    """What the cluster told, where it was asked."""

    before: Release | None = None
    observed: Observed | None = None
    startup: Startup | None = None
    namespace: str = ""
    remarks: list[str] = field(default_factory=list)


def _ask(session: Session, release: Release, where: Where) -> _Known:
    """What is live: the version, room, how long its pods took to get ready."""
    known = _Known()

    async def use_case(connected: Connected) -> int:
        from ...ship import asking

        known.namespace = where.namespace or release.namespace or connected.namespace or "default"
        placed = release.with_namespace(known.namespace)
        found = await asking.ask(connected.cluster, placed)
        known.before, known.observed, known.startup = found.live, found.observed, found.startup
        if found.live is None:
            known.remarks.append(f"nothing of {release.app} is live in {known.namespace}: an earlier version is made up")
        return 0

    session.with_cluster(where, use_case)
    return known


def _learnt(known: _Known) -> Pace:
    """What the pods that run tell of how quickly they start, with a remark on it, and on what they cannot tell."""
    from ...compare.pace import QUIET_NODE_S, pace_of
    from ...ship.startup import Startup

    found = known.startup or Startup()
    pace = pace_of(found)
    if pace.start_s is None:
        known.remarks.append("no pod is ready that tells how long it took to start: --calibrate has nothing to learn from")
        return pace
    known.remarks.append(f"its pods took {pace.start_s:g} s until they listened, as far as whole seconds tell")
    quiet = f"a quiet node takes {QUIET_NODE_S:g} s"
    if pace.node_s is not None:
        said = f"their nodes took {pace.node_s:g} s until their processes started, where {quiet}"
        known.remarks.append(f"{said}; how much slower they stop one cannot be seen, and is left as on a quiet node")
    elif found.node_s is not None:
        known.remarks.append(f"their nodes are as quick as a quiet one, as far as whole seconds of {found.pods} pods tell")
    return pace
