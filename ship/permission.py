"""Whether a plan would be forbidden, and what is missing: asked before the first change."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterator

from ..cluster import history
from ..cluster.port import Cluster, Right
from ..errors import ClusterError, Forbidden, MissingRights
from ..kube.objects import DEPLOYMENT, JOB
from ..plan.plan import Plan
from ..plan.steps import Apply, Delete, GiveBack, Label, Patch, Renew, Route, Run, Scale, Step
from ..release.model import Release
from ..strategies import NAMES
from .rights import adopting, elsewhere, fewest, guessed, labelling, likely_kind, on, renewing, rights
from .roles import Rule, rules

TELLING = {
    ("list", "events"), ("get", "pods/log"), ("list", "virtualservices"), ("list", "destinationrules"), ("list", "ingresses"),
    ("get", "namespaces"), ("get", "services/proxy"), ("create", "services/proxy"),
    ("update", "services/proxy"),
}  # fmt: skip
"""What only helps to tell why a release failed, who else routes its host, or which cluster a plan is for; or what is only needed
where this machine has no route into the cluster: whoever lacks these may release all the same."""


@contextlib.asynccontextmanager
async def explained(cluster: Cluster, release: Release, strategies: Collection[str]) -> AsyncIterator[None]:
    """For what happens before the first change: what is forbidden there is told with all else that would be."""
    try:
        yield
    except Forbidden as error:
        involved = {*strategies}
        with contextlib.suppress(ClusterError):  # what those before may have left is looked at, too
            involved |= {revision.strategy for revision in await history.load(cluster, release.app, release.namespace)}
        try:
            await check(cluster, release, involved)
        except MissingRights as missing:
            raise missing from error
        raise


async def check(cluster: Cluster, release: Release, strategies: Collection[str], plan: Plan | None = None) -> None:
    """Raises MissingRights, with all that is missing, where a plan, what follows it, or its way back would be forbidden.

    `strategies` are the plan's own and those whose traces it puts away. In the usual case this is one request (a
    SelfSubjectRulesReview), and just what a ramped release has left of its twelve.
    """
    concerned = {plan.strategy} if plan else strategies
    needed = set(rights(release, concerned)) - adopting(release, concerned)
    if plan:
        needed |= {right for step in (*plan.steps, *plan.undo) for right in doing(step, plan.namespace)}
    unsure = set(guessed(release).values())
    asked = {right for right in fewest(needed) if (right.verb, right.resource) not in TELLING and right.resource not in unsure}
    missing = await cluster.missing_rights(sorted(asked), release.namespace)
    if not missing:
        return
    is_default = {*strategies} == {release.strategy}
    chosen = "" if is_default else "".join(f" --strategy {name}" for name in NAMES if name in strategies)
    raise MissingRights(
        f"{release.app} cannot be released: {_count(missing)} in namespace {release.namespace}; nothing was changed",
        detail="\n".join(_told(rule) for rule in rules(missing)),
        hint=f"`deploy rbac{chosen} | kubectl apply -f -`, by somebody who may grant them (--service-account says to whom)",
    )


def doing(step: Step, own: str) -> Iterator[Right]:
    """The rights that a step takes, in a release's own namespace."""
    match step:
        case Apply():
            place = elsewhere(step.ref, own)
            yield from on(likely_kind(step.ref), "patch", names=[step.ref.name], namespace=place)
            if step.creates:
                yield from on(likely_kind(step.ref), "create", namespace=place)
        case Patch() | Route() | GiveBack():
            yield from on(likely_kind(step.ref), "patch", names=[step.ref.name])
        case Label():
            yield from on(DEPLOYMENT, "patch", names=[step.ref.name])
            yield from labelling()
        case Renew():
            yield from renewing(likely_kind(step.ref))
        case Scale():
            yield from on(likely_kind(step.ref), "patch", subresource="scale", names=[step.ref.name])
        case Run():
            yield from on(JOB, "create", "list", "watch", "patch")
        case Delete():
            yield from on(likely_kind(step.ref), "delete", names=[step.ref.name], namespace=elsewhere(step.ref, own))


def _count(missing: Collection[Right]) -> str:
    kinds = sum(len(rule.verbs) for rule in rules(missing))
    return f"{kinds} right{'s are' if kinds != 1 else ' is'} missing"


def _told(rule: Rule) -> str:
    """`patch, delete deployments.apps: shop-canary`"""
    resource, slash, subresource = rule.resource.partition("/")
    group = f".{rule.group}" if rule.group else ""
    names = f": {', '.join(rule.names)}" if rule.names else ""
    place = f" (in namespace {rule.namespace})" if rule.namespace else ""
    return f"{', '.join(rule.verbs)} {resource}{group}{slash}{subresource}{names}{place}"
