"""`deploy rbac`: the rights that releasing needs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import BadInput
from ...strategies import NAMES
from .. import options as given
from ..options import Source, Where
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...release.model import Release

Strategies = Annotated[
    list[str] | None, typer.Option("--strategy", metavar="STRATEGY", help="for which; may be repeated; default: the file's")
]
All = Annotated[bool, typer.Option("--all", help="for every strategy, and for going from one to another")]
Prunes = Annotated[
    bool,
    typer.Option("--prune", help="also to remove, by `apply --prune`, what the manifests hold now and some day no longer have"),
]
InCluster = Annotated[
    str | None,
    typer.Option(
        "--in-cluster",
        metavar="[=tick]",
        help="an account rollway-APP with those rights for a runner; to NAME those to start one",
    ),
]
ServiceAccount = Annotated[
    str,
    typer.Option("--service-account", metavar="NAME", help="who gets the rights; NAMESPACE/NAME for one of another namespace"),
]


@verb(("deploy rbac --strategy canary --service-account ci/deployer", "who may release, and no more"))
def rbac(
    source: Source,
    screen: Screen,
    strategies: Strategies = None,
    every: All = False,
    account: ServiceAccount = "rollway",
    prunes: Prunes = False,
    in_cluster: InCluster = None,
    namespace: given.Namespace = None,
) -> int:
    """The Role and RoleBinding that releasing needs, as YAML.

    Nothing more than the release file's strategy does. Of a folder, those of all release files in it. Asks no cluster.
    """
    session = screen.session()
    names = [str(given.strategy_named(name)) for name in strategies or ()]
    if not re.fullmatch(r"([a-z0-9-]+/)?[a-z0-9.-]+", account):
        raise BadInput(f"{account or 'an empty name'} is no service account", hint="--service-account NAME, or NAMESPACE/NAME")
    given.Remote(in_cluster)  # of the ways that there are
    if names and every:
        raise BadInput("--strategy and --all contradict each other", hint="leave one of them out")
    releases = session.releases(source, Where(namespace=namespace))
    _refuse_unplaced(releases, is_many=source.is_many)
    from ...release.dump import manifests_text

    made = [
        _rights(
            session,
            release,
            NAMES if every else tuple(names) or (release.strategy,),
            account,
            prunes=prunes,
            inside=in_cluster,
            of=f"{release.app}: " if len(releases) > 1 else "",
        )
        for release in releases
    ]
    text = (
        manifests_text([obj for one in made for obj in one["manifests"]], explicit_start=True) if screen.output == "text" else ""
    )
    session.view.document({"releases": made} if source.is_many else made[0], text)
    return 0


def _refuse_unplaced(releases: Sequence[Release], *, is_many: bool) -> None:
    for release in releases:
        if not release.namespace:
            of = f" of {release.app}" if is_many else ""
            raise BadInput(f"rights are given in a namespace, and the release file{of} names none", hint="name it with -n")


def _rights(
    session: Session, release: Release, strategies: Sequence[str], account: str, *, prunes: bool, inside: str | None, of: str
) -> dict[str, Any]:
    """`of` stands before what is told of it, where there are others."""
    from ...ship import delegation, rights, roles, runner

    for kind, plural in rights.guessed(release).items():
        session.view.note(f"{of}the resource of {kind} is taken to be {plural}: `kubectl api-resources` knows")
    wide = [f"{', '.join(verbs)} {resource}" for resource, verbs in rights.unnamed(release, strategies).items()]
    told = f"not narrowed to names, which nobody knows beforehand: {'; '.join(wide)}; nor create, list and watch of any kind"
    session.view.note(of + told)
    if inside:
        ticker = runner.name_of(release.app, "apply", ticks=True) if inside == given.TICK else ""
        made = delegation.manifests(release, strategies, account, prunes=prunes, ticker=ticker)
        session.view.note(f"{of}name the account in the release file: runner: {{serviceAccount: rollway-{release.app}}}")
    else:
        made = roles.manifests(release, strategies, account, prunes=prunes)
    return {"app": release.app, "namespace": release.namespace, "strategies": list(strategies), "manifests": made}
