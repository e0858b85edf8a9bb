"""apply, promote and rollback with --in-cluster: a runner there does it, and what it tells is shown here."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from ..errors import BadInput
from .context import Connected
from .options import TICK
from .running import How, shown
from .session import Session, UseCase

if TYPE_CHECKING:
    from ..cluster.events import RunEvent
    from ..plan.plan import Plan
    from ..release.model import Release
    from ..ship.errand import Errand
    from ..ship.launching import Launched
    from ..ship.saved import SavedPlan
    from ..strategies.base import Request


def use_case_of(session: Session, asked: Request, strategy: str | None, how: How, agreed: SavedPlan | None = None) -> UseCase:
    """`agreed`: a plan that was saved."""
    if asked.action != "rollback" and not how.pace.auto and asked.weight is None:
        raise BadInput(
            "--in-cluster goes with --auto: without it a run ends at its first pause, and nobody has to wait for it",
            hint="add --auto, or --to 50%, or leave --in-cluster out",
        )

    if how.remote.way == TICK and (asked.action == "rollback" or asked.weight is not None or agreed):
        raise BadInput("--in-cluster=tick is for what goes on through pauses", hint="--in-cluster alone is for all else")

    async def use_case(release: Release, connected: Connected) -> int:
        image = image_of(release)
        if asked.action == "apply":
            await session.prepare(connected, [release])
        errand = _errand(release, asked, strategy, how, agreed)
        launched = await _launched(session, connected, errand, image)
        if launched is None:
            return 0
        if how.remote.detach or how.remote.way == TICK:
            session.view.note(f"{launched.ref} {_does(how)}; {_goes_on(release)}")
            return 0
        return await _followed(session, connected, release, launched)

    return use_case


def image_of(release: Release, what: str = "runs a release") -> str:
    """What is named for it. Raises BadInput where nobody has named one."""
    return checked_image(release.runner.image if release.runner else None, what)


def checked_image(named: str | None, what: str, by: str = "in the release file, runner: ghcr.io/acme/rollway:1") -> str:
    """`by`: where else than in the environment it is named."""
    from ..ship.runner import IMAGE

    image = named or os.environ.get(IMAGE)
    if not image:
        raise BadInput(
            f"what {what} in the cluster is an image of yours, and none is named",
            hint=f"`make image` builds it; name it {by}, or in {IMAGE}",
        )
    from ..release.image import checked
    from ..release.wrong import Wrong

    try:
        return checked(image)
    except Wrong as wrong:
        raise BadInput(f"{'the image of the runner' if named else IMAGE}: {wrong}", hint=wrong.hint) from wrong


def _errand(release: Release, asked: Request, strategy: str | None, how: How, agreed: SavedPlan | None) -> Errand:
    from ..cluster.who import this_person
    from ..kube.clock import now, timestamp
    from ..ship import errand, runner

    probed = replace(release, probe=how.probe.settings(release))
    asks = errand.asked_of(probed, request=asked, strategy=strategy, is_override=bool(how.override), force=how.limits.force)
    if agreed:
        asks = agreed.asked.model_copy(update={"release": probed.to_record()})
    limit_s = how.limits.timeout_s
    return errand.Errand(
        job=runner.name_of(release.app, asked.action, ticks=how.remote.way == TICK),
        asked=asks,
        plan=agreed,
        by=this_person(),
        until=timestamp(now() + timedelta(seconds=limit_s)) if limit_s else "",
        goes_on=how.pace.auto,
        goes_back=not how.pace.no_rollback,
        skip_gates=how.pace.skip_gates or "",
        ticks=how.remote.way == TICK,
    )


async def _launched(session: Session, connected: Connected, errand: Errand, image: str) -> Launched | None:
    """None where there is nothing to do, which is shown."""
    from ..ship import launching

    if there := await launching.running(connected.cluster, errand):
        session.view.note(f"{there.ref} runs it already, started by {there.by}")
        return there
    made = await _planned(connected, errand)
    if made.is_empty and made.phase != "Paused":
        from ..ship.run import Result

        shown(session, Result(made, made.phase, made.weight))
        return None
    errand = await launching.begun(connected.cluster, errand, made)
    return await launching.launch(connected.cluster, errand, made, image, session.view.note)


async def _planned(connected: Connected, errand: Errand) -> Plan:
    """What is wrong with it is told here, before anything is put into the cluster."""
    from ..ship import run as ship

    asked = errand.asked
    return await ship.plan(
        connected.cluster,
        errand.release,
        asked.request,
        strategy=asked.strategy,
        is_override=asked.is_override,
        force=asked.force,
        prepares=connected.is_sandbox,
    )


async def _followed(session: Session, connected: Connected, release: Release, launched: Launched) -> int:
    from ..ship.following import Follower
    from ..ship.lines import Said
    from ..ship.run import Result

    def hear(line: RunEvent | Said) -> None:
        if isinstance(line, Said):
            session.view.note(line.text)
        else:
            session.view.event(line)

    try:
        end = await Follower(connected.cluster, launched, hear).end()
    except asyncio.CancelledError as cancelled:
        summary = f"detached: {launched.ref} goes on with it in namespace {release.namespace}"
        raise asyncio.CancelledError(summary, _goes_on(release)) from cancelled
    if isinstance(end, Result):
        return shown(session, end)
    raise end


def _does(how: How) -> str:
    from ..ship.runner import SCHEDULE

    return "runs it" if how.remote.way != TICK else f"takes it one pause further as each is over ({SCHEDULE})"


def _goes_on(release: Release) -> str:
    place = f"{release.app} -n {release.namespace}"
    return f"`deploy watch {place}` looks on; `deploy rollback {place}` takes it back"
