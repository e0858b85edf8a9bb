"""What splits requests, one file each, and their one table."""

from __future__ import annotations

from ...errors import BadInput
from ...release.model import Release
from ..router import Outside, Router
from ..traffic import FEATURES, Feature, Host, Traffic
from .gateway import Gateway
from .istio import Istio
from .nginx import Nginx

ROUTERS: tuple[type[Router], ...] = (Gateway, Istio, Nginx)
"""In the order in which `auto` looks for routes in the manifests."""
BY_PODS = "replicas"
"""The router that is none: a Service spreads requests over its pods."""


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
    if release.router != "auto":
        return release.router
    found = every(release, host, host.name, "", Outside(), "")
    return next((router.name for router in found if router.has_routes), BY_PODS)
