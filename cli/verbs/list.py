"""`deploy list`: every application under rollway's care."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import BadInput, Forbidden
from .. import completion
from .. import options as given
from ..context import Connected
from ..options import Where
from ..session import Session
from ..verb import verb

Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="of all namespaces")]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="text|json|name",
        help="json: one document on stdout; name: APP",
        autocompletion=completion.outputs("text", "json", "name"),
    ),
]
OUTPUTS = ("text", "json", "name")


@verb(
    ("deploy list", "of the context's namespace"),
    ("deploy list -A", "of all of them"),
    ("deploy list -o name", "for scripts, as the other verbs take them"),
)
def list_(context: typer.Context, where: Where, everywhere: Everywhere = False, output: Output = "text") -> int:
    """Every application that rollway has released, and how it stands.

    Version, strategy, phase, share, since when and by whom; failed and paused ones first.
    """
    session = Session.of(context, "json" if given.output(output, OUTPUTS) == "json" else "text")
    if everywhere and where.namespace:
        raise BadInput(f"-A and -n {where.namespace} contradict each other", hint="leave one of them out")

    async def use_case(connected: Connected) -> int:
        from ...ship.listing import listed
        from ..views import list_text

        namespace = "" if everywhere else where.namespace or connected.namespace or "default"
        try:
            found = await listed(connected.cluster, namespace)
        except Forbidden as error:
            error.hint = "name a namespace that you may read with -n" if everywhere else error.hint
            raise
        if not found and output == "text":
            place = "any namespace" if everywhere else f"namespace {namespace}; -A looks into all of them"
            session.view.note(f"rollway has released nothing in {place}")
            return 0
        if output == "name":
            session.view.document({}, "\n".join(list_text.list_names(found, everywhere=everywhere)))
            return 0
        session.view.listed(found, everywhere=everywhere)
        return 0

    return session.with_cluster(where, use_case)
