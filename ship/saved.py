"""A saved plan: bound to its cluster, computed again before it is carried out, and refused where that gives another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..cluster.port import Cluster
from ..errors import BadInput, Forbidden, StalePlan
from ..kube.objects import NAMESPACE, Ref, get
from ..plan.agreement import differences, is_rest
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..plan.steps import Frozen
from ..release.conduct import as_recorded
from ..release.model import Release
from ..strategies.base import Request
from . import run as ship
from .run import Options, Result

FORMAT = "rollway.dev/plan.v2"
SYSTEM = "kube-system"
MOST_LINES = 12


class Asked(Frozen):
    """All that a plan is computed from, besides what is live. `strategy` as it was named, `release` as a revision's record."""

    request: Request
    strategy: str | None
    is_override: bool
    force: bool
    release: dict[str, Any]


class SavedPlan(Plan):
    """A plan as it was read, with what it takes to compute it again. `cluster`: the uids of namespaces by which it is known."""

    format: Literal["rollway.dev/plan.v2"] = "rollway.dev/plan.v2"
    cluster: dict[str, str]
    asked: Asked

    @property
    def release(self) -> Release:
        """Raises BadInput for what is none."""
        try:
            return as_recorded(Release.from_record(self.asked.release), self.asked.release)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the plan's release cannot be read: {error}", hint="save a plan with `deploy plan --out`") from error


async def bind(
    cluster: Cluster, release: Release, request: Request, made: Plan, *, strategy: str | None, is_override: bool, force: bool
) -> SavedPlan:
    """The plan, to be saved. Raises Forbidden where nothing tells which cluster this is."""
    known = {name: uid for name in (SYSTEM, release.namespace) if (uid := await _uid(cluster, name))}
    if not known:
        raise Forbidden(
            403, "Forbidden", "a saved plan is bound to its cluster, and this account may read no namespace to know it by",
        )  # fmt: skip
    asked = Asked(request=request, strategy=strategy, is_override=is_override, force=force, release=release.to_record())
    return SavedPlan(**{name: getattr(made, name) for name in Plan.model_fields}, cluster=known, asked=asked)


async def run_saved(cluster: Cluster, release: Release, saved: SavedPlan, *, options: Options) -> Result:
    """Computes the plan anew and executes that. `release` is the saved one's, with the probe of the release file beside it.
    Where it has been carried out, nothing is done; where that was cut off, the rest of it.

    Raises StalePlan where it is of another cluster, or is not what would be planned now.
    """
    await _refuse_other_cluster(cluster, saved.cluster)
    name = release.workload["metadata"]["name"]

    def agree(made: Plan, observed: Observed) -> None:
        is_autoscaled, newest = observed.is_autoscaled(name), observed.in_flight or observed.live
        lines = differences(saved, made, is_autoscaled=is_autoscaled)
        is_begun = saved.action != "rollback" and newest is not None and newest.number == saved.revision
        may_be_rest = is_begun or saved.action == "rollback"  # the history tells of the end of one alone
        if lines and not made.is_empty and not (may_be_rest and is_rest(saved, made, is_autoscaled=is_autoscaled)):
            more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
            raise StalePlan(
                "a run of this plan was begun, and what is left to do is not what the plan says"
                if is_begun
                else "the cluster has moved on since the plan was made, or somebody has edited it",
                detail="\n".join([*lines[:MOST_LINES], *more]),
                hint="plan again, read it, and apply the new one",
            )

    return await ship.run(cluster, release, saved.asked.request, strategy=saved.asked.strategy, options=options, agree=agree)


async def _refuse_other_cluster(cluster: Cluster, known: Mapping[str, str]) -> None:
    """By kube-system where both know it: a namespace may have been made anew."""
    for name in sorted(known, key=lambda name: name != SYSTEM):
        uid = await _uid(cluster, name)
        if uid == known[name]:
            return
        if uid:
            raise StalePlan(
                "the plan was made for another cluster",
                detail=f"namespace {name} has uid {known[name]} there, and {uid} here",
                hint="apply it there (--context, $KUBECONFIG), or plan anew here",
            )
    raise StalePlan(
        "nothing tells whether this is the cluster that the plan was made for",
        detail=f"this account can read none of the namespaces that it is known by: {', '.join(known)}",
        hint="`deploy rbac` grants it; or plan anew with this account",
    )


async def _uid(cluster: Cluster, namespace: str) -> str:
    """Empty where it is not there, or may not be read."""
    try:
        found = await cluster.get(Ref(NAMESPACE.api_version, NAMESPACE.name, "", namespace))
    except Forbidden:
        return ""
    return str(get(found, "metadata", "uid", default="")) if found else ""
