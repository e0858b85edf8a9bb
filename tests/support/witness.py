"""What is seen of an application while it is released: whom its Service reaches, and whether everything fits together."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping

from changing import PODS
from rollway.health.pods import is_ready
from rollway.kube.objects import INGRESS, POD, SERVICE, Obj, get, kind_of, labels_of, selects
from rollway.release.model import Release
from rollway.routing import fit
from shop import NAMESPACE_NAME, World


class Witness:
    """Looks at the cluster after each change: how few pods the Service reached, and what was ever amiss."""

    def __init__(self, world: World, listens: Mapping[str, int]) -> None:
        self._store, self._listens = world.sandbox.store, listens
        self.fewest = PODS
        self.amiss: list[str] = []
        self.stop = self._store.subscribe(lambda change: self._look() if change.kind in (POD, SERVICE, INGRESS) else None)

    def _look(self) -> None:
        service = self._store.find(SERVICE, NAMESPACE_NAME, "shop")
        if service is None:
            return
        pods = [
            pod for pod in self._store.list(POD, NAMESPACE_NAME) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        chosen = [pod for pod in pods if selects(get(service, "spec", "selector"), labels_of(pod))]
        ports = fit.ports_of(service)
        well = [pod for pod in chosen if all(self._listens[tag_of(pod)] == number_on(pod, port) for port in ports)]
        self.fewest = min(self.fewest, len(well))
        if len(well) < len(chosen):
            self.amiss.append(f"{len(chosen) - len(well)} pods asked at a port that they do not have")
        for ingress in self._store.list(INGRESS, NAMESPACE_NAME):
            self.amiss += [f"the Ingress asks for port {lost.port}" for lost in fit.lacks(ingress, {"shop": service})]


def tag_of(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2]


def number_on(pod: Obj, port: Obj) -> int | None:
    target = port.get("targetPort", port["port"])
    declared = pod["spec"]["containers"][0].get("ports") or ()
    return (
        target
        if isinstance(target, int)
        else next((each["containerPort"] for each in declared if each.get("name") == target), None)
    )


async def live(world: World, first: Release, strategy: str, *, is_adopted: bool) -> None:
    """The first version, released by the strategy or by somebody who never heard of rollway."""
    if not is_adopted:
        assert (await world.ship("apply", first, strategy=strategy)).is_ok
        return
    for manifest in first.manifests:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
    await asyncio.sleep(20)
