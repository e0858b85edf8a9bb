"""What preflight finds in a release, before it runs: from its files, and where asked from what is live beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from .. import preflight
from ..cluster import history
from ..cluster.port import Cluster
from ..errors import ApiError, BadInput, Forbidden
from ..kube.objects import (
    API_GATEWAY,
    DESTINATION_RULE,
    GATEWAY_CLASS,
    HPA,
    NAMESPACE,
    NODE,
    PDB,
    PERSISTENT_VOLUME_CLAIM,
    RESOURCE_QUOTA,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
    Ref,
    get,
    is_a,
    ref_of,
)
from ..kube.workload import kind_of_workload
from ..plan.observed import Observed
from ..plan.revision import Revision
from ..preflight import Finding
from ..release.config import uses
from ..release.model import Release
from ..routing import gateway
from .look import routing_objects


class Checked(NamedTuple):
    """A release and what was found in it, the worst first. `unread` are the kinds that this account may not list in the cluster:
    it was not judged by them."""

    release: Release
    findings: tuple[Finding, ...]
    unread: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


def check(release: Release, strategy: str | None = None) -> Checked:
    """By its files alone."""
    return Checked(release, preflight.findings(release, strategy))


async def check_live(cluster: Cluster, release: Release, strategy: str | None = None) -> Checked:
    """Also by what is live of its namespace, as far as this account may read it."""
    namespace = Ref(NAMESPACE.api_version, NAMESPACE.name, "", release.namespace)
    kind = kind_of_workload(release.workload)
    own = Ref(kind.api_version, kind.name, release.namespace, release.workload["metadata"]["name"])
    lists, gets, needed, serving, elsewhere, revisions = await asyncio.gather(
        asyncio.gather(*(_all(cluster, kind, release.namespace) for kind in _KINDS)),
        asyncio.gather(*(_one(cluster, ref) for ref in (namespace, own))),
        asyncio.gather(*(_looked(cluster, ref) for ref in _configuration(release))),
        _served(cluster, release),
        routing_objects(cluster, release, {strategy or release.strategy}),
        _history(cluster, release),
    )
    unread = tuple(kind.name for kind, found in zip(_KINDS, lists, strict=True) if found is None)
    unread += (VIRTUAL_SERVICE.name,) if elsewhere is None else ()
    objects: dict[Ref, Obj | None] = {ref_of(obj): obj for found in lists for obj in found or ()}
    objects |= {ref_of(obj): obj for obj in gets if obj} | {
        ref: obj for found in (*needed, serving) for ref, obj in found.items()
    }
    found = preflight.findings(
        release, strategy, Observed(objects, revisions, elsewhere=elsewhere, kind=kind), is_live=not unread
    )
    return Checked(release, found, unread)


_KINDS = (RESOURCE_QUOTA, PDB, HPA, SERVICE, PERSISTENT_VOLUME_CLAIM, DESTINATION_RULE, NODE)


async def _all(cluster: Cluster, kind: Kind, namespace: str) -> Sequence[Obj] | None:
    """None where they may not be read; of a kind that the cluster does not know there are none."""
    try:
        return await cluster.list(kind, namespace if kind.namespaced else "")
    except Forbidden:
        return None
    except ApiError as error:
        if error.code == 404:
            return []
        raise


def _configuration(release: Release) -> set[Ref]:
    """The ConfigMaps and Secrets that the pods need."""
    found = uses(get(release.workload, "spec", "template", "spec", default={}))
    return {Ref(use.kind.api_version, use.kind.name, release.namespace, use.name) for use in found if use.name}


async def _served(cluster: Cluster, release: Release) -> dict[Ref, Obj | None]:
    """The release's routes of the Gateway API, their Gateways, and the classes of these, as far as they may be read; None for one
    that is not there."""
    routes = [obj for obj in release.others if any(is_a(obj, kind) for kind in gateway.KINDS)]
    refs = {ref for route in routes for ref in (ref_of(route), *gateway.gateways_of(route, release.namespace))}
    found = {
        ref: obj for each in await asyncio.gather(*(_looked(cluster, ref) for ref in sorted(refs))) for ref, obj in each.items()
    }
    names = {str(get(each, "spec", "gatewayClassName")) for each in found.values() if each and is_a(each, API_GATEWAY)}
    classes = (Ref(GATEWAY_CLASS.api_version, GATEWAY_CLASS.name, "", name) for name in sorted(names))
    return found | {ref_of(each): each for each in await asyncio.gather(*(_one(cluster, ref) for ref in classes)) if each}


async def _looked(cluster: Cluster, ref: Ref) -> dict[Ref, Obj | None]:
    """The object, or None for one that is not there; empty where it may not be read."""
    try:
        return {ref: await cluster.get(ref)}
    except Forbidden:
        return {}


async def _history(cluster: Cluster, release: Release) -> tuple[Revision, ...]:
    """None where its Secrets may not be read."""
    try:
        return await history.load(cluster, release.app, release.namespace)
    except Forbidden:
        return ()


async def _one(cluster: Cluster, ref: Ref) -> Obj | None:
    try:
        return await cluster.get(ref)
    except Forbidden:
        return None


class Unfit(BadInput):
    """A release with errors in it. The first is the summary, the others the detail; `findings` are all that was found."""

    findings: tuple[Finding, ...] = ()


def refuse(checked: Sequence[Checked]) -> None:
    """Raises Unfit where there are errors."""
    errors = [error for one in checked for error in one.errors]
    if not errors:
        return
    first, *rest = errors
    unfit = Unfit(
        f"{first.message} ({first.id})",
        where=first.where,
        detail="\n".join(f"{error.where}: {error.message} ({error.id})" for error in rest),
        hint="`deploy check` says why, and --fix mends what it can; --force releases it as it is",
    )
    unfit.findings = tuple(finding for one in checked for finding in one.findings)
    raise unfit
