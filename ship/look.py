"""What a plan starts from: which objects of the cluster concern a release."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ..cluster import history
from ..cluster.observe import listed, observe
from ..cluster.port import Cluster
from ..errors import Forbidden
from ..kube.objects import (
    HPA,
    INGRESS,
    POD,
    SERVICE,
    Kind,
    Obj,
    Ref,
    is_a,
    ref_of,
)
from ..kube.workload import kind_of_workload, names_workload
from ..plan.observed import Observed
from ..plan.revision import Revision, before, in_flight_of, live_of, unsettled_of
from ..release.model import Release
from ..routing import fit
from ..strategies import by_name, of_release
from ..strategies.app import reaches
from ..strategies.surroundings import dropped


async def look(cluster: Cluster, release: Release, strategy: str | None = None) -> Observed:
    """What is live of the application, and of whatever the strategies in its history may have left beside it."""
    revisions = await history.load(cluster, release.app, release.namespace)
    involved = {strategy or release.strategy, *(revision.strategy for revision in revisions)}
    is_found = all(revision.is_adopted for revision in revisions)  # under the names as written, if those run already
    written = [release.as_written] if is_found and release.as_written is not release else []
    known = [release, *written, *(Release.from_record(revision.release) for revision in _concerned(revisions))]
    refs = set().union(*(refs_of(each, involved) for each in known), dropped(release, revisions))
    # what only an earlier revision had, this account may have lost the right to read; the others are listed
    former = sorted(ref for ref in refs - refs_of(release, involved) if not (names_workload(ref) or ref.is_a(HPA)))
    own = ref_of(release.workload)
    seconds = [own._replace(name=f"{own.name}-{suffix}") for name in sorted(involved) if (suffix := by_name(name).suffix)]
    current = in_flight_of(revisions)
    observed, found, elsewhere = await asyncio.gather(
        observe(cluster, release.app, release.namespace, refs - {*former}, revisions, seconds=seconds),
        asyncio.gather(*(_readable(cluster, ref) for ref in former)),
        routing_objects(cluster, release, {strategy or release.strategy, *([current.strategy] if current else [])}),
    )
    objects = {**observed.objects, **{ref: obj for ref, obj in zip(former, found, strict=True) if obj is not UNREAD}}
    unread = frozenset(ref for ref, obj in zip(former, found, strict=True) if obj is UNREAD)
    objects, wide = _placed(objects)
    observed = replace(observed, objects=objects, unread=unread, wide=wide, kind=kind_of_workload(release.workload))
    observed = replace(observed, objects={**observed.objects, **await _reaching(cluster, release, observed)})
    observed = replace(observed, elsewhere=elsewhere, strangers=await _strangers(cluster, observed, known))
    return await _with_claims(cluster, release, observed)


def _placed(objects: Mapping[Ref, Obj | None]) -> tuple[dict[Ref, Obj | None], frozenset[Ref]]:
    """With what turned out to be in no namespace known by the one that it was asked for in; and which that is."""
    wide = {ref: obj for ref, obj in objects.items() if obj and ref.namespace and not obj["metadata"].get("namespace")}
    held = {ref: {**obj, "metadata": {**obj["metadata"], "namespace": ref.namespace}} for ref, obj in wide.items()}
    return {**objects, **held}, frozenset(wide)


async def _reaching(cluster: Cluster, release: Release, observed: Observed) -> dict[Ref, Obj]:
    """The Services by which what somebody else has deployed is reached, whatever the manifests of the release call theirs."""
    foreign = observed.objects.get(ref_of(release.workload)) if not observed.history else None
    if foreign is None:
        return {}
    found = await _allowed(cluster, SERVICE, release.namespace)
    return {ref_of(service): service for service in found if reaches(service, foreign)}


UNREAD: Obj = {}


async def _readable(cluster: Cluster, ref: Ref) -> Obj | None:
    """The object, or UNREAD."""
    try:
        return await cluster.get(ref)
    except Forbidden:
        return UNREAD


async def _with_claims(cluster: Cluster, release: Release, observed: Observed) -> Observed:
    """With what other applications have taken up of all that is left over of this one. What is in another namespace, or in none,
    may be an application's of any."""
    left = [ref for ref in dropped(release, observed.history) if observed.objects.get(ref)]
    app, namespace = release.app, release.namespace
    if any(ref.namespace != namespace or ref in observed.wide for ref in left):
        with contextlib.suppress(Forbidden):
            return replace(observed, claimed=await history.claimed(cluster, app, namespace, everywhere=True))
    claimed = await history.claimed(cluster, app, namespace) if left else frozenset()
    return replace(observed, claimed=claimed, is_claimed_anywhere=False)


async def routing_objects(cluster: Cluster, release: Release, strategies: Collection[str]) -> tuple[Obj, ...] | None:
    """All objects of the kinds that what splits the release's requests has a say by, of those that this account may list; None
    where not even those of the namespace. Beside them, as far as they may be listed, those that router `auto` is to tell of. In
    the version of the manifests: an older cluster knows no other."""
    kinds = {kind: None for name in sorted(strategies) for kind in of_release(name, release).routing_kinds}
    written = {(kind.group, kind.name): obj["apiVersion"] for obj in release.others for kind in kinds if is_a(obj, kind)}
    asked = [kind._replace(api_version=written.get((kind.group, kind.name), kind.api_version)) for kind in kinds]
    beside = {kind for name in strategies for kind in of_release(name, release).kinds_beside} - kinds.keys()
    found, told = await asyncio.gather(
        asyncio.gather(*(listed(cluster, kind, release.namespace) for kind in asked)),
        asyncio.gather(*(listed(cluster, kind, release.namespace) for kind in sorted(beside))),
    )
    return None if None in found else tuple(obj for objects in (*found, *told) for obj in objects or ())


async def _strangers(cluster: Cluster, observed: Observed, known: Sequence[Release]) -> tuple[Obj, ...]:
    """What of others a change of the Services would concern, where there is one: pods that a wider selector may reach, Ingresses
    that name a port which goes. What this account may not read is not judged by."""
    changed = [
        (live, service)
        for service in (service for release in known for service in release.services)
        if (live := observed.objects.get(ref_of(service)))
    ]
    found: list[Obj] = []
    namespace = known[0].namespace
    if any(fit.plain(live) != fit.plain(service) for live, service in changed):
        found += await _allowed(cluster, POD, namespace)
    if any(not fit.has(service, port) for live, service in changed for port in fit.names_of(live)):
        found += [obj for obj in await _allowed(cluster, INGRESS, namespace) if ref_of(obj) not in observed.objects]
    return tuple(found)


async def _allowed(cluster: Cluster, kind: Kind, namespace: str) -> Sequence[Obj]:
    try:
        return await cluster.list(kind, namespace)
    except Forbidden:
        return []


def _concerned(revisions: Sequence[Revision]) -> list[Revision]:
    """The revisions whose routes and pods a plan may touch: what is under way and what it has superseded, what is live,
    and what that would go back to.

    Their manifests may name objects that the release file no longer has.
    """
    live = live_of(revisions)
    earlier = before(revisions, live.number) if live else None
    return [*unsettled_of(revisions), *(revision for revision in (live, earlier) if revision)]


def refs_of(release: Release, involved: set[str]) -> set[Ref]:
    """The objects that the strategies involved read."""
    manifests = (release.workload, *release.services, *release.others)
    refs = {ref_of(manifest) for manifest in manifests}
    name = release.workload["metadata"]["name"]

    def beside(kind: Kind, called: str) -> Ref:
        return Ref(kind.api_version, kind.name, release.namespace, called)

    if "blue-green" in involved:
        refs.add(beside(SERVICE, f"{name}-preview"))
    for strategy in involved:
        refs |= of_release(strategy, release).routing_refs
    return refs
