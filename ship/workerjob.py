"""What is put into the cluster to send requests from there: an Indexed Job, and the Secret that says what is sent. Pure."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from ..cluster.port import Right
from ..errors import BadInput
from ..health.pods import hindrance_of
from ..kube.objects import JOB, POD, SECRET, Obj, annotations_of, get
from ..plan.observed import APP_LABEL
from .placing import owned_by
from .rights import on
from .runner import ALONE, ANNOTATIONS, CONTAINER, STARTED_BY_ANNOTATION, from_secret, strict

WORKERS_LABEL = "rollway.dev/workers"
"""Whose probe they are: an application's, or nobody's."""
SECRET_TYPE = "rollway.dev/load.v1"
VARIABLE = "ROLLWAY_LOAD"
INDEX = "JOB_COMPLETION_INDEX"
"""A variable that the Job controller gives each pod of an Indexed Job."""
INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index"
LIVES_S = 120
"""A Job that nobody has let live longer ends by itself: whoever started it is gone."""
TTL_S = 60
GRACE_S = 5
"""For a worker that is told to end, to say what it knows."""
MOST_BYTES = 90_000
"""Of what is sent: a variable of a process has at most 128 KiB, and names and base64 come to it."""
RESOURCES: Obj = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}}


@dataclass(frozen=True)
class Crew:
    """So many workers in a namespace, of an image; `app` is whose release they look on at, empty for nobody's. `pulls` are its
    imagePullSecrets."""

    namespace: str
    image: str
    workers: int
    by: str
    app: str = ""
    pulls: tuple[Obj, ...] = ()


def name_of(app: str) -> str:
    """Another one each time: what one before has left is in nobody's way. A pod's host name adds its index, and has at most 63
    characters."""
    return f"{app[:40].rstrip('-') or 'rollway'}-probe-{secrets.token_hex(3)}"


def job(crew: Crew, name: str) -> Obj:
    """Suspended. A worker that dies is not followed by another one: what it would have sent is missing, and told."""
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.name,
        "metadata": {
            "name": name,
            "namespace": crew.namespace,
            "labels": _labels(crew),
            "annotations": {STARTED_BY_ANNOTATION: crew.by},
        },
        "spec": {
            "completionMode": "Indexed",
            "completions": crew.workers,
            "parallelism": crew.workers,
            "backoffLimitPerIndex": 0,
            "maxFailedIndexes": crew.workers,
            "activeDeadlineSeconds": LIVES_S,
            "ttlSecondsAfterFinished": TTL_S,
            "suspend": True,
            "template": {
                "metadata": {"labels": {WORKERS_LABEL: crew.app, **ALONE}, "annotations": ANNOTATIONS},
                "spec": _pod_spec(crew, name),
            },
        },
    }


def _pod_spec(crew: Crew, name: str) -> Obj:
    container = {
        "name": CONTAINER,
        "image": crew.image,
        "command": ["deploy"],
        "args": ["worker"],
        "env": [from_secret(name, VARIABLE)],
        "resources": RESOURCES,
    }
    apart = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"batch.kubernetes.io/job-name": name}},
    }
    return {
        **strict(container, list(crew.pulls)),
        "automountServiceAccountToken": False,  # it asks no API
        "terminationGracePeriodSeconds": GRACE_S,
        "topologySpreadConstraints": [apart],
    }


def secret(crew: Crew, owner: Obj, sent: bytes) -> Obj:
    """Goes with its Job."""
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": {
            "name": owner["metadata"]["name"],
            "namespace": crew.namespace,
            "labels": _labels(crew),
            "ownerReferences": owned_by(owner),
        },
        "type": SECRET_TYPE,
        "data": {VARIABLE: base64.b64encode(sent).decode()},
    }


def refuse_large(sent: bytes) -> None:
    """Raises BadInput for what no variable can hold."""
    if len(sent) > MOST_BYTES:
        raise BadInput(
            f"what is sent with each request is too large for workers in the cluster: {len(sent):,} bytes of {MOST_BYTES:,}",
            hint="a smaller body (a third is lost to base64), or fewer headers",
        )


def rights() -> set[Right]:
    """What starting workers, hearing them and ending them takes."""
    found = on(JOB, "create", "list", "patch", "delete") | on(SECRET, "create", "patch")
    return found | on(POD, "list", "watch") | on(POD, "get", subresource="log")


def index_of(pod: Obj) -> int:
    text = annotations_of(pod).get(INDEX_ANNOTATION, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1


def why_gone(pod: Obj) -> str:
    """Of a pod that has ended, or is on its way out."""
    for condition in get(pod, "status", "conditions", default=[]):
        if condition["type"] == "DisruptionTarget" and condition["status"] == "True":
            return f"its pod was evicted: {condition.get('message') or condition.get('reason', '')}".rstrip(": ")
    if reason := get(pod, "status", "reason"):
        return f"{reason}: {get(pod, 'status', 'message', default='')}".rstrip(": ")
    if problem := hindrance_of(pod):
        return f"it {problem.reason}" if problem.reason.startswith("crashed") else problem.reason
    return "its pod was deleted" if get(pod, "metadata", "deletionTimestamp") else "its pod has ended"


def _labels(crew: Crew) -> dict[str, str]:
    return {WORKERS_LABEL: crew.app, **({APP_LABEL: crew.app} if crew.app else {})}
