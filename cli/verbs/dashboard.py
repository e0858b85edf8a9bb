"""`deploy dashboard`: one page of all applications, on loopback."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import BadInput
from ..context import Connected, Interrupted
from ..options import Where
from ..session import Session
from ..verb import verb

Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="of all namespaces")]
Port = Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="default: one that is free", show_default=False)]
AllowActions = Annotated[bool, typer.Option("--allow-actions", help="promote and rollback, each behind its plan")]


@verb(
    ("deploy dashboard", "of the context's namespace; Ctrl-C ends it"),
    ("deploy dashboard -A --allow-actions", "of all of them, with promote and rollback"),
)
def dashboard(
    context: typer.Context, where: Where, everywhere: Everywhere = False, port: Port = 0, allow_actions: AllowActions = False
) -> int:
    """A page of every application: shares, pods, gates, history, and the plan of what comes next.

    On loopback alone, for whoever has the address that is printed: it has a token behind its #.
    """
    session = Session.of(context, "text")
    if everywhere and where.namespace:
        raise BadInput(f"-A and -n {where.namespace} contradict each other", hint="leave one of them out")

    async def use_case(connected: Connected) -> int:
        import asyncio

        from ..dashboard.server import Dashboard

        namespace = "" if everywhere else where.namespace or connected.namespace or "default"
        page = Dashboard(connected.cluster, connected.name, namespace, may_act=allow_actions)
        async with page.served(port) as address:
            session.view.document({"address": address}, address)
            session.view.note("open it in a browser here; Ctrl-C ends it")
            await asyncio.Event().wait()
        return 0

    try:
        return session.with_cluster(where, use_case)
    except Interrupted:
        return 0  # whoever looks on has seen enough
