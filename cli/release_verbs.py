"""The verbs that release: plan, apply, promote, rollback. Each builds one request and calls one use case."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ..errors import BadInput
from . import many_verbs, probing
from . import options as given
from .context import Connected
from .options import DEFAULT_FILE, Source, Where
from .probing import ProbeFlags, telling
from .session import Session, Vet

if TYPE_CHECKING:
    from ..compare.results import Forecast
    from ..plan.plan import Plan
    from ..release.model import Release
    from ..ship.asking import Asked
    from ..ship.run import Options, Result
    from ..ship.watch import Watch
    from ..strategies.base import Request

IsPromote = Annotated[bool, typer.Option("--promote", help="what `promote` would do")]
IsRollback = Annotated[bool, typer.Option("--rollback", help="what `rollback` would do")]
WithForecast = Annotated[bool, typer.Option("--forecast/--no-forecast", help="rehearses it first: how long, and what is lost")]
Out = Annotated[str | None, typer.Option("--out", metavar="PLAN.json", help="saves the plan, for `deploy apply PLAN.json`")]
Diff = Annotated[bool, typer.Option("--diff/--no-diff", help="what changes of each object; Secrets are masked")]


def plan(
    ctx: typer.Context,
    strategy: given.Strategy = None,
    file: given.Files = None,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    image: given.Image = None,
    sets: given.Sets = None,
    to: given.To = None,
    full: given.Full = False,
    promote: IsPromote = False,
    rollback: IsRollback = False,
    to_revision: given.ToRevision = None,
    out: Out = None,
    diff: Diff = True,
    anyway: given.Anyway = False,
    force: given.Force = False,
    verbose: given.Verbose = False,
    is_forecast: WithForecast = True,
) -> int:
    """What apply would do, take and cost; changes nothing.

    Shows the steps, why, the diff, and the way back; with --promote or --rollback those of that verb. Of a folder,
    the plans of all release files in it.
    """
    session = Session.of(ctx, given.output(output), is_verbose=verbose)
    name = given.strategy_named(strategy)
    source, where = Source.of(file, image, sets), Where(context, namespace, sandbox)
    request = _planned_request(given.weight(to, full), promote, rollback, given.revision(to_revision))

    if source.is_many:
        flags = {"--out": out, "--promote": promote, "--rollback": rollback, "--to-revision": to_revision}
        many_verbs.refuse_for_many(source, strategy, flags)
        return many_verbs.plan_all(session, source, where, request, _vet(session, None, anyway), diff=diff, force=force)

    planned: list[_Planned] = []

    async def use_case(release: Release, connected: Connected) -> int:
        from ..ship import asking
        from ..ship import run as ship

        made = await ship.plan(connected.cluster, release, request, strategy=name, is_override=source.is_override, force=force)
        if out:
            _save(made, out)
            session.view.note(f"saved to {out}, readable by you alone: it holds the manifests, Secrets too")
        is_asked = is_forecast and not made.is_empty
        asked = await asking.ask(connected.cluster, release, made.strategy, with_room=False) if is_asked else None
        planned.append(_Planned(made, connected.name, release, asked))
        return 0

    vet = _vet(session, name, anyway) if request.action == "apply" else None
    code = session.with_release(source, where, use_case, vet=vet)
    for one in planned:  # rehearsed on an event loop of its own
        session.view.plan(one.plan, where=one.where, diff=diff, forecast=_forecast(one, request))
    return code


class _Planned(NamedTuple):
    """`asked` is None where no forecast is wanted."""

    plan: Plan
    where: str
    release: Release
    asked: Asked | None


def _forecast(planned: _Planned, request: Request) -> Forecast | None:
    if planned.asked is None:
        return None
    from ..compare.forecast import forecast

    made, asked = planned.plan, planned.asked
    return forecast(planned.release, request, made.strategy, asked.observed, start_s=asked.start_s, steady_pods=made.steady_pods)


def apply(
    ctx: typer.Context,
    strategy: given.StrategyOrPlan = None,
    file: given.Files = None,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    image: given.Image = None,
    sets: given.Sets = None,
    to: given.To = None,
    full: given.Full = False,
    auto: given.Auto = False,
    no_rollback: given.NoRollback = False,
    probe: probing.ProbeUrl = None,
    probe_rate: probing.ProbeRate = None,
    probe_header: probing.ProbeHeaders = None,
    expect: probing.ProbeExpect = None,
    max_lost: probing.ReleaseMaxLost = None,
    timeout: given.Timeout = None,
    parallel: given.Parallel = "4",
    anyway: given.Anyway = False,
    force: given.Force = False,
    verbose: given.Verbose = False,
) -> int:
    """Starts the release, and stops at its first pause.

    First tells what `deploy check` finds; errors stop it (exit 2), unless --force.

    With --auto it goes on through every pause. A saved plan is carried out as it is, or refused (exit 3) if the cluster has
    moved on since. Of a folder all release files are applied, each after those it depends on.
    """
    session = Session.of(ctx, given.output(output), is_verbose=verbose)
    where, source = Where(context, namespace, sandbox), Source.of(file, image, sets)
    weight, seconds = given.weight(to, full), given.duration(timeout)
    at_once = given.parallel(parallel)
    flags = ProbeFlags.of(probe, probe_rate, probe_header, expect, max_lost)
    how = How(auto, not no_rollback, force, source.is_override, seconds, flags)
    if source.is_many:
        many_verbs.refuse_for_many(source, strategy, flags.named)
        vet = _vet(session, None, anyway)
        return many_verbs.apply_all(session, source, where, _request("apply", weight), how, at_once, vet)
    if strategy is not None and given.is_saved_plan(strategy):
        if weight is not None or source.is_override:
            raise BadInput("a saved plan is applied as it is: --to, --full, --image and --set do not go with it")
        return _apply_saved(session, strategy, source, where, how)
    name = given.strategy_named(strategy)
    return _run(session, source, where, _request("apply", weight), name, how, vet=_vet(session, name, anyway))


def promote(
    ctx: typer.Context,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    image: given.Image = None,
    sets: given.Sets = None,
    to: given.To = None,
    full: given.Full = False,
    auto: given.Auto = False,
    no_rollback: given.NoRollback = False,
    probe: probing.ProbeUrl = None,
    probe_rate: probing.ProbeRate = None,
    probe_header: probing.ProbeHeaders = None,
    expect: probing.ProbeExpect = None,
    max_lost: probing.ReleaseMaxLost = None,
    timeout: given.Timeout = None,
    force: given.Force = False,
    verbose: given.Verbose = False,
) -> int:
    """The next step, or --to 50%, or --full."""
    session = Session.of(ctx, given.output(output), is_verbose=verbose)
    source = Source(file, image, tuple(sets or ()))
    flags = ProbeFlags.of(probe, probe_rate, probe_header, expect, max_lost)
    how = How(auto, not no_rollback, force, source.is_override, given.duration(timeout), flags)
    request = _request("promote", given.weight(to, full))
    return _run(session, source, Where(context, namespace, sandbox), request, given.strategy_named(strategy), how)


def rollback(
    ctx: typer.Context,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    to_revision: given.ToRevision = None,
    probe: probing.ProbeUrl = None,
    probe_rate: probing.ProbeRate = None,
    probe_header: probing.ProbeHeaders = None,
    expect: probing.ProbeExpect = None,
    max_lost: probing.ReleaseMaxLost = None,
    timeout: given.Timeout = None,
    force: given.Force = False,
    verbose: given.Verbose = False,
) -> int:
    """Back to the version before, or --to-revision N.

    In the middle of a release it takes that one back.
    """
    session = Session.of(ctx, given.output(output), is_verbose=verbose)
    flags = ProbeFlags.of(probe, probe_rate, probe_header, expect, max_lost)
    how = How(force=force, timeout_s=given.duration(timeout), probe=flags)
    request = _request("rollback", None, given.revision(to_revision))
    return _run(session, Source(file), Where(context, namespace, sandbox), request, given.strategy_named(strategy), how)


@dataclass(frozen=True)
class How:
    """The flags that say how to run, until the heavy imports are made."""

    goes_on: bool = False
    goes_back: bool = True
    force: bool = False
    is_override: bool = False
    timeout_s: float | None = None
    probe: ProbeFlags = field(default_factory=ProbeFlags)

    def options(self, session: Session, watch: Watch | None = None) -> Options:
        from ..ship.run import Options

        return Options(
            emit=session.view.event,
            goes_on=self.goes_on,
            goes_back=self.goes_back,
            force=self.force,
            is_override=self.is_override,
            timeout_s=self.timeout_s,
            watch=watch,
        )


def _vet(session: Session, strategy: str | None, force: bool) -> Vet:
    return lambda releases: session.vet(releases, strategy, force=force)


def _run(
    session: Session,
    source: Source,
    where: Where,
    request: Request,
    strategy: str | None,
    how: How,
    *,
    vet: Vet | None = None,
) -> int:
    async def use_case(release: Release, connected: Connected) -> int:
        from ..ship import run as ship

        if request.action == "apply":
            await session.prepare(connected, release.namespace)
        watch = how.probe.watch(release, session.view, is_back=request.action == "rollback")
        options = how.options(session, watch)
        async with telling(watch, session.view):
            result = await ship.run(connected.cluster, release, request, strategy=strategy, options=options)
        return _shown(session, result)

    return session.with_release(source, where, use_case, vet=vet)


def _apply_saved(session: Session, path: str, source: Source, where: Where, how: How) -> int:
    from ..release.load import beside
    from ..release.model import Release
    from ..ship import run as ship

    saved = _load(path)
    if where.namespace and where.namespace != saved.namespace:
        raise BadInput(f"the plan is for namespace {saved.namespace}, not {where.namespace}")

    async def use_case(release: Release, connected: Connected) -> int:
        await session.prepare(connected, release.namespace)
        watch = how.probe.watch(release, session.view)
        async with telling(watch, session.view):
            result = await ship.run_saved(connected.cluster, release, saved, options=how.options(session, watch))
        return _shown(session, result)

    if saved.new_revisions:
        # the plan carries its release: the file may have changed since, or be somewhere else
        release = beside(source.file, Release.from_record(saved.new_revisions[-1].release).with_namespace(saved.namespace))
        return session.with_cluster(where, lambda connected: use_case(release, connected))
    return session.with_release(source, Where(where.context, saved.namespace, where.is_sandbox), use_case)


def _shown(session: Session, result: Result) -> int:
    session.view.result(result)
    return 0 if result.is_ok else 1


def _request(action: str, weight: int | None, to_revision: int | None = None) -> Request:
    from ..strategies.base import Request

    return Request(action, weight, to_revision)  # type: ignore[arg-type]  # the verbs above name the three actions


def _planned_request(weight: int | None, promote: bool, rollback: bool, to_revision: int | None) -> Request:
    is_back = rollback or to_revision is not None
    if is_back and promote:
        raise BadInput("--promote and --rollback contradict each other", hint="leave one of them out")
    if is_back and weight is not None:
        raise BadInput("--to and --full do not go with a rollback", hint="a rollback always goes all the way")
    return _request("rollback" if is_back else "promote" if promote else "apply", weight, to_revision)


def _save(made: Plan, path: str) -> None:
    """Readable by the user alone, from the first byte on."""
    import os

    target = Path(path)
    try:
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(made.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise BadInput(f"the plan cannot be written to {path}: {error.strerror}") from error


def _load(path: str) -> Plan:
    from pydantic import ValidationError

    from ..plan.plan import Plan

    try:
        return Plan.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}", hint="save a plan with `deploy plan --out plan.json`"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"{path} is no saved plan",
            detail=f"{place}: {first['msg']}" if place else str(first["msg"]),
            hint="save one with `deploy plan --out plan.json`",
        ) from error
