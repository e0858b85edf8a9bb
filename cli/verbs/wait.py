"""`deploy wait`: until a release has come to a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from .. import options as given
from ..context import Connected
from ..options import DEFAULT_FILE, Source, Where
from ..session import Screen
from ..verb import verb

if TYPE_CHECKING:
    from ...plan.steps import Phase
    from ...release.model import Release

PHASES: dict[str, Phase] = {"paused": "Paused", "promoted": "Promoted", "rolled-back": "RolledBack"}
For = Annotated[str, typer.Option("--for", metavar="PHASE", help=", ".join(PHASES))]


@verb(("deploy wait --for promoted --timeout 10m", "in a pipeline"))
def wait(
    where: Where,
    screen: Screen,
    until: For = "promoted",
    file: given.File = DEFAULT_FILE,
    timeout: given.Timeout = None,
) -> int:
    """Waits until a release has come to a phase."""
    session, seconds = screen.session(), given.duration(timeout)
    if until not in PHASES:
        raise BadInput(f"--for {until}: no such phase", hint=given.did_you_mean(until, PHASES) or f"one of {', '.join(PHASES)}")

    async def use_case(release: Release, connected: Connected) -> int:
        from ...ship.status import status as look
        from ...ship.status import wait_for_phase

        await wait_for_phase(connected.cluster, release.app, release.namespace, PHASES[until], timeout_s=seconds)
        session.view.status(await look(connected.cluster, release), action="wait", strategy=release.strategy)
        return 0

    return session.with_release(Source([file]), where, use_case)
