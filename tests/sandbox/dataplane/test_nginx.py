"""Ingresses with ingress-nginx's canary annotations: the rule as a table, and requests through a real Envoy."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cluster_with_proxy import Proxied, endpoint_slice, ingress, proxied, service
from rollway.kube.objects import Obj
from rollway.sandbox.dataplane.nginx_canary import PREFIX, Canary, Wrong, canary_of, decide, is_nginx
from traffic import eventually, request, run, servers

HOST = "shop.example.com"


def of_nginx(name: str, to: str, *, class_: str = "nginx", **annotations: Any) -> Obj:
    out = ingress(service=to)
    notes = {f"{PREFIX}{key.replace('_', '-')}": str(value) for key, value in annotations.items()}
    return out | {
        "metadata": out["metadata"] | {"name": name, "annotations": notes},
        "spec": out["spec"] | {"ingressClassName": class_},
    }


# the rule

HEADER = Canary(header="X-Canary", weight=100)
VALUE = Canary(header="X-Canary", header_value="v2", weight=10)
PATTERN = Canary(header="X-Canary", header_pattern="^v[23]$|beta")
COOKIE = Canary(cookie="Canary", header="X-Canary")


@pytest.mark.parametrize(
    ("canary", "headers", "cookies", "wanted"),
    [
        (HEADER, {"x-canary": "always"}, {}, True),
        (HEADER, {"X-CANARY": "never"}, {}, False),
        (HEADER, {"X-Canary": "Always"}, {}, 1.0),
        (HEADER, {}, {}, 1.0),
        (VALUE, {"X-Canary": "v2"}, {}, True),
        (VALUE, {"X-Canary": "always"}, {}, 0.1),
        (VALUE, {"X-Canary": "never"}, {}, 0.1),
        (PATTERN, {"X-Canary": "v3"}, {}, True),
        (PATTERN, {"X-Canary": "the beta one"}, {}, True),
        (PATTERN, {"X-Canary": "v33"}, {}, 0.0),
        (Canary(header="X", header_pattern="(?i)beta"), {"X": "Beta"}, {}, True),
        (Canary(header="X", header_pattern="(?=a)", weight=100), {"X": "a"}, {}, False),
        (COOKIE, {}, {"canary": "always"}, True),
        (COOKIE, {}, {"a": "b", "Canary": "never", "c": "d"}, False),
        (COOKIE, {}, {"not-canary": "always"}, 0.0),
        (COOKIE, {"X-Canary": "never"}, {"Canary": "always"}, False),
        (Canary(weight=30, total=1000), {}, {}, 0.03),
        (Canary(weight=300), {}, {}, 1.0),
        (Canary(weight=-1), {}, {}, 0.0),
    ],
)
def test_header_then_cookie_then_weight(
    canary: Canary, headers: dict[str, str], cookies: dict[str, str], wanted: bool | float
) -> None:
    """With a value or a pattern `always` and `never` mean nothing; a pattern holds anywhere in the value."""
    assert decide(canary, headers, cookies) == wanted


def test_what_annotations_say() -> None:
    """A total below 100 counts as 100; what is no number as 0; without `canary: true` all else is an error."""
    assert canary_of(of_nginx("a", "shop")) is None
    assert canary_of(of_nginx("a", "shop", canary="true", canary_weight="x", canary_weight_total="10")) == Canary(0, 100)
    assert canary_of(of_nginx("a", "shop", canary="true", canary_weight=1, canary_weight_total=200)) == Canary(1, 200)
    with pytest.raises(Wrong):
        canary_of(of_nginx("a", "shop", canary="false", canary_by_cookie="c"))


def test_whose_ingress_it_is() -> None:
    """By a class that is called so; one without a class may be nginx's, one of a cloud's load balancer is not."""
    assert is_nginx(of_nginx("a", "shop", class_="nginx-internal"))
    assert is_nginx(of_nginx("a", "shop", class_=""))
    assert not is_nginx(of_nginx("a", "shop", class_="alb", canary="true"))


# requests


async def who(cluster: Proxied, path: str = "/", host: str = HOST, **headers: str) -> str | int:
    answer = await request(*cluster.edge, path, host, {key.replace("_", "-"): value for key, value in headers.items()})
    return answer.body if answer.status == 200 else answer.status


def both(found: list[Any]) -> list[Obj]:
    return [*(service(name) for name in ("main", "canary")), *(endpoint_slice(each.name, [each]) for each in found)]


def test_a_share_testers_and_nobody_else(tmp_path: Path) -> None:
    """A fifth of 500 within five deviations; the header decides before the cookie, and both before the weight."""
    notes = {"canary": "true", "canary_by_header": "X-Canary", "canary_by_cookie": "canary", "canary_weight": 20}

    async def story() -> None:
        async with servers("main", "canary") as found:
            objects = [*both(found), of_nginx("shop", "main"), of_nginx("canary", "canary", **notes)]
            async with proxied(tmp_path, *objects) as cluster:
                seen = Counter([await who(cluster) for _ in range(500)])
                assert set(seen) == {"main", "canary"}
                assert abs(seen["canary"] - 100) < 5 * (500 * 0.2 * 0.8) ** 0.5
                assert {await who(cluster, x_canary="always") for _ in range(20)} == {"canary"}
                assert {await who(cluster, x_canary="never") for _ in range(20)} == {"main"}
                assert {await who(cluster, cookie="a=b; canary=always") for _ in range(20)} == {"canary"}
                assert {await who(cluster, cookie="canary=always", x_canary="never") for _ in range(20)} == {"main"}
                cluster.put(of_nginx("canary", "canary", canary="true", canary_weight=100))
                await cluster.plane.settled()
                assert {await who(cluster) for _ in range(20)} == {"canary"}

    run(story())


def test_a_canary_alone_serves_nothing_and_one_without_pods_takes_nothing(tmp_path: Path) -> None:
    """404 for whoever has no main line; the main line for a canary that has nobody, whatever its weight."""
    beside = of_nginx("canary", "canary", canary="true", canary_weight=100)

    async def story() -> None:
        async with servers("main", "canary") as found, proxied(tmp_path, *both(found), beside) as cluster:
            assert await who(cluster) == 404
            cluster.put(of_nginx("shop", "main"))
            await cluster.plane.settled()
            assert await who(cluster) == "canary"
            cluster.endpoints("canary", [])
            await cluster.plane.settled()

            async def is_main() -> bool:
                return await who(cluster) == "main"

            await eventually(is_main)
            cluster.endpoints("canary", found[1:])

            async def is_back() -> bool:
                return await who(cluster) == "canary"

            await eventually(is_back)
            assert not [message for message in cluster.events() if "not understood" in message]

    run(story())


def test_with_affinity_a_client_stays_on_the_side_it_met(tmp_path: Path) -> None:
    """Also who came before there was a canary; `legacy` binds nobody."""

    async def cookie_of(cluster: Proxied) -> tuple[str, str]:
        answer = await request(*cluster.edge, "/", HOST)
        return answer.body, answer.headers.get("set-cookie", "").partition(";")[0]

    async def story() -> None:
        async with servers("main", "canary") as found:
            main = of_nginx("shop", "main", affinity="cookie")
            async with proxied(tmp_path, *both(found), main) as cluster:
                _, early = await cookie_of(cluster)
                assert early.startswith("INGRESSCOOKIE=")
                cluster.put(of_nginx("canary", "canary", canary="true", canary_weight=100, canary_by_header="X"))
                await cluster.plane.settled()
                assert {await who(cluster, cookie=early, x="always") for _ in range(10)} == {"main"}
                side, later = await cookie_of(cluster)
                assert side == "canary"
                cluster.put(of_nginx("canary", "canary", canary="true", canary_weight=0))
                await cluster.plane.settled()
                assert {await who(cluster, cookie=later) for _ in range(10)} == {"canary"}  # a weight of 0 sends nobody back
                assert await who(cluster) == "main"
                cluster.put(of_nginx("shop", "main", affinity="cookie", affinity_canary_behavior="legacy"))
                await cluster.plane.settled()
                assert await who(cluster, cookie=later) == "main"

    run(story())
