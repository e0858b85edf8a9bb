"""The release history: a Secret a revision, in the application's namespace, the last ten."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import BadInput, ClusterError
from ..kube.objects import JOB, SECRET, Obj, Ref, get, labels_of, ref_of
from ..plan.observed import APP_LABEL
from ..plan.revision import Revision, in_flight_of, live_of
from ..release.config import is_pinned
from .port import Cluster

SECRET_TYPE = "rollway.dev/revision.v1"
REVISION_LABEL = "rollway.dev/revision"
PHASE_LABEL = "rollway.dev/phase"
KEPT = 10
MAX_PACKED = 2**20
"""Of a revision's record, as the API server takes a Secret's data."""
MAX_BYTES = 64 * 2**20
"""Of a revision's record, unpacked."""


async def load(cluster: Cluster, app: str, namespace: str) -> tuple[Revision, ...]:
    """All revisions, in order of number. Raises ClusterError for one that cannot be read."""
    secrets = await cluster.list(SECRET, namespace, labels={APP_LABEL: app})
    found = [_decoded(secret) for secret in secrets if secret.get("type") == SECRET_TYPE]
    return tuple(sorted(found, key=lambda revision: revision.number))


async def all_of(cluster: Cluster, namespace: str) -> list[tuple[str, tuple[Revision, ...]]]:
    """Every application of the namespace, or of all of them where it is empty, with its revisions in order of number."""
    found: dict[tuple[str, str], list[Revision]] = {}
    for secret in await cluster.list(SECRET, namespace, fields={"type": SECRET_TYPE}):
        if name := labels_of(secret).get(APP_LABEL):
            found.setdefault((secret["metadata"]["namespace"], name), []).append(_decoded(secret))
    return [(app, tuple(sorted(each, key=lambda revision: revision.number))) for (_, app), each in sorted(found.items())]


async def apps(cluster: Cluster, namespace: str) -> list[str]:
    """The names of all applications that have a history in the namespace."""
    secrets = await cluster.list(SECRET, namespace, fields={"type": SECRET_TYPE})
    return sorted({name for secret in secrets if (name := labels_of(secret).get(APP_LABEL))})


class Newest(NamedTuple):
    """Of one application: the newest revision and the one that serves; `unreadable` is why neither can be read."""

    app: str
    namespace: str
    live: Revision | None
    last: Revision | None
    unreadable: str = ""


async def newest(cluster: Cluster, namespace: str) -> list[Newest]:
    """Of every application of the namespace, or of all namespaces where it is empty. Only what is told of is unpacked."""
    by_app: dict[tuple[str, str], list[Obj]] = {}
    for secret in await cluster.list(SECRET, namespace, fields={"type": SECRET_TYPE}):
        if name := labels_of(secret).get(APP_LABEL):
            by_app.setdefault((secret["metadata"]["namespace"], name), []).append(secret)
    return [_newest(app, place, secrets) for (place, app), secrets in by_app.items()]


def _newest(app: str, namespace: str, secrets: Sequence[Obj]) -> Newest:
    ordered = sorted(secrets, key=_number)
    promoted = (secret for secret in reversed(ordered) if labels_of(secret).get(PHASE_LABEL) == "Promoted")
    serving = next(promoted, None)
    try:
        last = _decoded(ordered[-1])
        live = last if serving is ordered[-1] else _decoded(serving) if serving else None
    except ClusterError as error:
        return Newest(app, namespace, None, None, f"{error.summary}: {error.detail}")
    return Newest(app, namespace, live, last)


def _number(secret: Obj) -> int:
    number = labels_of(secret).get(REVISION_LABEL, "")
    return int(number) if number.isdecimal() else 0


async def claimed(cluster: Cluster, app: str, namespace: str, *, everywhere: bool = False) -> frozenset[Ref]:
    """The objects that other applications of the namespace, or of all of them, have released and are live, or on their way."""
    by_app: dict[tuple[str, str], list[Revision]] = {}
    for secret in await cluster.list(SECRET, "" if everywhere else namespace, fields={"type": SECRET_TYPE}):
        other = secret["metadata"]["namespace"], labels_of(secret).get(APP_LABEL, "")
        if other != (namespace, app):
            by_app.setdefault(other, []).append(_decoded(secret))
    found: set[Ref] = set()
    for revisions in by_app.values():
        revisions.sort(key=lambda revision: revision.number)
        for revision in filter(None, (live_of(revisions), in_flight_of(revisions))):
            found |= {ref_of(obj) for obj in revision.objects}
    return frozenset(found)


async def write(cluster: Cluster, revision: Revision) -> None:
    """Creates or overwrites the revision's Secret, in one request."""
    await cluster.apply(_encoded(revision), force=True)


async def prune(cluster: Cluster, history: Sequence[Revision]) -> None:
    """Deletes all but the last ten, with the configuration and the Jobs that only they had. What is live, and what it came from,
    stays."""
    live = live_of(history)
    kept = {revision.number for revision in history[-KEPT:]} | ({live.number, live.base} if live else set())
    still_named = {ref for revision in history if revision.number in kept for ref in _config(revision) | _jobs(revision)}
    for revision in history:
        if revision.number not in kept:
            await cluster.delete(_ref(revision))
            await cluster.delete(gates_ref(revision.app, revision.namespace, revision.number))
            if get(revision.release, "conduct", "notify"):
                await cluster.delete(told_ref(revision.app, revision.namespace, revision.number))
            for ref in (_config(revision) | _jobs(revision)) - still_named:
                await cluster.delete(ref)


def _config(revision: Revision) -> set[Ref]:
    """The ConfigMaps and Secrets that are the revision's own, named by their content."""
    return {ref_of(obj) for obj in revision.release.get("others", ()) if is_pinned(obj)}


def _jobs(revision: Revision) -> set[Ref]:
    """The Jobs that its hooks were run by: they stay to be read for as long as it is known."""
    return {Ref(JOB.api_version, JOB.name, revision.namespace, run.job) for run in revision.hooks}


def gates_ref(app: str, namespace: str, number: int) -> Ref:
    """Where what a revision's gates have measured is kept (cluster.findings)."""
    return Ref("v1", "Secret", namespace, f"rollway.{app}.v{number}.gates")


def told_ref(app: str, namespace: str, number: int) -> Ref:
    """Where it is kept what people have been told of a revision (cluster.told)."""
    return Ref("v1", "Secret", namespace, f"rollway.{app}.v{number}.told")


def _ref(revision: Revision) -> Ref:
    return Ref("v1", "Secret", revision.namespace, f"rollway.{revision.app}.v{revision.number}")


def refuse_large(revisions: Iterable[Revision]) -> None:
    """Raises BadInput for a revision that no Secret would hold: before anything is touched, not in the middle of it."""
    for revision in revisions:
        _record(revision)


def _record(revision: Revision) -> bytes:
    data = packed(revision.model_dump_json().encode())
    if len(data) > MAX_PACKED:
        raise BadInput(
            f"the record of revision {revision.number} is {len(data) / 2**20:.1f} MiB, packed; a Secret holds 1 MiB",
            hint="take large ConfigMaps out of the release's manifests, or put their content into an image or a volume",
        )
    return data


def _encoded(revision: Revision) -> Obj:
    data = _record(revision)
    labels = {APP_LABEL: revision.app, REVISION_LABEL: str(revision.number), PHASE_LABEL: revision.phase}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _ref(revision).name, "namespace": revision.namespace, "labels": labels},
        "type": SECRET_TYPE,
        "data": {"revision": base64.b64encode(data).decode()},
    }


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)  # the same record is the same bytes


def unpacked(data: bytes) -> bytes:
    """Raises ValueError for what was not packed, and for what would be larger than any release: whoever may write Secrets must
    not fill our memory."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        out = unpacking.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if unpacking.unconsumed_tail or not unpacking.eof:
        raise ValueError(f"larger than {MAX_BYTES // 2**20} MiB, or cut off")
    return out


def _decoded(secret: Obj) -> Revision:
    try:
        return Revision.model_validate_json(unpacked(base64.b64decode(secret["data"]["revision"])))
    except (KeyError, TypeError, ValueError) as error:
        name = secret["metadata"]["name"]
        raise ClusterError(
            f"Secret {name} is no readable revision of the history",
            detail=str(error).splitlines()[0],
            hint=f"a newer rollway may have written it; if it is broken, and may be forgotten: `kubectl delete secret {name}`",
        ) from error
