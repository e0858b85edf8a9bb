"""HTTPRoutes as istiod reads them: which hang on a listener, in which order their rules are asked, and whereto in which shares.

The manifests are Istio's: they are read where `ROLLWAY_EXAMS` says, and stay there. Compared are the gateway's rules; those of
its mesh are not served here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from exams import exam
from rollway.kube.defaults import fill
from rollway.kube.objects import API_GATEWAY, HTTP_ROUTE, Obj
from rollway.sandbox.controllers.attachment import Known, listeners
from rollway.sandbox.dataplane.gateway import translate
from rollway.sandbox.dataplane.model import Answer, Forward, Redirect, Route
from rollway.sandbox.dataplane.services import Clusters, Port

CASES = exam("istio-httproute-golden").get("cases", [])
if not CASES:
    pytest.skip("ROLLWAY_EXAMS names no folder with istio-httproute-golden.json", allow_module_level=True)

_LABEL = "istio.io/test-name-part"
LABELS = {"default": "default", "group-namespace1": "group", "group-namespace2": "group", "istio-system": "istio-system"}
"""Of the namespaces: Istio's test makes them, its manifests do not say them."""


class Read(NamedTuple):
    """A rule: whose it is, whereto in which shares of a hundred, or the status that is answered."""

    rule: str
    to: Mapping[str, float] | int


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_rules_come_in_istiods_order_with_its_shares(case: dict[str, Any]) -> None:
    known, ports = _known(case["input"])
    made = translate(known, ports, Clusters(), lambda port: True)
    (gateway,) = known.gateways
    hostnames = {each.name: each.hostname for each in listeners(gateway, known)}
    hosts = {host.domains[0]: host.routes for host in made.routes["gateway/istio-system/gateway/80"]}
    for listener, host, wanted in _virtual_services(case):
        served = hosts[hostnames[listener] if host == "*" else host]
        # what Istio has in further VirtualServices, for wider hosts, comes after it here
        assert [_as_istio(route) for route in served][: len(wanted)] == wanted, (listener, host)


def test_no_rule_hangs_on_a_listener_where_istiod_has_none() -> None:
    """Listeners of whose hosts no VirtualService speaks: theirs have nothing to ask here, either."""
    for case in CASES:
        known, ports = _known(case["input"])
        made = translate(known, ports, Clusters(), lambda port: True)
        spoken = {listener for listener, _, _ in _virtual_services(case)}
        silent = {each.hostname for each in listeners(known.gateways[0], known) if each.name not in spoken}
        hosts = {host.domains[0]: host.routes for host in made.routes["gateway/istio-system/gateway/80"]}
        assert {host: hosts[host] for host in silent & hosts.keys()} == dict.fromkeys(silent & hosts.keys(), ())


def _known(manifests: list[Obj]) -> tuple[Known, dict[tuple[str, str], list[Port]]]:
    """Every Service that a route refers to is there, and every class is served."""
    for obj in manifests:
        obj["metadata"].setdefault("uid", obj["metadata"]["name"])
        fill(obj)
    routes = [each for each in manifests if each["kind"] == HTTP_ROUTE.name]
    places: dict[tuple[str, str], set[int]] = {}
    for route in routes:
        for ref in _refs(route):
            place = (ref.get("namespace") or route["metadata"]["namespace"], ref["name"])
            places.setdefault(place, set()).add(ref["port"])
    services = [
        {"metadata": {"name": name, "namespace": space}, "spec": {"ports": [{"port": number} for number in numbers]}}
        for (space, name), numbers in places.items()
    ]
    ports = {
        place: [Port(place, "", number, "", number, is_http=True, is_http2=False) for number in numbers]
        for place, numbers in places.items()
    }
    known = Known(
        classes=[each for each in manifests if each["kind"] == "GatewayClass"],
        gateways=[each for each in manifests if each["kind"] == API_GATEWAY.name],
        routes=routes,
        namespaces=[{"metadata": {"name": name, "labels": {_LABEL: value}}} for name, value in LABELS.items()],
        services=services,
        presumes=True,
    )
    return known, ports


def _refs(route: Obj) -> Iterator[Obj]:
    for rule in route["spec"]["rules"]:
        mirrors = [each["requestMirror"]["backendRef"] for each in rule.get("filters") or () if "requestMirror" in each]
        yield from (ref for ref in [*(rule.get("backendRefs") or ()), *mirrors] if ref["kind"] == "Service")


def _virtual_services(case: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Read]]]:
    """Those of the gateway: (listener, host, rules), without what goes to an InferencePool."""
    for each in case["virtualServices"]:
        parts = each["name"].split("~")
        if parts[:2] == ["istio-system", "gateway"] and not parts[4].startswith(("infpool", "multi-infpool")):
            yield parts[3], parts[4], [_of_istio(rule) for rule in each["spec"]["http"]]


def _of_istio(rule: Obj) -> Read:
    if "redirect" in rule:
        return Read(rule["name"], rule["redirect"]["redirectCode"])
    if "directResponse" in rule:
        return Read(rule["name"], rule["directResponse"]["status"])
    weights = [(target["destination"]["host"].split(".svc.")[0], target.get("weight", 1)) for target in rule["route"]]
    whole = sum(weight for _, weight in weights)
    return Read(rule["name"], {host: round(100 * weight / whole, 6) for host, weight in weights})


def _as_istio(route: Route) -> Read:
    """Rules of a name are called by it, others by namespace, route and number."""
    _, namespace, name, rule = route.name.split("/")
    called = f"{namespace}.{name}.{rule}" if rule.isdigit() else rule
    match route.action:
        case Redirect(code=code):
            return Read(called, code)
        case Answer(status=status):
            return Read(called, status)
        case Forward(shares=shares):
            whole = sum(share.weight for share in shares)
            places = [(share.cluster.split("/"), share.weight) for share in shares]
            return Read(called, {f"{place[2]}.{place[1]}": round(100 * weight / whole, 6) for place, weight in places})
