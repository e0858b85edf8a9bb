"""What changes with the version and cannot: judged by what is live beside the manifests."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from ..kube.defaults import fill
from ..kube.objects import SERVICE, Obj, get
from ..kube.printed import selector_text
from ..kube.workload import Workload, pods_of, workload_of
from ..routing import fit
from ..routing.fit import Misfit, Side
from .case import Case, named
from .model import Found


def selector_changes(case: Case) -> Iterator[Found]:
    """Of the application's own workload, by a strategy that ends in it, and rolls it in place."""
    known = workload_of(case.workload)
    if known.is_set:
        yield from _fixed_changes(case, known)
        return
    live = _running(case)
    was, wanted = (get(obj, "spec", "selector") for obj in (live, case.workload))
    if live is None or _has_sides(case) or case.chosen.makes_room or not was or was == wanted:
        return
    yield Found(
        case.workload,
        ("spec", "selector"),
        f"{named(case.workload)} selects its pods by {selector_text(was)}, the manifest by {selector_text(wanted)}: "
        "that cannot be changed",
        hint="keep it; release by blue-green or canary, which run a second Deployment; or give the Deployment another name and "
        "another `app`",
    )


def _fixed_changes(case: Case, known: Workload) -> Iterator[Found]:
    """Of a set, whether it has pods or not: it is never made anew in silence."""
    live, written = case.live_workload, copy.deepcopy(case.workload)
    if live is None:
        return
    fill(written)
    was, wanted = known.fixed(live), known.fixed(written)
    for field in (field for field in wanted if wanted[field] != was.get(field)):
        how = f"`kubectl delete {known.kind.name.lower()} {live['metadata']['name']} --cascade=orphan`"
        what = f"{named(case.workload)} has another {field} than the one that is live: that cannot be changed"
        yield Found(
            case.workload, ("spec", field), what, hint=f"keep it; or {how}, which leaves its pods and claims, and apply again"
        )


def one_service_for_two(case: Case) -> Iterator[Found]:
    """By a strategy that lets both versions run behind one Service."""
    live = _running(case)
    if live is None or case.strategy == "recreate" or _has_sides(case):
        return
    namespace = case.release.namespace
    services = {
        each["metadata"]["name"]: case.observed.find(SERVICE, namespace, each["metadata"]["name"])
        for each in case.release.services
    }
    running = Side("what runs now", live, [each for each in services.values() if each])
    coming = Side(case.release.version, case.workload, case.release.services)
    if _pod(live) == _pod(case.workload):
        return  # the same pods: what changes of the Service is a correction
    for service in case.release.services:
        found = services[service["metadata"]["name"]]
        misfit = fit.bridge(found, service, [running, coming]) if found else {}
        if isinstance(misfit, Misfit):
            part = "ports" if fit.plain(found or {}) == fit.plain(service) else "selector"
            yield Found(service, ("spec", part), misfit.why, hint=misfit.hint)


def _has_sides(case: Case) -> bool:
    """Whether the strategy ends on either of two Deployments, each with its own selector, that no Service reaches both of."""
    from ..strategies.blue_green import BlueGreen

    return isinstance(case.chosen, BlueGreen)


def _running(case: Case) -> Obj | None:
    """The application's own workload, where it is live and has pods."""
    live = case.live_workload
    return live if live and get(live, "spec", "template") and pods_of(live) else None


def _pod(workload: Obj) -> list[tuple[object, ...]]:
    """What tells versions apart of their containers."""
    containers = get(workload, "spec", "template", "spec", "containers", default=())
    return [
        (each.get("name"), each.get("image"), [port.get("containerPort") for port in each.get("ports") or ()])
        for each in containers
    ]
