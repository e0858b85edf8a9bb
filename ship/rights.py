"""What a release has to be allowed to do, and nothing more.

Derived from what is really done: what strategies render is what they apply, `refs_of` is what is looked at, and the rest are the
lock, the history, and waiting. tests/ship/test_rights.py runs every strategy with these rights only, and all of them are used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from ..cluster.port import Right
from ..health.routes import ROUTES
from ..health.workloads import WORKLOADS
from ..kube.objects import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    EVENT,
    HPA,
    JOB,
    LEASE,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SECRET,
    SERVICE,
    Kind,
    Obj,
    Ref,
    is_a,
    kind_of,
    ref_of,
)
from ..kube.workload import kind_of_workload, replaces_in_order, workload_of
from ..release.config import is_pinned
from ..release.model import Release
from ..strategies import by_name, of_release, possible, surroundings
from .look import refs_of

if TYPE_CHECKING:
    from ..release.gates import Gate


def rights(release: Release, strategies: Collection[str], *, prunes: bool = False) -> frozenset[Right]:
    """What plan, apply, promote, rollback, status, history and wait need for the strategies, and for going from one to another.

    Writing is granted by name where names are known beforehand; creating never can be, and reading is not where everything of a
    kind is listed anyway. `prunes`: with what `--prune` will do once objects of these manifests are no longer in them.
    """
    strategies = possible(strategies, release)
    found = {
        *_bookkeeping(release),
        *_waiting(kind_of_workload(release.workload)),
        *_following(release),
        *_measuring(release, strategies),
        *_hooking(release),
        *_probing(release),
        *adopting(release, strategies),
    }
    for ref in refs_of(release, set(strategies)):
        found |= on(likely_kind(ref), "get", names=[ref.name], namespace=elsewhere(ref, release.namespace))
    for name in strategies:
        for manifest in of_release(name, release).render():
            found |= set(_applying(manifest, release.namespace))
        found |= set(_moving(release, name))
    if len(strategies) > 1:
        found |= set(_clearing(release, strategies))
    if prunes:
        found |= set(_pruning(release))
    return fewest(found)


def fewest(found: Collection[Right]) -> frozenset[Right]:
    """Without those by name that are there for all names."""
    return frozenset(right for right in found if not right.name or right._replace(name="") not in found)


def _bookkeeping(release: Release) -> Iterator[Right]:
    """The lock and the history. A revision's name holds its number, so that no list of names would do."""
    yield from on(LEASE, "create")
    yield from on(LEASE, "get", "update", "delete", names=[f"rollway-{release.app}"])
    yield from on(SECRET, "list", "watch", "create", "patch", "delete")
    # what a saved plan knows its cluster by; of a namespace's own name a Role in it can speak
    yield from on(NAMESPACE._replace(namespaced=True), "get", names=[release.namespace])
    for obj in release.others:
        if is_pinned(obj):  # goes with the last revision that has it
            yield from on(likely_kind(ref_of(obj)), "delete")


def _waiting(kind: Kind) -> Iterator[Right]:
    """Looking at how far a rollout has come, and why it does not come."""
    yield from on(kind, "get", "list", "watch")
    yield from on(POD, "list", "watch")
    yield from on(POD, "get", subresource="log")
    yield from on(EVENT, "list")
    yield from on(REPLICA_SET if kind == DEPLOYMENT else CONTROLLER_REVISION, "list")
    yield from on(HPA, "list")


def _following(release: Release) -> Iterator[Right]:
    """Other workloads are waited for, too; an ordered set's broken pods would hold up its way back."""
    for obj in release.others:
        kind = likely_kind(ref_of(obj))
        if (kind.group, kind.name) in WORKLOADS:
            yield from on(kind, "list", "watch")
        if replaces_in_order(obj) and not elsewhere(ref_of(obj), release.namespace):
            yield from renewing(kind)


def _measuring(release: Release, strategies: Collection[str]) -> Iterator[Right]:
    """What gates ask the cluster itself, and the Secrets of those that are asked or told; what came of it is kept where the
    history is."""
    gates = tuple({each.name: each for name in strategies for each in release.gates_for(name)}.values())
    if names := _secrets(release, gates):
        yield from on(SECRET, "get", names=names)
    for gate in gates:
        for need in gate.options.needs(release.namespace):
            yield from on(need.kind, *need.verbs, subresource=need.subresource, names=[need.name], namespace=need.namespace)


def _secrets(release: Release, asked: tuple[Gate, ...]) -> Collection[str]:
    """Those that gates and receivers read."""
    if not asked and not release.notify:
        return ()
    from ..release.sources import secrets_of

    return secrets_of(*asked, *release.notify)


def _probing(release: Release) -> Iterator[Right]:
    """Workers that send a probe's requests from inside; their Secret is made as the history's are."""
    if release.probe is not None and release.probe.workers is not None:
        yield from on(JOB, "create", "list", "patch", "delete")


def _hooking(release: Release) -> Iterator[Right]:
    """The Jobs around its pods: a name holds the revision's number, and they go with it."""
    if release.hooks:
        yield from on(JOB, "create", "list", "watch", "patch", "delete")


def adopting(release: Release, strategies: Collection[str]) -> set[Right]:
    """What only the first release of an application that somebody else deployed needs, and its way back: the Services that reach
    it are looked for; running pods and their ReplicaSet get the label that routing goes by, also where the version is the one
    that runs; and nothing is left beside what was found."""
    found = on(SERVICE, "list")
    if "blue-green" in strategies:
        green = f"{release.workload['metadata']['name']}-{by_name('blue-green').suffix}"
        found |= on(DEPLOYMENT, "delete", names=[green])
    return found | (set() if workload_of(release.workload).is_set else labelling())


def renewing(kind: Kind) -> set[Right]:
    """Pods of a set go, so that it makes them anew: those that are not of its newest revision."""
    return on(kind, "get") | on(POD, "list", "delete") | on(CONTROLLER_REVISION, "list")


def labelling() -> set[Right]:
    """Running pods and their ReplicaSets get a label."""
    return on(POD, "patch") | on(REPLICA_SET, "patch")


def _applying(manifest: Obj, own: str) -> Iterator[Right]:
    """Server-side apply is a patch, and of what is not there yet a create as well."""
    kind, place = likely_kind(ref_of(manifest)), elsewhere(ref_of(manifest), own)
    yield from on(kind, "create", namespace=place)
    if is_pinned(manifest):
        yield from on(kind, "get", "patch")  # its name changes with its content
    else:
        yield from on(kind, "get", "patch", names=[manifest["metadata"]["name"]], namespace=place)


def elsewhere(ref: Ref, own: str) -> str:
    """The namespace of an object that is not in the release's own."""
    return "" if ref.namespace == own else ref.namespace


def _moving(release: Release, strategy: str) -> Iterator[Right]:
    """What a strategy does besides applying: moving pods between the sides, and ending what it put beside the user's own."""
    own = str(release.workload["metadata"]["name"])
    suffix = by_name(strategy).suffix
    second = f"{own}-{suffix}"
    kind = kind_of_workload(release.workload)
    if kind != DEPLOYMENT:
        if strategy == "ramped":
            yield from renewing(kind)
        if strategy == "recreate" and workload_of(release.workload).is_scaled:
            yield from on(kind, "patch", subresource="scale", names=[own])
        return
    match strategy:
        case "canary":
            yield from on(DEPLOYMENT, "patch", subresource="scale", names=[own, second])
            yield from on(DEPLOYMENT, "delete", names=[second])
            yield from _unrouting(release, strategy)
        case "ab":
            yield from on(DEPLOYMENT, "patch", subresource="scale", names=[second])
            yield from on(DEPLOYMENT, "delete", names=[second])
            yield from _unrouting(release, strategy)
        case "blue-green":
            yield from on(DEPLOYMENT, "patch", subresource="scale", names=[own, second])
            yield from on(SERVICE, "delete", names=[f"{own}-preview"])
            yield from on(HPA, "patch")  # it follows the live side, whosever it is
            yield from _unrouting(release, strategy)
            if of_release(strategy, release).routing_kinds:
                yield from on(DEPLOYMENT, "delete", names=[second])  # by routes it ends on the own one


def _unrouting(release: Release, strategy: str) -> Iterator[Right]:
    """Looking who else routes the application's requests, waiting until routes are taken up; and what is made beside the user's
    own goes after the release."""
    made = of_release(strategy, release)
    for kind in made.routing_kinds:
        yield from on(kind, "list")
        places = {elsewhere(ref_of(obj), release.namespace) for obj in release.others if is_a(obj, kind)}
        for place in places if (kind.group, kind.name) in ROUTES else ():
            yield from on(kind, "list", "watch", namespace=place)
    for ref in made.routing_deletes:
        yield from on(likely_kind(ref), "delete", names=[ref.name])


def _clearing(release: Release, strategies: Collection[str]) -> Iterator[Right]:
    """One strategy puts away what another one leaves standing after a release."""
    own = str(release.workload["metadata"]["name"])
    if "blue-green" in strategies:
        yield from on(DEPLOYMENT, "delete", names=[f"{own}-{by_name('blue-green').suffix}"])


def _pruning(release: Release) -> Iterator[Right]:
    """Taking away what is the user's own, as soon as they no longer have it."""
    for ref in (ref_of(obj) for obj in (*release.services, *release.others)):
        if surroundings.is_prunable(ref):
            yield from on(likely_kind(ref), "delete", names=[ref.name], namespace=elsewhere(ref, release.namespace))


def on(kind: Kind, *verbs: str, subresource: str = "", names: Iterable[str] = ("",), namespace: str = "") -> set[Right]:
    """Those verbs on a kind or a subresource of it: of the objects named, or of all."""
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
