"""What is put into the cluster to run a release there: a Job (or a CronJob), its errand, and the account it works with. Pure."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from typing import Any

from ..cluster.port import Right
from ..kube.objects import CRON_JOB, JOB, ROLE, ROLE_BINDING, SECRET, SERVICE_ACCOUNT, Obj, Ref, digest, get
from ..plan.observed import APP_LABEL
from ..release.model import Release
from .errand import KEY, Errand
from .placing import owned_by
from .roles import bound

RUNNER_LABEL = "rollway.dev/runner"
"""What it runs: apply, promote, rollback."""
ERRAND_ANNOTATION = "rollway.dev/errand"
"""The fingerprint of what it does."""
STARTED_BY_ANNOTATION = "rollway.dev/started-by"
SECRET_TYPE = "rollway.dev/errand.v1"
CONTAINER = "deploy"
IMAGE = "ROLLWAY_IMAGE"
"""A variable that names the image of a runner, and of what it starts."""
TTL_S = 3600
"""How long it stays to be read when it has ended; the history stays anyway."""
RETRIES = 20
"""Pods that may die of themselves, such as for want of memory; evictions are not counted."""
FINAL = (1, 2, 3, 5)
"""Exit codes that no other pod would change: failed, wrong, refused, timed out. (4: the cluster was away.)"""
USER = 65532
SCHEDULE = "*/5 * * * *"
"""When a runner that ticks looks whether a pause is over."""

ALONE = {"sidecar.istio.io/inject": "false"}
"""Labels of its pods: a sidecar that does not end would keep the Job from its end."""
ANNOTATIONS = {
    "sandbox.rollway.dev/runtime": "process",
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
}

RESOURCES: Obj = {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "192Mi"}}


def name_of(app: str, action: str, *, ticks: bool = False) -> str:
    """Of a Job at most 63 characters, of a CronJob 52: an application's name has at most 50."""
    if not ticks:
        return f"{app}-{action}"
    return f"{app}-tick" if len(app) <= 47 else f"{app[:40].rstrip('-')}-{digest(app)[:6]}-tick"


def ticker_called(namespace: str, name: str) -> Ref | None:
    """The CronJob of that name, where it is a runner's that ticks: known by its name alone."""
    return Ref(CRON_JOB.api_version, CRON_JOB.name, namespace, name) if name.endswith("-tick") else None


def ref_of_runner(release: Release, action: str, *, ticks: bool = False) -> Ref:
    kind = CRON_JOB if ticks else JOB
    return Ref(kind.api_version, kind.name, release.namespace, name_of(release.app, action, ticks=ticks))


def job(errand: Errand, image: str, account: str, variables: Collection[str]) -> Obj:
    """Suspended: it is let run when all that it needs is there."""
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.name,
        "metadata": _meta(errand),
        "spec": {**_job_spec(errand, image, account, variables), "suspend": True, "ttlSecondsAfterFinished": TTL_S},
    }


def cron_job(errand: Errand, image: str, account: str, variables: Collection[str]) -> Obj:
    """The same, looked after again and again: nothing runs in between, and never two at once."""
    return {
        "apiVersion": CRON_JOB.api_version,
        "kind": CRON_JOB.name,
        "metadata": _meta(errand),
        "spec": {
            "schedule": SCHEDULE,
            "concurrencyPolicy": "Forbid",
            "suspend": True,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {"metadata": {"labels": _labels(errand)}, "spec": _job_spec(errand, image, account, variables)},
        },
    }


def _meta(errand: Errand) -> Obj:
    release = errand.asked.release
    return {
        "name": errand.job,
        "namespace": release["namespace"],
        "labels": _labels(errand),
        "annotations": {ERRAND_ANNOTATION: errand.mark, STARTED_BY_ANNOTATION: errand.by},
    }


def _labels(errand: Errand) -> dict[str, str]:
    return {APP_LABEL: str(errand.asked.release["app"]), RUNNER_LABEL: errand.asked.request.action}


def _job_spec(errand: Errand, image: str, account: str, variables: Collection[str]) -> Obj:
    disrupted = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    final = {
        "action": "FailJob",
        "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": list(FINAL)},
    }
    return {
        "backoffLimit": RETRIES,
        "podReplacementPolicy": "Failed",  # two at once would wait for each other
        "podFailurePolicy": {"rules": [disrupted, final]},
        "template": {
            "metadata": {
                "labels": {RUNNER_LABEL: errand.asked.request.action, **ALONE},
                "annotations": ANNOTATIONS,
            },
            "spec": pod_spec(errand, image, account, variables),
        },
    }


def pod_spec(errand: Errand, image: str, account: str, variables: Collection[str]) -> Obj:
    namespace = errand.asked.release["namespace"]
    container = {
        "name": CONTAINER,
        "image": image,
        "command": ["deploy"],
        "args": ["runner", f"{namespace}/{errand.job}"],
        # what it starts itself, such as workers of a probe, is of the same image
        "env": [{"name": IMAGE, "value": image}, *(from_secret(errand.job, name) for name in variables)],
        "resources": RESOURCES,
    }
    pulls = get(errand.asked.release, "workload", "spec", "template", "spec", "imagePullSecrets")
    return {"serviceAccountName": account, **strict(container, pulls)}


def strict(container: Obj, pulls: list[Obj] | None) -> Obj:
    """A pod's spec, as strict as the Pod Security Standards know it (restricted). `pulls` are its imagePullSecrets."""
    return {
        "restartPolicy": "Never",  # podFailurePolicy allows no other
        "enableServiceLinks": False,
        **({"imagePullSecrets": pulls} if pulls else {}),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                **container,
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def from_secret(secret: str, variable: str) -> Obj:
    """A container's variable, of that key of the Secret."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": variable}}}


def beside(errand: Errand, owner: Obj, packed: str, variables: Mapping[str, str], granted: Collection[Right] | None) -> list[Obj]:
    """What goes with its owner, the Job: the errand with its variables, and, where rights are `granted`, the account for them."""
    meta: dict[str, Any] = {
        "name": errand.job,
        "namespace": errand.asked.release["namespace"],
        "labels": _labels(errand),
        "ownerReferences": owned_by(owner),
    }
    secret: Obj = {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.name,
        "metadata": meta,
        "type": SECRET_TYPE,
        "data": {KEY: packed, **{name: base64.b64encode(value.encode()).decode() for name, value in variables.items()}},
    }
    if granted is None:
        return [secret]
    account: Obj = {"apiVersion": SERVICE_ACCOUNT.api_version, "kind": SERVICE_ACCOUNT.name, "metadata": meta}
    subject = {"kind": SERVICE_ACCOUNT.name, "name": errand.job, "namespace": meta["namespace"]}
    return [secret, account, *bound(ROLE, ROLE_BINDING, meta, granted, subject)]
