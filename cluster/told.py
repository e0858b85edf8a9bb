"""What people have been told of a revision: one Secret beside the revision's own, so that nothing is told twice, and nothing
never, whoever is killed meanwhile. It is written without the lock: nothing is decided by it."""

from __future__ import annotations

import base64
import json

from ..kube.objects import SECRET, Obj, get
from ..plan.observed import APP_LABEL
from .history import REVISION_LABEL, told_ref
from .port import Cluster

SECRET_TYPE = "rollway.dev/told.v1"
MOST = 200
"""Marks that are kept: more than a revision has turns."""


async def load(cluster: Cluster, app: str, namespace: str, number: int) -> tuple[str, ...]:
    """The marks, in order; none where nothing was told, or where it cannot be read."""
    secrets = await cluster.list(SECRET, namespace, labels={APP_LABEL: app, REVISION_LABEL: str(number)})
    found = next((secret for secret in secrets if secret.get("type") == SECRET_TYPE), None)
    try:
        marks = json.loads(base64.b64decode(get(found, "data", "told", default="")))
    except (TypeError, ValueError):
        return ()
    return tuple(each for each in marks if isinstance(each, str)) if isinstance(marks, list) else ()


async def write(cluster: Cluster, app: str, namespace: str, number: int, marks: tuple[str, ...]) -> None:
    ref = told_ref(app, namespace, number)
    secret: Obj = {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": namespace, "labels": {APP_LABEL: app, REVISION_LABEL: str(number)}},
        "type": SECRET_TYPE,
        "data": {"told": base64.b64encode(json.dumps(list(marks[-MOST:])).encode()).decode()},
    }
    await cluster.apply(secret, force=True)
