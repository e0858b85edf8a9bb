"""Requests through a real Envoy, to real servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cluster_with_proxy import (
    Proxied,
    destination_rule,
    endpoint_slice,
    ingress,
    make,
    pod,
    proxied,
    service,
    to,
    virtual_service,
)
from rollway.kube.objects import GATEWAY, INGRESS, Obj
from rollway.routing import istio
from rollway.routing.traffic import Host, Traffic
from traffic import Connection, Server, answers, eventually, own_address, request, run, servers

HOST = "shop.example.com"


def tracked(*names: str) -> list[Obj]:
    """A pod for each, labelled with its own name."""
    return [pod(name, track=name) for name in names]


def body_is(wanted: str, ask: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            return bool((await ask()).body == wanted)
        return False

    return holds


# Services


def test_a_service_hands_connections_to_ready_endpoints_at_random(tmp_path: Path) -> None:
    """Both get some of 40; and one connection, once made, stays where it is."""

    async def story() -> None:
        address = own_address(96)
        async with servers("a", "b") as found, proxied(tmp_path, service(address=address), endpoint_slice("shop", found)):
            assert set(await answers(40, address, 8080)) == {"a", "b"}
            async with Connection(address, 8080) as kept:
                assert len({(await kept.request()).body for _ in range(20)}) == 1

    run(story())


def test_endpoints_that_leave_lose_nothing(tmp_path: Path) -> None:
    """Requests come in all the time, slow ones among them, while endpoints come and go: all are answered."""

    async def story() -> None:
        address, lost, answered = own_address(96), list[Exception](), Counter[str]()

        async def ask(number: int) -> None:
            try:
                answered[(await request(address, 8080, "/slow" if number % 10 == 0 else "/")).body] += 1
            except (OSError, asyncio.IncompleteReadError) as error:
                lost.append(error)

        async with (
            servers("a", "b", "c") as found,
            proxied(tmp_path, service(address=address), endpoint_slice("shop", found[:1])) as cluster,
            asyncio.TaskGroup() as group,
        ):
            for number in range(200):
                group.create_task(ask(number))
                if number % 20 == 10:
                    left = number // 20 % 3
                    cluster.endpoints("shop", [each for place, each in enumerate(found) if place != left])
                await asyncio.sleep(0.004)

        assert not lost
        assert answered.total() == 200
        assert set(answered) == {"a", "b", "c"}

    run(story())


def test_without_endpoints_a_connection_ends_at_once(tmp_path: Path) -> None:
    """Nobody waits for a timeout where there is nobody to answer; a modelled pod is nobody."""

    async def story() -> None:
        address = own_address(96)
        modelled = endpoint_slice("shop", [Server("a", "10.244.0.5")])
        async with proxied(tmp_path, service(address=address), modelled) as cluster:
            async with asyncio.timeout(2):
                with pytest.raises((OSError, asyncio.IncompleteReadError)):
                    await request(address, 8080)
            await eventually(lambda: reported(cluster, "modelled", 1))

    run(story())


async def reported(cluster: Proxied, key: str, value: int) -> bool:
    import json

    return bool(json.loads((cluster.folder / "report").read_text())["services"][0][key] == value)


def test_the_proxy_is_behind_by_the_lag(tmp_path: Path) -> None:
    """What the API says now is what the proxy does 0.3 s later, and not before."""

    async def story() -> None:
        address = own_address(96)
        async with (
            servers("a", "b") as found,
            proxied(tmp_path, service(address=address), endpoint_slice("shop", found[:1]), lag="0.3s") as cluster,
        ):
            loop = asyncio.get_running_loop()
            began_s = loop.time()
            cluster.endpoints("shop", found[1:])
            await eventually(body_is("b", lambda: request(address, 8080)))
            assert loop.time() - began_s >= 0.28

    run(story())


def test_what_a_slice_said_last_is_what_the_proxy_ends_with(tmp_path: Path) -> None:
    """However long it is behind with each: of states that are due at one moment none comes after a later one."""

    async def story() -> None:
        address = own_address(96)
        async with (
            servers("a", "b") as found,
            proxied(tmp_path, service(address=address), endpoint_slice("shop", found[:1]), lag="0.01s..0.3s") as cluster,
        ):
            for round_ in range(5):
                other, wanted = found[(round_ + 1) % 2], found[round_ % 2]
                for each in (*[[other], [other, wanted]] * 6, [wanted]):
                    cluster.endpoints("shop", each)
                await asyncio.sleep(0.35)
                await eventually(body_is(wanted.name, lambda: request(address, 8080)))

    run(story())


# Ingresses


def test_an_ingress_goes_by_host_and_path(tmp_path: Path) -> None:
    """The exact path, then the longest prefix, by whole segments; a host that nobody names is not found."""

    async def story() -> None:
        backends = [service(name) for name in ("shop", "cart", "exact")]
        rules = [("/", "Prefix", "shop"), ("/cart", "Prefix", "cart"), ("/cart/exact", "Exact", "exact")]
        paths = [
            {"path": path, "pathType": type_, "backend": {"service": {"name": name, "port": {"number": 8080}}}}
            for path, type_, name in rules
        ]
        entry = make(INGRESS, "shop", {"rules": [{"host": HOST, "http": {"paths": paths}}]})
        async with servers("shop", "cart", "exact") as found:
            slices = [endpoint_slice(each.name, [each]) for each in found]
            async with proxied(tmp_path, *backends, *slices, entry) as cluster:

                async def at(path: str, host: str = HOST) -> str | int:
                    answer = await request(*cluster.edge, path, host)
                    return answer.body if answer.status == 200 else answer.status

                wanted = {"/": "shop", "/cart": "cart", "/cart/1?a=b": "cart", "/carts": "shop", "/cart/exact": "exact"}
                assert {path: await at(path) for path in wanted} == wanted
                assert await at("/", f"{HOST}:8080") == "shop"
                assert await at("/", "other.example.com") == 404

    run(story())


def test_an_ingress_answers_as_a_load_balancer_does(tmp_path: Path) -> None:
    """502 where a pod refuses or breaks off, 503 where there is none; an Istio gateway says 503 to both."""

    async def story() -> None:
        entry = make(GATEWAY, "edge", {"servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}]})
        routes = virtual_service({"route": [to()], "retries": {"attempts": 0}}, hosts=["istio.example.com"], gateways=["edge"])
        async with servers("a") as found:
            objects = (service(), endpoint_slice("shop", found), ingress(), entry, routes)
            async with proxied(tmp_path, *objects) as cluster:

                async def at(path: str = "/") -> tuple[int, int]:
                    answered = [await request(*cluster.edge, path, host) for host in (HOST, "istio.example.com")]
                    return answered[0].status, answered[1].status

                assert await at() == (200, 200)
                assert await at("/drop") == (502, 503)
                await found[0].stop()
                assert await at() == (502, 503)
                cluster.endpoints("shop", [])
                await cluster.plane.settled()
                await eventually(lambda: _is(at, (503, 503)))

    run(story())


async def _is(ask: Callable[[], Awaitable[object]], wanted: object) -> bool:
    return await ask() == wanted


# Istio


def test_ab_by_header(tmp_path: Path) -> None:
    """What rollway itself renders for A/B: who says x-api-version: v2, in whatever case, gets b, and nobody else."""

    async def story() -> None:
        host, address = Host("shop", "shop"), own_address(96)
        rule = istio.destination_rule("shop", host)
        traffic = Traffic(0, ({"headers": {"x-api-version": {"exact": "v2"}}},))
        routes = istio.split(istio.virtual_service("shop", host, hosts=[HOST], gateway="edge"), host, traffic)
        objects = [placed(each) for each in (rule, routes, istio.gateway("edge", [HOST]))]
        async with servers("stable", "b") as found:
            pods = [pod(name, **{"rollway.dev/track": name}) for name in ("stable", "b")]
            async with proxied(tmp_path, service(address=address), *pods, endpoint_slice("shop", found), *objects) as cluster:
                for where in (cluster.edge, (address, 8080)):
                    assert await answers(20, *where, host=HOST) == {"stable": 20}
                    assert await answers(20, *where, host=HOST, headers={"X-Api-Version": "v2"}) == {"b": 20}
                    assert await answers(5, *where, host=HOST, headers={"x-api-version": "v2.1"}) == {"stable": 5}

    run(story())


def placed(obj: Obj) -> Obj:
    return obj | {"metadata": obj["metadata"] | {"namespace": "shop"}}


def test_weights_are_shares_of_requests(tmp_path: Path) -> None:
    """80 and 20 of a hundred, within five standard deviations of 600 requests on one connection."""

    async def story() -> None:
        address = own_address(96)
        rule = virtual_service({"route": [to("a", 80), to("b", 20)]})
        async with servers("a", "b") as found:
            objects = (*tracked("a", "b"), service(address=address), endpoint_slice("shop", found), destination_rule("a", "b"))
            async with proxied(tmp_path, *objects, rule) as cluster, Connection(address, 8080) as kept:
                seen = Counter([(await kept.request()).body for _ in range(600)])
                assert abs(seen["b"] - 120) < 5 * (600 * 0.2 * 0.8) ** 0.5

                cluster.put(virtual_service({"route": [to("a", 0), to("b", 100)]}))
                await cluster.plane.settled()
                assert {(await kept.request()).body for _ in range(20)} == {"b"}

    run(story())


def test_a_mirror_gets_a_copy(tmp_path: Path) -> None:
    """The caller is answered by the route; the mirror hears of each request, and its answer is dropped."""

    async def story() -> None:
        address = own_address(96)
        rule = virtual_service({"route": [to("a")], "mirror": {"host": "shop", "subset": "b"}})
        async with servers("a", "b") as found:
            objects = (*tracked("a", "b"), service(address=address), endpoint_slice("shop", found), destination_rule("a", "b"))
            async with proxied(tmp_path, *objects, rule):
                assert await answers(10, address, 8080) == {"a": 10}

                async def all_came() -> bool:
                    return len(found[1].requests) == 10

                await eventually(all_came)

    run(story())


def test_routes_match_and_change_requests(tmp_path: Path) -> None:
    """Cookies by regex, query, prefix with rewrite, headers that are set and removed, redirects, direct answers, faults."""

    async def story() -> None:
        address = own_address(96)
        rules = [
            {"match": [{"headers": {"cookie": {"regex": r"^(.*; )?beta=1(;.*)?$"}}}], "route": [to("b")]},
            {"match": [{"queryParams": {"v": {"exact": "2"}}}, {"uri": {"regex": "/b[0-9]+"}}], "route": [to("b")]},
            {"match": [{"withoutHeaders": {"x-user": {}}, "uri": {"exact": "/login"}}], "redirect": {"uri": "/welcome"}},
            {"match": [{"uri": {"prefix": "/api"}}], "rewrite": {"uri": "/"}, "route": [to("a")],
             "headers": {"request": {"set": {"x-way": "api"}, "remove": ["x-secret"]}, "response": {"add": {"x-done": "50%"}}}},
            {"match": [{"uri": {"exact": "/teapot"}}], "directResponse": {"status": 418, "body": {"string": "short"}}},
            {"match": [{"uri": {"exact": "/broken"}}], "fault": {"abort": {"httpStatus": 555}}, "route": [to("a")]},
            {"route": [to("a")]},
        ]  # fmt: skip
        async with servers("a", "b") as found:
            objects = (*tracked("a", "b"), service(address=address), endpoint_slice("shop", found), destination_rule("a", "b"))
            async with proxied(tmp_path, *objects, virtual_service(*rules)):

                async def ask(path: str = "/", **headers: str) -> str:
                    return (await request(address, 8080, path, headers=headers)).body

                assert [await ask(cookie=each) for each in ("x=2; beta=1", "beta=1; y=1", "beta=11")] == ["b", "b", "a"]
                assert [await ask(each) for each in ("/?v=2", "/?v=20", "/b12", "/b12x")] == ["b", "a", "b", "a"]
                assert (await request(address, 8080, "/login")).headers["location"].endswith("/welcome")
                assert (await request(address, 8080, "/login", headers={"x-user": "me"})).body == "a"
                assert (await request(address, 8080, "/teapot"))[::2] == (418, "short")
                assert (await request(address, 8080, "/broken")).status == 555
                answer = await request(address, 8080, "/api/items", headers={"x-secret": "1"})
                path, seen = found[0].requests[-1]
                assert (path, seen["x-way"], "x-secret" in seen, answer.headers["x-done"]) == ("/items", "api", False, "50%")

    run(story())


def test_a_new_subset_is_there_before_a_route_to_it(tmp_path: Path) -> None:
    """Routes and subsets that change under load lose nothing: no request meets a cluster that is not there yet, or any more."""

    async def story() -> None:
        address, statuses = own_address(96), Counter[int]()
        async with servers("a", "b") as found:
            objects = (*tracked("a", "b"), service(address=address), endpoint_slice("shop", found))
            first = (destination_rule("a"), virtual_service({"route": [to("a")]}))
            async with proxied(tmp_path, *objects, *first) as cluster:

                async def ask(changes: asyncio.Task[None]) -> None:
                    async with Connection(address, 8080) as kept:
                        while not changes.done():
                            statuses[(await kept.request()).status] += 1

                async def change() -> None:
                    for _ in range(8):
                        for names in (("a", "b"), ("b",), ("a",)):
                            cluster.put(destination_rule(*names))
                            cluster.put(virtual_service({"route": [to(name, 50) for name in names]}))
                            await asyncio.sleep(0.02)

                changes = asyncio.create_task(change())
                await asyncio.gather(*(ask(changes) for _ in range(8)))
        assert set(statuses) == {200}
        assert statuses.total() > 100

    run(story())


def test_what_is_not_understood_is_said_once(tmp_path: Path) -> None:
    """As a Warning event on the object; a second look at the same object does not tell it again."""

    async def story() -> None:
        rule = virtual_service({"route": [to("nowhere")], "corsPolicy": {"allowOrigins": []}})
        async with proxied(tmp_path, service(), rule) as cluster:
            cluster.put(service("other"))
            await cluster.plane.settled()
            said = cluster.events()
            assert "spec.http[0].corsPolicy is not followed" in said
            assert "spec.http[0]: no DestinationRule has a subset nowhere of shop; it is answered 503" in said
            assert len(said) == len(set(said)) == 2

    run(story())


def test_a_cluster_that_is_made_anew_serves_on(tmp_path: Path) -> None:
    """Whatever else of it changes, its endpoints are asked for anew, and nobody waits for them; later ones come to it, too."""

    async def story() -> None:
        address, statuses = own_address(96), Counter[int]()
        async with servers("a", "b") as found:
            objects = (
                *tracked("a", "b"),
                service(address=address),
                endpoint_slice("shop", found[:1]),
                destination_rule("a", "b"),
            )
            async with proxied(tmp_path, *objects, virtual_service({"route": [to()]})) as cluster:
                for round_, balancing in enumerate(("ROUND_ROBIN", "LEAST_REQUEST") * 3):
                    cluster.put(destination_rule("a", "b", loadBalancer={"simple": balancing}))
                    await cluster.plane.settled()
                    statuses += Counter([(await request(address, 8080)).status for _ in range(5)])
                    wanted = found[(round_ + 1) % 2]
                    cluster.endpoints("shop", [wanted])
                    await eventually(body_is(wanted.name, lambda: request(address, 8080)))
        assert set(statuses) == {200}

    run(story())


# what goes wrong


def test_a_killed_envoy_is_brought_back(tmp_path: Path) -> None:
    """Within a second, with all that it knew; and it is counted."""

    async def story() -> None:
        address = own_address(96)
        async with (
            servers("a") as found,
            proxied(tmp_path, service(address=address), endpoint_slice("shop", found)) as cluster,
        ):
            loop = asyncio.get_running_loop()
            killed, began_s = cluster.plane.pid, loop.time()
            os.kill(killed, signal.SIGKILL)

            async def is_new() -> bool:
                return cluster.plane.pid not in (0, killed)

            await eventually(is_new)
            await eventually(body_is("a", lambda: request(address, 8080)))
            assert loop.time() - began_s < 5  # 0.2 s where the machine has nothing else to do
            assert cluster.plane.restarts == 1

    run(story())


def test_an_address_in_use_is_said_and_tried_again(tmp_path: Path) -> None:
    """The Service's event says why it is not served; the others are; and it is served once its port is free."""

    async def story() -> None:
        taken, other = own_address(96), own_address(96)
        blocker = socket.socket()
        blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        blocker.bind((taken, 8080))
        blocker.listen()
        async with servers("a") as found:
            objects = (service(address=taken), service("other", address=other))
            slices = (endpoint_slice("shop", found), endpoint_slice("other", found))
            async with proxied(tmp_path, *objects, *slices) as cluster:
                assert (await request(other, 8080)).body == "a"

                async def is_told() -> bool:
                    return any("port 8080 is not served" in each and "in use" in each for each in cluster.events())

                await eventually(is_told)
                blocker.close()
                await eventually(body_is("a", lambda: request(taken, 8080)))

    run(story())


def test_routes_that_envoy_refuses_are_said(tmp_path: Path) -> None:
    """The object's event and the status point to the log; what was served before goes on."""

    async def story() -> None:
        address = own_address(96)
        async with servers("a") as found:
            objects = (service(address=address), endpoint_slice("shop", found), virtual_service({"route": [to()]}))
            async with proxied(tmp_path, *objects) as cluster:
                assert (await request(address, 8080)).body == "a"
                bad = {"request": {"set": {"no header\n": "x"}}}
                cluster.put(virtual_service({"route": [to()], "headers": bad}))

                async def is_told() -> bool:
                    return any("Envoy refuses its routes" in each for each in cluster.events())

                await eventually(is_told)
                assert (await request(address, 8080)).body == "a"

    run(story())


@pytest.mark.real_time
def test_a_change_is_with_envoy_within_milliseconds(tmp_path: Path, late: Callable[[], float]) -> None:
    """From the write of an EndpointSlice to the first connection by it: 3 ms as a rule; the bound is for busy machines."""

    async def story() -> None:
        address, took_s = own_address(96), list[float]()
        async with servers("a", "b") as found:
            first = (service(address=address), endpoint_slice("shop", found[:1]))
            async with proxied(tmp_path, *first) as cluster:
                loop = asyncio.get_running_loop()
                for number in range(10):
                    wanted, began_s = found[(number + 1) % 2], loop.time()
                    cluster.endpoints("shop", [wanted])
                    await eventually(body_is(wanted.name, lambda: request(address, 8080)))
                    took_s.append(loop.time() - began_s)
        assert sorted(took_s)[5] < 0.05 + late()

    run(story())
