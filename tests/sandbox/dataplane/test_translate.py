"""What live objects become: routes, clusters and listeners, as text, and what is said of what is not served."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from rollway.kube.objects import DESTINATION_RULE, GATEWAY, INGRESS, SERVICE, VIRTUAL_SERVICE
from rollway.kube.regexes import is_re2
from rollway.sandbox.dataplane import render
from rollway.sandbox.dataplane.translate import Edge, Objects, translate

HERE = Path(__file__).parent / "golden"
KINDS = (SERVICE, INGRESS, GATEWAY, VIRTUAL_SERVICE, DESTINATION_RULE)


def envoys(case: Path) -> str:
    """Envoy's configuration for the objects of the case, without what is the same in each listener."""
    objects = [each for each in yaml.safe_load_all((case / "objects.yaml").read_text()) if each]
    for each in objects:
        each["metadata"].setdefault("namespace", "shop")
    sorted_out = Objects(*([each for each in objects if each["kind"] == kind.name] for kind in KINDS))
    config = translate(sorted_out, Edge("127.0.0.1", 8080), lambda port: port >= 1024)
    shown = {
        "listeners": [
            f"{each.name} at {each.address}:{each.port}: {'routes' if each.routes else each.cluster}" for each in config.listeners
        ],
        "routes": {name: [_host(each) for each in hosts] for name, hosts in config.routes.items()},
        "clusters": [_cluster(render.cluster(each)) for each in config.clusters.values()],
        "problems": [f"{each.kind} {each.namespace}/{each.name}: {each.message}" for each in config.problems],
    }
    return yaml.safe_dump(shown, sort_keys=False, width=140)


def _host(host: render.Host) -> object:
    return {"domains": list(host.domains), "routes": [render.route(each) for each in host.routes]}


def _cluster(rendered: dict[str, object]) -> str:
    is_http2 = "typed_extension_protocol_options" in rendered
    return f"{rendered['name']} {rendered['lb_policy']} {rendered['connect_timeout']}{' http2' if is_http2 else ''}"


@pytest.mark.parametrize("case", sorted(path.name for path in HERE.iterdir()))
def test_golden(case: str, request: pytest.FixtureRequest) -> None:
    """A changed translation reads as a diff."""
    made, golden = envoys(HERE / case), HERE / case / "envoy.yaml"
    if request.config.getoption("--update-golden"):
        golden.write_text(made)
    assert made == golden.read_text()


@pytest.mark.parametrize(
    ("pattern", "is_good"),
    [(r"^(.*?;)?beta=1", True), ("a{2,3}", True), ("(?i)x", True), ("a(?i)x", True),
     ("(?P<n>a)", True), ("(?=a)", False), (r"(a)\1", False),
     ("a++", False), ("(", False)],
)  # fmt: skip
def test_what_re2_takes(pattern: str, is_good: bool) -> None:
    """One that Envoy refuses would take all routes beside it along."""
    assert is_re2(pattern) is is_good
