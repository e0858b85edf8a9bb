"""The Gateway API through a real Envoy: what each listener lets in, who is asked first, and what is told of it."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from pathlib import Path

from gateway_lab import APPS, INFRA, V1, V2, V3, WEB, backend, gateway, lab, listener, made, route, rule, under, who
from rollway.health.routes import Waiting, waits
from rollway.kube.objects import API_GATEWAY, HTTP_ROUTE, REFERENCE_GRANT, Obj, get
from traffic import eventually, run

# who is asked first


def test_the_most_specific_match_of_all_routes_is_asked_first(tmp_path: Path) -> None:
    """Exact paths, then longer prefixes by whole segments, a method, headers, parameters; whichever route says it."""
    older = route(
        "older",
        rule(under("/"), to=V1),
        rule({"path": {"type": "Exact", "value": "/exact"}}, to=V2),
        rule(under("/a/", headers=[{"name": "Version", "value": "two"}]), to=V3),
    )
    newer = route(
        "newer",
        rule(under("/a"), to=V2),
        rule({"method": "POST"}, to=V3),
        rule({"headers": [{"name": "x", "value": "1"}]}, to=V2),
        rule({"path": {"type": "RegularExpression", "value": "/re/[0-9]+"}}, to=V3),
        rule({"queryParams": [{"name": "q", "value": "a"}]}, to=V3),
    )

    async def story() -> None:
        async with lab(tmp_path, older, newer) as cluster:
            assert [await who(cluster, path) for path in ("/", "/exact", "/exact/", "/a", "/a/b", "/ab")] == [
                V1,
                V2,
                V1,
                V2,
                V2,
                V1,
            ]
            assert await who(cluster, "/a", headers={"version": "two"}) == V3
            assert await who(cluster, "/", method="POST") == V3
            assert await who(cluster, "/a", method="POST") == V2  # the longer path before the method
            assert await who(cluster, "/?q=a", headers={"X": "1"}) == V2  # headers before parameters
            assert [await who(cluster, path) for path in ("/?q=a", "/?q=A", "/re/12", "/re/12/a")] == [V3, V1, V3, V1]

    run(story())


def test_of_two_equal_matches_the_older_route_has_it_then_the_name(tmp_path: Path) -> None:
    """Both are of one second here: the name decides, not who came first."""

    async def story() -> None:
        async with lab(tmp_path, route("b", rule(to=V2)), route("a", rule(to=V1))) as cluster:
            assert await who(cluster) == V1

    run(story())


def test_hosts_of_listeners_and_routes_have_to_meet(tmp_path: Path) -> None:
    """The narrower of both counts; a listener's own host keeps its callers from all others; a narrow route of a host falls back
    to a wider one."""
    entry = gateway(
        "hosts", listener("any"), listener("wild", hostname="*.wild.example"), listener("exact", hostname="very.wild.example")
    )
    here = [{"name": "hosts"}]
    routes = [
        route("wide", rule(to=V1), parents=[{"name": "hosts", "sectionName": "wild"}]),
        route("narrow", rule(under("/only"), to=V2), parents=here, hostnames=["a.wild.example", "nowhere.example"]),
        route(
            "any", rule(to=V3), parents=[{"name": "hosts", "sectionName": "any"}], hostnames=["nowhere.example", "*.wild.example"]
        ),
    ]

    async def story() -> None:
        async with lab(tmp_path, entry, *routes) as cluster:
            at = cluster.where("hosts")

            async def asked(host: str, path: str = "/") -> str | int:
                return await who(cluster, path, host, at=at)

            assert [await asked("a.wild.example"), await asked("a.wild.example", "/only/1")] == [V1, V2]
            assert [await asked("b.c.wild.example"), await asked("b.c.wild.example:80")] == [V1, V1]
            assert [await asked("nowhere.example", "/only"), await asked("nowhere.example")] == [V2, V3]
            assert [await asked("very.wild.example"), await asked("wild.example"), await asked("other.example")] == [
                404,
                404,
                404,
            ]

    run(story())


def test_listeners_say_who_may_hang_on_them(tmp_path: Path) -> None:
    """Routes of the same namespace, of all, of labelled ones; of a section or a port; of nobody else."""
    other = {"namespace": WEB}
    routes = [
        route("same", rule(to=V1)),
        route("not-same", rule(to="web-backend"), parents=[{"name": "same-namespace", "namespace": INFRA}], **other),
        route("all", rule(to="web-backend"), parents=[{"name": "all-namespaces", "namespace": INFRA}], **other),
        route("labelled", rule(to="web-backend"), parents=[{"name": "backend-namespaces", "namespace": INFRA}], **other),
        route("not-labelled", rule(under("/infra"), to=V1), parents=[{"name": "backend-namespaces"}]),
        route("wrong-port", rule(under("/port"), to=V2), parents=[{"name": "same-namespace", "port": 81}]),
        route("wrong-section", rule(under("/section"), to=V2), parents=[{"name": "same-namespace", "sectionName": "none"}]),
        route("at-8080", rule(to=V2), parents=[{"name": "same-namespace-with-http-listener-on-8080", "port": 8080}]),
    ]

    async def story() -> None:
        async with lab(tmp_path, *routes) as cluster:
            assert [await who(cluster), await who(cluster, "/port"), await who(cluster, "/section")] == [V1, V1, V1]
            assert await who(cluster, at=cluster.where("all-namespaces")) == "web-backend"
            assert await who(cluster, "/infra", at=cluster.where("backend-namespaces")) == "web-backend"
            assert await who(cluster, at=cluster.where("same-namespace-with-http-listener-on-8080", port=8080)) == V2

    run(story())


# backends


def test_what_cannot_be_reached_answers_500_for_its_share(tmp_path: Path) -> None:
    """A Service that is not there, one of another namespace without a grant, another kind, no backend at all, only zeros."""
    half = [backend(V1, weight=1), backend("nobody", weight=1), backend(V2, weight=0)]
    rules = [
        rule(under("/half"), backendRefs=half),
        rule(under("/foreign"), backendRefs=[backend("app-backend-v1", namespace=APPS)]),
        rule(under("/port"), backendRefs=[{"name": V1, "port": 9}]),
        rule(under("/kind"), backendRefs=[backend(V1, group="unknown.io", kind="NonExistent")]),
        rule(under("/none"), backendRefs=[]),
        rule(under("/zero"), backendRefs=[backend(V1, weight=0)]),
        rule(under("/unknown"), filters=({"type": "ExtensionRef", "extensionRef": {"group": "a.io", "kind": "A", "name": "a"}},)),
    ]

    async def story() -> None:
        async with lab(tmp_path, route("bad", *rules)) as cluster:
            answered = Counter([await who(cluster, "/half") for _ in range(300)])
            assert set(answered) == {V1, 500}
            assert abs(answered[V1] - 150) < 5 * (300 * 0.25) ** 0.5
            for path in ("/foreign", "/port", "/kind", "/none", "/zero", "/unknown"):
                assert await who(cluster, path) == 500, path

    run(story())


def test_a_grant_lets_a_route_use_a_service_of_another_namespace(tmp_path: Path) -> None:
    """For that kind, that namespace and that name; when it goes, so does the way."""
    spec = {
        "from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": INFRA}],
        "to": [{"group": "", "kind": "Service", "name": "app-backend-v1"}],
    }
    rules = [
        rule(under(f"/{name}"), backendRefs=[backend(name, namespace=APPS)]) for name in ("app-backend-v1", "app-backend-v2")
    ]

    async def story() -> None:
        async with lab(tmp_path, route("far", *rules), made(REFERENCE_GRANT, "grant", spec, APPS)) as cluster:
            assert [await who(cluster, "/app-backend-v1"), await who(cluster, "/app-backend-v2")] == ["app-backend-v1", 500]
            cluster.api.delete(REFERENCE_GRANT, APPS, "grant")
            await cluster.plane.settled()
            assert await who(cluster, "/app-backend-v1") == 500

    run(story())


def test_weights_are_shares_of_the_sum(tmp_path: Path) -> None:
    """7 of 10 and 3 of 10, within five deviations of 600, each with headers of its own; then another share at once."""

    def header(value: str) -> list[Obj]:
        return [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "Backend", "value": value}]}}]

    def shared(one: int, other: int) -> Obj:
        refs = [backend(V1, weight=one, filters=header("1")), backend(V2, weight=other, filters=header("2"))]
        return route("shares", rule(backendRefs=refs))

    async def story() -> None:
        async with lab(tmp_path, shared(7, 3)) as cluster:
            seen = Counter[tuple[str, str]]()
            for _ in range(600):
                answer = await cluster.ask()
                assert answer.seen is not None
                seen[answer.seen.service, answer.seen.headers["backend"]] += 1
            assert set(seen) == {(V1, "1"), (V2, "2")}
            assert abs(seen[V2, "2"] - 180) < 5 * (600 * 0.3 * 0.7) ** 0.5
            cluster.replace(shared(0, 1))
            await cluster.plane.settled()
            assert {await who(cluster) for _ in range(20)} == {V2}

    run(story())


def test_backends_that_rewrite_each_have_their_part(tmp_path: Path) -> None:
    """A proxy rewrites a route, not one of its backends: it is taken apart, and the parts stay exact."""

    def rewritten(to: str, weight: int) -> Obj:
        new = {"type": "ReplacePrefixMatch", "replacePrefixMatch": f"/{to}"}
        return backend(to, weight=weight, filters=[{"type": "URLRewrite", "urlRewrite": {"path": new}}])

    refs = [rewritten(V1, 1), rewritten(V2, 1), backend("nobody", weight=2)]

    async def story() -> None:
        async with lab(tmp_path, route("apart", rule(under("/x"), backendRefs=refs))) as cluster:
            answers = [await cluster.ask("/x/y") for _ in range(400)]
            assert {(each.seen.service, each.seen.path) for each in answers if each.seen} == {(V1, f"/{V1}/y"), (V2, f"/{V2}/y")}
            seen = Counter(each.seen.service if each.seen else "" for each in answers)
            for name, part in ((V1, 0.25), (V2, 0.25), ("", 0.5)):
                assert abs(seen[name] - 400 * part) < 5 * (400 * part * (1 - part)) ** 0.5, seen

    run(story())


# what is told of it


def test_a_route_is_accepted_when_it_is_carried_out_and_not_before(tmp_path: Path) -> None:
    """Whoever waits for its status meets the new route with the very next request."""

    async def story() -> None:
        async with lab(tmp_path, route("shop", rule(to=V1))) as cluster:

            def waiting() -> list[Waiting]:
                return waits(cluster.api.get(HTTP_ROUTE, INFRA, "shop"), {})

            async def is_in_force() -> bool:
                return not waiting()

            await eventually(is_in_force)
            for number in range(10):
                cluster.replace(route("shop", rule(to=V1 if number % 2 else V2)))
                assert waiting()
                await eventually(is_in_force)
                assert await who(cluster) == (V1 if number % 2 else V2)

    run(story())


def test_a_port_that_somebody_else_has_is_told_and_opened_later(tmp_path: Path) -> None:
    """As the listener's own condition; the route waits; nobody has to touch anything."""

    async def story() -> None:
        async with lab(tmp_path) as cluster:
            cluster.put(gateway("other", listener(port=9090)))
            other = socket.create_server(cluster.where("other", port=9090))  # before the loop, and with it the plane, goes on

            async def has(type_: str, reason: str) -> bool:
                found = get(cluster.api.get(API_GATEWAY, INFRA, "other"), "status", "listeners", default=())
                return any((each["type"], each["reason"]) == (type_, reason) for one in found for each in one["conditions"])

            await eventually(lambda: has("Accepted", "PortUnavailable"))
            other.close()
            await eventually(lambda: has("Programmed", "Programmed"))

    run(story())


def test_who_waits_for_the_route_may_stop_its_old_pods(tmp_path: Path) -> None:
    """A backend whose route is told to be gone gets no request any more: its pods end at once, and nothing is lost."""

    async def story() -> None:
        async with lab(tmp_path, route("moving", rule(backendRefs=[backend(V1), backend(V2)]))) as cluster:
            answered, is_over = Counter[str | int](), asyncio.Event()

            async def ask() -> None:
                while not is_over.is_set():
                    answered[await who(cluster)] += 1

            async def settled() -> None:
                async def is_in_force() -> bool:
                    return not waits(cluster.api.get(HTTP_ROUTE, INFRA, "moving"), {})

                await eventually(is_in_force)

            async with asyncio.TaskGroup() as group:
                callers = [group.create_task(ask()) for _ in range(4)]
                for _ in range(8):
                    await settled()
                    await asyncio.sleep(0.05)
                    cluster.replace(route("moving", rule(to=V1)))
                    await settled()
                    await cluster.echo(V2).stop()
                    await cluster.echo(V2).start()
                    cluster.replace(route("moving", rule(backendRefs=[backend(V1), backend(V2)])))
                is_over.set()
                await asyncio.gather(*callers)
            assert set(answered) == {V1, V2}

    run(story())
