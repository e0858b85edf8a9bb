"""The API over HTTP beyond what was recorded: pages, what may be asked together, forms of answers, Services' addresses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
import yaml
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from rollway.kube.clock import now
from rollway.kube.objects import CONFIG_MAP, Obj
from rollway.sandbox.api.server import Api, bootstrap
from rollway.sandbox.serving.http import application
from rollway.sandbox.store.store import Store

MAPS, SERVICES, PODS = (f"/api/v1/namespaces/default/{plural}" for plural in ("configmaps", "services", "pods"))


class Answer(NamedTuple):
    status: int
    body: Any

    @property
    def names(self) -> list[str]:
        return [item["metadata"]["name"] for item in self.body["items"]]

    @property
    def message(self) -> str:
        return str(self.body["message"])


Ask = Callable[..., Awaitable[Answer]]


@asynccontextmanager
async def server() -> AsyncIterator[Ask]:
    """An API with nothing in it, without controllers."""
    store = Store(seed=1)
    bootstrap(store, now())
    async with TestServer(application(Api(store, now))) as running, ClientSession() as client:

        async def ask(
            method: str, path: str, body: Any = None, *, accept: str = "*/*", type_: str = "application/json"
        ) -> Answer:
            headers = {"Accept": accept} | ({"Content-Type": type_} if body is not None else {})
            async with client.request(method, running.make_url(path), json=body, headers=headers) as response:
                text = await response.text()
                is_watch = "watch=true" in path
                return Answer(
                    response.status, [json.loads(line) for line in text.splitlines()] if is_watch else yaml.safe_load(text)
                )

        yield ask


def run(story: Callable[[Ask], Awaitable[None]]) -> None:
    async def told() -> None:
        async with server() as ask:
            await story(ask)

    asyncio.run(told())


async def _three_maps(ask: Ask) -> None:
    for name in "abc":
        await ask("POST", MAPS, {"metadata": {"name": name}, "data": {"k": "1"}})


def test_a_later_page_shows_the_list_as_it_was() -> None:
    """What is made, changed or deleted after the first page is not seen by the second."""

    async def story(ask: Ask) -> None:
        await _three_maps(ask)
        first = await ask("GET", f"{MAPS}?limit=1")
        await ask("DELETE", f"{MAPS}/b")
        await ask("POST", MAPS, {"metadata": {"name": "bb"}})
        second = await ask("GET", f"{MAPS}?limit=5&continue={first.body['metadata']['continue']}")

        assert (first.names, first.body["metadata"]["remainingItemCount"]) == (["a"], 2)
        assert second.names == ["b", "c"]
        assert (await ask("GET", MAPS)).names == ["a", "bb", "c"]

    run(story)


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("continue=abc", 400, "invalid continue token: continue key is not valid: "),
        ("continue=a!", 400, "invalid continue token: continue key is not valid: illegal base64 data at input byte 1"),
        ("resourceVersion=x", 400, 'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: '),
        ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        (
            "resourceVersion=0&resourceVersionMatch=Exact",
            422,
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        ("resourceVersion=1&resourceVersionMatch=Near", 422, 'supported values: "Exact", "NotOlderThan", ""'),
        ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
        ("watch=1&sendInitialEvents=true", 422, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
    ],
)
def test_a_list_is_asked_for_in_ways_that_fit_together(query: str, status: int, message: str) -> None:
    """Tokens that no page gave, versions that are none, and options that exclude each other are refused with the reason."""

    async def story(ask: Ask) -> None:
        answer = await ask("GET", f"{MAPS}?{query}")

        assert answer.status == status
        assert message in answer.message

    run(story)


def test_answers_come_in_the_form_that_is_accepted() -> None:
    """YAML, metadata alone, or 406 where this server has no such form."""

    async def story(ask: Ask) -> None:
        await _three_maps(ask)
        partial = "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io,application/json"
        one, many = (
            await ask("GET", f"{MAPS}/a", accept=partial.format("")),
            await ask("GET", MAPS, accept=partial.format("List")),
        )
        refused = await ask("GET", MAPS, accept="text/html")

        assert (one.body["kind"], "data" in one.body) == ("PartialObjectMetadata", False)
        assert (many.body["kind"], many.names) == ("PartialObjectMetadataList", ["a", "b", "c"])
        assert (await ask("GET", f"{MAPS}/a", accept="application/yaml")).body["data"] == {"k": "1"}
        assert refused.status == 406
        assert refused.message.startswith("only the following media types are accepted: application/json, application/yaml")

    run(story)


def test_subresources_are_shown_as_tables_too() -> None:
    """The status as its object, the scale with what is wanted and what is there: `kubectl get --subresource`."""

    async def story(ask: Ask) -> None:
        path = "/apis/apps/v1/namespaces/default/deployments"
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template, "replicas": 3}
        await ask("POST", path, {"metadata": {"name": "d"}, "spec": spec})

        async def shown(subresource: str) -> tuple[list[str], list[Any]]:
            table = (await ask("GET", f"{path}/d/{subresource}", accept="application/json;as=Table;v=v1;g=meta.k8s.io")).body
            return [each["name"] for each in table["columnDefinitions"]], table["rows"][0]["cells"]

        heads, (*cells, age) = await shown("scale")
        assert (heads, cells) == (["Name", "Desired", "Available", "Age"], ["d", 3, 0])
        assert age.endswith("s")  # of real time
        heads, cells = await shown("status")
        assert dict(zip(heads, cells, strict=True))["Ready"] == "0/3"

    run(story)


def test_who_asks_for_a_certificate_is_who_asks() -> None:
    """Whatever the request says of it, then and later; what is asked for stays."""

    async def story(ask: Ask) -> None:
        path = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
        spec = {"request": "TUlJQg==", "signerName": "example.com/x", "usages": ["client auth"], "username": "joe"}
        made = await ask("POST", path, {"metadata": {"name": "a"}, "spec": spec})
        owner = {"username": "rollway-sandbox", "groups": ["system:masters", "system:authenticated"]}
        assert made.body["spec"] == spec | owner
        changed = {"spec": {"username": "jane", "usages": ["server auth"]}}
        await ask("PATCH", f"{path}/a", changed, type_="application/merge-patch+json")
        assert (await ask("GET", f"{path}/a")).body["spec"] == spec | owner

    run(story)


def test_health_is_told_check_by_check() -> None:
    async def told() -> list[str]:
        async with TestServer(application(Api(Store(), now))) as running, ClientSession() as client:
            paths = ("/readyz", "/readyz/ping?verbose", "/readyz?verbose")
            return [await (await client.get(running.make_url(path))).text() for path in paths]

    assert asyncio.run(told()) == ["ok", "ok", "[+]ping ok\nreadyz check passed\n"]


def _service(name: str, **spec: Any) -> Obj:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], "selector": {"app": "x"}} | spec}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}, "provided port is already allocated"),
        ({"type": "NodePort", "ports": [{"port": 80, "nodePort": 80}]}, "The range of valid ports is 30000-32767"),
        ({"clusterIP": "10.96.0.50"}, "failed to allocate IP 10.96.0.50: provided IP is already allocated"),
        ({"clusterIP": "192.168.0.1"}, "the provided network does not match the current range"),
        ({"ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
        ({"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
        ({"type": "ExternalName", "externalName": "a.b", "clusterIP": "10.96.0.9"}, "may not be set for ExternalName services"),
        ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "may only be used when `type` is 'LoadBalancer'"),
    ],
)
def test_a_service_gets_no_address_that_is_not_to_be_had(spec: Obj, message: str) -> None:
    """Ports and addresses of other Services, of other networks, of families that the cluster lacks."""

    async def story(ask: Ask) -> None:
        taken = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}], "clusterIP": "10.96.0.50"}
        assert (await ask("POST", SERVICES, _service("first", **taken))).status == 201
        answer = await ask("POST", SERVICES, _service("second", **spec))

        assert answer.status == 422
        assert message in answer.message

    run(story)


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        (("DELETE", "/api/v1/namespaces/default"), 403, 'namespaces "default" is forbidden: this namespace may not be deleted'),
        (("DELETE", f"{MAPS}/a?dryRun=Some"), 422, 'dryRun: Unsupported value: ["Some"]: supported values: "All"'),
        (("DELETE", f"{MAPS}/a", {"gracePeriodSeconds": "x"}), 400, "DeleteOptions.gracePeriodSeconds of type int64"),
        (("DELETE", f"{MAPS}/a", {"propagationPolicy": "Orphan", "orphanDependents": True}), 422, "cannot be both set"),
        (("PUT", f"{MAPS}/a", {"data": {}}), 400, "(a based on URL) was undeterminable: name must be provided"),
        (("POST", f"{MAPS}?fieldManager={'x' * 129}", {}), 422, "fieldManager: Too long: may not be more than 128 bytes"),
        (("POST", f"{PODS}/p/eviction", {"metadata": {"name": "q"}}), 400, "name in URL does not match name in Eviction object"),
        (("POST", PODS, {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "x"}}), 403, 'serviceaccount "x" not found'),
    ],
)
def test_requests_that_contradict_themselves_are_refused(request_: tuple[Any, ...], status: int, message: str) -> None:
    """Options, names and references are checked before anything is done."""

    async def story(ask: Ask) -> None:
        await _three_maps(ask)
        answer = await ask(*request_)

        assert answer.status == status
        assert message in answer.message
        assert (await ask("GET", MAPS)).names == ["a", "b", "c"]

    run(story)


def test_a_patch_cannot_make_another_kind_of_an_object() -> None:
    """A merge patch that names another kind is refused; nothing was changed."""

    async def story(ask: Ask) -> None:
        await _three_maps(ask)
        answer = await ask("PATCH", f"{MAPS}/a", {"kind": "Secret"}, type_="application/merge-patch+json")

        assert answer.status == 422
        assert answer.message.endswith("converting (v1.Secret) to (core.ConfigMap): unknown conversion")
        assert (await ask("GET", f"{MAPS}/a")).body["kind"] == "ConfigMap"

    run(story)


def test_the_scale_is_patched_in_every_way() -> None:
    """Merge, strategic and JSON patches of the scale subresource scale."""

    async def story(ask: Ask) -> None:
        path = "/apis/apps/v1/namespaces/default/deployments"
        template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        spec = {"selector": {"matchLabels": {"app": "x"}}, "template": template}
        await ask("POST", path, {"metadata": {"name": "d"}, "spec": spec})
        patches = {
            "merge-patch": {"spec": {"replicas": 2}},
            "strategic-merge-patch": {"spec": {"replicas": 3}},
            "json-patch": [{"op": "replace", "path": "/spec/replicas", "value": 4}],
        }
        seen = [
            (await ask("PATCH", f"{path}/d/scale", patch, type_=f"application/{name}+json")).body["spec"]["replicas"]
            for name, patch in patches.items()
        ]

        assert seen == [2, 3, 4]

    run(story)


def test_a_watch_tells_of_its_kind_alone_from_any_version_on() -> None:
    """What is told again comes from a log of all kinds; what leaves the selection is DELETED, what enters it ADDED."""

    async def story(ask: Ask) -> None:
        since = (await ask("GET", MAPS)).body["metadata"]["resourceVersion"]
        await ask("POST", MAPS.replace("configmaps", "secrets"), {"metadata": {"name": "s", "labels": {"app": "a"}}})
        await ask("POST", MAPS, {"metadata": {"name": "c", "labels": {"app": "a"}}})
        await ask("PUT", f"{MAPS}/c", {"metadata": {"name": "c", "labels": {"app": "b"}}})
        await ask(
            "POST", MAPS.replace("configmaps", "services"), _service("w") | {"metadata": {"name": "w", "labels": {"app": "a"}}}
        )
        query = f"watch=true&resourceVersion={since}&timeoutSeconds=1&labelSelector=app%3Da"
        told = (await ask("GET", f"{MAPS}?{query}")).body

        assert [(event["type"], event["object"]["kind"]) for event in told] == [("ADDED", "ConfigMap"), ("DELETED", "ConfigMap")]

    run(story)


def test_a_watch_whose_client_is_gone_costs_nothing_more() -> None:
    """Found out at the next change of its kind, though that is not one it would have been told of."""

    class Counted(Store):
        watchers = 0

        def subscribe(self, subscriber: Callable[[Any], None]) -> Callable[[], None]:
            self.watchers += 1
            unsubscribe = super().subscribe(subscriber)

            def less() -> None:
                self.watchers -= 1
                unsubscribe()

            return less

    async def story() -> None:
        store = Counted(seed=1)
        bootstrap(store, now())
        api = Api(store, now)
        runner = web.AppRunner(application(api))  # a TestServer would cancel the watch by itself
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{MAPS}?watch=1&labelSelector=app=x"
        async with ClientSession() as client, client.get(url) as response:
            assert (response.status, store.watchers) == (200, 1)
        await asyncio.sleep(0.05)
        api.create(CONFIG_MAP, "default", {"metadata": {"name": "other"}})
        await asyncio.sleep(0.05)
        assert store.watchers == 0
        await runner.cleanup()

    asyncio.run(story())


def test_volumes_are_shown_whatever_claims_them() -> None:
    """A claim is taken without its namespace, and one of many does not keep the others from being shown."""

    async def story(ask: Ask) -> None:
        for name, holder in (("a", {"name": "x"}), ("b", {"namespace": "shop", "name": "y"})):
            await ask("POST", "/api/v1/persistentvolumes", {"metadata": {"name": name}, "spec": {"claimRef": holder}})
        answer = await ask("GET", "/api/v1/persistentvolumes", accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert [row["cells"][5] for row in answer.body["rows"]] == ["/x", "shop/y"]

    run(story)
