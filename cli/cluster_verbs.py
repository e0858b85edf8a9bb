"""The verbs that look at a cluster: status, history, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from . import options as given
from .context import Connected
from .options import DEFAULT_FILE, Source, Where
from .session import Session

if TYPE_CHECKING:
    from ..plan.steps import Phase
    from ..release.model import Release

PHASES: dict[str, Phase] = {"paused": "Paused", "promoted": "Promoted", "rolled-back": "RolledBack"}
For = Annotated[str, typer.Option("--for", metavar="PHASE", help=", ".join(PHASES))]


def status(
    ctx: typer.Context,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
) -> int:
    """What is live, what is under way, and who is at it."""
    session = Session.of(ctx, given.output(output))

    async def use_case(release: Release, connected: Connected) -> int:
        from ..ship.status import status as look

        session.view.status(await look(connected.cluster, release), strategy=release.strategy)
        return 0

    return session.with_release(Source(file), Where(context, namespace, sandbox), use_case)


def history(
    ctx: typer.Context,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
) -> int:
    """What was released, and how it ended."""
    session = Session.of(ctx, given.output(output))

    async def use_case(release: Release, connected: Connected) -> int:
        from ..cluster.history import load

        found = await load(connected.cluster, release.app, release.namespace)
        session.view.history(release.app, release.namespace, found)
        return 0

    return session.with_release(Source(file), Where(context, namespace, sandbox), use_case)


def wait(
    ctx: typer.Context,
    until: For = "promoted",
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    timeout: given.Timeout = None,
) -> int:
    """Waits until a release has come to a phase."""
    session = Session.of(ctx, given.output(output))
    seconds = given.duration(timeout)
    if until not in PHASES:
        raise BadInput(f"--for {until}: no such phase", hint=given.did_you_mean(until, PHASES) or f"one of {', '.join(PHASES)}")
    phase = PHASES[until]

    async def use_case(release: Release, connected: Connected) -> int:
        from ..ship.status import status as look
        from ..ship.status import wait_for_phase

        await wait_for_phase(connected.cluster, release.app, release.namespace, phase, timeout_s=seconds)
        session.view.status(await look(connected.cluster, release), action="wait", strategy=release.strategy)
        return 0

    return session.with_release(Source(file), Where(context, namespace, sandbox), use_case)
