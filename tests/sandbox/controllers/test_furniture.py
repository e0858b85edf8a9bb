"""What a cluster keeps beside the workloads: Endpoints, claims that are in use, what is used of quotas, the API's own Service."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from rollway.kube.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    RESOURCE_QUOTA,
    SERVICE,
    SERVICE_ACCOUNT,
    Obj,
    get,
)
from rollway.sandbox import apiservice
from rollway.sandbox.controllers.endpoints import ENDPOINTS, subsets_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"
LABELS = {"app": "web"}


def deployment(replicas: int = 2) -> Obj:
    container = {"name": "app", "image": "shop:1", "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


def service(**spec: Any) -> Obj:
    ports = [{"name": "http", "port": 80, "targetPort": 8080}]
    return {"metadata": {"name": "web", "labels": {"team": "shop"}}, "spec": {"ports": ports} | spec}


def user(name: str, claim: str) -> Obj:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": claim}}
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "a", "image": "a"}], "volumes": [volume]}}


def test_endpoints_follow_the_slices_and_go_with_the_service() -> None:
    async def story() -> None:
        async with Sandbox(has_endpoints=True) as sandbox:
            sandbox.api.create(SERVICE, SPACE, service(selector=LABELS))
            sandbox.api.create(DEPLOYMENT, SPACE, deployment())
            await asyncio.sleep(30)
            found = sandbox.api.get(ENDPOINTS, SPACE, "web")
            (subset,) = found["subsets"]
            pods = {get(each, "status", "podIP"): each["metadata"]["name"] for each in sandbox.store.list(POD, SPACE)}
            assert {each["ip"]: each["targetRef"]["name"] for each in subset["addresses"]} == pods
            assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
            assert found["metadata"]["labels"] == {"team": "shop", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
            sandbox.api.patch(DEPLOYMENT, SPACE, "web", {"spec": {"replicas": 0}})
            await asyncio.sleep(60)
            assert "subsets" not in sandbox.api.get(ENDPOINTS, SPACE, "web")
            sandbox.api.delete(SERVICE, SPACE, "web")
            await asyncio.sleep(1)
            assert sandbox.store.find(ENDPOINTS, SPACE, "web") is None

    run_virtual(story())


def test_what_is_not_ready_stands_apart_and_what_terminates_nowhere() -> None:
    def point(address: str, **conditions: bool) -> Obj:
        return {"addresses": [address], "conditions": conditions}

    points = [point("10.0.0.2", ready=True), point("10.0.0.1", ready=False), point("10.0.0.3", ready=False, terminating=True)]
    (subset,) = subsets_of([{"endpoints": points, "ports": [{"name": "", "port": 80, "protocol": "TCP"}]}])
    assert subset == {
        "addresses": [{"ip": "10.0.0.2"}],
        "notReadyAddresses": [{"ip": "10.0.0.1"}],
        "ports": [{"port": 80, "protocol": "TCP"}],
    }


def test_nobody_s_endpoints_are_left_alone() -> None:
    async def story() -> None:
        async with Sandbox(has_endpoints=True) as sandbox:
            sandbox.api.create(ENDPOINTS, SPACE, {"metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": "10.1.1.1"}]}]})
            sandbox.api.create(SERVICE, SPACE, service())
            await asyncio.sleep(5)
            assert sandbox.api.get(ENDPOINTS, SPACE, "web")["subsets"] == [{"addresses": [{"ip": "10.1.1.1"}]}]

    run_virtual(story())


def test_a_claim_goes_when_its_last_pod_has_gone() -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            for name in ("used", "free"):
                spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, {"metadata": {"name": name}, "spec": spec})
            sandbox.api.create(POD, SPACE, user("a", "used"))
            await asyncio.sleep(5)
            for name in ("used", "free"):
                sandbox.api.delete(PERSISTENT_VOLUME_CLAIM, SPACE, name)
            await asyncio.sleep(1)
            assert sandbox.store.find(PERSISTENT_VOLUME_CLAIM, SPACE, "free") is None
            assert "deletionTimestamp" in sandbox.api.get(PERSISTENT_VOLUME_CLAIM, SPACE, "used")["metadata"]
            sandbox.api.delete(POD, SPACE, "a")
            await asyncio.sleep(60)
            assert sandbox.store.find(PERSISTENT_VOLUME_CLAIM, SPACE, "used") is None

    run_virtual(story())


def test_a_quota_tells_what_is_used_of_it() -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(RESOURCE_QUOTA, SPACE, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "3"}}})
            sandbox.api.create(DEPLOYMENT, SPACE, deployment())
            await asyncio.sleep(5)
            assert sandbox.api.get(RESOURCE_QUOTA, SPACE, "q")["status"] == {"hard": {"pods": "3"}, "used": {"pods": "2"}}
            sandbox.api.patch(DEPLOYMENT, SPACE, "web", {"spec": {"replicas": 1}})
            await asyncio.sleep(60)
            assert sandbox.api.get(RESOURCE_QUOTA, SPACE, "q")["status"]["used"] == {"pods": "1"}

    run_virtual(story())


def test_the_api_s_own_service_follows_its_port() -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            for port in (6443, 6444, 6444):
                apiservice.ensure(sandbox.store, "127.0.0.1", port, datetime.now(UTC))
            own = sandbox.api.get(SERVICE, SPACE, "kubernetes")
            assert (own["spec"]["clusterIP"], own["spec"]["ports"][0]["targetPort"]) == ("10.96.0.1", 6444)
            slice_ = sandbox.api.get(ENDPOINT_SLICE, SPACE, "kubernetes")
            assert (slice_["endpoints"][0]["addresses"], slice_["ports"][0]["port"]) == (["127.0.0.1"], 6444)
            assert sandbox.api.get(ENDPOINTS, SPACE, "kubernetes")["subsets"][0]["ports"][0]["port"] == 6444

    run_virtual(story())


def test_every_namespace_keeps_its_account_and_the_authority_of_the_api() -> None:
    """Both are made with it, and come back when somebody deletes them; the authority's text also when somebody changes it."""
    root = "kube-root-ca.crt"

    async def story() -> None:
        async with Sandbox(authority="PEM") as sandbox:
            sandbox.api.create(NAMESPACE, "", {"metadata": {"name": "shop"}})
            await sandbox.settle()
            sandbox.api.patch(CONFIG_MAP, "shop", root, {"data": {"ca.crt": "mine", "more": ""}})
            await sandbox.settle()
            for space in ("shop", SPACE):
                assert sandbox.store.get(CONFIG_MAP, space, root)["data"] == {"ca.crt": "PEM"}
                sandbox.api.delete(CONFIG_MAP, space, root)
                sandbox.api.delete(SERVICE_ACCOUNT, space, "default")
                await sandbox.settle()
                assert sandbox.store.get(CONFIG_MAP, space, root)["data"] == {"ca.crt": "PEM"}
                assert sandbox.store.find(SERVICE_ACCOUNT, space, "default") is not None
            sandbox.api.delete(NAMESPACE, "", "shop")
            await sandbox.settle()
            assert sandbox.store.find(NAMESPACE, "", "shop") is None
            assert sandbox.store.find(CONFIG_MAP, "shop", root) is None

    run_virtual(story())
