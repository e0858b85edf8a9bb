"""Whether Services, routes and two versions' pods fit together."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.routing import fit
from rollway.routing.fit import Misfit, Side


def service(selector: dict[str, str], *ports: dict[str, Any]) -> dict[str, Any]:
    spec = {"selector": selector, "ports": list(ports)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}


def side(version: str, own: dict[str, Any], labels: dict[str, str] | None = None, *ports: dict[str, Any] | int) -> Side:
    """A version: its Service, its pods' labels, and what its one container declares; several where a port is a list."""
    declared = [{"containerPort": port} if isinstance(port, int) else port for port in ports]
    template = {"metadata": {"labels": labels or {"app": "web"}}, "spec": {"containers": [{"name": "web", "ports": declared}]}}
    return Side(version, {"spec": {"template": template}}, [own])


WEB = {"app": "web"}


def to(target: str | int, port: int = 80, name: str = "") -> dict[str, Any]:
    return {**({"name": name} if name else {}), "port": port, "targetPort": target}


def named(name: str, number: int) -> dict[str, Any]:
    return {"name": name, "containerPort": number}


SELECTORS: list[tuple[dict[str, str], dict[str, str], dict[str, str], dict[str, str], dict[str, str] | None]] = [
    # selector before, labels before, selector after, labels after, the selector that serves both (None: there is none)
    (WEB, {"app": "web", "v": "1"}, WEB, {"app": "web", "v": "2"}, WEB),
    (WEB, {"app": "web", "tier": "a"}, {"tier": "a"}, {"app": "web", "tier": "a"}, WEB),
    ({"app": "web", "tier": "a"}, {"app": "web", "tier": "a"}, WEB, {"app": "web"}, WEB),
    (
        {"tier": "a"},
        {"app": "web", "tier": "a", "x": "1"},
        {"tier": "b"},
        {"app": "web", "tier": "b", "x": "1"},
        {**WEB, "x": "1"},
    ),
    ({"app": "web"}, {"app": "web"}, {"app": "shop"}, {"app": "shop"}, None),
]


@pytest.mark.parametrize(("before", "old", "after", "new", "both"), SELECTORS)
def test_one_selector_for_both(before: Any, old: Any, after: Any, new: Any, both: Any) -> None:
    """The old one while it serves both, the new one where that does, else all that both versions' pods have in common; the same
    the other way round, and done again it changes nothing."""
    first, then = service(before, to(80)), service(after, to(80))
    sides = [side("1", first, old), side("2", then, new)]

    found = fit.bridge(first, then, sides)

    if both is None:
        assert isinstance(found, Misfit)
        assert isinstance(fit.bridge(then, first, sides[::-1]), Misfit)
        return
    assert not isinstance(found, Misfit)
    kept = {key: value for key, value in {**before, **found.get("spec", {}).get("selector", {})}.items() if value is not None}
    assert kept == both
    assert not isinstance(fit.bridge(then, first, sides[::-1]), Misfit)
    assert fit.bridge(service(both, to(80)), then, sides) == {}


def test_a_wider_selector_reaches_nobody_else() -> None:
    """What both versions have in common is no selector where others have it, too."""
    first, then = service({"app": "web", "tier": "a"}, to(80)), service({"app": "web", "tier": "b"}, to(80))
    sides = [side("1", first, {"app": "web", "tier": "a"}), side("2", then, {"app": "web", "tier": "b"})]

    assert fit.bridge(first, then, sides, [{"app": "other"}]) == {"spec": {"selector": {"app": "web", "tier": None}}}
    refused = fit.bridge(first, then, sides, [{"app": "web", "tier": "worker"}])
    assert isinstance(refused, Misfit)
    assert "tier=worker" in refused.why
    assert "blue-green" in refused.hint


PORTS: list[tuple[str | int, list[Any], str | int, list[Any], str | int | None]] = [
    # targetPort before, declared before, targetPort after, declared after, the target that serves both (None: there is none)
    (8080, [8080], 8080, [8080], 8080),
    (8080, [8080], 9090, [9090], None),
    (8080, [], 9090, [], None),
    ("http", [named("http", 8080)], "http", [named("http", 9090)], "http"),
    (8080, [named("http", 8080)], 9090, [named("http", 9090)], "http"),
    (8080, [named("http", 8080)], "http", [named("http", 9090)], "http"),
    ("http", [named("http", 8080)], "web", [named("web", 8080)], 8080),
    ("http", [named("http", 8080)], 8080, [8080], 8080),
    ("http", [named("http", 8080)], "web", [named("web", 9090)], None),
    ("http", [named("http", 8080)], "web", [named("http", 8080), named("web", 9090)], "http"),
    (8080, [8080, 9090], 9090, [9090], 9090),
    (8080, [8080, named("metrics", 9090)], 9090, [9090], None),
    (8080, [8080], 9090, [8080, 9090], 8080),
]


@pytest.mark.parametrize(("before", "old", "after", "new", "both"), PORTS)
def test_one_port_for_both(before: Any, old: Any, after: Any, new: Any, both: Any) -> None:
    """The old target while it serves both versions' pods, else the new one, else a name or number of both; what a container
    declares beside its port counts, unless its name says that it is for something else; the way back finds one, too."""
    first, then = service(WEB, to(before)), service(WEB, to(after))
    sides = [side("1", first, None, *old), side("2", then, None, *new)]

    found = fit.bridge(first, then, sides)

    assert isinstance(fit.bridge(then, first, sides[::-1]), Misfit) == (both is None)
    if both is None:
        assert isinstance(found, Misfit)
        assert "port 80 of Service web" in found.why
        assert "targetPort" in found.hint
        return
    assert not isinstance(found, Misfit)
    kept = found.get("spec", {}).get("ports", [to(before)])
    assert kept == [to(both)]
    assert fit.bridge(service(WEB, to(both)), then, sides) == {}


def test_another_containers_port_is_not_the_applications() -> None:
    """A Service that reached a proxy before is never led past it to what the proxy protects."""
    proxied = service(WEB, to("proxy"))
    plain = service(WEB, to("http"))
    containers = [{"name": "proxy", "ports": [named("proxy", 9000)]}, {"name": "web", "ports": [named("http", 8080)]}]
    template = {"metadata": {"labels": WEB}, "spec": {"containers": containers}}
    sides = [Side("1", {"spec": {"template": template}}, [proxied]), side("2", plain, None, named("http", 8080))]

    assert isinstance(fit.bridge(proxied, plain, sides), Misfit)


def test_a_port_that_one_version_alone_has_stands_in_nobodys_way() -> None:
    """One that goes stays as it is until the end, one that comes is not there before it."""
    first = service(WEB, to(8080, name="http"), to(9000, 90, "admin"))
    then = service(WEB, to(8080, name="http"), to(7000, 70, "rpc"))
    sides = [side("1", first, None, 8080, 9000), side("2", then, None, 8080, 7000)]

    assert fit.bridge(first, then, sides) == {}


@pytest.mark.parametrize("names", [("http", "admin"), ("admin", "http")])
@pytest.mark.parametrize("number", [80, 8000])
@pytest.mark.parametrize("name", ["http", ""])
def test_a_port_that_comes_or_goes_is_never_led_to_what_another_one_has_beside_it(
    names: tuple[str, str], number: int, name: str
) -> None:
    """A Service's only port is that of the users' requests, under whichever number and name; the one for operators, which one
    version alone has, reaches what it means in that version or nothing, in either direction, in any order."""
    ports = {"http": to(8080, name="http"), "admin": to(9090, 9000, "admin")}
    one, two = service(WEB, to(8080, number, name)), service(WEB, *(ports[each] for each in names))
    sides = [side("1", one, None, 8080), side("2", two, None, 8080, 9090)]

    assert fit.bridge(one, two, sides) == {}
    assert fit.bridge(two, one, sides[::-1]) == {}


def test_a_port_that_the_manifests_call_by_its_number_is_none_of_a_former_form() -> None:
    """`port-9000` may be a user's own name: in the version that has it it reaches what it means, in the other one nothing."""
    one, two = service(WEB, to(8080, 80, "http")), service(WEB, to(8080, 80, "http"), to(9090, 9000, "port-9000"))
    sides = [side("1", one, None, 8080), side("2", two, None, 8080, 9090)]

    assert fit.bridge(two, one, sides[::-1]) == {}


@pytest.mark.parametrize("name", ["http", ""])
def test_a_port_without_a_name_is_known_under_its_former_number(name: str) -> None:
    first, then = service(WEB, to(8080, 80, name)), service(WEB, to(9090, 8080))
    both = service(WEB, to(9090, 8080, "port-8080"), to(9090, 80, "port-80"))
    sides = [side("2", then, None, named("web", 9090)), side("1", first, None, named("web", 8080))]

    found = fit.bridge(both, first, sides)

    assert not isinstance(found, Misfit)
    assert [(port["port"], port["targetPort"]) for port in found["spec"]["ports"]] == [(8080, "web"), (80, "web")]


def test_a_port_under_its_former_number_is_led_where_the_only_one_is() -> None:
    """Half-way the Service has both numbers: pods of both versions are reached by either, by the name that both give."""
    first, then = service(WEB, to(8080, 80, "http")), service(WEB, to(9090, 8080, "http"))
    both = service(WEB, to(9090, 8080, "http"), to(9090, 80, "port-80"))
    sides = [side("2", then, None, named("http", 9090)), side("1", first, None, named("http", 8080))]

    found = fit.bridge(both, first, sides)

    assert not isinstance(found, Misfit)
    assert [(port["port"], port["targetPort"]) for port in found["spec"]["ports"]] == [(8080, "http"), (80, "http")]


def test_an_only_port_of_another_protocol_is_no_form_of_it() -> None:
    """What came by TCP is not answered by UDP: it stays until the end, and nothing stumbles over it."""
    tcp, udp = service(WEB, to(8080)), service(WEB, {**to(8080), "protocol": "UDP"})

    assert fit.counterpart(to(8080), [{**to(8080), "protocol": "UDP"}]) is None
    assert fit.bridge(tcp, udp, [side("1", tcp, None, 8080), side("2", udp, None, 8080)]) == {}


def test_what_reaches_nobody_is_changed_at_once() -> None:
    """A Service that selects none of the running pods has nothing to lose."""
    first, then = service({"app": "wrong"}, to(1)), service({"app": "web", "tier": "b"}, to(8080))
    sides = [side("1", first, {"app": "web"}, 8080), side("2", then, {"app": "web", "tier": "b"}, 8080)]

    changed = fit.bridge(first, then, sides)

    assert changed == {"spec": {"selector": {"app": "web", "tier": "b"}, "ports": [to(8080)]}}


def test_a_target_that_a_manifest_does_not_say_is_said_where_the_live_port_leads_elsewhere() -> None:
    """An apply would leave what another tool has set of it. Ports of another protocol are others; what agrees is as it was."""
    said = service(WEB, {"name": "http", "port": 8080})

    for live in (said, service(WEB, to(8080, 8080)), service(WEB, {**to(9090, 8080), "protocol": "UDP"})):
        assert fit.stated(live, said) == said
    assert fit.stated(service(WEB, to(9090, 8080)), said)["spec"]["ports"] == [to(8080, 8080, "http")]
    assert fit.opened(service(WEB, to(9090, 8080)), said, [])["spec"]["ports"] == [to(8080, 8080, "http")]


# routes


def ingress(*ports: dict[str, Any]) -> dict[str, Any]:
    paths = [{"path": f"/{place}", "backend": {"service": {"name": "web", "port": port}}} for place, port in enumerate(ports)]
    spec = {"rules": [{"http": {"paths": paths}}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web"}, "spec": spec}


ROUTE = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "HTTPRoute",
    "metadata": {"name": "web"},
    "spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80}, {"kind": "Bucket", "name": "web", "group": "acme"}]}]},
}
VIRTUAL = {
    "apiVersion": "networking.istio.io/v1",
    "kind": "VirtualService",
    "metadata": {"name": "web"},
    "spec": {"http": [{"route": [{"destination": {"host": "web.shop.svc.cluster.local", "port": {"number": 80}}}]}]},
}


@pytest.mark.parametrize("router", [ingress({"number": 80}), ROUTE, VIRTUAL])
def test_whatever_routes_by_port_is_known(router: dict[str, Any]) -> None:
    """Ingress, the Gateway API and Istio alike."""
    assert fit.lacks(router, {"web": service(WEB, to(8080))}) == []
    assert [each.port for each in fit.lacks(router, {"web": service(WEB, to(8080, 8080))})] == [80]
    assert fit.lacks(router, {"other": service(WEB)}) == []


def test_an_ingress_goes_by_number_where_a_name_goes() -> None:
    """Only names that go, and only where the number stays."""
    before = service(WEB, to(8080, 80, "http"), to(9000, 90, "admin"), to(1, 1, "old"))
    after = service(WEB, to(8080, 80, "web"), to(9000, 90, "admin"))
    live = ingress({"name": "http"}, {"name": "admin"}, {"number": 80}, {"name": "old"})

    changed = fit.by_number(live, before, after)

    paths = changed["spec"]["rules"][0]["http"]["paths"]
    assert [path["backend"]["service"]["port"] for path in paths] == [
        {"number": 80},
        {"name": "admin"},
        {"number": 80},
        {"name": "old"},
    ]


def test_a_port_that_is_routed_to_stays_beside_the_new_one() -> None:
    """With a name of its own, and led to where the new pods listen; what nothing routes to goes at once."""
    before, after = service(WEB, to("http", 80)), service(WEB, to("web", 8080))

    opened = fit.opened(before, after, [ingress({"number": 80})])

    assert opened["spec"]["ports"] == [to("web", 8080, "port-8080"), to("web", 80, "port-80")]
    assert fit.opened(before, after, []) == after
