"""`deploy apply`: starts a release, several, or a saved plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BadInput
from .. import options as given
from .. import running, saved, several
from ..context import Connected
from ..options import Limits, Override, Pace, Share, Source, Where
from ..probing import ProbeFlags, telling
from ..running import How
from ..session import Detail, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release


@verb(
    ("deploy apply --image ghcr.io/acme/shop:1.4.1", "to the first pause"),
    ("deploy apply blue-green", "by another strategy"),
    ("deploy apply --auto --probe http://shop.example.com/ --max-lost 0", "all the way; back at the first loss"),
    ("deploy apply -f services/ --parallel 8", "several releases"),
)
def apply(
    source: Source,
    where: Where,
    screen: Detail,
    override: Override,
    share: Share,
    pace: Pace,
    probe: ProbeFlags,
    limits: Limits,
    strategy: given.StrategyOrPlan = None,
    parallel: given.Parallel = "4",
    anyway: given.Anyway = False,
) -> int:
    """Starts the release, and stops at its first pause.

    First tells what `deploy check` finds; errors stop it (exit 2), unless --force.

    With --auto it goes on through every pause. A saved plan is carried out as it is, or refused (exit 3) if the cluster has
    moved on since. Of a folder all release files are applied, each after those it depends on.
    """
    session, how, at_once = screen.session(), How(limits, probe, pace, override), given.parallel(parallel)
    asked = running.request("apply", share.weight)
    if source.is_many:
        several.refuse_for_many(source, strategy, override, probe.named)
        return several.apply_all(session, source, where, asked, how, at_once, session.vetting(None, force=anyway))
    if strategy is not None and given.is_saved_plan(strategy):
        if asked.weight is not None or override:
            raise BadInput("a saved plan is applied as it is: --to, --full, --image and --set do not go with it")
        return _apply_saved(session, strategy, source, where, how)
    name = given.strategy_named(strategy)
    return running.run(session, source, where, asked, name, how, vet=session.vetting(name, force=anyway))


def _apply_saved(session: Session, path: str, source: Source, where: Where, how: How) -> int:
    from ...release.load import beside
    from ...release.model import Release
    from ...ship import run as ship

    plan = saved.load(path)
    if where.namespace and where.namespace != plan.namespace:
        raise BadInput(f"the plan is for namespace {plan.namespace}, not {where.namespace}")

    async def use_case(release: Release, connected: Connected) -> int:
        await session.prepare(connected, release.namespace)
        watch = how.probe.watch(release, session.view)
        async with telling(watch, session.view):
            result = await ship.run_saved(connected.cluster, release, plan, options=how.options(session, watch))
        return running.shown(session, result)

    if plan.new_revisions:
        # the plan carries its release: the file may have changed since, or be somewhere else
        release = beside(source.file, Release.from_record(plan.new_revisions[-1].release).with_namespace(plan.namespace))
        return session.with_cluster(where, lambda connected: use_case(release, connected))
    return session.with_release(source, Where(where.context, plan.namespace, where.is_sandbox), use_case)
