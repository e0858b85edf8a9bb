"""The embedded cluster as a whole: a store, an API, the controllers and a node, on the running event loop's time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from types import TracebackType
from typing import TYPE_CHECKING

from ..kube.clock import now
from .api.claims import ensure_class
from .api.server import Api, bootstrap
from .controllers.deployment import DeploymentController
from .controllers.endpointslice import EndpointSliceController
from .controllers.engine import Controller, Queue
from .controllers.gc import GarbageCollector
from .controllers.index import Index
from .controllers.lazy import lazily
from .controllers.namespace import NamespaceController
from .controllers.newpods import Door
from .controllers.replicaset import ReplicaSetController
from .node.binding import placed
from .node.kubelet import Kubelet
from .node.lifecycle import NodeLifecycle
from .node.podlogs import PodLogs
from .node.spread import Even
from .store.store import Store, chance

if TYPE_CHECKING:
    from ..kube.objects import Obj
    from .client import InProcess
    from .dataplane.loadbalancer import LoadBalancerController
    from .durations import Lag
    from .node.processes.node import ProcessNode


class Sandbox:
    """A cluster in the process: `async with Sandbox(seed=7) as sandbox`.

    The same seed and the same calls at the same moments give the same run. Without `kubelet` pods stay as they were created
    and somebody else plays the node. A `store` with objects in it is taken up where it stands. With a `load_balancer`, Ingresses
    have one that is so far behind, with readiness gates. Without `processes` all pods are modelled; with them, which only a loop
    at real pace can have, pods may be processes of this machine. `spread` is how much times vary; without one not at all.
    `admit` adds to new pods what their manifests do not say. `presumes`: what nobody said of the cluster is as the pods need it.
    `is_proxied`: a data plane serves its Gateways, and tells by itself what became of them. `has_endpoints`: v1 Endpoints stand
    beside the EndpointSlices, for who still asks for them; each is one object, which many pods make dear. `outlives`: it is a
    cluster in the background, which loses no more than a turn by a fault, and whose nodes show from time to time that they live.
    `authority`: the PEM of whom clients of its API trust.
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        seed: int = 0,
        kubelet: bool = True,
        load_balancer: Lag | None = None,
        processes: ProcessNode | None = None,
        spread: Even | None = None,
        admit: Callable[[Obj], Obj] | None = None,
        presumes: bool = False,
        is_proxied: bool = False,
        outlives: bool = False,
        has_endpoints: bool = False,
        authority: str = "",
    ) -> None:
        self.store = Store(seed=seed, forgets=presumes) if store is None else store
        self.logs = PodLogs(self.store, processes.outputs if processes is not None else None)
        self._processes = processes
        self._seed = seed
        self._has_kubelet, self._spread, self._own_admit = kubelet, spread, admit
        self._presumes, self._is_proxied = presumes, is_proxied
        self._balancer_lag = load_balancer
        self.load_balancer: LoadBalancerController | None = None
        self._outlives, self._has_endpoints, self._authority = outlives, has_endpoints, authority
        self._queue = Queue(self.store, outlives=outlives)
        self._kubelet: Kubelet | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self._api: Api | None = None

    @property
    def api(self) -> Api:

        if self._api is None:
            self._api = Api(self.store, now, seed=self._seed, admit=self._admit())
        return self._api

    def client(self) -> InProcess:
        """The Cluster port on this sandbox."""
        from .client import InProcess

        return InProcess(self)

    async def start(self) -> None:
        """Begins to run on this event loop. Starting twice is once."""
        if self._unsubscribe is not None:
            return
        random = chance(self._seed, self.store.version)
        bootstrap(self.store, now())
        index = Index(self.store)
        self._unsubscribe = self.store.subscribe(index.note)  # before the controllers: they ask it
        self._queue = Queue(self.store, self._lag_s if self._spread is not None else None, outlives=self._outlives)
        door = Door(self.store, self._admit(), presumes=self._presumes)
        # Garbage goes first, so that its names are free; ReplicaSets before Deployments, which decide on their statuses.
        controllers: list[Controller] = [
            GarbageCollector(self.store, index, self._queue, now),
            ReplicaSetController(self.store, index, self._queue, now, random, door),
            DeploymentController(self.store, index, self._queue, now),
            EndpointSliceController(self.store, index, self._queue, now, random),
            NamespaceController(self.store, index, self._queue, now, self._authority),
        ]
        if self._has_endpoints:
            from .controllers.endpoints import EndpointsController

            controllers.append(EndpointsController(self.store, self._queue, now))
        told_elsewhere = ("gateway",) if self._is_proxied else ()
        lazy = lazily(lambda class_: class_(self.store, index, self._queue, now, door), without=told_elsewhere)
        controllers += lazy
        if self._has_kubelet:
            if self._processes is not None:
                self._processes.begin()
            if not self._presumes:
                ensure_class(self.store, now())
            self._kubelet = Kubelet(self.store, self._queue, now, self._processes, self._spread, presumes=self._presumes)
            controllers += [self._kubelet, NodeLifecycle(self.store, self._queue, now)]
            if self._outlives:
                from .node.leases import NodeLeases

                controllers.append(NodeLeases(self.store, self._queue, now))
        if self._balancer_lag is not None:
            from .dataplane.loadbalancer import LoadBalancerController

            self.load_balancer = LoadBalancerController(self.store, self._queue, now, random, self._balancer_lag)
            controllers.append(self.load_balancer)
        kinds = {kind for each in lazy for kind in each.kinds}
        self._queue.start(controllers, {kind: [each.name for each in lazy if kind in each.kinds] for kind in kinds})

    async def stop(self) -> None:
        """Lets everything stand where it is; `start` takes it up again. Raises what a controller raised."""
        if self._unsubscribe is None:
            return
        self._queue.stop()
        if self._kubelet is not None:
            self._kubelet.stop()
        if self.load_balancer is not None:
            self.load_balancer.stop()
        if self._processes is not None:
            await self._processes.close()
        self._unsubscribe()
        self._unsubscribe = None
        self._queue.check()

    def _admit(self) -> Callable[[Obj], Obj] | None:
        """What admission adds to new pods, whoever makes them."""
        given: list[Callable[[Obj], Obj]] = [self._own_admit] if self._own_admit is not None else []
        if self._presumes:
            given.append(placed)
        if self._balancer_lag is not None:
            from .dataplane.loadbalancer import with_gates

            given.insert(0, partial(with_gates, self.store))
        return (lambda pod: reduce(lambda made, adds: adds(made), given, pod)) if given else None

    async def __aenter__(self) -> Sandbox:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def _lag_s(self, controller: str) -> float:
        """What a node takes is in its pods' behaviour; the others hear through the API server."""
        return 0.0 if controller in (Kubelet.name, NodeLifecycle.name) or self._spread is None else self._spread.lag_s()

    async def settle(self) -> None:
        """Until the controllers have nothing left to do at this moment. What waits for a timer is not waited for."""
        await self._queue.settle()
