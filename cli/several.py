"""Several releases in one command: a folder of release files, or several of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadInput
from . import options as given
from .context import Connected
from .options import Override, Source, Where
from .running import How, heard, use_case_of
from .session import Session, Vet
from .subject import Meant, Named, with_subject

if TYPE_CHECKING:
    from ..release.model import Release
    from ..release.several import After, App
    from ..strategies.base import Request

AT_ONCE = 4
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


def run_all(
    session: Session, source: Source, where: Where, request: Request, how: How, at_once: int, vet: Vet | None = None
) -> int:
    """Each after those it depends on; on the way back before them."""

    async def use_case(releases: list[Release], after: After, connected: Connected) -> int:
        from ..release.several import reversed_links
        from ..ship import many

        if request.action == "apply":
            await session.prepare(connected, releases)
        if request.action == "promote":
            releases, after = await _unpromoted(session, connected, releases, after, request)
        options, is_back = how.options(session), request.action == "rollback"
        async with heard(options, session.view.note) as options:
            outcomes = await many.run(
                connected.cluster, releases, reversed_links(after) if request.action == "rollback" else after, request,
                at_once=at_once, options=options, emit=session.view.many_event,
                watch_for=lambda release: how.probe.watch(release, connected.cluster, session.view, is_back=is_back),
            )  # fmt: skip
            session.view.many_result(outcomes)
            return many.exit_code(outcomes)

    return session.with_releases(source, where, use_case, override=how.override, vet=vet)


async def _unpromoted(
    session: Session, connected: Connected, releases: list[Release], after: After, request: Request
) -> tuple[list[Release], After]:
    """Without those of which nothing is under way, nor left over by a promotion that was cut off: what has been promoted keeps
    nothing back."""
    from ..cluster.history import load
    from ..release.several import App

    left = {App(release.namespace, release.app): release for release in releases}
    promoted: dict[App, str] = {}
    for app, release in left.items():
        known = await load(connected.cluster, release.app, release.namespace)
        if known and known[-1].phase == "Promoted":
            told = f", since {known[-1].standing}" if known[-1].standing else ""
            promoted[app] = f"{release.app}: {known[-1].version} is promoted already{told}"
    for app in await _settled(connected, {app: left[app] for app in promoted}, request):
        session.view.note(promoted[app])
        del left[app]
    return [*left.values()], {app: tuple(link for link in after[app] if link in left) for app in left}


async def _settled(connected: Connected, promoted: Mapping[App, Release], request: Request) -> list[App]:
    """Those of the promoted ones of which nothing is left to be done."""
    from ..ship import many

    asked = replace(request, weight=None)  # whatever share is asked of the others
    planned = await many.plan(connected.cluster, [*promoted.values()], dict.fromkeys(promoted, ()), asked)
    return [app for app, each in zip(promoted, planned, strict=True) if each.plan and each.plan.is_empty]


def plan_all(
    session: Session, source: Source, where: Where, override: Override, request: Request, vet: Vet, *, diff: bool, force: bool
) -> int:
    async def use_case(releases: list[Release], after: After, connected: Connected) -> int:
        from ..ship import many

        planned = await many.plan(connected.cluster, releases, after, request, force=force, prepares=connected.is_sandbox)
        session.view.plans(planned, where=connected.name, diff=diff)
        return many.exit_code(planned)

    return session.with_releases(source, where, use_case, override=override, vet=vet)


def look_all(session: Session, subject: Named, where: Where, look: Callable[[list[Release], Connected], Awaitable[int]]) -> int:
    """Of the applications that several release files name."""

    async def use_case(releases: list[Release], _: After, connected: Connected) -> int:
        return await look(releases, connected)

    return session.with_releases(subject.source, where, use_case)


def go_on(session: Session, subject: Meant, where: Where, asked: Request, how: How) -> int:
    """Takes on, or back, what is in the cluster: of one application, or of all that several release files name."""
    if not subject.is_many:
        use_case = use_case_of(session, asked, subject.strategy, how)
        must_hold = asked.action == "promote" and not how.pace.skip_gates
        return with_subject(session, subject, where, use_case, override=how.override, must_hold=must_hold)
    refuse_for_many(subject.source, subject.strategy, how.override, {**how.probe.named, **how.remote.named})
    return run_all(session, subject.source, where, asked, how, AT_ONCE)
