"""The release of an application as its cluster knows it, where no file says it: from the history."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from ..cluster import history
from ..cluster.port import Cluster
from ..errors import BadInput
from ..plan.revision import Revision, in_flight_of, live_of
from ..release.conduct import as_recorded
from ..release.model import Release


async def released(cluster: Cluster, app: str, namespace: str, *, near: Collection[str] = (), must_hold: bool = False) -> Release:
    """The release under way, else the one that is live, else the last, with the probe and the gates that it was released with.

    Raises BadInput where nothing was released by that name; `near` are other words that may have been meant. Gates that cannot be
    read are left out, unless they must hold what follows: they are never in the way of a rollback.
    """
    revision = meant(await history.load(cluster, app, namespace))
    if revision is None:
        apps = await history.apps(cluster, namespace)
        raise BadInput(f"rollway has released no {app} in namespace {namespace}", hint=_hint(app, apps, near))
    return of(revision, must_hold=must_hold)


def of(revision: Revision, *, must_hold: bool = False) -> Release:
    """The release of a revision; gates that cannot be read are left out, unless they must hold what follows: then BadInput."""
    release = Release.from_record(revision.release)
    try:
        return as_recorded(release, revision.release)
    except BadInput:
        if must_hold:
            raise
        return release


def meant(revisions: Sequence[Revision]) -> Revision | None:
    """The revision that a name alone speaks of."""
    return in_flight_of(revisions) or live_of(revisions) or (revisions[-1] if revisions else None)


async def only(cluster: Cluster, namespace: str, wrong: BadInput) -> str:
    """The one application that was released in the namespace. Raises `wrong`, what kept a file from naming it, where there are
    none or several."""
    apps = await history.apps(cluster, namespace)
    if len(apps) == 1:
        return apps[0]
    listed = (
        f"rollway has released {', '.join(apps)} in namespace {namespace}: name one"
        if apps
        else "name what was released: APP -n NAMESPACE"
    )
    wrong.hint = "; ".join(filter(None, (wrong.hint, listed)))
    raise wrong


def _hint(app: str, apps: Collection[str], near: Collection[str]) -> str:
    found = difflib.get_close_matches(app.lower(), [*apps, *near], n=1, cutoff=0.5)
    if found:
        return f"did you mean {found[0]}?"
    if app.isdecimal() and near:
        share = f"a share as --to {app}%, " if int(app[:4]) <= 100 else ""
        return f"write {share}a revision as --to-revision {app}"
    if app.isdecimal():
        return f"`deploy rollback --to-revision {app}` goes back to a revision"
    return f"there are {', '.join(apps)}" if apps else "name another namespace with -n"
