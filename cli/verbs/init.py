"""`deploy init`: a release file to begin with."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import BadInput
from .. import options as given
from ..context import Connected
from ..options import DEFAULT_FILE, Where
from ..saved import refuse_no_file
from ..session import Screen, Session
from ..verb import verb

if TYPE_CHECKING:
    from ...kube.objects import Kind, Obj

Manifests = Annotated[list[str] | None, typer.Argument(metavar="MANIFESTS…", help="files, folders, globs")]
FromLive = Annotated[
    str | None,
    typer.Option("--from-live", metavar="NAME", help="from a Deployment, StatefulSet, DaemonSet, Rollout or Canary that runs"),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replaces files that are there")]


@verb(
    ("deploy init k8s/", "from manifests, Argo Rollouts' or Flagger's"),
    ("deploy init --from-live shop -n shop", "from a Deployment that runs, or a Rollout or Canary"),
)
def init(
    where: Where,
    screen: Screen,
    manifests: Manifests = None,
    from_live: FromLive = None,
    file: given.File = DEFAULT_FILE,
    overwrite: Overwrite = False,
) -> int:
    """Writes a release file from manifests, or from what runs."""
    session = screen.session()
    if bool(manifests) == bool(from_live):
        raise BadInput(
            "init needs manifests, or --from-live", hint="deploy init k8s/   or   deploy init --from-live NAME -n NAMESPACE"
        )
    if manifests:
        from ...release.scaffold import from_manifests

        made = from_manifests(manifests, file, where.namespace or "")
        if file != DEFAULT_FILE and file not in made.texts:
            raise BadInput("there are several applications in them: each has a release file of its own, so none is named with -f")
        return _write(session, made.texts, overwrite, made.said)

    async def use_case(connected: Connected) -> int:
        from ...release.scaffold import MANIFESTS_FILE

        place = where.namespace or connected.namespace or "default"
        folder = Path(file).parent
        release_file, text = await _live(connected, place, from_live or "", str(folder), replaces=overwrite)
        return _write(session, {file: release_file, **({str(folder / MANIFESTS_FILE): text} if text else {})}, overwrite)

    return session.with_cluster(where, use_case)


async def _live(connected: Connected, namespace: str, name: str, folder: str, *, replaces: bool) -> tuple[str, str]:
    """The release file and the manifests of a workload, or of what another tool releases, with the Services of its pods."""
    from ...kube.objects import DAEMON_SET, DEPLOYMENT, SERVICE, STATEFUL_SET
    from ...release import scaffold
    from ...ship.described import described, is_one_versions

    other = await described(connected.cluster, namespace, name)
    if other is not None:
        found = await _found(connected, [DEPLOYMENT], namespace, other.deployment)
    else:
        found = await _found(connected, [DEPLOYMENT, STATEFUL_SET, DAEMON_SET], namespace, name)
        if found is None:
            raise BadInput(
                f"there is no Deployment {name} in namespace {namespace} ({connected.name}), nor a StatefulSet or DaemonSet",
                hint="name another with -n",
            )
    pods = found or (other.docs[0] if other else {})
    mine = [service for service in await connected.cluster.list(SERVICE, namespace) if scaffold.serves(service, pods)]
    if other is not None:
        beside = [*(service for service in mine if not is_one_versions(other.docs[0], service)), *other.routes]
        return scaffold.from_described(other.docs, found, beside, folder, replicas=other.replicas, replaces=replaces)
    return scaffold.from_live(pods, mine, folder, replaces=replaces)


async def _found(connected: Connected, kinds: Sequence[Kind], namespace: str, name: str) -> Obj | None:
    """The first of these kinds that there is of that name; kinds that may not be read are passed over but for the first."""
    from ...errors import Forbidden
    from ...kube.objects import Ref

    for kind in kinds if name else ():
        with contextlib.suppress(*([Forbidden] if kind is not kinds[0] else [])):
            if found := await connected.cluster.get(Ref(kind.api_version, kind.name, namespace, name)):
                return found
    return None


def _named(texts: Collection[str]) -> str:
    """What the next command says of the release files among what is written: nothing of the one that it takes by itself."""
    files = [path for path in texts if os.path.basename(path).endswith(DEFAULT_FILE)] or list(texts)[:1]
    named = files[0] if len(files) == 1 else os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in files])
    return "" if files == [DEFAULT_FILE] else f" -f {shlex.quote(os.path.relpath(named))}"


def _write(session: Session, texts: dict[str, str], overwrite: bool, said: Sequence[str] = ()) -> int:
    """All of the files, or none."""
    there = [path for path in texts if Path(path).exists()]
    if there and not overwrite:
        is_beside = there[0] != next(iter(texts))  # the manifests, whose place is the release file's folder
        other = "name a release file in a folder of its own, -f NAME/deploy.yaml" if is_beside else "name another with -f"
        raise BadInput(f"{there[0]} is there already", hint=f"{other}, or replace it with --overwrite")
    beside: list[tuple[Path, Path]] = []
    for path in there:
        refuse_no_file(path)
    for path, text in texts.items():
        try:
            target = Path(path).resolve()
            target.parent.mkdir(parents=True, exist_ok=True)
            beside.append((target.with_name(f".{target.name}.new"), target))
            beside[-1][0].write_text(text, encoding="utf-8")
        except OSError as error:
            for new, _ in beside:
                new.unlink(missing_ok=True)
            raise BadInput(f"{path} cannot be written: {error.strerror}", hint="nothing was written") from error
    for new, target in beside:
        os.replace(new, target)
    written = ", ".join(texts)
    named = _named(texts)
    text = "\n".join([f"wrote {written} · next: deploy check{named}, deploy plan{named}", *said])
    session.view.document({"written": list(texts), **({"said": list(said)} if said else {})}, text)
    return 0
