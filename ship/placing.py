"""Putting a Job of ours into the cluster with all that belongs to it: what would forbid it is found before anything is made, and
nothing is left where it fails half-way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ..cluster.port import Cluster, Right
from ..errors import ApiError, BadInput, Forbidden, Invalid, MissingRights, RollwayError
from ..kube.objects import CRON_JOB, POD, Obj, Ref, is_a, ref_of

Refusal = Callable[[ApiError], RollwayError]


async def refuse_missing_rights(cluster: Cluster, needed: Collection[Right], namespace: str, what: str, hint: str) -> None:
    """`what` cannot be done without them: `shop cannot be run in the cluster`."""
    missing = sorted(await cluster.missing_rights(sorted(needed), namespace))
    if missing:
        told = dict.fromkeys(f"{right.verb} {right.resource}" for right in missing)
        raise MissingRights(
            f"{what}: this account may not {', '.join(told)} in namespace {namespace}; nothing was changed", hint=hint
        )


async def refuse_pod(cluster: Cluster, job: Obj, refused: Refusal) -> None:
    """Quotas and Pod Security Standards are of pods, and a Job tells of them only when it runs: so a pod is tried. Its account is
    not there yet."""
    template = (job["spec"]["jobTemplate"] if is_a(job, CRON_JOB) else job)["spec"]["template"]
    meta = job["metadata"]
    pod: Obj = {
        "apiVersion": POD.api_version,
        "kind": POD.name,
        "metadata": {"name": meta["name"], "namespace": meta["namespace"], **template["metadata"]},
        "spec": {**template["spec"], "serviceAccountName": "default", "automountServiceAccountToken": False},
    }
    tries = [Right("create", "", POD.plural), Right("patch", "", POD.plural)]
    if await cluster.missing_rights(tries, meta["namespace"]):
        return  # whoever may make no pods hears of it when the Job does
    try:
        await cluster.apply(pod, force=True, dry_run=True)
    except (Forbidden, Invalid) as error:
        raise refused(error) from error


async def place(cluster: Cluster, job: Obj, beside: Callable[[Obj], Sequence[Obj]], refused: Refusal) -> Obj:
    """The Job as it is there, let run once all is there that goes `beside` it. `job` is suspended. Raises Conflict where its name
    is taken."""
    ref: Ref = ref_of(job)
    try:
        made = await cluster.create(job)
    except (Forbidden, Invalid) as error:
        raise refused(error) from error
    try:
        for obj in beside(made):
            await cluster.apply(obj, force=True)
        await cluster.patch(ref, {"spec": {"suspend": False}})
    except BaseException as error:
        await cluster.delete(ref, uid=made["metadata"]["uid"])
        if isinstance(error, Forbidden | Invalid):
            raise refused(error) from error
        raise
    return made


def refused_pod(error: ApiError, who: str, hint: str) -> BadInput:
    return BadInput(f"the cluster does not let {who} in: {error.message}; nothing was changed", hint=hint)


def owned_by(owner: Obj) -> list[Obj]:
    """The ownerReferences of what goes with it."""
    meta = owner["metadata"]
    return [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}]
