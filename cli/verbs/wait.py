"""`deploy wait`: until a release has come to a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from .. import options as given
from ..context import Connected
from ..options import Where
from ..session import Screen
from ..several import look_all
from ..subject import Named, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...plan.steps import Phase
    from ...release.model import Release
    from ...ship.status import Status

PHASES: dict[str, Phase] = {"paused": "Paused", "promoted": "Promoted", "rolled-back": "RolledBack"}
For = Annotated[str, typer.Option("--for", metavar="PHASE", help=", ".join(PHASES))]


@verb(
    ("deploy wait --for promoted --timeout 10m", "in a pipeline"),
    ("deploy wait shop -n shop", "without a release file"),
)
def wait(
    subject: Named,
    where: Where,
    screen: Screen,
    until: For = "promoted",
    timeout: given.Timeout = None,
) -> int:
    """Waits until a release has come to a phase.

    Of the release file's application, or of APP as its cluster knows it. Of a folder, all of them.
    """
    session, seconds = screen.session(), given.duration(timeout)
    if until not in PHASES:
        raise BadInput(f"--for {until}: no such phase", hint=given.did_you_mean(until, PHASES) or f"one of {', '.join(PHASES)}")

    async def waited(release: Release, connected: Connected) -> Status:
        from ...ship.status import status as look
        from ...ship.status import wait_for_phase

        await wait_for_phase(connected.cluster, release.app, release.namespace, PHASES[until], timeout_s=seconds)
        return await look(connected.cluster, release)

    async def one(release: Release, connected: Connected) -> int:
        session.view.status(await waited(release, connected), action="wait", strategy=release.strategy)
        return 0

    async def all_of(releases: list[Release], connected: Connected) -> int:
        from asyncio import gather

        found = await gather(*(waited(release, connected) for release in releases))
        named = [(each, release.strategy) for each, release in zip(found, releases, strict=True)]
        session.view.statuses(named, action="wait")
        return 0

    return look_all(session, subject, where, all_of) if subject.is_many else with_subject(session, subject, where, one)
