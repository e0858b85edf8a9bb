"""Putting a release into the cluster to be run there: all that would forbid it is found before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from ..cluster import history, jobs
from ..cluster.port import Cluster, Right
from ..errors import ApiError, BadInput, Conflict, Forbidden, Invalid, MissingRights, Refused
from ..kube.clock import now, parse_timestamp
from ..kube.objects import (
    CRON_JOB,
    JOB,
    POD,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    Obj,
    Ref,
    annotations_of,
    get,
    is_a,
    labels_of,
    ref_of,
)
from ..plan.plan import Plan
from ..plan.revision import Revision
from ..release.model import Release
from . import delegation, runner
from .errand import Errand, environment_of, packed, stood_of

Note = Callable[[str], None]
STALE = timedelta(seconds=60)
"""A Job that is still suspended then was left so by whoever was making it."""
GRANT = "`deploy rbac --in-cluster | kubectl apply -f -`, by somebody who may grant them (--service-account says to whom)"


@dataclass(frozen=True)
class Launched:
    """A runner that is there. `is_ours`: this command has made it; else it is one that was begun by `by`."""

    ref: Ref
    uid: str
    by: str
    is_ours: bool


async def running(cluster: Cluster, errand: Errand) -> Launched | None:
    """The runner of this very errand that was begun before. Raises Refused where one of its name does something else."""
    ref = _ref_of(errand)
    job = await _found(cluster, ref)
    if job is None or _is_over(job):
        return None
    by = annotations_of(job).get(runner.STARTED_BY_ANNOTATION, "somebody")
    if annotations_of(job).get(runner.ERRAND_ANNOTATION) != errand.mark:
        raise Refused(
            f"{ref} runs something else of {errand.release.app} already, started by {by}",
            hint=f"`deploy watch {errand.release.app}` looks on; `deploy rollback {errand.release.app}` takes it back",
        )
    return Launched(ref, job["metadata"]["uid"], by, is_ours=False)


def _ref_of(errand: Errand) -> Ref:
    return runner.ref_of_runner(errand.release, errand.asked.request.action, ticks=errand.ticks)


async def _found(cluster: Cluster, ref: Ref) -> Obj | None:
    """The Job, or the CronJob."""
    found = await cluster.list(CRON_JOB if ref.is_a(CRON_JOB) else JOB, ref.namespace, fields={"metadata.name": ref.name})
    return next(iter(found), None)


def _is_over(job: Obj) -> bool:
    return jobs.end_of(job) is not None or _is_stale(job)


def _is_stale(job: Obj) -> bool:
    return bool(get(job, "spec", "suspend")) and now() - parse_timestamp(job["metadata"]["creationTimestamp"]) > STALE


async def begun(cluster: Cluster, errand: Errand, made: Plan) -> Errand:
    """The errand with what it acts on, as the plan that was made for it says it."""
    revisions = await history.load(cluster, made.app, made.namespace)
    stands = next((each for each in revisions if each.number == made.revision), None)
    return errand.model_copy(update={"revision": made.revision, "stood": stood_of(stands)})


async def launch(cluster: Cluster, errand: Errand, made: Plan, image: str, note: Note) -> Launched:
    """Makes the runner and lets it run. Raises what forbids it, with nothing left behind."""
    release = errand.release
    revisions = await history.load(cluster, release.app, release.namespace)
    account = release.runner.service_account if release.runner else None
    granted = None if account else _granted(release, made, revisions, errand)
    await _refuse_missing_rights(cluster, release, makes_account=not account, ticks=errand.ticks)
    variables, data = environment_of(release), packed(errand)
    kind = runner.cron_job if errand.ticks else runner.job
    wanted = kind(errand, image, account or errand.job, [*variables])
    await _refuse_taken(cluster, ref_of(wanted), makes_account=not account)
    await _refuse_pod(cluster, wanted, release)
    await _put_away(cluster, ref_of(wanted))
    try:
        job = await cluster.create(wanted)
    except Conflict:
        if there := await running(cluster, errand):
            return there
        raise
    except (Forbidden, Invalid) as error:
        raise _refused(error) from error
    beside = runner.beside(errand, job, data, variables, granted)
    try:
        for obj in beside:
            await cluster.apply(obj, force=True)
        await cluster.patch(ref_of(wanted), {"spec": {"suspend": False}})
    except BaseException as error:
        await cluster.delete(ref_of(wanted), uid=job["metadata"]["uid"])
        if isinstance(error, Forbidden | Invalid):
            raise _refused(error) from error
        raise
    kinds = ", ".join(dict.fromkeys(obj["kind"] for obj in beside))
    note(f"{ref_of(wanted)} in namespace {release.namespace} runs it, with {kinds} of that name; they go with it")
    return Launched(ref_of(wanted), job["metadata"]["uid"], errand.by, is_ours=True)


def _granted(release: Release, made: Plan, revisions: Collection[Revision], errand: Errand) -> frozenset[Right]:
    ticker = errand.job if errand.ticks else ""
    granted = delegation.of_run(release, made, tuple(revisions), prunes=errand.asked.request.prune, ticker=ticker)
    delegation.refuse_wider(release, granted)
    return granted


async def _refuse_missing_rights(cluster: Cluster, release: Release, *, makes_account: bool, ticks: bool) -> None:
    needed = delegation.of_starter(makes_account=makes_account, ticks=ticks)
    missing = sorted(await cluster.missing_rights(sorted(needed), release.namespace))
    if missing:
        told = dict.fromkeys(f"{right.verb} {right.resource}" for right in missing)
        raise MissingRights(
            f"{release.app} cannot be run in the cluster: this account may not {', '.join(told)} in namespace "
            f"{release.namespace}; nothing was changed",
            hint=GRANT,
        )


async def _refuse_taken(cluster: Cluster, ref: Ref, *, makes_account: bool) -> None:
    """Somebody's objects of these names would get the rights of a release, and go with the runner."""
    owned = (SECRET, SERVICE_ACCOUNT, ROLE, ROLE_BINDING) if makes_account else (SECRET,)
    for kind in (CRON_JOB if ref.is_a(CRON_JOB) else JOB, *owned):
        for obj in await cluster.list(kind, ref.namespace, fields={"metadata.name": ref.name}):
            if runner.RUNNER_LABEL not in labels_of(obj):
                raise BadInput(
                    f"{kind.name} {ref.name} is there already, and is no runner's; nothing was changed",
                    hint="a runner and what belongs to it have that name: let the other one have another",
                )


async def _refuse_pod(cluster: Cluster, job: Obj, release: Release) -> None:
    """Quotas and Pod Security Standards are of pods, and a Job tells of them only when it runs: so a pod is tried. Its account is
    not there yet."""
    template = (job["spec"]["jobTemplate"] if is_a(job, CRON_JOB) else job)["spec"]["template"]
    pod: Obj = {
        "apiVersion": POD.api_version,
        "kind": POD.name,
        "metadata": {"name": job["metadata"]["name"], "namespace": release.namespace, **template["metadata"]},
        "spec": {**template["spec"], "serviceAccountName": "default", "automountServiceAccountToken": False},
    }
    tries = [Right("create", "", POD.plural), Right("patch", "", POD.plural)]
    if await cluster.missing_rights(tries, release.namespace):
        return  # whoever may make no pods hears of it when the Job does
    try:
        await cluster.apply(pod, force=True, dry_run=True)
    except (Forbidden, Invalid) as error:
        raise _refused(error) from error


def _refused(error: ApiError) -> BadInput | MissingRights:
    summary = f"the cluster does not let the runner in: {error.message}"
    if isinstance(error, Forbidden) and "escalat" in error.message.lower() + error.reason.lower():
        return MissingRights("this account may not give the runner the rights of a release", detail=error.message, hint=GRANT)
    return BadInput(f"{summary}; nothing was changed", hint="another namespace's rules, or `runner:` of the release file")


async def _put_away(cluster: Cluster, ref: Ref) -> None:
    """The runner before this one, which has ended, or was never let run."""
    job = await _found(cluster, ref)
    if job is not None and _is_over(job):
        await cluster.delete(ref, uid=job["metadata"]["uid"])
