"""The way to a Service through the API server, over HTTP: as a real one does it, and with its words where it cannot."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import ClientSession, web
from aiohttp.test_utils import RawTestServer, TestServer
from rollway.kube.clock import now
from rollway.kube.objects import ENDPOINT_SLICE, SERVICE, Obj
from rollway.sandbox.api.server import Api, bootstrap
from rollway.sandbox.serving.http import application
from rollway.sandbox.store.store import Store

PORTS = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "metrics", "port": 9090}]


def slice_of(address: str, port: int, *, is_ready: bool = True) -> Obj:
    return {
        "apiVersion": ENDPOINT_SLICE.api_version, "kind": ENDPOINT_SLICE.name, "addressType": "IPv4",
        "metadata": {"name": "shop-1", "labels": {"kubernetes.io/service-name": "shop"}},
        "ports": [{"name": "http", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": is_ready}}],
    }  # fmt: skip


def asked(*calls: tuple[str, str], is_ready: bool = True, is_there: bool = True) -> list[tuple[int, Any]]:
    """The statuses and bodies of requests to the Service's proxy: a method, and what follows `services/`."""

    async def echo(request: web.BaseRequest) -> web.StreamResponse:
        told = {"path": request.path_qs, "method": request.method, "body": await request.text(), "x": request.headers.get("X-A")}
        told["authorization"] = request.headers.get("Authorization")
        return web.json_response(told, status=418)

    async def story() -> list[tuple[int, Any]]:
        store = Store(seed=1)
        bootstrap(store, now())
        api, found = Api(store, now), []
        async with (
            RawTestServer(echo) as pod,
            TestServer(application(api, token="t")) as server,
            ClientSession() as client,
        ):
            assert pod.port is not None
            spec = {"selector": {"app": "shop"}, "ports": PORTS}
            meta = {"name": "shop", "namespace": "default"}
            api.create(SERVICE, "default", {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
            endpoints = slice_of("127.0.0.1", pod.port if is_there else 1, is_ready=is_ready)
            store.create(ENDPOINT_SLICE, {**endpoints, "metadata": {**endpoints["metadata"], "namespace": "default"}})
            for method, path in calls:
                url = server.make_url(f"/api/v1/namespaces/default/services/{path}")
                headers = {"Authorization": "Bearer t", "X-A": "b"}
                async with client.request(method, url, headers=headers, data="text" if method == "POST" else None) as answer:
                    found.append((answer.status, json.loads(await answer.read())))
        return found

    return asyncio.run(story())


def test_a_request_reaches_a_pod_and_its_answer_comes_back() -> None:
    """Whatever the status; by a port's number or its name. What the API server itself was told stays with it."""
    by_number, by_name = asked(("GET", "shop:80/proxy/a/b?c=d%2Be"), ("POST", "http:shop:http/proxy/"))
    assert by_number == (418, {"path": "/a/b?c=d%2Be", "method": "GET", "body": "", "x": "b", "authorization": None})
    assert by_name == (418, {"path": "/", "method": "POST", "body": "text", "x": "b", "authorization": None})


def test_what_cannot_be_reached_is_told_in_the_api_server_s_words() -> None:
    (gone, port) = asked(("GET", "nothing:80/proxy/"), ("GET", "shop:81/proxy/"))
    (unready,) = asked(("GET", "shop:80/proxy/"), is_ready=False)
    (refusing,) = asked(("GET", "shop:80/proxy/"), is_there=False)

    assert (gone[0], gone[1]["message"]) == (404, 'services "nothing" not found')
    assert (port[0], port[1]["message"]) == (503, 'no service port "81" found for service "shop"')
    assert (unready[0], unready[1]["message"]) == (503, 'no endpoints available for service "shop"')
    assert refusing[0] == 503
    assert refusing[1]["message"].startswith("error trying to reach service: dial tcp 127.0.0.1:1: ")
