"""The verbs that look at files: render, rbac, schema, init."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import BadInput
from ..strategies import NAMES
from . import options as given
from .context import Connected
from .options import DEFAULT_FILE, Source, Where
from .session import Session

if TYPE_CHECKING:
    from ..kube.objects import Obj
    from ..release.model import Release

ShowSecrets = Annotated[bool, typer.Option("--show-secrets", help="does not mask what Secrets hold")]
Strategies = Annotated[
    list[str] | None, typer.Option("--strategy", metavar="STRATEGY", help="for which; may be repeated; default: the file's")
]
All = Annotated[bool, typer.Option("--all", help="for every strategy, and for going from one to another")]
ServiceAccount = Annotated[
    str,
    typer.Option("--service-account", metavar="NAME", help="who gets the rights; NAMESPACE/NAME for one of another namespace"),
]
Manifests = Annotated[list[str] | None, typer.Argument(metavar="MANIFESTS…", help="files, folders, globs")]
FromLive = Annotated[str | None, typer.Option("--from-live", metavar="NAME", help="from a Deployment that runs")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replaces files that are there")]


def render(
    ctx: typer.Context,
    strategy: given.Strategy = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    output: given.Output = "text",
    image: given.Image = None,
    sets: given.Sets = None,
    show_secrets: ShowSecrets = False,
) -> int:
    """The manifests that a release applies, as YAML.

    Asks no cluster.
    """
    session = Session.of(ctx, given.output(output))
    name = given.strategy_named(strategy)
    release = session.release(Source(file, image, tuple(sets or ())), Where(namespace=namespace), name)
    from ..release.dump import manifests_text
    from ..strategies import by_name
    from .views.masking import masked

    rendered = by_name(name or release.strategy)(release).render()
    shown = [obj if show_secrets else masked(obj) for obj in rendered]
    if shown != list(rendered):
        session.view.note("what Secrets hold is masked; --show-secrets shows it")
    data = {"app": release.app, "namespace": release.namespace, "strategy": name or release.strategy, "manifests": shown}
    session.view.document(data, manifests_text(shown, explicit_start=True) if output == "text" else "")
    return 0


def rbac(
    ctx: typer.Context,
    strategies: Strategies = None,
    every: All = False,
    account: ServiceAccount = "rollway",
    file: given.Files = None,
    namespace: given.Namespace = None,
    output: given.Output = "text",
) -> int:
    """The Role and RoleBinding that releasing needs, as YAML.

    Nothing more than the release file's strategy does. Of a folder, those of all release files in it. Asks no cluster.
    """
    session, source = Session.of(ctx, given.output(output)), Source.of(file, None, None)
    names = [str(given.strategy_named(name)) for name in strategies or ()]
    if not re.fullmatch(r"([a-z0-9-]+/)?[a-z0-9.-]+", account):
        raise BadInput(f"{account or 'an empty name'} is no service account", hint="--service-account NAME, or NAMESPACE/NAME")
    if names and every:
        raise BadInput("--strategy and --all contradict each other", hint="leave one of them out")
    releases = session.releases(source, Where(namespace=namespace))
    for release in releases:
        if not release.namespace:
            of = f" of {release.app}" if source.is_many else ""
            raise BadInput(f"rights are given in a namespace, and the release file{of} names none", hint="name it with -n")
    from ..release.dump import manifests_text

    made = [_rights(session, release, NAMES if every else tuple(names) or (release.strategy,), account) for release in releases]
    text = manifests_text([obj for one in made for obj in one["manifests"]], explicit_start=True) if output == "text" else ""
    session.view.document({"releases": made} if source.is_many else made[0], text)
    return 0


def _rights(session: Session, release: Release, strategies: Sequence[str], account: str) -> dict[str, Any]:
    from ..ship import rights

    for kind, plural in rights.guessed(release).items():
        session.view.note(f"the resource of {kind} is taken to be {plural}: `kubectl api-resources` knows")
    made = rights.manifests(release, strategies, account)
    return {"app": release.app, "namespace": release.namespace, "strategies": list(strategies), "manifests": made}


def schema() -> int:
    """The JSON Schema of the release file, for your editor."""
    from ..release.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
    return 0


def init(
    ctx: typer.Context,
    manifests: Manifests = None,
    from_live: FromLive = None,
    file: given.File = DEFAULT_FILE,
    namespace: given.Namespace = None,
    context: given.Context = None,
    sandbox: given.InSandbox = False,
    output: given.Output = "text",
    overwrite: Overwrite = False,
) -> int:
    """Writes a release file from manifests, or from what runs."""
    session = Session.of(ctx, given.output(output))
    if bool(manifests) == bool(from_live):
        raise BadInput(
            "init needs manifests, or --from-live", hint="deploy init k8s/   or   deploy init --from-live NAME -n NAMESPACE"
        )
    if manifests:
        from ..release.scaffold import from_manifests

        return _write(session, {file: from_manifests(manifests)}, overwrite)

    async def use_case(connected: Connected) -> int:
        from ..release.scaffold import MANIFESTS_FILE
        from ..release.scaffold import from_live as scaffolded

        place = namespace or connected.namespace or "default"
        release_file, text = scaffolded(*await _live(connected, place, from_live or ""))
        return _write(session, {file: release_file, str(Path(file).parent / MANIFESTS_FILE): text}, overwrite)

    return session.with_cluster(Where(context, namespace, sandbox), use_case)


async def _live(connected: Connected, namespace: str, name: str) -> tuple[Obj, list[Obj]]:
    """The Deployment, and the Services that select its pods."""
    from ..kube.objects import DEPLOYMENT, SERVICE, Ref, get, selects, template_labels

    found = await connected.cluster.get(Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, namespace, name))
    if found is None:
        raise BadInput(f"there is no Deployment {name} in namespace {namespace} ({connected.name})", hint="name another with -n")
    services = await connected.cluster.list(SERVICE, namespace)
    mine = [service for service in services if selects(get(service, "spec", "selector"), template_labels(found))]
    return found, mine


def _write(session: Session, texts: dict[str, str], overwrite: bool) -> int:
    """All of the files, or none."""
    there = [path for path in texts if Path(path).exists()]
    if there and not overwrite:
        raise BadInput(f"{there[0]} is there already", hint="name another with -f, or replace it with --overwrite")
    try:
        for path, text in texts.items():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{error.filename} cannot be written: {error.strerror}") from error
    written = ", ".join(texts)
    session.view.document({"written": list(texts)}, f"wrote {written} · next: deploy check, deploy plan")
    return 0
