"""Releasing: from a request to its end, or to the way back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..cluster import history
from ..cluster.events import Failure, Measured, RunBegan, RunEvent, RunFailed, StepBegan, StepEnded, Waiting
from ..cluster.execute import Executor
from ..cluster.journal import Journal
from ..cluster.lock import Lock, this_process
from ..cluster.port import Cluster
from ..cluster.who import this_person
from ..errors import BadInput, FieldsOwned, NotFound, RollwayError, StalePlan, TimedOut
from ..kube.objects import ref_of
from ..load.verdict import Verdict
from ..measure import SourceOf, source_of
from ..plan.evidence import Evidence
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..plan.revision import Revision, before, in_flight_of, live_of
from ..plan.steps import Phase, Record
from ..release.model import Release
from ..strategies import of_release
from ..strategies.base import Request, Strategy
from . import accepted, permission, served
from .look import look
from .pauses import left_s
from .refusals import own_namespace, refuse_missing_namespace, refuse_share
from .watch import Watch, settle, watched
from .watches import Watches

if TYPE_CHECKING:
    from ..notify import NotifierOf
    from .gatekeeping import Gatekeeper
    from .telling import Teller
    from .tracing import Trace, Tracer


@dataclass(frozen=True)
class Options:
    """How to run. `holder` is this process, for the lock; `by` who acts, for the history. `goes_on`: through every pause.
    `goes_back`: a failed release ends in its way back. `is_override`: the release was changed on the command line, so a promote
    speaks of it and not of the one under way. `prune`: as the request says, in all that follows. `timeout_s` bounds the whole
    run. `watch` looks on from outside; a rollback is watched, too, but never abandoned because of what is seen. `skip_gates`
    is why the release's gates are not asked, for the history; `source_of` where they measure. `is_asked`: a person asks for this
    very promotion, so that an experiment's result does not wait for one. `notifier_of` makes those that are
    told what becomes of it (None: nobody is, as in a rehearsal); `tellers` are then the runs' own, to be ended when all is shown
    (ship.telling), `teller` this one's. `watches` are all that look on. `tracer` has a trace of each run."""

    emit: Callable[[RunEvent], None] = lambda event: None
    holder: str = field(default_factory=this_process)
    by: str = field(default_factory=this_person)
    goes_on: bool = False
    goes_back: bool = True
    force: bool = False
    is_override: bool = False
    prune: bool = False
    timeout_s: float | None = None
    watch: Watch | None = None
    skip_gates: str = ""
    is_asked: bool = False
    source_of: SourceOf = source_of
    notifier_of: NotifierOf | None = None
    tellers: list[Teller] = field(default_factory=list)
    teller: Teller | None = None
    watches: Watches = field(default_factory=lambda: Watches())
    tracer: Tracer | None = None


class Paused(NamedTuple):
    """A revision that stands in a pause, and the version that serves beside it."""

    revision: Revision
    stable_version: str


Agree = Callable[[Plan, Observed], None]


@dataclass(frozen=True)
class Result:
    """How a run ended. `plan` is the last one that was executed; `way_back` what was done about a failure, if anything;
    `stands` the plan's revision, as the history has it by now; `noticed` what others did to the application meanwhile; `verdict`
    what the run's watch has seen, where there was something to do; `gates` what was measured."""

    plan: Plan
    phase: Phase
    weight: int
    failure: Failure | None = None
    way_back: Plan | None = None
    way_back_failure: Failure | None = None
    seconds: float = 0.0
    noticed: tuple[str, ...] = ()
    stands: Revision | None = None
    verdict: Verdict | None = None
    gates: tuple[Evidence, ...] = ()

    @property
    def is_ok(self) -> bool:
        return self.failure is None


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
    options = options or Options()
    options = replace(options, prune=request.prune, watches=Watches(options.watch, _gates(cluster, release, request, options)))
    if release.notify and options.notifier_of:
        from .telling import Teller

        teller = Teller(cluster, release, emit=options.emit, notifier_of=options.notifier_of)
        options = replace(options, teller=teller)
        options.tellers.append(teller)
    trace = options.tracer.begin(release.app, release.namespace, request.action) if options.tracer else None
    options = replace(options, emit=_guarded(options, trace))
    paused: Paused | None = None

    def attempt(observed: Observed) -> tuple[Strategy, Plan]:
        if paused:
            _refuse_stale(observed, paused.revision)
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
                await _hold(paused, 0.0, options)
            result = await _locked(cluster, release, strategy, options, attempt)
        result = await _through(cluster, release, result, options) if goes_through else result
        return await _judged(result, options.watches)


def choose(
    release: Release,
    observed: Observed,
    request: Request,
    strategy: str | None,
    *,
    is_override: bool = False,
    force: bool = False,
) -> Strategy:
    """The strategy that a request speaks of, on the release it speaks of.

    Without a name it is that of the release under way, else of the release file (to roll back: of what is live). Promoting and
    rolling back speak of the release under way, whatever the file says by now, unless the command line changed it.
    """
    current = observed.in_flight
    if request.action == "rollback":
        known = current or _rolled_back(observed, request) or observed.live
        if known is None:
            return of_release(strategy or release.strategy, release, force=force)
        if current and strategy and strategy != current.strategy:
            raise BadInput(f"a {current.strategy} release of {current.version} is under way, not a {strategy} one")
        return of_release(strategy or known.strategy, Release.from_record(known.release), force=force)
    # applying the release that is under way goes on with it as what it is; another one is applied as the file says
    goes_on = current and (request.action == "promote" or current.digest == release.digest)
    name = strategy or (current.strategy if current and goes_on else str(release.strategy))
    if request.action == "promote" and current and not is_override:
        return of_release(name, Release.from_record(current.release), force=force)
    return of_release(name, release, force=force)


def _rolled_back(observed: Observed, request: Request) -> Revision | None:
    """The revision that was rolled back last, where the request is for that very rollback again: it is left as that left it."""
    last, live = observed.history[-1] if observed.history else None, observed.live
    is_again = live is not None and request.to_revision in (None, live.number)
    return last if last and last.phase == "RolledBack" and is_again else None


def _gates(cluster: Cluster, release: Release, request: Request, options: Options) -> Gatekeeper | None:
    """A rollback is never held by a gate."""
    if not (release.gates or release.options.ab.asks) or request.action == "rollback" or options.skip_gates:
        return None
    from .gatekeeping import Gatekeeper

    is_asked = options.is_asked and request.action == "promote"
    return Gatekeeper(cluster, release, emit=options.emit, source_of=options.source_of, is_asked=is_asked)


Attempt = Callable[[Observed], tuple[Strategy, Plan]]


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
        return await _execute(cluster, release, chosen, made, observed, lock, options)


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


async def _execute(
    cluster: Cluster, release: Release, strategy: Strategy, made: Plan, observed: Observed, lock: Lock, options: Options
) -> Result:
    began, watches = asyncio.get_running_loop().time(), options.watches
    is_back = made.action == "rollback"
    alarm = None if is_back else watches.alarm
    journal = Journal.of(observed.history, made)
    # what is taken back may be broken, and what was never there cannot answer
    await watches.start(
        None if is_back else journal.revisions.get(made.revision),
        made.from_version,
        is_up=bool(made.from_version) and not is_back,
    )
    if not (alarm and alarm.done()):  # raised in the pause before: nothing of this plan begins
        options.emit(RunBegan(made))
    told = options.teller.written if options.teller else lambda revision: None
    first = Executor(
        cluster, lock, journal, options.emit, alarm, by=options.by, note=options.skip_gates, seen=observed.objects, written=told
    )
    try:
        failure = await first.run(made)
    except FieldsOwned as theirs:
        await first.unwind(observed.history, theirs.summary)
        raise
    if failure is None and watches.alarm and (reason := await settle(cluster, release, watches, alarm)):
        failure = Failure(reason, after_s=asyncio.get_running_loop().time() - began)
    # the way back heeds no alarm
    executor = Executor(cluster, lock, journal, options.emit, by=options.by, is_begun=True, written=told)

    def result(phase: Phase, weight: int, **more: Any) -> Result:
        seconds = asyncio.get_running_loop().time() - began
        stands = journal.revisions.get(made.revision)
        ended = Result(made, phase, weight, failure, seconds=seconds, noticed=tuple(journal.noticed), stands=stands)
        return replace(ended, **more)

    if failure is None:
        return result(made.phase, made.weight)
    options.emit(RunFailed(failure))
    stands = journal.revisions.get(made.revision)
    is_promoted = made.action != "rollback" and stands is not None and stands.phase == "Promoted"
    was_live = observed.live is not None and observed.live.number == made.revision
    if is_promoted and (was_live or not (alarm and alarm.done())):
        return result("Promoted", 100)  # the version is live; only what was to be tidied up after it failed
    if made.action != "rollback" and stands and stands.started:
        await executor.keep(made.revision, failure, _told(failure))
    number = made.revision if made.action != "rollback" else 0  # a rollback that failed goes back to what is live
    back, why_not = await executor.insist(lambda: _plan_back(cluster, release, strategy, failure, number, options))
    if back is None:
        if is_promoted:
            return result("Promoted", 100, way_back_failure=why_not)
        if made.action != "rollback":
            await executor.record(Record(number=made.revision, phase="Failed", weight=made.weight, message=_told(failure)))
        return result("Failed", made.weight, way_back_failure=why_not)
    options.emit(RunBegan(back, is_way_back=True))
    back_failure = await executor.run(back)
    if watches.probe:
        await settle(cluster, release, Watches(watches.probe), None)
    if back_failure and made.action != "rollback":
        await executor.record(Record(number=made.revision, phase="Failed", weight=made.weight, message=_told(back_failure)))
    after: Phase = "Failed" if back_failure else journal.revisions[made.revision].phase
    return result(after, 0 if after == "RolledBack" else made.weight, way_back=back, way_back_failure=back_failure)


async def _plan_back(
    cluster: Cluster, release: Release, strategy: Strategy, failure: Failure, number: int, options: Options
) -> tuple[Plan | None, Failure | None]:
    """The way back from where the failed plan of revision `number` has got to: to what was live before it. None for a first
    release, where none is wanted, and, with the reason, where none can be planned."""
    if not options.goes_back:
        return None, None
    observed = await look(cluster, release, strategy.name)
    live = observed.live
    if live and live.number == number:  # it has been promoted already
        live = before(observed.history, number)
    if live is None:
        return None, None
    told = tuple(
        revision.model_copy(update={"message": _told(failure)})
        if revision.is_in_flight or revision.number == number
        else revision
        for revision in observed.history
    )
    try:
        return strategy.rollback(replace(observed, history=told), live.number, force=not failure.is_theirs), None
    except RollwayError as error:
        return None, Failure(f"the way back could not be planned: {error.summary}")


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
    await _hold(paused, seconds, options)

    def attempt(observed: Observed) -> tuple[Strategy, Plan]:
        current = _refuse_stale(observed, paused.revision)
        chosen = of_release(current.strategy, Release.from_record(current.release), force=options.force)
        return chosen, chosen.promote(observed, prune=options.prune)

    return await _locked(cluster, release, paused.revision.strategy, options, attempt)


async def _hold(paused: Paused, seconds: float, options: Options) -> None:
    current = paused.revision
    if options.teller:
        options.teller.begin([current], current.number)
    strategy = of_release(current.strategy, Release.from_record(current.release))
    is_last = strategy.next_weight(current.weight) == 100
    await options.watches.hold(current, paused.stable_version, seconds, is_last=is_last)


def _refuse_stale(observed: Observed, paused: Revision) -> Revision:
    """What is under way. Raises StalePlan where it is no longer what stood in the pause."""
    current = observed.in_flight
    if current is None or _stand(current) != _stand(paused):
        raise StalePlan("another run has acted on the release while this one paused", hint="see `deploy status`")
    return current


def _stand(revision: Revision) -> tuple[object, ...]:
    return revision.number, revision.phase, revision.weight, revision.paused_at


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


def _told(failure: Failure) -> str:
    first = f" ({failure.pods[0].reason})" if failure.pods else ""
    return f"{failure.summary}{first}"
