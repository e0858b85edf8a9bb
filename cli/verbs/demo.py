"""`deploy demo`: the whole story on an embedded cluster."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import options as given
from ..session import Session
from ..verb import verb

Strategy = Annotated[str, typer.Argument(metavar="STRATEGY", help="default: canary")]


@verb(("deploy demo blue-green", "another strategy's story"))
def demo(ctx: typer.Context, strategy: Strategy = "canary") -> int:
    """The whole story on an embedded cluster, in a minute.

    Needs nothing, leaves nothing.
    """
    from ..demo import tell

    session, name = Session.of(ctx, "text"), given.strategy_named(strategy) or "canary"
    try:
        return int(session.surroundings.run(tell(name, session.view)))
    finally:
        session.view.close()
