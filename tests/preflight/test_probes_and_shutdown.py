"""Probes and stopping: each rule with what it must find, and with what looks alike and is right."""

from __future__ import annotations

import pytest
from checked import Spoil, Told, Written, findings, found
from rollway import preflight
from rollway.kube.objects import get
from rollway.preflight.rules import RULES

LIVE = {"httpGet": {"path": "/live", "port": "http"}, "periodSeconds": 10, "failureThreshold": 3}
READY = {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 2}


def container(**fields: object) -> Spoil:
    def spoil(app: Written) -> None:
        app.container.update(fields)

    return spoil


def pod(**fields: object) -> Spoil:
    def spoil(app: Written) -> None:
        app.pod.update(fields)

    return spoil


def all_of(*spoils: Spoil) -> Spoil:
    def spoil(app: Written) -> None:
        for each in spoils:
            each(app)

    return spoil


def no_probe(app: Written) -> None:
    del app.container["readinessProbe"]


def no_hook(app: Written) -> None:
    del app.container["lifecycle"]


def worker(app: Written) -> None:
    """Nobody sends it requests."""
    app.without("Service")
    del app.container["readinessProbe"], app.container["lifecycle"]
    app.container["ports"] = [{"name": "metrics", "containerPort": 9090}]


def with_sidecar(app: Written) -> None:
    """A second container without probe and hook, which no Service sends requests to."""
    app.pod["containers"].append({"name": "logs", "image": "ghcr.io/acme/logs:2.0"})


def hook(**handler: object) -> Spoil:
    return container(lifecycle={"preStop": handler})


def routed_by(kind: str) -> Spoil:
    """Without a Service of its own, but an Ingress that names it."""

    def spoil(app: Written) -> None:
        worker(app)
        app.add(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop}, spec: {rules: [{http: {paths: [{path: /, "
            f"pathType: Prefix, backend: {{service: {{name: {kind}, port: {{number: 80}}}}}}}}]}}}}]}}}}"
        )

    return spoil


def test_what_is_sound_is_found_to_be() -> None:
    """Nothing at all, by any strategy."""
    for strategy in ("recreate", "ramped", "blue-green", "ab"):
        assert findings(lambda app: None, strategy) == ()


MUST = {
    "no readiness probe": ("RW001", no_probe),
    "no readiness probe, behind an Ingress": ("RW001", routed_by("shop")),
    "a probe at another container's port name": ("RW002", container(readinessProbe={"httpGet": {"port": "web"}})),
    "a probe at an undeclared number": ("RW002", container(readinessProbe={"tcpSocket": {"port": 80}})),
    "liveness gives up first": ("RW003", container(livenessProbe={**LIVE, "periodSeconds": 1}, readinessProbe=READY)),
    "no preStop": ("RW004", no_hook),
    "an empty lifecycle": ("RW004", container(lifecycle={})),
    "a second of preStop": ("RW005", hook(sleep={"seconds": 1})),
    "a command that sleeps a second": ("RW005", hook(exec={"command": ["sleep", "1"]})),
    "a shell that sleeps a second": ("RW005", hook(exec={"command": ["/bin/sh", "-c", "sleep 1 && nginx -s quit"]})),
    "slower requests than the hook": ("RW005", lambda app: app.file.update(traffic={"slowestRequest": "10s"})),
    "a hook whose time nobody knows": ("RW005", hook(httpGet={"path": "/bye", "port": "http"})),
    "a grace period that the hook eats up": ("RW006", pod(terminationGracePeriodSeconds=5)),
    "no grace at all": ("RW006", pod(terminationGracePeriodSeconds=0)),
    "requests of half a minute": ("RW006", lambda app: app.file.update(traffic={"slowestRequest": "30s"})),
    "a slow start, guessed at": ("RW007", container(livenessProbe={**LIVE, "initialDelaySeconds": 10, "periodSeconds": 5})),
    "liveness asks what readiness asks": ("RW008", container(livenessProbe=READY)),
    "liveness asks the same, as impatiently": (
        "RW008",
        container(livenessProbe={"exec": {"command": ["up"]}}, readinessProbe={"exec": {"command": ["up"]}}),
    ),
    "liveness asks the same by gRPC": (
        "RW008",
        container(livenessProbe={"grpc": {"port": 8080}}, readinessProbe={"grpc": {"port": 8080}}),
    ),
}


@pytest.mark.parametrize("case", MUST)
def test_found_and_mended(case: str, told: Told) -> None:
    """Once, in the Deployment; and where there is a fix, not again after it."""
    rule, spoil = MUST[case]
    written = Written()
    spoil(written)
    release = written.release()

    all_found = preflight.findings(release)
    [finding] = [each for each in all_found if each.id == rule]
    again = preflight.findings(preflight.fixed(release, finding))

    told(case, all_found)
    assert finding.object == "Deployment shop"
    assert finding.source.endswith("app.yaml")
    assert finding.fix or finding.hint
    assert not finding.fix or rule not in {each.id for each in again}


NEAR_MISSES = {
    "a worker that nobody asks": ("RW001", worker),
    "a sidecar without a probe": ("RW001", with_sidecar),
    "readiness gates": ("RW001", all_of(no_probe, pod(readinessGates=[{"conditionType": "target-health"}]))),
    "an Ingress to somebody else": ("RW001", routed_by("blog")),
    "a named port": ("RW002", container(readinessProbe={"httpGet": {"port": "http"}})),
    "a named port as its number": ("RW002", container(readinessProbe={"httpGet": {"port": 8080}})),
    "no ports declared": ("RW002", container(ports=[], readinessProbe={"httpGet": {"port": 80}})),
    "a sidecar's port": (
        "RW002",
        all_of(with_sidecar, container(readinessProbe={"tcpSocket": {"port": 9000}}), lambda app: app.pod["containers"][1].update(
            ports=[{"containerPort": 9000}]
        )),
    ),
    "liveness more patient": ("RW003", container(livenessProbe=LIVE, readinessProbe=READY)),
    "both the defaults": (
        "RW003",
        container(livenessProbe={"httpGet": LIVE["httpGet"]}, readinessProbe={"httpGet": READY["httpGet"]}),
    ),
    "a worker without preStop": ("RW004", worker),
    "a sidecar without preStop": ("RW004", with_sidecar),
    "an argument that drains": ("RW004", all_of(no_hook, container(args=["--shutdown-delay-duration=10s"]))),
    "a variable that drains": ("RW004", all_of(no_hook, container(env=[{"name": "SERVER_SHUTDOWN", "value": "graceful"}]))),
    "just enough preStop": ("RW005", hook(sleep={"seconds": 2})),
    "a command that sleeps enough": ("RW005", hook(exec={"command": ["/bin/sleep", "10"]})),
    "a shell that sleeps enough": ("RW005", hook(exec={"command": ["sh", "-c", "sleep 2"]})),
    "two naps": ("RW005", hook(exec={"command": ["sh", "-c", "sleep 1; touch /tmp/down; sleep 1"]})),
    "a grace period just long enough": ("RW006", pod(terminationGracePeriodSeconds=7)),
    "a worker without grace": ("RW006", all_of(worker, pod(terminationGracePeriodSeconds=0))),
    "a startup probe": ("RW007", container(livenessProbe={**LIVE, "periodSeconds": 1}, startupProbe=LIVE)),
    "half a minute to start": ("RW007", container(livenessProbe={**LIVE, "periodSeconds": 10})),
    "other questions": ("RW008", container(livenessProbe=LIVE)),
    "the same cheap question, with patience": (
        "RW008",
        container(livenessProbe={**LIVE, "failureThreshold": 10}, readinessProbe=LIVE),
    ),
    "the same port": (
        "RW008",
        container(livenessProbe={"tcpSocket": {"port": "http"}}, readinessProbe={"tcpSocket": {"port": "http"}}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NEAR_MISSES)
def test_not_found(case: str, told: Told) -> None:
    """What looks like it and is right; what else is found in it stands in found/probes_and_shutdown.txt."""
    rule, spoil = NEAR_MISSES[case]
    all_found = findings(spoil)

    told(case, all_found)
    assert rule not in {each.id for each in all_found}


def test_what_recreate_loses_anyway() -> None:
    """It is down between the versions: no hook helps, while a probe still does."""
    ids = {finding.id for finding in findings(all_of(no_probe, no_hook), "recreate")}

    assert ids == {"RW001"}


def test_blue_green_stops_pods_that_nobody_asks_any_more() -> None:
    """After its delay a hook is for evictions alone: told, not warned of."""
    assert [each.severity for each in found("RW004", no_hook, "blue-green")] == ["info"]
    assert [each.severity for each in found("RW004", no_hook, "canary")] == ["warning"]


def test_a_fix_makes_room_for_itself() -> None:
    """A hook that is longer than the grace period brings a longer one along."""
    written = Written()
    written.file["traffic"] = {"slowestRequest": "20s"}
    no_hook(written)
    pod(terminationGracePeriodSeconds=10)(written)
    release = written.release()

    mended = preflight.fixed(release, *preflight.findings(release))

    assert get(mended.workload, "spec", "template", "spec", "terminationGracePeriodSeconds") == 21 + 20 + 10
    assert preflight.findings(mended) == ()
    assert preflight.findings(release) != ()


def test_the_fix_reads_as_a_patch() -> None:
    """The container by its name, and what is added to it."""
    [finding] = found("RW004", no_hook)

    assert finding.patch == (
        "spec:\n  template:\n    spec:\n      containers:\n      - name: shop\n        lifecycle:\n"
        "          preStop:\n            sleep:\n              seconds: 5"
    )


def test_every_rule_has_been_tried() -> None:
    """Each of the eight about probes and stopping, with what it must find and with a near miss."""
    wanted = {rule.id for rule in RULES[:8]}

    assert {rule for rule, _ in MUST.values()} == wanted
    assert {rule for rule, _ in NEAR_MISSES.values()} == wanted
