"""Rights where a release runs in the cluster: what its runner has to be allowed, and what whoever starts it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ..cluster.port import Right
from ..errors import BadInput
from ..kube.objects import CRON_JOB, JOB, POD, ROLE, ROLE_BINDING, SECRET, SERVICE_ACCOUNT, Obj
from ..plan.plan import Plan
from ..plan.revision import Revision, in_flight_of, live_of
from ..release.model import Release
from . import rights, roles
from .permission import doing
from .rights import on
from .roles import bound

READING = ("get", "list", "watch")


def of_run(release: Release, made: Plan, revisions: Sequence[Revision], *, prunes: bool, ticker: str = "") -> frozenset[Right]:
    """What a run may do to its end, the way back included: to the release, to what is live, and to what is under way. `ticker` is
    the CronJob that it takes away at its end."""
    standing = [each for each in (live_of(revisions), in_flight_of(revisions)) if each is not None]
    strategies = {made.strategy, *(each.strategy for each in standing)}
    found = {right for step in (*made.steps, *made.undo) for right in doing(step, release.namespace)}
    found |= on(CRON_JOB, "delete", names=[ticker]) if ticker else set()
    for each in (release, *(Release.from_record(revision.release) for revision in standing)):
        found |= rights.rights(each, strategies, prunes=prunes)
    return rights.fewest(found)


def refuse_wider(release: Release, granted: Collection[Right]) -> None:
    """Raises BadInput where rights would be needed that an account made for one release cannot be given: beyond its namespace."""
    wide = sorted({right.resource for right in granted if right.namespaced and right.namespace})
    wide += sorted({right.resource for right in granted if not right.namespaced})
    if wide:
        raise BadInput(
            f"{release.app} takes rights beyond namespace {release.namespace}: {', '.join(wide)}",
            detail="what is made for a release is made in its namespace, and goes with it",
            hint="`deploy rbac --in-cluster | kubectl apply -f -`, by somebody who may grant them, and name the account: "
            "runner: {serviceAccount: …}",
        )


def of_starter(*, makes_account: bool, ticks: bool = False) -> set[Right]:
    """What putting a runner into the cluster and following it takes, beside what a plan looks at."""
    return {*_starting(makes_account=makes_account, ticks=ticks)}


def _starting(*, makes_account: bool, ticks: bool) -> Iterator[Right]:
    yield from on(JOB, "create", "list", "watch", "patch", "delete")
    yield from on(SECRET, "list", "create", "patch")
    yield from on(POD, "list", "watch")
    yield from on(POD, "get", subresource="log")
    if ticks:
        yield from on(CRON_JOB, "create", "list", "patch", "delete")
    for kind in (SERVICE_ACCOUNT, ROLE, ROLE_BINDING) if makes_account else ():
        yield from on(kind, "list", "create", "patch")


def manifests(
    release: Release, strategies: Collection[str], account: str, *, prunes: bool = False, ticker: str = ""
) -> list[Obj]:
    """The runner's account `rollway-APP` with the rights of a release, and what `account` needs to start one by it. `ticker` is
    the CronJob of one that ticks."""
    runner = f"rollway-{release.app}"
    made: Obj = {
        "apiVersion": SERVICE_ACCOUNT.api_version,
        "kind": SERVICE_ACCOUNT.name,
        "metadata": {"name": runner, "namespace": release.namespace},
    }
    looks = {right for right in rights.rights(release, strategies, prunes=prunes) if right.verb in READING}
    starts = rights.fewest({*looks, *of_starter(makes_account=False, ticks=bool(ticker))})
    namespace, _, name = account.rpartition("/")
    subject = {"kind": SERVICE_ACCOUNT.name, "name": name, "namespace": namespace or release.namespace}
    inside = [right for right in starts if right.namespaced and not right.namespace]
    place = {"name": f"{runner}-start", "namespace": release.namespace}
    ending = {"name": f"{runner}-tick", "namespace": release.namespace}
    own = {"kind": SERVICE_ACCOUNT.name, "name": runner, "namespace": release.namespace}
    ends = bound(ROLE, ROLE_BINDING, ending, on(CRON_JOB, "delete", names=[ticker]), own) if ticker else []
    return [
        *ends,
        made,
        *roles.manifests(release, strategies, runner, prunes=prunes),
        *bound(ROLE, ROLE_BINDING, place, inside, subject),
    ]
