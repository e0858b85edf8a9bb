"""`deploy runner`: what a pod of --in-cluster runs. Nobody types it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput, Locked, RollwayError
from ..context import Surroundings
from ..probing import ProbeFlags, telling
from ..running import heard
from ..verb import verb

if TYPE_CHECKING:
    from ...cluster.port import Cluster
    from ...ship.errand import Errand
    from ...ship.run import Options
    from ..views.lines import LinesView

Place = Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="the Secret of the runner's Job, and its name")]


@verb()
def runner(context: typer.Context, place: Place) -> int:
    """Carries out the errand of a runner's Secret, by the pod's own service account; tells a JSON line an event."""
    from ..views.lines import LinesView

    surroundings = context.obj if isinstance(context.obj, Surroundings) else Surroundings()
    view = LinesView()
    namespace, _, name = place.rpartition("/")

    async def connected() -> int:
        from ...cluster.client import connect

        async with await connect(is_inside=True) as cluster:
            return await carried(cluster, namespace, name, view)

    try:
        return int(surroundings.run(connected()))
    except RollwayError as error:
        view.error(error)
        return error.exit_code


async def carried(cluster: Cluster, namespace: str, name: str, view: LinesView) -> int:
    from ...notify import notifier_of
    from ...ship import carrying, errand
    from ...ship.run import Options
    from ...ship.runner import ticker_called

    try:
        found = await errand.read(cluster, namespace, name)
    except BadInput:
        if ticker := ticker_called(namespace, name):
            await cluster.delete(ticker)  # no later look would find more
        raise
    is_back = found.asked.request.action == "rollback"
    watch = ProbeFlags().watch(found.release, cluster, view, is_back=is_back)
    options = Options(emit=view.event, watch=watch, notifier_of=notifier_of)
    if found.ticks:
        return await _ticked(cluster, found, options, view)
    async with heard(options, view.note) as options:
        async with telling(watch, view):
            result = await carrying.carry(cluster, found, options)
        view.result(result)
        return 0 if result.is_ok else 1


async def _ticked(cluster: Cluster, errand: Errand, options: Options, view: LinesView) -> int:
    """One look; at the end the CronJob goes, with all that is its own, this pod too."""
    import asyncio

    from ...ship import carrying, runner

    is_over = True
    try:
        async with heard(options, view.note) as options:
            result, is_over = await carrying.tick(cluster, errand, options)
            if result is None:
                view.note("the pause is not over: nothing to do yet")
                return 0
            view.result(result)
            return 0 if result.is_ok else 1
    except RollwayError as error:
        is_over = error.exit_code in runner.FINAL and not isinstance(error, Locked)
        raise
    except asyncio.CancelledError:
        is_over = False
        raise
    finally:
        if is_over:
            await cluster.delete(runner.ref_of_runner(errand.release, errand.asked.request.action, ticks=True))
