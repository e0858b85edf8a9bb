"""`deploy compare`: every strategy rehearsed on this release, side by side."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from ..strategies import NAMES
from . import options as given
from .context import Connected
from .options import DEFAULT_FILE, Source, Where
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..compare.comparing import Variant
    from ..compare.results import Comparison
    from ..plan.observed import Observed
    from ..release.model import Release

Rate = Annotated[
    str | None, typer.Option("--rate", metavar="N", help="requests a second; default: the release file's traffic.rate")
]
Strategies = Annotated[str, typer.Option("--strategies", metavar="A,B|all", help="which to compare")]
Bad = Annotated[
    str | None, typer.Option("--bad", metavar="500s|never-ready|crash|slow", help="what is wrong with the new version")
]
Seeds = Annotated[str, typer.Option("--seeds", metavar="N", help="how often each is rehearsed; figures are medians")]
Seed = Annotated[str, typer.Option("--seed", metavar="N", help="the first of the seeds: the same one gives the same bytes")]
Latency = Annotated[
    str, typer.Option("--latency", metavar="50ms[,p99=400ms]", help="how long the application works on a request")
]
Wait = Annotated[str, typer.Option("--client-timeout", metavar="DURATION", help="when clients give up")]
Start = Annotated[
    str | None, typer.Option("--start", metavar="DURATION", help="from a process' start until it listens; default: what it says")
]
Stop = Annotated[str | None, typer.Option("--stop", metavar="DURATION", help="from SIGTERM to the exit; default: what it says")]
Calibrate = Annotated[bool, typer.Option("--calibrate", help="takes the start-up time from the pods that run now")]
Notice = Annotated[str, typer.Option("--notice", metavar="DURATION", help="until somebody sees that a version answers wrongly")]
Gate = Annotated[str, typer.Option("--gate", metavar="DURATION", help="how long a pause lasts that waits for promote")]
Matching = Annotated[str, typer.Option("--matching", metavar="PERCENT", help="the share of requests that A/B rules catch")]
Bound = Annotated[str, typer.Option("--bound", metavar="DURATION", help="a release that is not done by then is cut")]
Sweep = Annotated[
    str | None, typer.Option("--sweep", metavar="KEY=A,B,…", help="values of one option of one strategy: maxSurge=1,25%,50%")
]
Live = Annotated[bool, typer.Option("--live", help="from what is live: the version, the quotas and the nodes of the cluster")]
Report = Annotated[str | None, typer.Option("--report", metavar="FILE.html", help="one page that opens from disk")]
Png = Annotated[str | None, typer.Option("--png", metavar="FILE.png", help="a picture for a chat message")]
EachRequest = Annotated[
    bool, typer.Option("--each-request", help="simulates every request by itself, as a check: slower, same figures within chance")
]
Real = Annotated[bool, typer.Option("--real", help="does it, too: at real pace, with pods that are processes of this machine")]
WithBands = Annotated[bool, typer.Option("--bands", help="with -o json: the traffic over time, too")]


@dataclass
class _Known:
    """What the cluster told, where it was asked."""

    before: Release | None = None
    observed: Observed | None = None
    start_s: float | None = None
    namespace: str = ""
    remarks: list[str] = field(default_factory=list)


def compare(
    ctx: typer.Context,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    image: given.Image = None,
    sets: given.Sets = None,
    rate: Rate = None,
    strategies: Strategies = "all",
    bad: Bad = None,
    seeds: Seeds = "20",
    seed: Seed = "0",
    latency: Latency = "50ms",
    client_timeout: Wait = "2s",
    start: Start = None,
    stop: Stop = None,
    calibrate: Calibrate = False,
    notice: Notice = "60s",
    gate: Gate = "30s",
    matching: Matching = "10%",
    bound: Bound = "4h",
    sweep: Sweep = None,
    live: Live = False,
    real: Real = False,
    report: Report = None,
    png: Png = None,
    bands: WithBands = False,
    each_request: EachRequest = False,
    force: given.Anyway = False,
) -> int:
    """Every strategy rehearsed on your release, side by side.

    What each would do to users: downtime, lost requests, pods, time. They are rehearsed on the embedded cluster in virtual
    time, by the code that would release it. Asks a cluster only with --live, --calibrate, --context or --sandbox. Changes
    nothing. With --real each strategy releases onto a sandbox of its own, too, which is gone afterwards.
    """
    session = Session.of(ctx, given.output(output))
    for path in (report, png):
        _refuse_unwritable(path)
    source, where = Source(file, image, tuple(sets or ())), Where(context, namespace, sandbox)
    release = session.release(source, where)
    names = _strategies(strategy, strategies)
    from ..compare.scenario import BAD, Scenario

    if bad is not None and bad not in BAD:
        raise BadInput(f"--bad {bad}: no such fault", hint=given.did_you_mean(bad, BAD) or f"one of {', '.join(BAD)}")
    if not force:
        _vet(release)
    known = _ask(session, release, where) if live or calibrate or context or sandbox else _Known()
    release = release.with_namespace(namespace or release.namespace or known.namespace or "default")
    scenario = Scenario(
        rate=_rate(rate) if rate is not None else float(release.traffic.rate),
        latency=_latency(latency),
        timeout_s=_duration(client_timeout, "--client-timeout"),
        start_s=_duration(start, "--start") if start else known.start_s if calibrate else None,
        stop_s=_duration(stop, "--stop") if stop else None,
        bad=bad,
        notice_s=_duration(notice, "--notice"),
        gate_s=_duration(gate, "--gate"),
        matching=_share(matching),
        bound_s=_duration(bound, "--bound"),
        is_each_request=each_request,
    )
    for remark in known.remarks:
        session.view.note(remark)
    if real:
        from . import measuring

        measuring.refuse_unfit(release, scenario)
    variants = _variants(release, names, sweep)
    from ..compare.comparing import compared

    _tell_if_long(session, release, len(variants) * _count(seeds, "--seeds"))
    comparison = compared(
        release, scenario, variants=variants, before=known.before,
        seeds=_count(seeds, "--seeds"), seed=_count(seed, "--seed", least=0), observed=known.observed,
    )  # fmt: skip
    measured = measuring.measure(session, release, scenario, variants, known.before, comparison) if real else None
    session.view.comparison(comparison, measured=measured, bands=bands or report is not None)
    _write(session, comparison, measured, report, png)
    return 0


LONG = 2_000  # pods rehearsed, from which it takes more than some seconds


def _tell_if_long(session: Session, release: Release, runs: int) -> None:
    if runs * (release.replicas or 1) > LONG:
        session.view.note(
            f"rehearsing {runs} releases of {release.replicas} pods, and their ways back; fewer --seeds are quicker"
        )


def _write(session: Session, comparison: Comparison, measured: Comparison | None, report: str | None, png: str | None) -> None:
    if report:
        from ..compare.report import html

        Path(report).write_text(html(comparison, measured), encoding="utf-8")
        session.view.note(f"the report is {report}")
    if png:
        from ..compare.picture import png as drawn

        Path(png).write_bytes(drawn(comparison))
        session.view.note(f"the picture is {png}")


def _refuse_unwritable(path: str | None) -> None:
    """Before anything is computed, not after."""
    if path and not Path(path).resolve().parent.is_dir():
        raise BadInput(f"{path}: there is no folder {Path(path).parent}", hint="make it first")
    if path and Path(path).is_dir():
        raise BadInput(f"{path} is a folder", hint="name a file in it")


def _vet(release: Release) -> None:
    """What cannot work is not worth a rehearsal."""
    from ..ship.checking import check

    if errors := check(release).errors:
        lines = [f"{found.where}  {found.id} {found.message}".strip() for found in errors]
        raise BadInput(
            f"`deploy check` finds {len(errors)} error{'s' if len(errors) != 1 else ''} in this release",
            detail="\n".join(lines),
            hint="mend them first, or rehearse it all the same with --force",
        )


def _strategies(strategy: str | None, listed: str) -> tuple[str, ...]:
    if name := given.strategy_named(strategy):
        return (name,)
    if listed == "all":
        return NAMES
    named = [given.strategy_named(part.strip()) or "" for part in listed.split(",") if part.strip()]
    if not named:
        raise BadInput(f"--strategies {listed}: names none", hint=f"all, or some of {', '.join(NAMES)}")
    return tuple(dict.fromkeys(named))


def _variants(release: Release, names: Sequence[str], sweep: str | None) -> Sequence[Variant]:
    from ..compare.comparing import Variant

    if sweep is None:
        return [Variant(name, name, release) for name in names]
    from ..compare.sweep import variants_of

    key, equals, values = sweep.partition("=")
    if not equals or not values:
        raise BadInput(f"--sweep {sweep}: no values", hint="such as --sweep maxSurge=1,25%,50%")
    name = names[0] if len(names) == 1 else release.strategy
    return variants_of(release, name, key.strip(), [value.strip() for value in values.split(",") if value.strip()])


def _rate(text: str) -> float:
    try:
        value = float(text.removesuffix("/s"))
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise BadInput(f"--rate {text}: not a number of requests a second above 0", hint="such as --rate 200")
    return value


def _share(text: str) -> float:
    """`10%` and `10` are 0.1."""
    digits = text.strip().removesuffix("%")
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]+)?", digits) or not 0 < float(digits) < 100:
        raise BadInput(f"--matching {text}: not a share of the requests between 0% and 100%", hint="such as --matching 10%")
    return float(digits) / 100


def _count(text: str, option: str, least: int = 1) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) < least:
        raise BadInput(f"{option} {text}: not a whole number from {least} on")
    return int(text)


def _duration(text: str, option: str) -> float:
    from ..sandbox.node.behaviour import duration_s

    try:
        return duration_s(text)
    except ValueError as error:
        raise BadInput(f"{option}: {error}") from error


def _latency(text: str) -> Latency_:
    """`50ms`, or `50ms,p99=400ms`."""
    from ..compare.scenario import latency_of

    found = re.fullmatch(r"(?:p50=)?([^,=]+)(?:,\s*p99=(.+))?", text)
    if not found:
        raise BadInput(f"--latency {text}: not a latency", hint="such as 50ms, or 50ms,p99=400ms")
    median_s = _duration(found[1], "--latency")
    return latency_of(median_s, _duration(found[2], "--latency") if found[2] else None)


if TYPE_CHECKING:
    from ..compare.lives import Latency as Latency_


def _ask(session: Session, release: Release, where: Where) -> _Known:
    """What is live: the version, room, how long its pods took to get ready."""
    known = _Known()

    async def use_case(connected: Connected) -> int:
        from ..ship import asking

        known.namespace = where.namespace or release.namespace or connected.namespace or "default"
        placed = release.with_namespace(known.namespace)
        found = await asking.ask(connected.cluster, placed)
        known.before, known.observed, known.start_s = found.live, found.observed, found.start_s
        if found.live is None:
            known.remarks.append(f"nothing of {release.app} is live in {known.namespace}: an earlier version is made up")
        if found.start_s is not None:
            known.remarks.append(f"its pods took {found.start_s:g} s until they listened, as far as whole seconds tell")
        return 0

    session.with_cluster(where, use_case)
    return known
