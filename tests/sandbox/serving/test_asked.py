"""What clients ask a server besides objects: what it serves, who they are, what it counts; and how they say what to delete."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from aiohttp.test_utils import TestServer
from rollway.kube.clock import now
from rollway.kube.objects import CONFIG_MAP, DEFINITION, POD
from rollway.sandbox.api.server import Api, bootstrap
from rollway.sandbox.serving import openapi_pb
from rollway.sandbox.serving.http import application
from rollway.sandbox.store.store import Store

from tests.sandbox.api.test_customs import WIDGET, definition

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
Ask = Callable[..., Awaitable[ClientResponse]]


def run(story: Callable[[Ask, Api], Awaitable[None]]) -> None:
    """The story on a server with the ConfigMap `a` and the definition of Widgets."""

    async def told() -> None:
        store = Store(seed=1)
        bootstrap(store, now())
        api = Api(store, now)
        api.create(CONFIG_MAP, "default", {"metadata": {"name": "a"}})
        api.create(DEFINITION, "", definition(WIDGET, shortNames=["wdg"]))
        async with TestServer(application(api)) as running, ClientSession() as client:

            async def ask(method: str, path: str, data: bytes | None = None, **headers: str) -> ClientResponse:
                named = {key.replace("_", "-"): value for key, value in headers.items()}
                response = await client.request(method, running.make_url(path), data=data, headers=named)
                await response.read()
                return response

            await story(ask, api)

    asyncio.run(told())


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_everything_that_is_served_is_told_at_once_to_who_asks_so(version: str) -> None:
    """With its subresources, short names and answers of other kinds; who does not ask so is answered as ever."""

    async def story(ask: Ask, api: Api) -> None:
        accept = f"{AGGREGATED.format(version)},application/json"
        core, groups = await ask("GET", "/api", Accept=accept), await ask("GET", "/apis", Accept=accept)
        assert core.headers["Content-Type"] == AGGREGATED.format(version)
        document = await core.json()
        assert (document["apiVersion"], document["kind"]) == (f"apidiscovery.k8s.io/{version}", "APIGroupDiscoveryList")
        [core_version] = document["items"][0]["versions"]
        pods = next(each for each in core_version["resources"] if each["resource"] == "pods")
        assert (pods["scope"], pods["shortNames"], pods["singularResource"]) == ("Namespaced", ["po"], "pod")
        eviction = next(each for each in pods["subresources"] if each["subresource"] == "eviction")
        assert eviction["responseKind"] == {"group": "policy", "version": "v1", "kind": "Eviction"}
        named = {each["metadata"]["name"]: each["versions"] for each in (await groups.json())["items"]}
        assert named["example.com"][0]["resources"][0]["shortNames"] == ["wdg"]
        assert {"apps", "batch", "apiextensions.k8s.io"} <= set(named)
        assert "" not in named
        assert (await (await ask("GET", "/apis", Accept="application/json")).json())["kind"] == "APIGroupList"

    run(story)


def test_whoever_asks_is_told_who_they_are() -> None:
    async def story(ask: Ask, api: Api) -> None:
        json_ = {"Content_Type": "application/json"}
        answer = await ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", b"{}", **json_)
        body = await answer.json()
        assert (answer.status, body["kind"]) == (201, "SelfSubjectReview")
        assert body["status"]["userInfo"]["username"] == "rollway-sandbox"
        assert (await ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectreviews", b"{}")).status == 404

    run(story)


def test_the_server_counts_requests_and_objects() -> None:
    async def story(ask: Ask, api: Api) -> None:
        await ask("GET", "/api/v1/namespaces/default/configmaps")
        await ask("GET", "/api/v1/namespaces/default/configmaps/none")
        answer = await ask("GET", "/metrics")
        lines = (await answer.text()).splitlines()
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert 'apiserver_request_total{code="200",resource="configmaps",verb="LIST"} 1' in lines
        assert 'apiserver_request_total{code="404",resource="configmaps",verb="GET"} 1' in lines
        assert 'apiserver_resource_objects{group="",resource="configmaps"} 1' in lines
        assert 'apiserver_resource_objects{group="apiextensions.k8s.io",resource="customresourcedefinitions"} 1' in lines

    run(story)


def protobuf(options: bytes) -> bytes:
    """DeleteOptions as a client sends them: what it is (1: apiVersion 1, kind 2), and the message (2)."""
    head = bytes([0x0A, 2]) + b"v1" + bytes([0x12, 13]) + b"DeleteOptions"
    return b"k8s\0" + bytes([0x0A, len(head)]) + head + bytes([0x12, len(options)]) + options


UID = b"00000000-0000-0000-0000-000000000000"
BODIES: dict[str, bytes] = {
    "application/json": json.dumps({"preconditions": {"uid": UID.decode()}}).encode(),
    "application/yaml": b"preconditions: {uid: " + UID + b"}\n",
    "application/vnd.kubernetes.protobuf": protobuf(bytes([0x12, 38, 0x0A, 36]) + UID),
}


@pytest.mark.parametrize("media", BODIES)
def test_what_to_delete_may_be_said_in_every_notation(media: str) -> None:
    """A precondition holds in each; in a notation that the server does not read the request is refused."""

    async def story(ask: Ask, api: Api) -> None:
        path = "/api/v1/namespaces/default/configmaps/a"
        refused = await ask("DELETE", path, BODIES[media], Content_Type=media)
        assert refused.status == 409
        assert "the UID in the precondition" in (await refused.json())["message"]
        assert (await ask("DELETE", path, b"{}", Content_Type="application/xml")).status == 415
        assert (await ask("DELETE", path, protobuf(b""), Content_Type="application/vnd.kubernetes.protobuf")).status == 200
        assert api.store.find(CONFIG_MAP, "default", "a") is None

    run(story)


def test_schemas_come_as_json_and_as_protobuf() -> None:
    async def story(ask: Ask, api: Api) -> None:
        plain: Any = await (await ask("GET", "/openapi/v2")).json()
        wanted = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
        packed = await ask("GET", "/openapi/v2", Accept=wanted)
        assert packed.headers["Content-Type"] == wanted.replace("@", ".")
        assert await packed.read() == openapi_pb.document(plain)
        assert "apis/example.com/v1" in (await (await ask("GET", "/openapi/v3")).json())["paths"]
        described = await (await ask("GET", "/openapi/v3/apis/example.com/v1")).json()
        assert "com.example.v1.Widget" in described["components"]["schemas"]
        assert (await ask("GET", "/openapi/v3/apis/example.com/v7")).status == 404

    run(story)


WRITTEN = {
    "block": b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {day: 2026-01-01, sign: =, at: 12:30}\n",
    "braces": b'{apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {day: 2026-01-01, sign: "=", at: "12:30"}}',
    "json": b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"},"data":{"day":"2026-01-01","sign":"=","at":"12:30"}}',
}


@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN)
def test_yaml_is_read_as_kubectl_reads_it(body: bytes) -> None:
    """Applied and created: what looks like a date, a sign or a time is a text; what is no YAML is told where."""

    async def story(ask: Ask, api: Api) -> None:
        maps = "/api/v1/namespaces/default/configmaps"
        media = "application/apply-patch+yaml"
        assert (await ask("PATCH", f"{maps}/b?fieldManager=x", body, Content_Type=media)).status == 201
        assert api.get(CONFIG_MAP, "default", "b")["data"] == {"day": "2026-01-01", "sign": "=", "at": "12:30"}
        assert (await ask("POST", maps, body, Content_Type="application/yaml")).status == 409
        broken = await ask("PATCH", f"{maps}/b?fieldManager=x", b"a: [", Content_Type=media)
        assert (broken.status, (await broken.json())["message"].startswith("error decoding YAML: ")) == (400, True)

    run(story)


def test_bindings_are_taken_at_both_of_their_addresses_and_listed_among_what_is_served() -> None:
    """They are written only; the pod's address and the Binding have to mean the same pod."""

    async def story(ask: Ask, api: Api) -> None:
        for name in ("one", "two"):
            containers = [{"name": "app", "image": "app:1"}]
            api.create(POD, "default", {"metadata": {"name": name}, "spec": {"containers": containers, "schedulerName": "own"}})

        async def bound(path: str, name: str) -> tuple[int, Any]:
            body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": {"name": "node"}}
            answer = await ask(
                "POST", f"/api/v1/namespaces/default/{path}", json.dumps(body).encode(), Content_Type="application/json"
            )
            return answer.status, await answer.json()

        assert (await bound("pods/one/binding", "two"))[1]["message"] == "name in URL does not match name in Binding object"
        for path, name in (("pods/one/binding", "one"), ("bindings", "two")):
            code, answer = await bound(path, name)
            assert (code, answer["kind"], answer["status"]) == (201, "Status", "Success")
            assert api.get(POD, "default", name)["spec"]["nodeName"] == "node"
        code, answer = await bound("bindings", "two")
        assert (code, answer["reason"], answer["details"]) == (409, "Conflict", {"name": "two", "kind": "pods/binding"})
        assert (await ask("GET", "/api/v1/namespaces/default/bindings")).status == 405
        listed = {each["name"]: each["verbs"] for each in (await (await ask("GET", "/api/v1")).json())["resources"]}
        assert (listed["bindings"], listed["pods/binding"]) == (["create"], ["create"])

    run(story)
