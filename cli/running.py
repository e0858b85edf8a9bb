"""What apply, promote and rollback have in common: one release is run, watched, and shown."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .context import Connected
from .options import Limits, Override, Pace, Remote, Source, Where
from .probing import ProbeFlags, telling
from .session import Session, UseCase, Vet

if TYPE_CHECKING:
    from ..plan.plan import Action
    from ..release.model import Release
    from ..ship.run import Options, Result
    from ..ship.tracing import Tracer
    from ..ship.watch import Watch
    from ..strategies.base import Request


STOPPED = (
    "stopped; nothing is locked, and what is done stays done",
    "the same command goes on where this one stopped; `deploy rollback` takes a release back",
)


@dataclass(frozen=True)
class How:
    """The flags that say how to run, until the heavy imports are made. Raises BadInput for a timeout that is none."""

    limits: Limits = field(default_factory=Limits)
    probe: ProbeFlags = field(default_factory=ProbeFlags)
    pace: Pace = field(default_factory=Pace)
    override: Override = field(default_factory=Override)
    remote: Remote = field(default_factory=Remote)

    def __post_init__(self) -> None:
        _ = self.limits.timeout_s

    def options(self, session: Session, watch: Watch | None = None) -> Options:
        from ..notify import notifier_of
        from ..ship.run import Options

        return Options(
            emit=session.view.event,
            goes_on=self.pace.auto,
            goes_back=not self.pace.no_rollback,
            force=self.limits.force,
            is_override=bool(self.override),
            timeout_s=self.limits.timeout_s,
            watch=watch,
            skip_gates=self.pace.skip_gates or "",
            is_asked=not self.pace.auto,
            notifier_of=notifier_of,
        )


def request(action: Action, weight: int | None = None, to_revision: int | None = None, **how: bool) -> Request:
    """`how`: replace, prune, come_home, reruns_hooks."""
    from ..strategies.base import Request

    return Request(action, weight, to_revision, **how)


def run(
    session: Session,
    source: Source,
    where: Where,
    asked: Request,
    strategy: str | None,
    how: How,
    *,
    vet: Vet | None = None,
) -> int:
    """Starts the release of a file."""
    return session.with_release(source, where, use_case_of(session, asked, strategy, how), override=how.override, vet=vet)


def use_case_of(session: Session, asked: Request, strategy: str | None, how: How) -> UseCase:
    """Watched, and shown."""
    if how.remote:
        from .incluster import use_case_of as in_cluster

        return in_cluster(session, asked, strategy, how)

    async def use_case(release: Release, connected: Connected) -> int:
        from ..ship import run as ship

        if asked.action == "apply":
            await session.prepare(connected, [release])
        watch = how.probe.watch(release, connected.cluster, session.view, is_back=asked.action == "rollback")
        options = how.options(session, watch)
        async with heard(options, session.view.note) as options:
            async with telling(watch, session.view):
                result = await ship.run(connected.cluster, release, asked, strategy=strategy, options=options)
            return shown(session, result)

    return use_case


@contextlib.asynccontextmanager
async def heard(options: Options, note: Callable[[str], None]) -> AsyncIterator[Options]:
    """Around a run and what is shown of it, with the options for it: those that are still to be told of it are waited for a
    moment, and no longer. `note` is told of what cannot be. Whoever stops a run is told how it goes on."""
    import asyncio

    tracer = _tracer(note)
    try:
        yield replace(options, tracer=tracer)
    except asyncio.CancelledError as cancelled:
        raise asyncio.CancelledError(*STOPPED) from cancelled
    finally:
        if options.tellers:
            from ..ship.telling import end_all

            await end_all(options.tellers)
        if tracer:
            await asyncio.to_thread(tracer.close)


def _tracer(note: Callable[[str], None]) -> Tracer | None:
    if not any(name.startswith("OTEL_") for name in os.environ):
        return None
    from ..ship.tracing import tracer_of

    return tracer_of(os.environ, note)


def shown(session: Session, result: Result) -> int:
    session.view.result(result)
    return 0 if result.is_ok else 1
