"""Several releases in one command: a folder of release files, or several of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import BadInput
from . import options as given
from .context import Connected
from .options import Override, Source, Where
from .session import Session, Vet

if TYPE_CHECKING:
    from ..release.model import Release
    from ..release.several import After
    from ..strategies.base import Request
    from .running import How

NO_FLAGS: Mapping[str, object] = {}


def refuse_for_many(source: Source, strategy: str | None, override: Override, flags: Mapping[str, object] = NO_FLAGS) -> None:
    """Raises BadInput for what speaks of one release. `flags` holds those of the verb, and what they were given."""
    several = f"{len(source.files)} are named" if len(source.files) > 1 else f"{source.file} is a folder of them"
    if strategy is not None and given.is_saved_plan(strategy):
        raise BadInput(f"a saved plan is of one release, and {several}", hint="apply it without -f")
    if strategy is not None:
        name = given.strategy_named(strategy)
        raise BadInput(f"{name}: a strategy is named for one release, and {several}", hint="each release file says its own")
    if override.image:
        raise BadInput(f"--image is for one release, and {several}", hint="each release file says its own")
    for flag in (flag for flag, value in flags.items() if value):
        raise BadInput(f"{flag} is for one release, and {several}", hint="name one release file with -f")


def apply_all(session: Session, source: Source, where: Where, request: Request, how: How, at_once: int, vet: Vet) -> int:
    async def use_case(releases: list[Release], after: After, connected: Connected) -> int:
        from ..ship import many

        for namespace in dict.fromkeys(release.namespace for release in releases):
            await session.prepare(connected, namespace)
        outcomes = await many.run(
            connected.cluster, releases, after, request,
            at_once=at_once, options=how.options(session), emit=session.view.many_event,
            watch_for=lambda release: how.probe.watch(release, session.view),
        )  # fmt: skip
        session.view.many_result(outcomes)
        return many.exit_code(outcomes)

    return session.with_releases(source, where, use_case, override=how.override, vet=vet)


def plan_all(
    session: Session, source: Source, where: Where, override: Override, request: Request, vet: Vet, *, diff: bool, force: bool
) -> int:
    async def use_case(releases: list[Release], after: After, connected: Connected) -> int:
        from ..ship import many

        planned = await many.plan(connected.cluster, releases, after, request, force=force)
        session.view.plans(planned, where=connected.name, diff=diff)
        return many.exit_code(planned)

    return session.with_releases(source, where, use_case, override=override, vet=vet)
