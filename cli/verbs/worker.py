"""`deploy worker`: what a pod of a probe with workers runs. Nobody types it."""

from __future__ import annotations

import contextlib
import os

import typer

from ...errors import BadInput
from ..context import Surroundings
from ..verb import verb


@verb()
def worker(context: typer.Context) -> int:
    """Sends its share of the requests that its environment names, until it is ended; tells a JSON line a second."""
    from ...load import share
    from ...ship.workerjob import INDEX, VARIABLE

    surroundings = context.obj if isinstance(context.obj, Surroundings) else Surroundings()
    index = os.environ.get(INDEX, "")
    if not (index.isascii() and index.isdigit()):
        raise BadInput(f"this is no pod of an Indexed Job: {INDEX} is {index!r}")
    own = share.decoded(os.environ.get(VARIABLE, ""), int(index))

    async def work() -> None:
        import asyncio

        from ...kube.clock import now
        from ...load.worker import Worker
        from ..views.sink import put_line

        with contextlib.suppress(asyncio.CancelledError):  # told to end: it has said what it knows
            await Worker(own, lambda: now().timestamp(), put_line).run()

    surroundings.run(work())
    return 0
