"""The Gateway API's conformance suite against the sandbox's Envoy: its manifests, its requests, what has to come back.

The manifests are the suite's: they are read where `ROLLWAY_EXAMS` says, and stay there. Cases of our own of the same kinds are in
tests/sandbox/dataplane/test_gateway.py."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from exams import exam
from gateway_lab import INFRA, Answer, Lab, is_of_a_class, lab
from rollway.kube.objects import API_GATEWAY, Obj
from rollway.sandbox.controllers.attachment import CLASS
from traffic import run

EXAM = exam("gateway-api-httproute")
TESTS = EXAM.get("tests", [])
if not TESTS:
    pytest.skip("ROLLWAY_EXAMS names no folder with gateway-api-httproute.json", allow_module_level=True)


@pytest.mark.parametrize("row", TESTS, ids=[row["test"] for row in TESTS])
def test_requests_go_where_the_suite_expects_them(row: dict[str, Any], tmp_path: Path) -> None:
    async def story() -> None:
        async with lab(tmp_path, *map(_of_ours, row["manifests"])) as cluster:
            wrong = [told for case in row["cases"] for told in await _examine(cluster, row, case)]
            assert not wrong, "\n".join(wrong)

    run(story(), 120)


def test_weights_are_shares_of_500_requests(tmp_path: Path) -> None:
    """Ten at a time, each share within 5 points, in up to ten tries: the suite's own rule."""

    async def story() -> None:
        row = EXAM["weight"]
        async with lab(tmp_path, *map(_of_ours, row["manifests"])) as cluster:
            at = _places(cluster, row, {})[0][:2]
            for _ in range(row["retries"]):
                seen = Counter[str]()
                for _ in range(row["requests"] // 10):
                    answers = await asyncio.gather(*(cluster.ask(at=at) for _ in range(10)))
                    seen.update(answer.seen.service for answer in answers if answer.seen is not None)
                assert seen.total() == row["requests"]
                shares = {name: seen[name] / row["requests"] for name in row["expect"]}
                if all(abs(shares[name] - wanted) <= row["tolerance"] for name, wanted in row["expect"].items()):
                    return
            pytest.fail(f"{shares} is not {row['expect']}")

    run(story(), 120)


def _of_ours(manifest: Obj) -> Obj:
    """The suite writes the class under test into its Gateways."""
    return manifest | {"spec": manifest["spec"] | {"gatewayClassName": CLASS}} if is_of_a_class(manifest) else manifest


class At(NamedTuple):
    address: str
    port: int
    scheme: str


def _places(cluster: Lab, row: Mapping[str, Any], request: Mapping[str, Any]) -> list[At]:
    """At the Gateways that its routes name, with the protocol there; the port is that of the host that is called, where the
    Gateway has it."""
    found: dict[At, None] = {}
    for route in (each for each in row["manifests"] if each["kind"].endswith("Route")):
        for ref in route["spec"]["parentRefs"]:
            namespace = ref.get("namespace") or route["metadata"].get("namespace", INFRA)
            gateway = cluster.api.get(API_GATEWAY, namespace, ref["name"])
            listeners = {each["port"]: each["protocol"].lower() for each in gateway["spec"]["listeners"]}
            asked = [int(port) for port in (str(request.get("host", "")).partition(":")[2], ref.get("port"), 80) if port]
            port = next((each for each in asked if each in listeners), next(iter(listeners)))
            found[At(*cluster.where(ref["name"], namespace, port), listeners[port])] = None
    return list(found)


async def _examine(cluster: Lab, row: Mapping[str, Any], case: Mapping[str, Any]) -> list[str]:
    """What is not as it should be, in words. Where there are several Gateways the table does not say which is asked: one of them
    is as the suite expects it."""
    found = [await _asked(cluster, case, at) for at in _places(cluster, row, case["request"])]
    return min(found, key=len)


async def _asked(cluster: Lab, case: Mapping[str, Any], at: At) -> list[str]:
    request, expect = case["request"], case["expect"]
    for echo in cluster.echoes:
        echo.sets, echo.seen = case.get("backendSetsResponseHeaders") or {}, []
    told = f"{request.get('method', 'GET')} {request.get('host', '')}{request.get('path', '/')} {request.get('headers') or ''}"

    async def ask() -> Answer:
        return await cluster.ask(
            request.get("path", "/"), (at.address, at.port), method=request.get("method", "GET"), host=request.get("host", ""),
            headers=request.get("headers"), scheme=at.scheme,
        )  # fmt: skip

    answer = await ask()
    wrong = [*_status(expect, answer), *_backend(expect, answer), *_headers(expect, answer)]
    for mirror in expect.get("mirroredTo") or ():
        wrong += await _mirrored(cluster, mirror, ask)
    return [f"{told}: {each}" for each in wrong]


def _status(expect: Mapping[str, Any], answer: Answer) -> list[str]:
    wanted = expect.get("status", [200])
    wrong = [] if answer.status in wanted else [f"status {answer.status}, not {wanted}"]
    for part, value in (expect.get("redirect") or {}).items():
        usual = {"http": "80", "https": "443"}.get(answer.location["scheme"], "") if part == "port" else ""
        if (answer.location.get(part) or usual) != str(value):
            wrong.append(f"redirect {part}: {answer.location.get(part)!r}, not {value!r} (to {answer.headers.get('location')})")
    return wrong


def _backend(expect: Mapping[str, Any], answer: Answer) -> list[str]:
    """Where it is to be one's answer at all."""
    wrong, seen = list[str](), answer.seen
    if 200 not in expect.get("status", [200]):
        return wrong
    for key, value in (("service", expect.get("backend")), ("namespace", expect.get("namespace") if seen else None)):
        if value and getattr(seen, key, None) != value:
            wrong.append(f"{key} {getattr(seen, key, None)}, not {value}")
    wanted = expect.get("backendSees") or {}
    wrong += [
        f"the backend saw {key} {getattr(seen, key, None)!r}, not {wanted[key]!r}"
        for key in ("path", "host", "method")
        if key in wanted and getattr(seen, key, None) != wanted[key]
    ]
    headers = seen.headers if seen else {}
    for name, value in (wanted.get("headers") or {}).items():
        if headers.get(name.lower(), "") != value:
            wrong.append(f"the backend saw {name}: {headers.get(name.lower())!r}, not {value!r}")
    wrong += [f"the backend saw {name}" for name in wanted.get("absentHeaders") or () if name.lower() in headers]
    return wrong


def _headers(expect: Mapping[str, Any], answer: Answer) -> list[str]:
    wrong = []
    for name, value in (expect.get("responseHeaders") or {}).items():
        if answer.headers.get(name.lower()) != value:
            wrong.append(f"answered {name}: {answer.headers.get(name.lower())!r}, not {value!r}")
    return wrong + [f"answered {name}" for name in expect.get("absentResponseHeaders") or () if name.lower() in answer.headers]


async def _mirrored(cluster: Lab, mirror: Mapping[str, Any], ask: Any) -> list[str]:
    """All of the requests, or as many as a percentage makes of 500, within three standard deviations."""
    echo, share = cluster.echo(mirror["backend"]), float(mirror.get("percent", 100)) / 100
    count = 1
    if share < 1:
        echo.seen, count = [], 500
        for _ in range(count // 10):
            await asyncio.gather(*(ask() for _ in range(10)))
        await asyncio.sleep(0.2)  # the last copies are on their way
    for _ in range(100):
        if share < 1 or len(echo.seen) >= count:
            break
        await asyncio.sleep(0.02)
    wanted, most = count * share, 3 * (count * share * (1 - share)) ** 0.5
    return (
        [] if abs(len(echo.seen) - wanted) <= most else [f"{echo.service} got {len(echo.seen)} copies, not {wanted} ± {most:.0f}"]
    )
