"""What a release has to be allowed to do, and nothing more: the Role that `deploy rbac` prints; finding out what is missing.

Derived from what is really done: what strategies render is what they apply, `refs_of` is what is looked at, and the rest are the
lock, the history, and waiting. tests/ship/test_rights.py runs every strategy with these rights only, and all of them are used.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from ..cluster import history
from ..cluster.port import Cluster, Right
from ..errors import ClusterError, Forbidden, MissingRights
from ..health.routes import ROUTES
from ..health.workloads import WORKLOADS
from ..kube.objects import (
    DEPLOYMENT,
    EVENT,
    HPA,
    JOB,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    Kind,
    Obj,
    Ref,
    is_a,
    kind_of,
    ref_of,
)
from ..plan.plan import Plan
from ..plan.steps import Apply, Delete, Label, Patch, Route, Run, Scale, Step
from ..release.config import is_pinned
from ..release.gates import secrets_of
from ..release.model import Release
from ..release.notify import secrets_of as told_by
from ..strategies import NAMES, by_name, surroundings
from .look import refs_of

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE = Kind(f"{RBAC}/v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(f"{RBAC}/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)


class Rule(NamedTuple):
    """A PolicyRule: `verbs` on one resource (`deployments/scale`), of the objects named, or of all where none is. `namespace` is
    empty for the release's own."""

    group: str
    resource: str
    names: tuple[str, ...]
    verbs: tuple[str, ...]
    namespace: str = ""


def rights(release: Release, strategies: Collection[str], *, prunes: bool = False) -> frozenset[Right]:
    """What plan, apply, promote, rollback, status, history and wait need for the strategies, and for going from one to another.

    Writing is granted by name where names are known beforehand; creating never can be, and reading is not where everything of a
    kind is listed anyway. `prunes`: with what `--prune` will do once objects of these manifests are no longer in them.
    """
    found = {
        *_bookkeeping(release),
        *_waiting(),
        *_following(release),
        *_measuring(release),
        *_hooking(release),
        *adopting(release, strategies),
    }
    for ref in refs_of(release, set(strategies)):
        found |= _on(likely_kind(ref), "get", names=[ref.name], namespace=_elsewhere(ref, release.namespace))
    for name in strategies:
        for manifest in by_name(name)(release).render():
            found |= set(_applying(manifest, release.namespace))
        found |= set(_moving(release, name))
    if len(strategies) > 1:
        found |= set(_clearing(release, strategies))
    if prunes:
        found |= set(_pruning(release))
    return _fewest(found)


def _fewest(found: Collection[Right]) -> frozenset[Right]:
    """Without those by name that are there for all names."""
    return frozenset(right for right in found if not right.name or right._replace(name="") not in found)


def _bookkeeping(release: Release) -> Iterator[Right]:
    """The lock and the history. A revision's name holds its number, so that no list of names would do."""
    yield from _on(LEASE, "create")
    yield from _on(LEASE, "get", "update", "delete", names=[f"rollway-{release.app}"])
    yield from _on(SECRET, "list", "watch", "create", "patch", "delete")
    # what a saved plan knows its cluster by; of a namespace's own name a Role in it can speak
    yield from _on(NAMESPACE._replace(namespaced=True), "get", names=[release.namespace])
    for obj in release.others:
        if is_pinned(obj):  # goes with the last revision that has it
            yield from _on(likely_kind(ref_of(obj)), "delete")


def _waiting() -> Iterator[Right]:
    """Looking at how far a rollout has come, and why it does not come."""
    yield from _on(DEPLOYMENT, "get", "list", "watch")
    yield from _on(POD, "list", "watch")
    yield from _on(POD, "get", subresource="log")
    yield from _on(EVENT, "list")
    yield from _on(REPLICA_SET, "list")
    yield from _on(HPA, "list")


def _following(release: Release) -> Iterator[Right]:
    """Other workloads are waited for, too."""
    for obj in release.others:
        kind = likely_kind(ref_of(obj))
        if (kind.group, kind.name) in WORKLOADS:
            yield from _on(kind, "list", "watch")


def _measuring(release: Release) -> Iterator[Right]:
    """What gates ask the cluster itself, and the Secrets of those that are asked or told; what came of it is kept where the
    history is."""
    if any(gate.job is not None for gate in release.gates):
        yield from _on(JOB, "create", "list", "watch")
    if names := {**secrets_of(release.gates), **told_by(release.notify)}:
        yield from _on(SECRET, "get", names=names)


def _hooking(release: Release) -> Iterator[Right]:
    """The Jobs around its pods: a name holds the revision's number, and they go with it."""
    if release.hooks:
        yield from _on(JOB, "create", "list", "watch", "patch", "delete")


def adopting(release: Release, strategies: Collection[str]) -> set[Right]:
    """What only the first release of an application that somebody else deployed needs, and its way back: running pods and their
    ReplicaSet get the label that routing goes by; and nothing is left beside what was found."""
    found: set[Right] = set()
    if "blue-green" in strategies:
        green = f"{release.workload['metadata']['name']}-{by_name('blue-green').suffix}"
        found |= _on(DEPLOYMENT, "delete", names=[green])
    if "blue-green" in strategies or any(by_name(name)(release).routing_kinds for name in strategies):
        found |= _labelling()
    return found


def _labelling() -> set[Right]:
    return _on(POD, "patch") | _on(REPLICA_SET, "patch")


def _applying(manifest: Obj, own: str) -> Iterator[Right]:
    """Server-side apply is a patch, and of what is not there yet a create as well."""
    kind, place = likely_kind(ref_of(manifest)), _elsewhere(ref_of(manifest), own)
    yield from _on(kind, "create", namespace=place)
    if is_pinned(manifest):
        yield from _on(kind, "get", "patch")  # its name changes with its content
    else:
        yield from _on(kind, "get", "patch", names=[manifest["metadata"]["name"]], namespace=place)


def _elsewhere(ref: Ref, own: str) -> str:
    """The namespace of an object that is not in the release's own."""
    return "" if ref.namespace == own else ref.namespace


def _moving(release: Release, strategy: str) -> Iterator[Right]:
    """What a strategy does besides applying: moving pods between the sides, and ending what it put beside the user's own."""
    own = str(release.workload["metadata"]["name"])
    suffix = by_name(strategy).suffix
    second = f"{own}-{suffix}"
    match strategy:
        case "canary":
            yield from _on(DEPLOYMENT, "patch", subresource="scale", names=[own, second])
            yield from _on(DEPLOYMENT, "delete", names=[second])
            yield from _unrouting(release, strategy)
        case "ab":
            yield from _on(DEPLOYMENT, "patch", subresource="scale", names=[second])
            yield from _on(DEPLOYMENT, "delete", names=[second])
            yield from _unrouting(release, strategy)
        case "blue-green":
            yield from _on(DEPLOYMENT, "patch", subresource="scale", names=[own, second])
            yield from _on(SERVICE, "delete", names=[f"{own}-preview"])
            yield from _on(HPA, "patch")  # it follows the live side, whosever it is


def _unrouting(release: Release, strategy: str) -> Iterator[Right]:
    """Looking who else routes the application's requests, waiting until routes are taken up; and what is made beside the user's
    own goes after the release."""
    made = by_name(strategy)(release)
    for kind in made.routing_kinds:
        yield from _on(kind, "list")
        places = {_elsewhere(ref_of(obj), release.namespace) for obj in release.others if is_a(obj, kind)}
        for place in places if (kind.group, kind.name) in ROUTES else ():
            yield from _on(kind, "list", "watch", namespace=place)
    for ref in made.routing_deletes:
        yield from _on(likely_kind(ref), "delete", names=[ref.name])


def _clearing(release: Release, strategies: Collection[str]) -> Iterator[Right]:
    """One strategy puts away what another one leaves standing after a release."""
    own = str(release.workload["metadata"]["name"])
    if "blue-green" in strategies:
        yield from _on(DEPLOYMENT, "delete", names=[f"{own}-{by_name('blue-green').suffix}"])


def _pruning(release: Release) -> Iterator[Right]:
    """Taking away what is the user's own, as soon as they no longer have it."""
    for ref in (ref_of(obj) for obj in (*release.services, *release.others)):
        if surroundings.is_prunable(ref):
            yield from _on(likely_kind(ref), "delete", names=[ref.name], namespace=_elsewhere(ref, release.namespace))


def _on(kind: Kind, *verbs: str, subresource: str = "", names: Iterable[str] = ("",), namespace: str = "") -> set[Right]:
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    return {Right(verb, kind.group, resource, name, kind.namespaced, namespace) for verb in verbs for name in names}


def likely_kind(ref: Ref) -> Kind:
    """The plural of a kind that only the cluster's discovery knows for certain is guessed, as English would have it."""
    known = kind_of(ref.api_version, ref.kind)
    if known:
        return known
    word = ref.kind.lower()
    if word.endswith(("s", "x", "ch", "sh")):
        plural = f"{word}es"
    elif word.endswith("y") and word[-2:-1] not in "aeiou":
        plural = f"{word[:-1]}ies"
    else:
        plural = f"{word}s"
    return Kind(ref.api_version, ref.kind, plural, namespaced=bool(ref.namespace))


def unnamed(release: Release, strategies: Collection[str]) -> dict[str, list[str]]:
    """The verbs, by resource, that are granted of all names although Kubernetes could narrow them: nobody knows those beforehand,
    as a revision's holds its number, and a pod's is drawn. (Creating, listing and watching never can be narrowed.)"""
    found: dict[str, list[str]] = {}
    for right in sorted(rights(release, strategies)):
        if not right.name and right.verb not in ("create", "list", "watch"):
            found.setdefault(right.resource, []).append(right.verb)
    return found


def guessed(release: Release) -> dict[str, str]:
    """The kinds of the manifests whose resource is guessed, and what was guessed."""
    refs = (ref_of(obj) for obj in release.others)
    return {ref.kind: likely_kind(ref).plural for ref in refs if kind_of(ref.api_version, ref.kind) is None}


# before the first change

TELLING = {
    ("list", "events"), ("get", "pods/log"), ("list", "virtualservices"), ("list", "destinationrules"), ("list", "ingresses"),
    ("get", "namespaces"),
}  # fmt: skip
"""What only helps to tell why a release failed, who else routes its host, or which cluster a plan is for: whoever lacks these may
release all the same."""


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
        needed |= {right for step in (*plan.steps, *plan.undo) for right in _doing(step, plan.namespace)}
    unsure = set(guessed(release).values())
    asked = {right for right in _fewest(needed) if (right.verb, right.resource) not in TELLING and right.resource not in unsure}
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


def _doing(step: Step, own: str) -> Iterator[Right]:
    match step:
        case Apply():
            place = _elsewhere(step.ref, own)
            yield from _on(likely_kind(step.ref), "patch", names=[step.ref.name], namespace=place)
            if step.creates:
                yield from _on(likely_kind(step.ref), "create", namespace=place)
        case Patch() | Route():
            yield from _on(likely_kind(step.ref), "patch", names=[step.ref.name])
        case Label():
            yield from _on(DEPLOYMENT, "patch", names=[step.ref.name])
            yield from _labelling()
        case Scale():
            yield from _on(likely_kind(step.ref), "patch", subresource="scale", names=[step.ref.name])
        case Run():
            yield from _on(JOB, "create", "list", "watch", "patch")
        case Delete():
            yield from _on(likely_kind(step.ref), "delete", names=[step.ref.name], namespace=_elsewhere(step.ref, own))


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


# as manifests


def rules(granted: Iterable[Right]) -> list[Rule]:
    """As few rules as say it: the verbs of one resource together, and the names that have the same verbs.

    Of `granted`, no verb may be there both for a name and for all.
    """
    out: list[Rule] = []
    for (namespace, group, resource), of_resource in groupby(
        sorted(granted, key=lambda right: (*_place(right), right.name)), key=_place
    ):
        verbs_of: dict[str, set[str]] = {}
        for right in of_resource:
            verbs_of.setdefault(right.name, set()).add(right.verb)
        names_of: dict[tuple[str, ...], list[str]] = {}
        for name, granted_verbs in verbs_of.items():
            names_of.setdefault(tuple(verb for verb in VERBS if verb in granted_verbs), []).append(name)
        out += [Rule(group, resource, tuple(filter(None, names)), verbs, namespace) for verbs, names in names_of.items()]
    return out


def _place(right: Right) -> tuple[str, str, str]:
    return right.namespace, right.group, right.resource


def manifests(release: Release, strategies: Collection[str], account: str, *, prunes: bool = False) -> list[Obj]:
    """The Role and RoleBinding for a ServiceAccount (`NAME`, or `NAMESPACE/NAME` where it is another one's), in each namespace
    that the manifests hold objects of, and, where they hold some of none, a ClusterRole and ClusterRoleBinding beside them."""
    namespace, _, name = account.rpartition("/")
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace or release.namespace}
    granted = rights(release, strategies, prunes=prunes)
    called = f"rollway-{release.app}"
    out: list[Obj] = []
    for away in ("", *release.elsewhere):
        place = {"name": called if not away else f"{called}-{release.namespace}", "namespace": away or release.namespace}
        inside = [right for right in granted if right.namespaced and right.namespace == away]
        out += _bound(ROLE, ROLE_BINDING, place, inside, subject)
    cluster_wide = [right for right in granted if not right.namespaced]
    if cluster_wide:
        out += _bound(CLUSTER_ROLE, CLUSTER_ROLE_BINDING, {"name": f"{called}-{release.namespace}"}, cluster_wide, subject)
    return out


def _bound(role: Kind, binding: Kind, meta: dict[str, str], granted: Iterable[Right], subject: Obj) -> list[Obj]:
    ref = {"apiGroup": RBAC, "kind": role.name, "name": meta["name"]}
    return [
        {
            "apiVersion": role.api_version,
            "kind": role.name,
            "metadata": dict(meta),
            "rules": [_policy(rule) for rule in rules(granted)],
        },
        {
            "apiVersion": binding.api_version,
            "kind": binding.name,
            "metadata": dict(meta),
            "roleRef": ref,
            "subjects": [subject],
        },
    ]


def _policy(rule: Rule) -> Obj:
    named = {"resourceNames": list(rule.names)} if rule.names else {}
    return {"apiGroups": [rule.group], "resources": [rule.resource], **named, "verbs": list(rule.verbs)}
