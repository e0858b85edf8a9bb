"""Putting a release into the cluster to be run there: all that would forbid it is found before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta

from ..cluster import history, jobs
from ..cluster.port import Cluster, Right
from ..errors import ApiError, BadInput, Conflict, Forbidden, MissingRights, Refused
from ..kube.clock import now, parse_timestamp
from ..kube.objects import (
    CRON_JOB,
    JOB,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE_ACCOUNT,
    Obj,
    Ref,
    annotations_of,
    get,
    labels_of,
    ref_of,
)
from ..plan.plan import Plan
from ..plan.revision import Revision
from ..release.model import Release
from . import delegation, placing, runner
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
    needed = delegation.of_starter(makes_account=not account, ticks=errand.ticks)
    await placing.refuse_missing_rights(cluster, needed, release.namespace, f"{release.app} cannot be run in the cluster", GRANT)
    variables, data = environment_of(release), packed(errand)
    kind = runner.cron_job if errand.ticks else runner.job
    wanted = kind(errand, image, account or errand.job, [*variables])
    await _refuse_taken(cluster, ref_of(wanted), makes_account=not account)
    await placing.refuse_pod(cluster, wanted, _refused)
    await _put_away(cluster, ref_of(wanted))
    beside: list[Obj] = []

    def belongings(job: Obj) -> list[Obj]:
        beside.extend(runner.beside(errand, job, data, variables, granted))
        return beside

    try:
        job = await placing.place(cluster, wanted, belongings, _refused)
    except Conflict:
        if there := await running(cluster, errand):
            return there
        raise
    kinds = ", ".join(dict.fromkeys(obj["kind"] for obj in beside))
    note(f"{ref_of(wanted)} in namespace {release.namespace} runs it, with {kinds} of that name; they go with it")
    return Launched(ref_of(wanted), job["metadata"]["uid"], errand.by, is_ours=True)


def _granted(release: Release, made: Plan, revisions: Collection[Revision], errand: Errand) -> frozenset[Right]:
    ticker = errand.job if errand.ticks else ""
    granted = delegation.of_run(release, made, tuple(revisions), prunes=errand.asked.request.prune, ticker=ticker)
    delegation.refuse_wider(release, granted)
    return granted


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


def _refused(error: ApiError) -> BadInput | MissingRights:
    if isinstance(error, Forbidden) and "escalat" in error.message.lower() + error.reason.lower():
        return MissingRights("this account may not give the runner the rights of a release", detail=error.message, hint=GRANT)
    return placing.refused_pod(error, "the runner", "another namespace's rules, or `runner:` of the release file")


async def _put_away(cluster: Cluster, ref: Ref) -> None:
    """The runner before this one, which has ended, or was never let run."""
    job = await _found(cluster, ref)
    if job is not None and _is_over(job):
        await cluster.delete(ref, uid=job["metadata"]["uid"])
