"""Carrying out an errand in the cluster, from wherever the pod before this one has left it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from ..cluster import history
from ..cluster.lock import Lock, held_by, lock_ref
from ..cluster.port import Cluster
from ..errors import Locked, Refused, RollwayError
from ..plan.revision import Revision
from ..strategies.base import Request
from . import run as ship
from .errand import Errand, follower_of, stood_of, turn_of
from .pauses import left_s
from .run import Options, Result
from .saved import run_saved

LOOK_EVERY_S = 5.0


async def carry(cluster: Cluster, errand: Errand, options: Options) -> Result:
    """Does it, or what is left of it. `options` has what hears and measures; all else is the errand's.

    Raises RollwayError where it has failed already, and Refused where somebody else has ended it.
    """
    release = errand.release
    await _until_free(cluster, errand)
    revisions = await history.load(cluster, release.app, release.namespace)
    found = next((each for each in revisions if each.number == errand.revision), None)
    turn, how = turn_of(errand, revisions), errand.options(options)
    if turn == "on":
        return await _on(cluster, errand, how, is_begun=errand.stood != stood_of(found))
    if later := follower_of(errand, revisions):
        await _give_back(cluster, errand)
        raise Refused(
            f"{later.app} {later.version} was released meanwhile, by {later.by or 'somebody'}: this runner leaves it alone",
            hint="see `deploy history`",
        )
    assert found is not None, "what has no revision has not failed"
    if turn == "back":
        back = replace(how, goes_on=False, skip_gates="", watch=None)
        result = await ship.run(cluster, release, Request("rollback"), options=back)
        raise _failed(errand, found, result.failure.summary if result.failure else "")
    await _give_back(cluster, errand)
    raise _failed(errand, found)


async def tick(cluster: Cluster, errand: Errand, options: Options) -> tuple[Result | None, bool]:
    """One pause further, or, where a pause is not over, nothing; and whether that was the end of it.

    Raises RollwayError as `carry` does, which is its end, and Locked where somebody else is at it.
    """
    release = errand.release
    await _until_free(cluster, errand)
    revisions = await history.load(cluster, release.app, release.namespace)
    found = next((each for each in revisions if each.number == errand.revision), None)
    turn = turn_of(errand, revisions)
    if found is not None and turn == "on" and left_s(found):
        return None, False  # what has failed does not wait for the end of a pause
    if found is None or turn != "on" or errand.stood == stood_of(found):
        result = await carry(cluster, errand, options)
    else:
        request = Request("promote") if found.phase == "Paused" else replace(errand.asked.request, reruns_hooks=False)
        result = await ship.run(cluster, release, request, strategy=errand.asked.strategy, options=errand.options(options))
    return result, not (result.is_ok and result.phase == "Paused")


async def _on(cluster: Cluster, errand: Errand, options: Options, *, is_begun: bool) -> Result:
    if errand.plan:
        return await run_saved(cluster, errand.release, errand.plan, options=options)
    # what a pod before this one has run again is not run a third time
    request = replace(errand.asked.request, reruns_hooks=errand.asked.request.reruns_hooks and not is_begun)
    return await ship.run(cluster, errand.release, request, strategy=errand.asked.strategy, options=options)


async def _until_free(cluster: Cluster, errand: Errand) -> None:
    """A pod of this runner that was killed has left its lock: nobody but its own silence says that it is gone."""
    ref = lock_ref(errand.release.app, errand.release.namespace)
    while (lease := await cluster.get(ref)) is not None:
        held = held_by(lease)
        if held.holder != errand.who or held.is_silent:
            return
        await asyncio.sleep(LOOK_EVERY_S)


async def _give_back(cluster: Cluster, errand: Errand) -> None:
    """The lock of a pod that was killed at its very end: nobody else may come for long."""
    app, namespace = errand.release.app, errand.release.namespace
    lease = await cluster.get(lock_ref(app, namespace))
    if lease is not None and held_by(lease).holder == errand.who:
        with contextlib.suppress(Locked):
            async with Lock(cluster, app, namespace, errand.who):
                pass


def _failed(errand: Errand, found: Revision, why_not_back: str = "") -> RollwayError:
    last = found.entries[-1] if found.entries else None
    if found.phase == "RolledBack" and last and last.by != errand.who:
        return Refused(f"{found.app} {found.version} was taken back meanwhile, by {last.by}", hint="see `deploy history`")
    ended = f"could not be taken back: {why_not_back}" if why_not_back else "was taken back"
    if found.phase == "Failed" and not why_not_back:
        ended = "was left as it failed"
    return RollwayError(
        f"{found.app} {found.version} failed and {ended}", detail=found.message, hint="`deploy history -v` has what its pods said"
    )
