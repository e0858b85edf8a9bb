"""What splits requests, one file each; their one table are the names that a release file may have (release.options)."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import get_args

from ...errors import BadInput
from ...kube.objects import DESTINATION_RULE, Kind, Obj, ref_of
from ...release.model import Release
from ...release.options import RouterName
from ..router import Outside, Router
from ..traffic import FEATURES, Feature, Host, Traffic

AUTO, BY_PODS, *_NAMES = get_args(RouterName)
"""`BY_PODS` is the router that is none: a Service spreads requests over its pods."""


def _in_file(name: str) -> type[Router]:
    """The class of a router, called as its file is."""
    found: type[Router] = getattr(import_module(f".{name}", __name__), name.capitalize())
    return found


ROUTERS: tuple[type[Router], ...] = tuple(map(_in_file, _NAMES))
"""In the order in which `auto` looks for routes."""


def every(release: Release, host: Host, app: str, track: str, outside: Outside, chosen: str) -> list[Router]:
    """All of them for a release; `chosen` is the name of the one that is to split it."""
    return [kind(release, host, app, track, outside, is_chosen=kind.name == chosen) for kind in ROUTERS]


def refuse_unable(name: str, traffic: Traffic) -> None:
    """Raises BadInput where the router of that name cannot do what is asked for beside a share, with those that can."""
    for feature in traffic.features:
        if wrong := unable(name, feature):
            raise wrong


def unable(name: str, feature: Feature) -> BadInput | None:
    able = [router.name for router in ROUTERS if feature in router.can]
    if name in able:
        return None
    return BadInput(
        f"router {name} cannot {FEATURES[feature]}",
        hint=f"{' and '.join(able)} can: add a route of theirs to the manifests, or leave it out",
    )


def chosen(release: Release, host: Host) -> str:
    """The name of the router that the release file asks for; with `auto` the first whose routes the manifests hold, else by
    pods."""
    if release.router != AUTO:
        return release.router
    taken = _taken(release, host)
    return taken.name if taken else BY_PODS


def why_chosen(release: Release, host: Host, name: str = BY_PODS) -> list[str]:
    """Why `auto` has come to the router of that name, in a sentence; nothing where the release file names it."""
    if release.router != AUTO:
        return []
    taken = _taken(release, host)
    held = " and ".join(str(ref_of(route)) for route in taken.found) if taken else "no route that can be split"
    return [f"router auto: {name}, as the manifests hold {held}"]


def kinds_beside(name: str) -> tuple[Kind, ...]:
    """Of which live objects `auto` asks whether they are routes that it does not see in the manifests, beside the router of that
    name, which looks for its own. A rule by itself leads nobody anywhere."""
    return tuple(kind for router in ROUTERS if router.name != name for kind in router.kinds if kind != DESTINATION_RULE)


def told_unseen(release: Release, host: Host, name: str, live: Iterable[Obj]) -> list[str]:
    """A sentence for each live route that `auto` would have a say by, were it in the manifests; `name` is the router that it has
    come to. It chooses by the manifests alone: what changes in the cluster changes no release that is under way, and nothing is
    split that nobody has handed over."""
    if release.router != AUTO:
        return []
    others = [router for router in every(release, host, host.name, "", Outside(), "") if router.name != name]
    found, objects = [], list(live)
    for route in (route for router in others for route in router.unseen(objects)):
        ref = ref_of(route)
        where = f" of namespace {ref.namespace}" if ref.namespace != host.namespace else ""
        becomes = "pods share its requests" if name == BY_PODS else f"{name} does not split its requests"
        found.append(
            f"{ref}{where} leads to Service {host.name} and is not in the manifests, by which router auto chooses: {becomes}"
        )
    return found


def _taken(release: Release, host: Host) -> Router | None:
    found = every(release, host, host.name, "", Outside(), "")
    return next((router for router in found if router.has_routes), None)
