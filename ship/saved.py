"""A saved plan: bound to its cluster, computed again before it is carried out, and refused where that gives another one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from ..cluster.port import Cluster
from ..errors import BadInput, Forbidden, StalePlan
from ..kube.objects import NAMESPACE, Ref, get
from ..plan.agreement import differences, is_rest
from ..plan.observed import Observed
from ..plan.plan import Plan
from ..plan.revision import Revision
from ..plan.steps import Apply, Frozen, Run
from ..release import recorded
from ..release.file import shown
from ..release.manifests import Located
from ..release.model import Release
from ..release.options import STRATEGIES
from ..strategies.base import Request
from . import run as ship
from .run import Options, Result

FORMAT = "rollway.dev/plan.v3"
SYSTEM = "kube-system"
RELEASE = "asked.release"
"""Where a plan's file has the release."""
ANEW = "plan again, read it, and apply the new one"
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

    format: Literal["rollway.dev/plan.v3"] = "rollway.dev/plan.v3"
    cluster: dict[str, str]
    asked: Asked

    @property
    def release(self) -> Release:
        """Raises BadInput for what is none."""
        return recorded.read(self.asked.release, RELEASE)


def document(made: SavedPlan) -> dict[str, Any]:
    """The plan as its file has it, with a seal: a digest of all the rest."""
    data = made.model_dump(mode="json")
    return {**data, "seal": seal_of(data)}


def of_document(raw: Mapping[str, Any], path: str) -> SavedPlan:
    """The plan that the file at `path` has. Raises StalePlan where somebody has edited it since, pydantic's ValidationError or
    BadInput for what is none.

    Who edits it may seal it again: that nothing else is done than what was agreed on, `run_saved` sees to. The seal tells an edit
    from a cluster that has moved on, also one of what no step depends on.
    """
    data = {key: value for key, value in raw.items() if key != "seal"}
    if raw.get("seal") != seal_of(data):
        raise StalePlan(f"somebody has edited {path} since the plan was saved", hint=ANEW)
    plan = SavedPlan.model_validate(data)
    for name, steps in (("steps", plan.steps), ("undo", plan.undo)):
        for place, step in enumerate(steps):
            if isinstance(step, Apply | Run):
                recorded.check(Located(step.manifest, recorded.Record(data, ""), (name, place, "manifest")))
    if plan.asked.strategy not in (None, *STRATEGIES):
        raise BadInput(f"unknown strategy {shown(plan.asked.strategy)}", where="asked.strategy")
    recorded.read(plan.asked.release, RELEASE)
    return plan


def seal_of(data: Mapping[str, Any]) -> str:
    """Of what the document says, however a program has written it anew: some make 30 of 30.0."""
    plain = json.loads(json.dumps(data), parse_float=lambda text: int(number) if (number := float(text)).is_integer() else number)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


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
                _why_stale(saved, newest if is_begun else None),
                detail="\n".join([*lines[:MOST_LINES], *more]),
                hint=ANEW,
            )

    request = saved.asked.request
    if request.action == "promote" and request.weight is None and not options.goes_on:
        request = replace(request, weight=saved.weight)  # said twice, the next step is the one after that
    return await ship.run(cluster, release, request, strategy=saved.asked.strategy, options=options, agree=agree)


def _why_stale(saved: SavedPlan, stands: Revision | None) -> str:
    """`stands`: the plan's own revision, where that is the newest."""
    if stands is not None and (stands.weight, stands.phase) != (saved.from_weight, "Paused"):
        is_on_its_way = stands.phase == "Progressing" and stands.weight == saved.weight
        if is_on_its_way or saved.revision in {revision.number for revision in saved.new_revisions}:
            return "a run of this plan was begun, and what is left to do is not what the plan says"
        how = f"paused at {stands.weight}%" if stands.phase == "Paused" else f"{stands.phase.lower()} at {stands.weight}%"
        return f"{stands.version} has gone on since the plan was made: it is {how} by now"
    return "the cluster has moved on since the plan was made"


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
