"""Probes: when a pod gets requests, and when a container is restarted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kube.objects import Obj, get
from .case import Case, Container, main_port, mappings, number
from .model import Edit, Found

HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
START_S = 30
"""What a start may take before a liveness probe should not be what ends it."""
SLOW_START_S = 10
"""An initial delay from here on says that the application starts slowly."""
_ABOUT_OTHERS = ("ready", "readiness", "depend", "deep", "/db", "database")


def readiness_missing(case: Case) -> Iterator[Found]:
    if mappings(case.pod, "readinessGates"):
        return
    for container in case.serving:
        if not container.has("readinessProbe"):
            yield Found(
                case.workload,
                (*container.path, "readinessProbe"),
                f"container {container.name} has no readinessProbe",
                _add_readiness(case, container),
                hint="add a readinessProbe that answers once the application can serve",
            )


def _add_readiness(case: Case, container: Container) -> tuple[Edit, ...]:
    """The liveness probe's question where there is one, else whether the port listens."""
    port = main_port(container)
    if (handler := handler_of(container.spec.get("livenessProbe"))) is None:
        handler = {"tcpSocket": {"port": port}} if port is not None else None
    if handler is None:
        return ()
    return (Edit(case.key, (*container.path, "readinessProbe"), {**handler, "periodSeconds": 2}),)


def port_unknown(case: Case) -> Iterator[Found]:
    numbers = [port.get("containerPort") for each in case.containers for port in each.ports]
    for container in case.containers:
        names = [port["name"] for port in container.ports if isinstance(port.get("name"), str)]
        for kind in ("readinessProbe", "livenessProbe", "startupProbe"):
            for handler in ("httpGet", "tcpSocket"):
                port = get(container.spec, kind, handler, "port")
                path = (*container.path, kind, handler, "port")
                if isinstance(port, str) and not port.isdecimal() and port not in names:
                    known = f"its ports are named {', '.join(names)}" if names else "none of its ports has a name"
                    yield Found(
                        case.workload, path, f"{kind} asks at port {port}, which container {container.name} lacks: {known}",
                        hint=f"name one of its ports {port}, or ask at one that it has", severity="error",
                    )  # fmt: skip
                elif isinstance(port, int) and container.ports and port not in numbers:
                    listed = ", ".join(str(each.get("containerPort")) for each in container.ports)
                    yield Found(
                        case.workload, path, f"{kind} asks at port {port}; container {container.name} declares {listed}",
                        _at_only_port(case, container, path),
                        hint="ask at a port that the container listens on, or declare this one",
                    )  # fmt: skip


def _at_only_port(case: Case, container: Container, path: tuple[str | int, ...]) -> tuple[Edit, ...]:
    ports = [port.get("containerPort") for port in container.ports]
    return (Edit(case.key, path, ports[0]),) if len(ports) == 1 and isinstance(ports[0], int) else ()


def liveness_stricter(case: Case) -> Iterator[Found]:
    for container, liveness, readiness in _both(case):
        if _asks_the_same(liveness, readiness):
            continue
        killed, unready = _until_failed_s(liveness), _until_failed_s(readiness)
        if killed < unready:
            yield Found(
                case.workload,
                (*container.path, "livenessProbe"),
                f"the liveness probe gives container {container.name} up after {killed} s, "
                f"before the readiness probe takes it out after {unready} s",
                _more_patience(case, container, liveness, unready),
            )


def liveness_equals_readiness(case: Case) -> Iterator[Found]:
    for container, liveness, readiness in _both(case):
        if not _asks_the_same(liveness, readiness) or "tcpSocket" in liveness:
            continue
        killed, unready = _until_failed_s(liveness), _until_failed_s(readiness)
        asks = get(liveness, "httpGet", "path") or "the same"
        if _is_about_others(liveness):
            yield Found(
                case.workload, (*container.path, "livenessProbe"),
                f"liveness and readiness both ask {asks}, which by its name also fails when something else does",
                hint="let the liveness probe ask a path that depends on nothing but the process",
            )  # fmt: skip
        elif killed <= unready:
            yield Found(
                case.workload, (*container.path, "livenessProbe"),
                f"liveness and readiness both ask {asks} and give up after {killed} s: what should only rest is restarted",
                _more_patience(case, container, liveness, unready),
            )  # fmt: skip


def slow_start_killed(case: Case) -> Iterator[Found]:
    for container in case.containers:
        liveness: Obj = get(container.spec, "livenessProbe", default={})
        if handler_of(liveness) is None or container.spec.get("startupProbe"):
            continue
        allowed = number(liveness.get("initialDelaySeconds"), 0) + _until_failed_s(liveness)
        if allowed >= START_S:
            continue
        starts_slowly = max(
            number(get(container.spec, kind, "initialDelaySeconds"), 0) for kind in ("livenessProbe", "readinessProbe")
        )
        yield Found(
            case.workload,
            (*container.path, "livenessProbe"),
            f"container {container.name} is killed if it takes more than {allowed} s to start, and there is no startupProbe",
            (Edit(case.key, (*container.path, "startupProbe"), _startup(liveness)),),
            severity="warning" if starts_slowly >= SLOW_START_S else "info",
        )


def _startup(liveness: Obj) -> Obj:
    """Two minutes for the start, by the liveness probe's own question."""
    timeout = {"timeoutSeconds": liveness["timeoutSeconds"]} if "timeoutSeconds" in liveness else {}
    return {**(handler_of(liveness) or {}), **timeout, "periodSeconds": 2, "failureThreshold": 60}


def handler_of(probe: Any) -> Obj | None:
    """What a probe does, without when: `{"httpGet": {…}}`."""
    if not isinstance(probe, dict):
        return None
    return next(({name: probe[name]} for name in HANDLERS if isinstance(probe.get(name), dict)), None)


def _both(case: Case) -> Iterator[tuple[Container, Obj, Obj]]:
    for container in case.containers:
        liveness: Obj = get(container.spec, "livenessProbe", default={})
        readiness: Obj = get(container.spec, "readinessProbe", default={})
        if handler_of(liveness) and handler_of(readiness):
            yield container, liveness, readiness


def _until_failed_s(probe: Obj) -> int:
    """Failures in a row, a period apart."""
    return number(probe.get("failureThreshold"), 3) * number(probe.get("periodSeconds"), 10)


def _more_patience(case: Case, container: Container, liveness: Obj, unready: int) -> tuple[Edit, ...]:
    """Twice as long as readiness takes, by the number of failures."""
    failures = -(-2 * unready // max(number(liveness.get("periodSeconds"), 10), 1))
    return (Edit(case.key, (*container.path, "livenessProbe", "failureThreshold"), failures),)


def _asks_the_same(liveness: Obj, readiness: Obj) -> bool:
    return handler_of(liveness) == handler_of(readiness)


def _is_about_others(probe: Obj) -> bool:
    path = str(get(probe, "httpGet", "path", default="")).lower()
    return any(word in path for word in _ABOUT_OTHERS)
