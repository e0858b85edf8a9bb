"""`deploy plan`: what a verb would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ...errors import BadInput
from .. import options as given
from .. import running, saved, several
from ..context import Connected
from ..options import Override, Share, Where
from ..session import Detail
from ..subject import Meant, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...compare.results import Forecast
    from ...plan.plan import Plan
    from ...release.model import Release
    from ...ship.asking import Asked
    from ...strategies.base import Request

IsPromote = Annotated[bool, typer.Option("--promote", help="what `promote` would do")]
IsRollback = Annotated[bool, typer.Option("--rollback", help="what `rollback` would do")]
WithForecast = Annotated[bool, typer.Option("--forecast/--no-forecast", help="rehearses it first: how long, and what is lost")]
Out = Annotated[str | None, typer.Option("--out", metavar="PLAN.json", help="saves the plan, for `deploy apply PLAN.json`")]
Live = Annotated[bool, typer.Option("--live", help="how long the experiment takes at today's traffic: its counters are asked")]
Diff = Annotated[bool, typer.Option("--diff/--no-diff", help="what changes of each object; Secrets are masked")]


@verb(
    ("deploy plan canary --to 50% --image ghcr.io/acme/shop:1.4.1", "half of the requests"),
    ("deploy plan --rollback", "what going back would do"),
    ("deploy plan shop --promote -n shop", "the next step, without a release file"),
    ("deploy plan --out plan.json", "for `deploy apply plan.json`"),
)
def plan(
    subject: Meant,
    where: Where,
    screen: Detail,
    override: Override,
    share: Share,
    replace: given.Replace = False,
    prune: given.Prune = False,
    come_home: given.ComeHome = False,
    rerun_hooks: given.RerunHooks = False,
    promote: IsPromote = False,
    rollback: IsRollback = False,
    to_revision: given.ToRevision = None,
    out: Out = None,
    diff: Diff = True,
    anyway: given.Anyway = False,
    force: given.Force = False,
    is_forecast: WithForecast = True,
    live: Live = False,
) -> int:
    """What apply would do, take and cost; changes nothing.

    Shows the steps, why, the diff, and the way back; with --promote or --rollback those of that verb, which need no release file
    where APP is named. Of a folder, the plans of all release files in it.
    """
    session, name = screen.session(), subject.strategy
    how = {"replace": replace, "prune": prune, "come_home": come_home, "reruns_hooks": rerun_hooks}
    asked = _request(share.weight, promote, rollback, given.revision(to_revision), **how)
    if asked.action == "apply":
        _refuse_app(subject.name)
    if asked.action == "rollback" and override:
        raise BadInput("--image and --set do not go with a rollback", hint="it leads to what was released: --to-revision N")
    if subject.is_many:
        flags = {"--out": out, "--promote": promote, "--rollback": rollback, "--to-revision": to_revision, "--live": live}
        several.refuse_for_many(subject.source, name, override, flags)
        each = session.vetting(None, force=anyway)
        return several.plan_all(session, subject.source, where, override, asked, each, diff=diff, force=force)

    planned: list[_Planned] = []

    async def use_case(release: Release, connected: Connected) -> int:
        made = await _made(release, connected, asked, name, override, force=force, is_forecast=is_forecast)
        planned.append(made)
        if live:
            session.view.note(f"experiment: {await _expected(release, connected)}")
        if out:
            from ...ship.saved import bind

            bound = await bind(
                connected.cluster, release, asked, made.plan, strategy=name, is_override=bool(override), force=force
            )
            digest = saved.save(bound, out)
            session.view.note(f"saved to {out}, readable by you alone: it holds the manifests, Secrets too")
            session.view.note(f"its digest, for `deploy apply {out} --digest …`: {digest}")
        return 0

    if asked.action == "apply":
        vet = session.vetting(name, force=anyway)
        code = session.with_release(subject.source, where, use_case, override=override, vet=vet)
    else:
        code = with_subject(session, subject, where, use_case, override=override, must_hold=asked.action == "promote")
    for one in planned:  # rehearsed on an event loop of its own
        session.view.plan(one.plan, where=one.where, diff=diff, forecast=_forecast(one, asked))
    return code


async def _expected(release: Release, connected: Connected) -> str:
    from ...measure.port import Unmeasured
    from ...ship.expecting import expected_now, experiment_of

    gate = experiment_of(release)
    if gate is None:
        raise BadInput("--live is for releases with an experiment", hint="strategies.ab.experiment: docs/experiments.md")
    try:
        return await expected_now(connected.cluster, release, gate)
    except Unmeasured as fault:
        return f"how long it takes is not known now: {fault}"


def _refuse_app(name: str | None) -> None:
    """What `apply` would do stands in a release file."""
    try:
        given.strategy_named(name)
    except BadInput as bad:
        bad.hint = (
            bad.hint or "an application's name goes with --promote and --rollback; what apply would do is in a release file"
        )
        raise


class _Planned(NamedTuple):
    """`asked` is None where no forecast is wanted."""

    plan: Plan
    where: str
    release: Release
    asked: Asked | None


async def _made(
    release: Release,
    connected: Connected,
    request: Request,
    name: str | None,
    override: Override,
    *,
    force: bool,
    is_forecast: bool,
) -> _Planned:
    from ...ship import asking
    from ...ship import run as ship

    made = await ship.plan(
        connected.cluster, release, request, strategy=name, is_override=bool(override), force=force,
        prepares=connected.is_sandbox,
    )  # fmt: skip
    is_asked = is_forecast and not made.is_empty
    asked = await asking.ask(connected.cluster, release, made.strategy, with_room=False) if is_asked else None
    return _Planned(made, connected.name, release, asked)


def _forecast(planned: _Planned, request: Request) -> Forecast | None:
    if planned.asked is None:
        return None
    from ...compare.forecast import forecast
    from ...compare.pace import pace_of

    made, pace = planned.plan, pace_of(planned.asked.startup)
    return forecast(planned.release, request, made.strategy, planned.asked.observed, pace=pace, steady_pods=made.steady_pods)


def _request(weight: int | None, promote: bool, rollback: bool, to_revision: int | None, **how: bool) -> Request:
    is_back = rollback or to_revision is not None
    if is_back and promote:
        raise BadInput("--promote and --rollback contradict each other", hint="leave one of them out")
    if is_back and weight is not None:
        raise BadInput("--to and --full do not go with a rollback", hint="a rollback always goes all the way")
    if how["replace"] and (is_back or promote):
        raise BadInput("--replace is for `apply` alone", hint="leave it out")
    if how["reruns_hooks"] and (is_back or promote):
        raise BadInput("--rerun-hooks is for `apply` alone", hint="leave it out")
    if how["prune"] and is_back:
        raise BadInput("--prune does not go with a rollback", hint="leave it out: it goes with `apply` and `promote`")
    if how["come_home"] and is_back:
        raise BadInput("--come-home does not go with a rollback", hint="leave it out: it goes with `apply` and `promote`")
    return running.request("rollback" if is_back else "promote" if promote else "apply", weight, to_revision, **how)
