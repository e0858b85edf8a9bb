"""Users who keep their side, and copies of requests, as the rendered routes have them, through a real Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from cluster_with_proxy import endpoint_slice, pod, proxied, service, virtual_service
from gateway_lab import INFRA, backend, lab, route
from rollway.kube.objects import Obj
from rollway.routing import gateway, istio
from rollway.routing.gateway import Pair
from rollway.routing.sticky import cookie_of
from rollway.routing.traffic import Host, Sticky, Traffic
from traffic import Connection, eventually, own_address, run, servers
from users import User, headers_of, taken

V1, V2 = "infra-backend-v1", "infra-backend-v2"
WEIGHTS = (5, 25, 50)
USERS = 400

Ask = Callable[[User], Awaitable[bool]]
"""Whether a user's request is answered by the new version; the user keeps the cookie."""


def stages() -> list[Traffic]:
    return [Traffic(weight, sticky=Sticky(cookie_of("shop", 3), WEIGHTS[:place])) for place, weight in enumerate(WEIGHTS)]


async def visited(users: Sequence[User], ask: Ask, weight: int) -> None:
    """Each comes twice; the share is that of the users, as far as chance goes."""
    for _ in range(2):
        for place in range(0, len(users), 10):
            found = users[place : place + 10]
            for user, is_new in zip(found, await asyncio.gather(*(ask(user) for user in found)), strict=True):
                user.sides.append(is_new)
    share, part = sum(user.sides[-1] for user in users) / len(users), weight / 100
    assert abs(share - part) < 5 * (part * (1 - part) / len(users)) ** 0.5, (weight, share)
    assert not [user for user in users if user.went_back]


def test_users_of_an_http_route_keep_their_side(tmp_path: Path) -> None:
    plain, pair = route("kept", {"backendRefs": [backend(V1)]}), Pair(Host(V1, INFRA), V2)

    async def story() -> None:
        users = [User() for _ in range(USERS)]
        async with lab(tmp_path, plain) as cluster:

            async def ask(user: User) -> bool:
                answer = await cluster.ask(headers=headers_of(user.cookies))
                assert answer.seen is not None
                user.cookies |= taken(answer.headers.get("set-cookie", ""))
                return answer.seen.service == V2

            for traffic in stages():
                cluster.replace(gateway.split(plain, pair, traffic))
                await cluster.plane.settled()
                await visited(users, ask, traffic.weight)
            cluster.replace(plain)
            await cluster.plane.settled()
            assert not any([await ask(user) for user in users[:50]]), "after a rollback nobody stays"

    run(story(), 120)


def test_users_of_a_virtual_service_keep_their_side(tmp_path: Path) -> None:
    host, address = Host("shop", "shop"), own_address(96)
    plain = virtual_service({"route": [{"destination": {"host": "shop"}}]})

    async def story() -> None:
        users, rule = [User() for _ in range(USERS)], istio.destination_rule("shop", host)
        rule["metadata"]["namespace"] = "shop"
        async with servers("stable", "b") as found:
            pods = [pod(name, **{"rollway.dev/track": name}) for name in ("stable", "b")]
            objects: list[Obj] = [service(address=address), *pods, endpoint_slice("shop", found), rule, plain]
            async with proxied(tmp_path, *objects) as cluster, Connection(address, 8080) as kept:
                lock = asyncio.Lock()

                async def ask(user: User) -> bool:
                    async with lock:
                        answer = await kept.request("/", "shop", headers_of(user.cookies))
                    user.cookies |= taken(answer.headers.get("set-cookie", ""))
                    return answer.body == "b"

                for traffic in stages():
                    cluster.put(istio.split(plain, host, traffic))
                    await cluster.plane.settled()
                    await visited(users, ask, traffic.weight)

    run(story(), 120)


def test_copies_are_so_many_and_no_user_is_answered_by_one(tmp_path: Path) -> None:
    plain, pair = route("copied", {"backendRefs": [backend(V1)]}), Pair(Host(V1, INFRA), V2)

    async def story() -> None:
        async with lab(tmp_path, gateway.split(plain, pair, Traffic(0, mirror=20))) as cluster:
            asked, part = 500, 0.2
            answers = [await cluster.ask() for _ in range(asked)]
            assert {answer.seen.service for answer in answers if answer.seen} == {V1}
            second = cluster.echo(V2)

            async def is_so_many() -> bool:
                return abs(len(second.seen) - asked * part) < 5 * (asked * part * (1 - part)) ** 0.5

            await eventually(is_so_many)

    run(story(), 120)
