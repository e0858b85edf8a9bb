"""`deploy history`: what was released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from ..context import Connected
from ..options import Where
from ..session import Screen, Session
from ..several import look_all
from ..subject import Named, with_subject
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Every = Annotated[
    bool, typer.Option("-v", "--verbose", help="shows every turn: started, paused, promoted, rolled back; and its hooks")
]


WithDora = Annotated[bool, typer.Option("--dora", help="deployment frequency, change failure rate, time to restore")]
Everywhere = Annotated[bool, typer.Option("-A", "--all-namespaces", help="with --dora: of every namespace")]


@verb(
    ("deploy history -o json", "for scripts"),
    ("deploy history -v", "every turn that a revision took: when, and by whom"),
    ("deploy history --dora -A", "how often, how safely, how soon restored: of all applications"),
    ("deploy history shop -n shop", "without a release file"),
)
def history(
    subject: Named, where: Where, screen: Screen, verbose: Every = False, dora: WithDora = False, everywhere: Everywhere = False
) -> int:
    """What was released, how it ended, when and by whom.

    Which one is live, and what was rolled back to what. Of the release file's application, or of APP as its cluster knows it.
    Of a folder, all of them. With --dora the four figures of DORA, of APP, or of all applications of the namespace (-A: of all
    namespaces).
    """
    session = screen.session(is_verbose=verbose)
    if everywhere and not dora:
        raise BadInput("-A goes with --dora", hint="`deploy list -A` shows all applications")
    if dora:
        return _dora(session, subject, where, everywhere=everywhere)

    async def one(release: Release, connected: Connected) -> int:
        from ...cluster.history import load

        session.view.history(release.app, release.namespace, await load(connected.cluster, release.app, release.namespace))
        return 0

    async def all_of(releases: list[Release], connected: Connected) -> int:
        from ...cluster.history import load

        known = [(each.app, each.namespace, await load(connected.cluster, each.app, each.namespace)) for each in releases]
        session.view.histories(known)
        return 0

    return look_all(session, subject, where, all_of) if subject.is_many else with_subject(session, subject, where, one)


def _dora(session: Session, subject: Named, where: Where, *, everywhere: bool) -> int:
    if everywhere and (subject.name or where.namespace):
        raise BadInput("-A contradicts an application or a namespace that is named", hint="leave one of them out")

    async def shown(connected: Connected) -> int:
        from ...cluster.history import all_of
        from ...kube.clock import now
        from ...ship.dora import figures
        from ..views.dora_text import dora_document, dora_text

        place, _, app = (subject.name or "").rpartition("/")
        namespace = "" if everywhere else where.namespace or place or connected.namespace or "default"
        known = [each for name, each in await all_of(connected.cluster, namespace) if app in ("", name)]
        if not known:
            looked = "any namespace" if everywhere else f"namespace {namespace}"
            raise BadInput(f"rollway has released {f'no {app}' if app else 'nothing'} in {looked}", hint="see `deploy list -A`")
        found = figures(known, now())
        session.view.document(dora_document(found), dora_text(found))
        return 0

    return session.with_cluster(where, shown)
