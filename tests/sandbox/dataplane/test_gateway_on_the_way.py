"""The Gateway API through a real Envoy: what is done to a request on the way, and to its answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import V1, V2, V3, backend, gateway, lab, made, route, rule, safe, under, who
from rollway.kube.objects import GRPC_ROUTE, Obj
from traffic import eventually, run

REDIRECTS: list[tuple[Obj, Mapping[str, str]]] = [
    ({"hostname": "example.org", "statusCode": 301}, {"scheme": "http", "host": "example.org", "port": "", "path": "/r/a"}),
    ({"hostname": "example.org", "scheme": "https"}, {"scheme": "https", "host": "example.org", "port": ""}),
    ({"hostname": "example.org", "scheme": "https", "port": 8443}, {"scheme": "https", "port": "8443"}),
    ({"hostname": "example.org", "scheme": "http", "port": 443}, {"scheme": "http", "port": "443"}),
    ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new/"}}, {"path": "/new/a"}),
    ({"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}, {"path": "/a"}),
    ({"path": {"type": "ReplaceFullPath", "replaceFullPath": "/all"}, "statusCode": 307}, {"path": "/all"}),
]


@pytest.mark.parametrize(("given", "wanted"), REDIRECTS, ids=[str(given) for given, _ in REDIRECTS])
def test_a_redirect_changes_what_it_names(given: Obj, wanted: Mapping[str, str], tmp_path: Path) -> None:
    """The port is the listener's, or the scheme's where one is named; what is usual for a scheme is not written."""
    redirect = {"matches": [under("/r")], "filters": [{"type": "RequestRedirect", "requestRedirect": given}]}

    async def story() -> None:
        async with lab(tmp_path, route("away", redirect)) as cluster:
            answer = await cluster.ask("/r/a?b=c", host="shop.example.com:8080")
            assert answer.status == given.get("statusCode", 302)
            port = cluster.where()[1]
            usual = "" if port == 80 else str(port)  # where 80 may not be opened
            told = wanted if given.get("scheme") or "port" not in wanted else {**wanted, "port": usual}
            assert {key: answer.location[key] for key in told} == told
            assert answer.headers["location"].endswith("?b=c")

    run(story())


def test_hosts_and_headers_are_rewritten_and_values_stay_what_they_are(tmp_path: Path) -> None:
    """A percent sign is one, not the beginning of a variable of the proxy's."""
    edits = {
        "set": [{"name": "A", "value": "100%"}],
        "add": [{"name": "B", "value": "%DOWNSTREAM_REMOTE_ADDRESS%"}],
        "remove": ["C"],
    }
    filters = (
        {"type": "URLRewrite", "urlRewrite": {"hostname": "one.example.org"}},
        {"type": "RequestHeaderModifier", "requestHeaderModifier": edits},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "D", "value": "d"}]}},
    )

    async def story() -> None:
        async with lab(tmp_path, route("edited", rule(filters=filters))) as cluster:
            answer = await cluster.ask(headers={"a": "0", "B": "b", "c": "c"})
            assert answer.seen is not None
            assert answer.seen.host == "one.example.org"
            assert answer.seen.headers["a"] == "100%"
            assert answer.seen.headers["b"] == "b,%DOWNSTREAM_REMOTE_ADDRESS%"
            assert "c" not in answer.seen.headers
            assert answer.headers["d"] == "d"

    run(story())


def test_mirrors_get_a_part_and_answer_nobody(tmp_path: Path) -> None:
    """All, a tenth of them, a quarter; for the same host; one that is not there harms nobody."""

    def copied(to: str, **how: Any) -> Obj:
        return {"type": "RequestMirror", "requestMirror": {"backendRef": backend(to), **how}}

    rules = [
        rule(under("/all"), filters=(copied(V2),)),
        rule(under("/part"), filters=(copied(V2, percent=10), copied(V3, fraction={"numerator": 1, "denominator": 4}))),
        rule(under("/nobody"), filters=(copied("nobody"),)),
    ]

    async def story() -> None:
        async with lab(tmp_path, route("copied", *rules)) as cluster:
            assert await who(cluster, "/all", "shop.example.com") == V1
            assert await who(cluster, "/nobody") == V1
            second, third = cluster.echo(V2), cluster.echo(V3)

            async def has_come() -> bool:
                return [each.host for each in second.seen] == ["shop.example.com"]

            await eventually(has_come)
            second.seen.clear()
            for _ in range(400):
                assert await who(cluster, "/part") == V1

            async def is_right() -> bool:
                bounds = ((second, 0.1), (third, 0.25))
                return all(abs(len(each.seen) - 400 * part) < 5 * (400 * part * (1 - part)) ** 0.5 for each, part in bounds)

            await eventually(is_right)

    run(story())


def test_an_answer_is_waited_for_as_long_as_the_rule_says(tmp_path: Path) -> None:
    """504 then; 0s is for ever."""
    rules = [
        rule(under("/request"), timeouts={"request": "200ms"}),
        rule(under("/backend"), timeouts={"request": "10s", "backendRequest": "200ms"}),
        rule(under("/never"), timeouts={"request": "0s"}),
    ]

    async def story() -> None:
        async with lab(tmp_path, route("slow", *rules)) as cluster:
            assert await who(cluster, "/request") == V1
            for path, wanted in (("/request", 504), ("/backend", 504), ("/never", V1)):
                assert await who(cluster, f"{path}?delay=600ms") == wanted, path

    run(story())


def test_pages_of_other_origins_are_told_what_they_may_ask(tmp_path: Path) -> None:
    """A star stands for any part of a name; who is not named is told nothing, and no backend is troubled by the question."""
    cors = {
        "allowOrigins": ["https://one.example", "https://*.two.example"],
        "allowMethods": ["GET", "PUT"],
        "allowHeaders": ["x-a"],
        "maxAge": 60,
        "allowCredentials": True,
    }

    async def story() -> None:
        async with lab(tmp_path, route("cors", rule(filters=({"type": "CORS", "cors": cors},)))) as cluster:

            async def allowed(origin: str, **how: Any) -> str | None:
                asks = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
                return (await cluster.ask(headers=asks, **how)).headers.get("access-control-allow-origin")

            preflight = await cluster.ask(
                method="OPTIONS", headers={"Origin": "https://one.example", "Access-Control-Request-Method": "PUT"}
            )
            assert preflight.status == 200
            assert preflight.headers["access-control-allow-methods"] == "GET,PUT"
            assert preflight.headers["access-control-max-age"] == "60"
            assert preflight.headers["access-control-allow-credentials"] == "true"
            assert not cluster.echo(V1).seen
            assert await allowed("https://a.b.two.example") == "https://a.b.two.example"
            assert await allowed("https://two.example") is None
            assert await allowed("https://evil-one.example", method="OPTIONS") is None

    run(story())


def test_backends_of_http2_are_spoken_to_in_it(tmp_path: Path) -> None:
    """By the Service's appProtocol; the backend here is a Gateway, which takes both."""

    async def story() -> None:
        async with lab(tmp_path, route("h2c", rule(backendRefs=[{"name": V2, "port": 8081}]))) as cluster:
            assert await who(cluster) == V1  # who is behind the bridge

    run(story())


def test_grpc_routes_go_by_service_and_method(tmp_path: Path) -> None:
    """The path of a call is its service and its method; the longer service is asked first."""
    spec = {
        "parentRefs": [{"name": "same-namespace"}],
        "rules": [
            {"matches": [{"method": {"service": "shop.Cart"}}], "backendRefs": [backend(V1)]},
            {"matches": [{"method": {"service": "shop.Cart", "method": "Add"}}], "backendRefs": [backend("nobody")]},
        ],
    }

    async def story() -> None:
        async with lab(tmp_path, made(GRPC_ROUTE, "calls", spec)) as cluster:
            # who does not speak HTTP/2, as the backends here, cannot be called: but it is known where the call goes
            assert await who(cluster, "/shop.Cart/Add") == 500
            assert await who(cluster, "/shop.Cart/Remove") in (502, 503)
            assert await who(cluster, "/shop.Carts/Add") == 404

    run(story())


def test_no_request_is_lost_while_routes_change(tmp_path: Path) -> None:
    """Requests come in all the time; shares change, rules come and go: every one is answered."""

    def state(number: int) -> Obj:
        refs = [backend(V1, weight=number % 5), backend(V2, weight=5 - number % 5)]
        more = [rule(under(f"/r{place}"), to=V3) for place in range(number % 3)]
        return route("busy", rule(backendRefs=refs), *more)

    async def story() -> None:
        async with lab(tmp_path, state(0)) as cluster, asyncio.TaskGroup() as group:
            answered = Counter[str | int]()

            async def ask() -> None:
                answered[await who(cluster)] += 1

            tasks = []
            for number in range(200):
                tasks.append(group.create_task(ask()))
                if number % 20 == 10:
                    cluster.replace(state(number // 20))
                await asyncio.sleep(0.005)
            await asyncio.gather(*tasks)
            assert set(answered) == {V1, V2}
            assert answered.total() == 200

    run(story())


def test_what_fails_is_tried_again_as_often_as_the_rule_says(tmp_path: Path) -> None:
    """Answers with one of its codes; a rule that says nothing tries once."""
    rules = [rule(under("/again"), retry={"attempts": 2, "codes": [503]}), rule(under("/once"))]

    async def story() -> None:
        async with lab(tmp_path, route("tried", *rules)) as cluster:
            assert [
                await who(cluster, "/again?succeedAfter=2&responseCode=503"),
                await who(cluster, "/again?succeedAfter=3&responseCode=503"),
            ] == [V1, 503]
            assert await who(cluster, "/once?succeedAfter=1&responseCode=503") == 503

    run(story())


def test_https_with_the_certificate_of_the_name_that_is_called(tmp_path: Path) -> None:
    """Each listener has its own certificate and its own routes; a Secret that comes later opens the listener."""
    secret, _ = safe(tmp_path)
    secret = secret | {"metadata": secret["metadata"] | {"name": "cert"}}
    tls = {"port": 443, "protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "cert"}]}}
    entry = gateway("safe", {"name": "any"} | tls, {"name": "own", "hostname": "own.example.org"} | tls)
    routes = [
        route("any", rule(to=V1), parents=[{"name": "safe", "sectionName": "any"}]),
        route("own", rule(to=V2), parents=[{"name": "safe", "sectionName": "own"}]),
    ]

    async def story() -> None:
        async with lab(tmp_path, entry, *routes) as cluster:
            cluster.put(secret)
            await cluster.plane.settled()
            at = cluster.where("safe", port=443)

            async def asked(host: str) -> str | int:
                return await who(cluster, "/", host, at=at, scheme="https")

            async def is_open() -> bool:
                with contextlib.suppress(OSError):
                    return await asked("other.example.org") == V1
                return False

            await eventually(is_open)
            assert await asked("own.example.org") == V2

    run(story())
