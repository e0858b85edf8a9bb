"""What a revision's gates have measured: one Secret beside the revision's own, so that a run that was killed goes on where its
gates stood. It is written without the lock: only the run that measures writes it, and nothing is decided by it alone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ..kube.objects import SECRET, Obj, get
from ..plan.observed import APP_LABEL
from .history import REVISION_LABEL, gates_ref, packed, unpacked
from .port import Cluster

if TYPE_CHECKING:
    from ..plan.evidence import Evidence

SECRET_TYPE = "rollway.dev/gates.v1"


async def load(cluster: Cluster, app: str, namespace: str, number: int) -> tuple[Evidence, ...]:
    """Gate by gate; none where nothing was measured, or where it cannot be read: what is broken here must not stop a release."""
    from pydantic import TypeAdapter

    from ..plan.evidence import Evidence

    # listed, as the history is: to read one by name would be a right of its own
    secrets = await cluster.list(SECRET, namespace, labels={APP_LABEL: app, REVISION_LABEL: str(number)})
    found = next((secret for secret in secrets if secret.get("type") == SECRET_TYPE), None)
    try:
        data = unpacked(base64.b64decode(get(found, "data", "gates", default="")))
        return TypeAdapter(tuple[Evidence, ...]).validate_json(data)
    except (TypeError, ValueError):
        return ()


async def write(cluster: Cluster, app: str, namespace: str, number: int, found: tuple[Evidence, ...]) -> None:
    from pydantic import TypeAdapter

    from ..plan.evidence import Evidence

    ref = gates_ref(app, namespace, number)
    data = packed(TypeAdapter(tuple[Evidence, ...]).dump_json(found))
    secret: Obj = {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": namespace, "labels": {APP_LABEL: app, REVISION_LABEL: str(number)}},
        "type": SECRET_TYPE,
        "data": {"gates": base64.b64encode(data).decode()},
    }
    await cluster.apply(secret, force=True)
