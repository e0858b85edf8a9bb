"""A cluster of many Services: what Envoy uses of the machine, and that its changes lose nothing."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_with_proxy import destination_rule, endpoint_slice, pod, proxied, service, to, virtual_service
from rollway.kube.objects import Obj
from rollway.sandbox.dataplane.publisher import FILES
from traffic import Connection, Server, answers, eventually, request, run, servers

SERVICES, ROUTED = 150, FILES + 8
"""More than the 128 inotify instances that a user has; and more routed ones than there are files of routes."""
BASE = f"127.96.{128 | os.getpid() & 127}"


def at(number: int) -> str:
    return f"{BASE}.{number + 1}"


def routed(number: int, subset: str) -> Obj:
    """Of the mesh: request by request, to the pods of that name."""
    return virtual_service({"route": [to(subset, host=f"s{number}")]}, name=f"s{number}", hosts=[f"s{number}"])


def objects(found: list[Server]) -> Iterator[Obj]:
    yield from (pod(each.name, track=each.name) for each in found)
    for number in range(SERVICES):
        yield service(f"s{number}", address=at(number))
        yield endpoint_slice(f"s{number}", found)
    for number in range(ROUTED):
        rule = destination_rule("a", "b")
        yield rule | {"metadata": rule["metadata"] | {"name": f"s{number}"}, "spec": rule["spec"] | {"host": f"s{number}"}}
        yield routed(number, "a")


def watches(pid: int) -> int:
    """Inotify instances of a process."""
    links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir() if each.is_symlink()]
    return sum("inotify" in each for each in links)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere files are followed by other means")
def test_watches_do_not_grow_with_services(tmp_path: Path) -> None:
    """Clusters, listeners, and some files of routes: no more, and every Service is served. Envoy never ended."""

    async def story() -> None:
        async with servers("a", "b") as found, proxied(tmp_path, *objects(found)) as cluster:
            assert await answers(1, at(ROUTED - 1), 8080) == {"a": 1}
            assert (await request(at(SERVICES - 1), 8080)).status == 200
            assert watches(cluster.plane.pid) <= FILES + 2
            assert cluster.plane.restarts == 0

    run(story())


def test_a_route_beyond_the_files_changes_without_loss(tmp_path: Path) -> None:
    """Who is connected, and who connects: all are answered, and end with what the route says last."""

    async def story() -> None:
        statuses, last = Counter[int](), ROUTED - 1
        async with servers("a", "b") as found, proxied(tmp_path, *objects(found)) as cluster:

            async def ask(changes: asyncio.Task[None]) -> None:
                while not changes.done():
                    async with Connection(at(last), 8080) as kept:
                        for _ in range(50):
                            answer = await kept.request()
                            statuses[answer.status] += 1
                            if changes.done() or answer.headers.get("connection") == "close":
                                break

            async def change() -> None:
                for number in range(9):
                    cluster.put(routed(last, "ab"[number % 2]))
                    cluster.put(routed(last - 1, "ba"[number % 2]))
                    await asyncio.sleep(0.05)
                cluster.put(routed(last, "b"))
                await cluster.plane.settled()

            async with asyncio.TaskGroup() as group:
                changes = group.create_task(change())
                group.create_task(ask(changes))
            assert set(statuses) == {200}

            async def is_b() -> bool:
                return await answers(3, at(last), 8080) == {"b": 3}

            await eventually(is_b)

    run(story())
