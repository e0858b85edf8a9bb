"""Releasing: from a request to its end, or to the way back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ..cluster import history
from ..cluster.events import Failure, Measured, RunEvent, StepBegan, StepEnded, Waiting
from ..cluster.lock import Lock
from ..cluster.port import Cluster
from ..errors import NotFound, TimedOut
from ..kube.objects import ref_of
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..plan.revision import in_flight_of, live_of
from ..release.model import Release
from ..strategies import of_release
from ..strategies.base import Request, Strategy
from . import accepted, permission, served
from .choosing import choose
from .execution import Execution
from .look import look
from .options import Options
from .pauses import Paused, hold, left_s, refuse_stale
from .refusals import own_namespace, refuse_missing_namespace, refuse_share
from .result import Result
from .watch import watched
from .watches import Watches

if TYPE_CHECKING:
    from .gatekeeping import Gatekeeper
    from .tracing import Trace

__all__ = ["Agree", "Options", "Result", "choose", "plan", "run"]

Agree = Callable[[Plan, Observed], None]


Attempt = Callable[[Observed], tuple[Strategy, Plan]]


async def plan(
    cluster: Cluster,
    release: Release,
    request: Request,
    *,
    strategy: str | None = None,
    is_override: bool = False,
    force: bool = False,
    prepares: bool = False,
) -> Plan:
    """What `run` would do now. Changes nothing. `prepares`: whoever runs it makes a missing namespace first, and the
    definitions of custom resources that have none."""
    async with permission.explained(cluster, release, {strategy or release.strategy}):
        observed = await look(cluster, release, strategy)
    if not prepares and not observed.history and not any(observed.objects.values()):
        await refuse_missing_namespace(cluster, release)
    chosen = choose(release, observed, request, strategy, is_override=is_override, force=force)
    made = chosen.plan(request, observed)
    history.refuse_large(made.new_revisions)
    await served.check(cluster, made, learns=prepares)
    await accepted.check(cluster, chosen.release, observed, made)
    return made


async def run(
    cluster: Cluster,
    release: Release,
    request: Request,
    *,
    strategy: str | None = None,
    options: Options | None = None,
    agree: Agree | None = None,
) -> Result:
    """Plans and executes, to the first pause or, where the options say so, through all of them.

    `agree` may refuse the plan, by raising, while nothing is touched yet.

    Raises TimedOut with the release left as it is, Refused where another run or somebody's fields stand in the way.
    """
    options, trace = _equipped(cluster, release, request, options or Options())
    paused: Paused | None = None

    def attempt(observed: Observed) -> tuple[Strategy, Plan]:
        if paused:
            refuse_stale(observed, paused.revision)
        chosen = choose(release, observed, request, strategy, is_override=options.is_override, force=options.force)
        made = chosen.plan(request, observed)
        if agree:
            agree(made, observed)
        return chosen, made

    async with _rested(options, trace), watched(options.watches), _deadline(options.timeout_s, release):
        await refuse_share(cluster, release, request, strategy)
        goes_through = options.goes_on and request.weight is None
        if (goes_through and not agree) or options.watches.gates:
            paused = await _paused(cluster, release, request, strategy, options)
        if paused and goes_through and not agree:
            result = await _go_on(cluster, release, paused, options)
        else:
            if paused:
                await hold(paused, 0.0, options)
            result = await _locked(cluster, release, strategy, options, attempt)
        result = await _through(cluster, release, result, options) if goes_through else result
        return await _judged(result, options.watches)


def _equipped(cluster: Cluster, release: Release, request: Request, options: Options) -> tuple[Options, Trace | None]:
    """With all who look on at this run, and who are told of it."""
    options = replace(options, prune=request.prune, watches=Watches(options.watch, _gates(cluster, release, request, options)))
    if release.notify and options.notifier_of:
        from .telling import Teller

        teller = Teller(cluster, release, emit=options.emit, notifier_of=options.notifier_of)
        options = replace(options, teller=teller)
        options.tellers.append(teller)
    trace = options.tracer.begin(release.app, release.namespace, request.action) if options.tracer else None
    return replace(options, emit=_guarded(options, trace)), trace


def _gates(cluster: Cluster, release: Release, request: Request, options: Options) -> Gatekeeper | None:
    """A rollback is never held by a gate."""
    if not (release.gates or release.options.ab.asks) or request.action == "rollback" or options.skip_gates:
        return None
    from .gatekeeping import Gatekeeper

    is_asked = options.is_asked and request.action == "promote"
    return Gatekeeper(cluster, release, emit=options.emit, source_of=options.source_of, is_asked=is_asked)


async def _locked(cluster: Cluster, release: Release, strategy: str | None, options: Options, attempt: Attempt) -> Result:
    """One plan, made and executed under the lock, with its way back."""
    own = own_namespace(release)
    if own and await cluster.get(ref_of(own)) is None:
        await cluster.apply(own)  # the lock lives in the namespace, so one that the release brings along has to be there first
    async with contextlib.AsyncExitStack() as held:
        async with permission.explained(cluster, release, {strategy or release.strategy}):
            try:
                lock = await held.enter_async_context(Lock(cluster, release.app, release.namespace, options.holder))
            except NotFound:
                await refuse_missing_namespace(cluster, release)
                raise
            observed = await look(cluster, release, strategy)
        chosen, made = attempt(observed)
        if options.teller:
            options.teller.begin(observed.history, made.revision)
        if made.is_empty:
            return Result(made, made.phase, made.weight, stands=observed.revision(made.revision))
        history.refuse_large(made.new_revisions)
        await permission.check(cluster, chosen.release, _strategies(chosen, observed), made)
        await served.check(cluster, made)
        await accepted.check(cluster, chosen.release, observed, made)
        return await Execution(cluster, release, chosen, made, observed, lock, options).run()


async def _judged(result: Result, watches: Watches) -> Result:
    """With what was measured, and the probe's verdict: what is lost after its last look, in the moment until it ends, is told and
    no more."""
    result = replace(result, gates=watches.found)
    if watches.probe is None or result.plan.is_empty:
        return result
    verdict = await watches.probe.stop()
    late = Failure(verdict.reason) if verdict.is_exceeded and result.failure is None else None
    return replace(result, verdict=verdict, failure=result.failure or late)


def _strategies(chosen: Strategy, observed: Observed) -> set[str]:
    """The strategy of a plan, and those whose traces it puts away."""
    return {chosen.name, *(revision.strategy for revision in (observed.live, observed.in_flight) if revision)}


async def _through(cluster: Cluster, release: Release, result: Result, options: Options) -> Result:
    """The rest of the way, where the run goes on by itself."""
    while options.goes_on and result.is_ok and result.phase == "Paused" and result.stands:
        following = await _go_on(cluster, release, Paused(result.stands, result.plan.from_version), options)
        result = replace(following, noticed=(*result.noticed, *following.noticed))
    return result


async def _paused(cluster: Cluster, release: Release, request: Request, strategy: str | None, options: Options) -> Paused | None:
    """The pause that a promotion begins in: one that a run before it did not wait out, or that its gates may hold."""
    if request.action != "promote":
        return None
    revisions = await history.load(cluster, release.app, release.namespace)
    current = in_flight_of(revisions)
    if current is None or not (left_s(current) or (options.watches.gates and current.phase == "Paused")):
        return None
    chosen = choose(release, Observed(history=revisions), request, strategy, is_override=options.is_override)
    is_meant = (chosen.name, chosen.release.digest) == (current.strategy, current.digest)
    live = live_of(revisions)
    return Paused(current, live.version if live else "") if is_meant else None


async def _go_on(cluster: Cluster, release: Release, paused: Paused, options: Options) -> Result:
    """Waits for what is left of a pause with the lock given back, then takes the next step of the same release."""
    seconds = left_s(paused.revision)
    options.emit(Waiting(seconds, paused.revision.weight))
    await hold(paused, seconds, options)

    def attempt(observed: Observed) -> tuple[Strategy, Plan]:
        current = refuse_stale(observed, paused.revision)
        chosen = of_release(current.strategy, Release.from_record(current.release), force=options.force)
        return chosen, chosen.promote(observed, prune=options.prune)

    return await _locked(cluster, release, paused.revision.strategy, options, attempt)


@contextlib.asynccontextmanager
async def _rested(options: Options, trace: Trace | None) -> AsyncIterator[None]:
    """Who is told of the run may hear of its end before it is over, if that is quick."""
    try:
        with trace or contextlib.nullcontext():
            yield
    finally:
        if options.teller:
            from .telling import QUICK_S

            await options.teller.rest(QUICK_S)


@contextlib.asynccontextmanager
async def _deadline(seconds: float | None, release: Release) -> AsyncIterator[None]:
    """asyncio.timeout, answering in the product's words."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TimedOut(
            f"{release.app} is not done after {seconds:g} s, and is left as it is",
            hint="the same command goes on where it stopped; `deploy rollback` takes it back",
        ) from None


def _guarded(options: Options, trace: Trace | None) -> Callable[[RunEvent], None]:
    """A view that breaks (its pipe is gone) must not break the run, nor its way back. A step is what losses are told by."""
    emit, watches, teller = options.emit, options.watches, options.teller

    def guarded(event: RunEvent) -> None:
        if isinstance(event, StepBegan):
            watches.begun(event.step)
        elif isinstance(event, StepEnded):
            watches.ended(event.step)
        elif isinstance(event, Measured) and teller:
            teller.measured(event.gate)
        for hear in (trace.hear, emit) if trace else (emit,):
            with contextlib.suppress(Exception):
                hear(event)

    return guarded
