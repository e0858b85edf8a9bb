"""`deploy plan`: what a verb would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ...errors import BadInput
from .. import options as given
from .. import running, saved, several
from ..context import Connected
from ..options import Besides, Override, Share, Where
from ..session import Detail, Session
from ..subject import Meant, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...compare.results import Forecast
    from ...plan.plan import Action, Plan
    from ...release.model import Release
    from ...ship.asking import Asked
    from ...ship.saved import SavedPlan
    from ...strategies.base import Request

IsPromote = Annotated[bool, typer.Option("--promote", help="what `promote` would do")]
IsRollback = Annotated[bool, typer.Option("--rollback", help="what `rollback` would do")]
WithForecast = Annotated[bool, typer.Option("--forecast/--no-forecast", help="rehearses it first: how long, and what is lost")]
Out = Annotated[str | None, typer.Option("--out", metavar="PLAN.json", help="saves the plan, for `deploy apply PLAN.json`")]
Live = Annotated[bool, typer.Option("--live", help="how long the experiment takes at today's traffic: its counters are asked")]
Diff = Annotated[bool, typer.Option("--diff/--no-diff", help="what changes of each object; Secrets are masked")]


@dataclass(frozen=True)
class Which:
    """Which verb is planned; apply, where none is named."""

    promote: IsPromote = False
    rollback: IsRollback = False
    to_revision: given.ToRevision = None

    @property
    def named(self) -> dict[str, object]:
        return {"--promote": self.promote, "--rollback": self.rollback, "--to-revision": self.to_revision}

    def request(self, weight: int | None, besides: Besides) -> Request:
        """Raises BadInput for flags that contradict each other."""
        to_revision = given.revision(self.to_revision)
        is_back = self.rollback or to_revision is not None
        if is_back and self.promote:
            raise BadInput("--promote and --rollback contradict each other", hint="leave one of them out")
        if is_back and weight is not None:
            raise BadInput("--to and --full do not go with a rollback", hint="a rollback always goes all the way")
        if besides.replace and (is_back or self.promote):
            raise BadInput("--replace is for `apply` alone", hint="leave it out")
        if besides.rerun_hooks and (is_back or self.promote):
            raise BadInput("--rerun-hooks is for `apply` alone", hint="leave it out")
        if besides.prune and is_back:
            raise BadInput("--prune does not go with a rollback", hint="leave it out: it goes with `apply` and `promote`")
        if besides.come_home and is_back:
            raise BadInput("--come-home does not go with a rollback", hint="leave it out: it goes with `apply` and `promote`")
        action: Action = "rollback" if is_back else "promote" if self.promote else "apply"
        return running.request(action, weight, to_revision, **besides.asked)


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
    besides: Besides,
    which: Which,
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
    asked = which.request(share.weight, besides)
    _refuse_misfits(asked, subject, override)
    vet = session.vetting(None if subject.is_many else name, force=anyway)
    if subject.is_many:
        several.refuse_for_many(subject.source, name, override, {"--out": out, **which.named, "--live": live})
        return several.plan_all(session, subject.source, where, override, asked, vet, diff=diff, force=force)

    planned: list[_Planned] = []

    async def use_case(release: Release, connected: Connected) -> int:
        made = await _made(release, connected, asked, name, override, force=force, is_forecast=is_forecast)
        planned.append(made)
        if live:
            session.view.note(f"experiment: {await _expected(release, connected)}")
        if out:
            _saved(session, out, await _bound(made, connected, asked, name, override, force=force))
        return 0

    if asked.action == "apply":
        code = session.with_release(subject.source, where, use_case, override=override, vet=vet)
    else:
        code = with_subject(session, subject, where, use_case, override=override, must_hold=asked.action == "promote")
    for one in planned:  # rehearsed on an event loop of its own
        session.view.plan(one.plan, where=one.where, diff=diff, forecast=_forecast(one, asked))
    return code


def _refuse_misfits(asked: Request, subject: Meant, override: Override) -> None:
    """Raises BadInput for what does not go with the verb that is planned."""
    if asked.action == "apply":
        _refuse_app(subject.name)
    if asked.action == "rollback" and override:
        raise BadInput("--image and --set do not go with a rollback", hint="it leads to what was released: --to-revision N")


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


async def _bound(
    made: _Planned, connected: Connected, asked: Request, name: str | None, override: Override, *, force: bool
) -> SavedPlan:
    from ...ship.saved import bind

    return await bind(connected.cluster, made.release, asked, made.plan, strategy=name, is_override=bool(override), force=force)


def _saved(session: Session, out: str, bound: SavedPlan) -> None:
    digest = saved.save(bound, out)
    session.view.note(f"saved to {out}, readable by you alone: it holds the manifests, Secrets too")
    session.view.note(f"its digest, for `deploy apply {out} --digest …`: {digest}")


def _forecast(planned: _Planned, request: Request) -> Forecast | None:
    if planned.asked is None:
        return None
    from ...compare.forecast import forecast
    from ...compare.pace import pace_of

    made, pace = planned.plan, pace_of(planned.asked.startup)
    return forecast(planned.release, request, made.strategy, planned.asked.observed, pace=pace, steady_pods=made.steady_pods)
