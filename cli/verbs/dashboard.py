"""`deploy dashboard`: all applications on one page, in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import BadInput
from ..context import Connected, Interrupted
from ..options import Where
from ..session import Session
from ..verb import verb

Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="of all namespaces")]
Acts = Annotated[bool, typer.Option("--allow-actions", help="promotes and rolls back from the page, after the plan was shown")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="of 127.0.0.1; 0: any that is free")]


@verb(
    ("deploy dashboard", "of the context's namespace; Ctrl-C ends it"),
    ("deploy dashboard -A", "of all of them"),
    ("deploy dashboard --allow-actions", "to promote and roll back, too"),
)
def dashboard(
    context: typer.Context, where: Where, everywhere: Everywhere = False, allow_actions: Acts = False, port: Port = 0
) -> int:
    """All applications on one page, served on this machine alone.

    At the address that is printed: each with the share asked for and given, its pods, gates, history, and what comes next; as it
    changes. Changes nothing but with --allow-actions: then the plan is shown first, and exactly that plan is carried out, or
    refused.
    """
    session = Session.of(context, "text")
    if everywhere and where.namespace:
        raise BadInput(f"-A and -n {where.namespace} contradict each other", hint="leave one of them out")

    async def use_case(connected: Connected) -> int:
        from ..dashboard.server import serve

        namespace = "" if everywhere else where.namespace or connected.namespace or "default"
        await serve(session, connected, namespace, port, may_act=allow_actions)
        return 0

    try:
        return session.with_cluster(where, use_case)
    except Interrupted:
        return 0  # whoever looks on has seen enough
