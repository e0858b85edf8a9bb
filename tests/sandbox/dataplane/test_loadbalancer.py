"""A load balancer that lags, in virtual time: who gets requests when, and pods that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from cluster_with_proxy import endpoint_slice, ingress, pod, put, service
from rollway.kube.clock import now
from rollway.kube.objects import DEPLOYMENT, INGRESS, NAMESPACE, POD, SERVICE, Obj, get
from rollway.sandbox.controllers.engine import Queue
from rollway.sandbox.controllers.index import condition_of
from rollway.sandbox.dataplane.loadbalancer import INJECT_LABEL, LoadBalancerController, gate_of
from rollway.sandbox.dataplane.model import Target
from rollway.sandbox.durations import Lag
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from traffic import Server

GROUP = ("shop", "shop", "")
A, B = Server("a", "127.64.0.1"), Server("b", "127.64.0.2")


class Balanced:
    """A balancer with 3 s of lag, on objects put in by hand. `healthy`: the addresses at which something listens."""

    def __init__(self) -> None:
        self.store, self.healthy = Store(), {A.address, B.address}
        self._queue = Queue(self.store)
        self.balancer = LoadBalancerController(self.store, self._queue, now, Random(1), Lag.parse("3s"), self._reach)
        self._queue.start([self.balancer])
        for each in (service(), ingress(), pod("a"), pod("b")):
            put(self.store, each)

    async def _reach(self, target: Target) -> bool:
        return target.address in self.healthy

    async def after(self, seconds: float, *servers: Server, **conditions: bool) -> str:
        """Who gets requests, so long after these became the endpoints."""
        put(self.store, endpoint_slice("shop", servers, **conditions))
        await asyncio.sleep(seconds)
        return self.serving()

    def serving(self) -> str:
        names = {each.address: each.name for each in (A, B)}
        return "".join(names[target.address] for target in self.balancer.targets(GROUP))


def story(tell: Coroutine[Any, Any, None]) -> None:
    run_virtual(tell)


def test_a_pod_comes_and_goes_with_the_lag() -> None:
    """Requests for it begin 3 s after it is ready, and end 3 s after it leaves."""

    async def tell() -> None:
        world = Balanced()
        assert await world.after(2.9, A) == ""
        assert await world.after(0.2, A) == "a"
        assert await world.after(2.9, B) == "a"
        assert await world.after(0.2, B) == "b"

    story(tell())


def test_it_may_let_go_sooner() -> None:
    """With a lag of its own for those that leave there can be a time with none at all."""

    async def tell() -> None:
        world = Balanced()
        world.balancer.leave_lag = Lag.parse("1s")
        assert await world.after(3.1, A) == "a"
        assert await world.after(0.9, B) == "a"
        assert await world.after(0.2, B) == ""
        assert await world.after(2.0, B) == "b"

    story(tell())


def test_a_pod_that_answers_nobody_is_asked_where_there_is_no_other() -> None:
    """Unhealthy targets get requests only while there is no healthy one; health is looked at again and again."""

    async def tell() -> None:
        world = Balanced()
        world.healthy = {B.address}
        assert await world.after(4, A) == "a"
        assert await world.after(4, A, B) == "b"
        world.healthy = {A.address, B.address}
        assert await world.after(2, A, B) == "ab"

    story(tell())


def test_a_pod_that_leaves_before_it_is_registered_never_serves() -> None:
    """And one that comes back while it drains goes on."""

    async def tell() -> None:
        world = Balanced()
        await world.after(1, A)
        assert await world.after(4, B) == "b"
        assert await world.after(1) == "b"
        assert await world.after(5, B) == "b"

    story(tell())


def test_new_pods_wait_for_the_load_balancer() -> None:
    """In a labelled namespace: ready 5 s after their containers are, so that a rollout keeps the old ones for as long."""

    async def tell() -> None:
        async with Sandbox(load_balancer=Lag.parse("5s")) as sandbox:
            await deployed(sandbox, {INJECT_LABEL: "enabled"})
            (made,) = sandbox.store.list(POD, "shop")
            assert made["spec"]["readinessGates"] == [{"conditionType": gate_of(("shop", "shop", ""))}]

            await asyncio.sleep(4)
            (made,) = sandbox.store.list(POD, "shop")
            waiting = condition_of(made, gate_of(("shop", "shop", ""))) or {}
            assert (waiting["status"], waiting["reason"]) == ("False", "Elb.RegistrationInProgress")
            assert _condition(made, "ContainersReady") == "True"
            assert _condition(made, "Ready") == "False"
            await asyncio.sleep(4)
            (made,) = sandbox.store.list(POD, "shop")
            assert _condition(made, "Ready") == "True"

            sandbox.api.patch(DEPLOYMENT, "shop", "shop", _image("shop:2"))
            await asyncio.sleep(4)
            assert sorted(_condition(each, "Ready") for each in sandbox.store.list(POD, "shop")) == ["False", "True"]
            await asyncio.sleep(60)
            (made,) = sandbox.store.list(POD, "shop")
            assert get(made, "spec", "containers")[0]["image"] == "shop:2"

    story(tell())


def test_other_namespaces_and_other_pods_are_left_alone() -> None:
    """No label, no gate; nor for a pod that no Ingress leads to."""

    async def tell() -> None:
        async with Sandbox(load_balancer=Lag.parse("5s")) as sandbox:
            await deployed(sandbox, {})
            other: Obj = {"metadata": {"name": "other"}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
            sandbox.api.patch(NAMESPACE, "", "shop", {"metadata": {"labels": {INJECT_LABEL: "enabled"}}})
            sandbox.api.create(POD, "shop", other)
            assert [get(each, "spec", "readinessGates") for each in sandbox.store.list(POD, "shop")] == [None, None]

    story(tell())


async def deployed(sandbox: Sandbox, labels: dict[str, str]) -> None:
    """One pod behind a Service behind an Ingress."""
    api = sandbox.api
    api.create(NAMESPACE, "", {"metadata": {"name": "shop", "labels": labels}})
    api.create(SERVICE, "shop", {"metadata": {"name": "shop"}, "spec": {"selector": {"app": "shop"}, "ports": [{"port": 8080}]}})
    api.create(INGRESS, "shop", ingress())
    template = {"metadata": {"labels": {"app": "shop"}}, **_image("shop:1")["spec"]["template"]}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "shop"}}, "template": template}
    api.create(DEPLOYMENT, "shop", {"metadata": {"name": "shop"}, "spec": spec})
    await sandbox.settle()


def _image(name: str) -> Obj:
    return {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": name}]}}}}


def _condition(obj: Obj, type_: str) -> str:
    return str((condition_of(obj, type_) or {}).get("status"))
