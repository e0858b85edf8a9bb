"""The application that the tests release, and the embedded cluster it lives on, in virtual time."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import yaml
from rollway.cluster import history
from rollway.health.pods import is_ready
from rollway.kube.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    GATEWAY,
    HTTP_ROUTE,
    INGRESS,
    LEASE,
    NAMESPACE,
    POD,
    SERVICE,
    VIRTUAL_SERVICE,
    Obj,
    as_manifest,
    get,
    kind_of,
    labels_of,
    selects,
)
from rollway.kube.workload import WORKLOAD_KINDS
from rollway.plan.revision import Revision
from rollway.release.abtests import options_of
from rollway.release.model import Release
from rollway.release.options import StrategyOptions
from rollway.sandbox.store.store import Snapshot, Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from sets import SET_WAYS, as_set, provide

NAMESPACE_NAME = "shop"
STRATEGIES = ("recreate", "ramped", "blue-green", "canary", "ab")
WAYS = (*STRATEGIES, *SET_WAYS)
"""And on what else than a Deployment they can be used."""

MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: shop-settings, namespace: shop}
data: {currency: EUR}
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: shop}
spec:
  selector: {app: shop}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: shop, labels: {app: shop}}
spec:
  replicas: 4
  selector: {matchLabels: {app: shop}}
  template:
    metadata:
      labels: {app: shop}
      annotations:
        sandbox.rollway.dev/behaviour: "{pull: 0.1s, start: 1s, stop: 0.5s}"
        sandbox.rollway.dev/versions: |
          bad: {fails: never-ready, probe: "HTTP probe failed with statuscode: 503"}
          gone: {fails: bad-image}
          nowhere: {fails: unschedulable}
          unset: {fails: config-error}
          crash: {fails: crash, exitCode: 1, log: "KeyError: 'PAYMENT_URL'"}
    spec:
      containers:
      - name: shop
        image: ghcr.io/acme/shop:v1
        ports: [{containerPort: 8080}]
        readinessProbe: {httpGet: {path: /ready, port: 8080}, periodSeconds: 1}
        lifecycle: {preStop: {sleep: {seconds: 1}}}
"""
PARSED = tuple(yaml.safe_load_all(MANIFESTS))  # once: most tests make several releases of it


def release(
    tag: str = "v1", *, strategy: str = "ramped", replicas: int | None = 4, options: dict[str, Any] | None = None
) -> Release:
    """The shop at a version, as loading its files would give it; by a strategy, or by a way."""
    strategy, _, kind = strategy.partition(" ")
    config, service, workload = copy.deepcopy(PARSED)
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = f"ghcr.io/acme/shop:{tag}"
    if replicas is None:
        del workload["spec"]["replicas"]
    else:
        workload["spec"]["replicas"] = replicas
    workload = as_set(workload, kind) if kind else workload
    blocks: dict[str, Any] = {
        name: {"progressDeadlineSeconds": 20} for name in ("recreate", "ramped", "blueGreen", "canary", "ab")
    }
    for name, block in (options or {}).items():
        blocks[name] = {**blocks[name], **block}
    return Release(
        app="shop",
        namespace=NAMESPACE_NAME,
        workload=workload,
        services=(service,),
        others=(config,),
        strategy=strategy,  # type: ignore[arg-type]
        options=(options_of if "experiment" in blocks["ab"] else StrategyOptions.model_validate)(blocks),
    )


class World:
    """The sandbox with the shop's namespace, and the verbs on it. Each verb raises nothing that the use case does not."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.cluster = sandbox.client()
        self.emptied: list[str] = []
        self._served: set[str] = set()
        self.peak_pods = 0
        for piece in list(sandbox.store.list(ENDPOINT_SLICE, NAMESPACE_NAME)):
            self._look(piece)
        sandbox.store.subscribe(lambda change: self._count() if change.kind == POD else None)
        sandbox.store.subscribe(lambda change: self._look(change.obj) if change.kind == ENDPOINT_SLICE else None)

    async def ship(self, action: str, wanted: Release, *, strategy: str | None = None, weight: int | None = None, **options: Any):
        back, replace, prune = options.pop("to_revision", None), options.pop("replace", False), options.pop("prune", False)
        come_home = options.pop("come_home", False)
        request = Request(action, weight, back, replace, prune, come_home=come_home)  # type: ignore[arg-type]
        options.setdefault("holder", "test@nowhere/0")
        cluster = options.pop("cluster", self.cluster)
        strategy = strategy and strategy.partition(" ")[0]
        provide(self.sandbox.store, wanted.workload)
        return await shipping.run(cluster, wanted, request, strategy=strategy, options=shipping.Options(**options))

    async def deploy_by_hand(self, *, tag: str = "v0", wanted: Release | None = None) -> None:
        """What `kubectl apply` would have left, by somebody who never heard of rollway."""
        wanted = wanted or release(tag)
        for manifest in (*wanted.others, *wanted.services, wanted.workload):
            kind = kind_of(manifest["apiVersion"], manifest["kind"])
            assert kind is not None
            self.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
        await asyncio.sleep(20)

    def _count(self) -> None:
        """The pods that do not terminate, at their most."""
        pods = (pod for pod in self.sandbox.store.list(POD, NAMESPACE_NAME) if not get(pod, "metadata", "deletionTimestamp"))
        self.peak_pods = max(self.peak_pods, sum(1 for _ in pods))

    def _look(self, piece: Obj) -> None:
        """Takes note of a Service that had ready endpoints and has none any more."""
        service = labels_of(piece).get("kubernetes.io/service-name", "")
        if service.endswith("-preview"):
            return
        slices = [
            s
            for s in self.sandbox.store.list(ENDPOINT_SLICE, NAMESPACE_NAME)
            if labels_of(s).get("kubernetes.io/service-name") == service
        ]
        ready = sum(bool(get(e, "conditions", "ready")) for s in slices for e in s.get("endpoints") or ())
        if self.sandbox.store.find(SERVICE, NAMESPACE_NAME, service) is None:
            self._served.discard(service)
        elif ready:
            self._served.add(service)
        elif service in self._served:
            self.emptied.append(service)

    def ready_endpoints(self, service: str = "shop") -> int:
        slices = self.sandbox.store.list(ENDPOINT_SLICE, NAMESPACE_NAME)
        mine = [s for s in slices if labels_of(s).get("kubernetes.io/service-name") == service]
        return sum(bool(get(e, "conditions", "ready")) for s in mine for e in s.get("endpoints") or ())

    def pods(self) -> dict[str, int]:
        """Deployment name -> pods wanted, image tag in the key: {"shop v1": 2, "shop-canary v2": 2}."""
        return {
            f"{d['metadata']['name']} {d['spec']['template']['spec']['containers'][0]['image'].rpartition(':')[2]}": d["spec"][
                "replicas"
            ]
            for d in self.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)
        }

    def versions(self) -> dict[str, int]:
        """Image tag -> ready pods, over all Deployments."""
        found: dict[str, int] = {}
        for pod in self.sandbox.store.list(POD, NAMESPACE_NAME):
            if is_ready(pod):
                tag = pod["spec"]["containers"][0]["image"].rpartition(":")[2]
                found[tag] = found.get(tag, 0) + 1
        return found

    def routed_versions(self, service: str = "shop") -> set[str]:
        """The versions whose ready pods the Service's selector chooses."""
        selector = self.sandbox.store.get(SERVICE, NAMESPACE_NAME, service)["spec"]["selector"]
        pods = (
            pod for pod in self.sandbox.store.list(POD, NAMESPACE_NAME) if is_ready(pod) and selects(selector, labels_of(pod))
        )
        return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}

    def changed_since(self, version: int) -> set[str]:
        """The kinds of the objects written since."""
        return {change.kind.name for change in self.sandbox.store.since(version) or ()}

    async def history(self) -> list[Revision]:
        return list(await history.load(self.cluster, "shop", NAMESPACE_NAME))

    def standing(self) -> dict[str, Any]:
        """Everything users care about, without what differs from run to run: to compare two ends."""
        store = self.sandbox.store
        out: dict[str, Any] = {}
        for kind in (*WATCHED_KINDS,):
            for obj in store.list(kind, NAMESPACE_NAME):
                manifest = as_manifest(obj)
                if manifest["metadata"]["name"] == "kube-root-ca.crt":
                    continue
                out[f"{kind.name} {manifest['metadata']['name']}"] = without_marks(manifest)
        return out


def without_marks(manifest: Obj) -> Obj:
    """Without what rollway writes to recognise its own, and what the server allots."""
    out = copy.deepcopy(manifest)
    for meta in (out["metadata"], get(out, "spec", "template", "metadata", default={})):
        for part in ("labels", "annotations"):
            kept = {key: value for key, value in (meta.get(part) or {}).items() if "rollway.dev/" not in key or "sandbox" in key}
            meta.pop(part, None)
            if kept:
                meta[part] = kept
    for key in ("clusterIP", "clusterIPs"):
        get(out, "spec", default={}).pop(key, None)
    return out


WATCHED_KINDS = (CONFIG_MAP, SERVICE, *WORKLOAD_KINDS, VIRTUAL_SERVICE, DESTINATION_RULE, GATEWAY, HTTP_ROUTE, INGRESS, LEASE)


class Stand(NamedTuple):
    """How far a story had come, for others that go on from there."""

    snapshot: Snapshot
    at_s: float


@asynccontextmanager
async def world(seed: int = 0, stand: Stand | None = None) -> AsyncIterator[World]:
    async with Sandbox(seed=seed, store=Store(snapshot=stand.snapshot, seed=seed) if stand else None) as sandbox:
        if stand is None:
            sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE_NAME}})
        yield World(sandbox)


def in_world(story: Any, *, seed: int = 0, stand: Stand | None = None) -> Any:
    """Runs `async def story(world)` from an empty cluster, or from where another story stood, in virtual time."""

    async def main() -> Any:
        async with world(seed, stand) as here:
            return await story(here)

    coroutine: Coroutine[Any, Any, Any] = main()
    return run_virtual(coroutine, begin_s=stand.at_s if stand else 0.0)


def stand_of(story: Any) -> Stand:
    """Where a story has come to, once all that it has set going is at rest."""

    async def to_its_end(world: World) -> Stand:
        await story(world)
        await asyncio.sleep(60)
        return Stand(world.sandbox.store.snapshot(), asyncio.get_running_loop().time())

    stand: Stand = in_world(to_its_end)
    return stand


async def promoted(world: World, tag: str | Release, strategy: str = "", options: dict[str, Any] | None = None) -> None:
    """The shop at that version, everywhere."""
    wanted = release(tag, strategy=strategy, options=options) if isinstance(tag, str) else tag
    result = await world.ship("apply", wanted)
    if result.phase == "Paused":
        result = await world.ship("promote", wanted, weight=100)
    assert result.phase == "Promoted", result.failure
