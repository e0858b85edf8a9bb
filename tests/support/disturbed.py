"""The verbs as they go undisturbed: what a run that was cut off, or cut short, is measured by."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from byroute import ROUTES, routed
from mortal import Counted, Mortal
from rollway.release.model import Release
from sets import SET_WAYS
from shop import WAYS, Stand, World, in_world, promoted, release, stand_of

QUICK: dict[str, Any] = {name: {"progressDeadlineSeconds": 300} for name in ("recreate", "ramped", "blueGreen", "canary", "ab")}
QUICK["blueGreen"]["scaleDownDelaySeconds"] = 2
BY_ROUTE = ("canary gateway", "canary istio", "canary nginx", "ab gateway", *(f"blue-green {name}" for name in ROUTES))
"""A strategy, and the router whose routes the manifests hold."""
FEATURES: dict[str, dict[str, Any]] = {"mirror": {"steps": [{"mirror": 10}, {"weight": 25}]}, "sticky": {"sticky": True}}
FEATURED = tuple(f"canary {router} {feature}" for router in ("gateway", "istio") for feature in FEATURES)
"""And what is asked of it beside a share."""
EACH = [
    *(
        (strategy, verb)
        for strategy in (*WAYS, *BY_ROUTE)
        for verb in ("apply", "promote", "rollback")
        if (strategy.partition(" ")[0], verb) != ("recreate", "promote")  # which holds no share that could be promoted
    ),
    *((way, verb) for way in FEATURED for verb in ("apply", "promote", "abort")),
]


def shop(tag: str, way: str) -> Release:
    """The shop to be released by a strategy, and by routes where the way names a router."""
    if way in SET_WAYS:
        return release(tag, strategy=way, options=QUICK)
    strategy, router, feature = (*way.split(), "", "")[:3]
    options = {**QUICK, strategy: QUICK[strategy] | FEATURES[feature]} if feature else QUICK
    if not router:
        return release(tag, strategy=strategy, options=options)
    made = routed(tag, router=router, strategy=strategy, options=options)
    return replace(made, router=router) if strategy == "blue-green" else made  # which switches by routes only where that is asked


async def prepare(world: World, way: str, verb: str, made: Callable[[str, str], Release] = shop) -> None:
    """`made` is the release of a tag by a way."""
    await promoted(world, made("v1", way))
    if verb == "rollback":
        await promoted(world, made("v2", way))
    if verb in ("promote", "abort"):
        is_first = way.startswith("blue-green") or way.endswith("mirror")
        await world.ship("apply", made("v2", way), weight=0 if is_first else 25)
    world.emptied.clear()


@functools.cache
def prepared(way: str, verb: str) -> Stand:
    """Where every run of the verb begins. The way there is gone once."""
    return stand_of(lambda world: prepare(world, way, verb))


async def command(world: World, way: str, verb: str, cluster: Any, **options: Any) -> Any:
    """The verb, said in a way that means the same when it is said twice. `abort` is a rollback in mid-release."""
    is_back = verb in ("rollback", "abort")
    more: dict[str, Any] = {"to_revision": 1} if is_back else {"weight": 100 if verb == "promote" else None}
    return await world.ship("rollback" if is_back else verb, shop("v2", way), cluster=cluster, **more, **options)


def unnumbered(standing: dict[str, Any]) -> str:
    """Whatever number the revision has by which users are known."""
    return re.sub(r"(rollway\\*-shop\\*)-\d+", r"\1", json.dumps(standing, sort_keys=True))


class Undisturbed(NamedTuple):
    """What a run asks of the cluster, and how it ends."""

    counted: Counted
    standing: dict[str, Any]
    history: list[Any]


@functools.cache
def undisturbed(way: str, verb: str) -> Undisturbed:
    async def story(world: World) -> Undisturbed:
        cluster = Mortal(world.cluster)
        await command(world, way, verb, cluster)
        await asyncio.sleep(60)
        history = [(r.number, r.version, r.phase, r.weight) for r in await world.history()]
        return Undisturbed(cluster.counted, world.standing(), history)

    made: Undisturbed = in_world(story, stand=prepared(way, verb))
    return made
