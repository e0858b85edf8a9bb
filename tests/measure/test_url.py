"""A server that answers JSON: docs/gates.md's recipe for Datadog against one that answers as it does, and everything else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from rollway.gates.figures import Figures, Phase, Value
from rollway.gates.judges import judge_of
from rollway.measure import source_of
from rollway.measure.port import Side, Unmeasured, Window
from rollway.release.gates import Gate
from rollway.release.sources import credentials_of, variables_of
from webs import served

NEW = Side("shop-canary", "canary", "v2", "shop-canary-.*")
WINDOW = Window("shop", "web", "shop", "shop", 2, 25, 60.0, 1, NEW, None, until_s=1_800_000_060.4)
PAGE = (Path(__file__).parents[2] / "docs" / "gates.md").read_text()
KEYS = {"DD_API_KEY": "api-hunter2", "DD_APP_KEY": "app-hunter2"}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def recipe(address: str) -> Gate:
    """What the page says to write, asked of another server."""
    (text,) = (block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "datadoghq" in block)
    (gate,) = yaml.safe_load(text)["gates"]
    gate["url"]["address"] = gate["url"]["address"].replace("https://api.datadoghq.com", address)
    return Gate.model_validate(gate)


def measured(handler: Handler, make: Callable[[str], Gate] = recipe) -> tuple[Gate, Figures, list[str]]:
    async def story() -> tuple[Gate, Figures, list[str]]:
        async with served(handler) as address:
            source = source_of(gate := make(address), None, "web")  # type: ignore[arg-type]
            try:
                return gate, await source.measure(WINDOW), source.asks(WINDOW)
            finally:
                await source.close()

    return asyncio.run(story())


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)


def points(*values: float | None) -> dict[str, Any]:
    """As /api/v1/query answers: one series of these, a minute apart."""
    found = [[1_800_000_000_000.0 + 60_000 * place, value] for place, value in enumerate(values)]
    return {"status": "ok", "res_type": "time_series", "series": [{"pointlist": found}] if found else [], "message": ""}


@pytest.mark.parametrize(("value", "phase"), [(0.004, Phase.RUNNING), (0.05, Phase.FAILED)])
def test_a_datadog_is_asked_by_two_keys_for_the_time_since_the_last_look(value: float, phase: Phase) -> None:
    seen: list[web.Request] = []

    async def datadog(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        is_known = all(request.headers.get(name) == KEYS[key] for name, key in named.items())
        return web.json_response(points(0.9, value)) if is_known else web.json_response({"errors": ["Forbidden"]}, status=403)

    named = {"DD-API-KEY": "DD_API_KEY", "DD-APPLICATION-KEY": "DD_APP_KEY"}
    gate, figures, asks = measured(datadog)
    judge = judge_of(gate.chosen_judge, gate.asked)

    assert figures == Value(value)
    assert judge.phase(judge.take(judge.begin(), 0.0, figures)) == phase
    assert (seen[0].path, seen[0].query["from"], seen[0].query["to"]) == ("/api/v1/query", "1800000000", "1800000060")
    assert "version:v2" in seen[0].query["query"]
    assert not any("hunter2" in ask for ask in asks)
    assert set(variables_of(gate)) == set(KEYS)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: web.json_response(points()), "the answer has nothing at"),
        (lambda: web.json_response({"errors": ["Forbidden"]}, status=403), "status 403"),
        (lambda: web.json_response({"status": "error", "error": "Rule 'avg' is unknown"}), "the answer has nothing at"),
        (lambda: web.json_response({"errors": ["Rate limit"]}, status=429), "status 429"),
        (lambda: web.Response(status=302, headers={"Location": "http://evil.example/"}), "redirects"),
    ],
)
def test_whatever_else_it_answers_is_no_figure(answer: Callable[[], web.Response], said: str) -> None:
    async def datadog(request: web.Request) -> web.StreamResponse:
        return answer()

    with pytest.raises(Unmeasured, match=re.escape(said)) as fault:
        measured(datadog)
    assert "hunter2" not in str(fault.value)


def test_what_is_no_number_decides_nothing() -> None:
    """A bucket that is not filled yet is null."""

    async def datadog(request: web.Request) -> web.StreamResponse:
        return web.json_response(points(0.9, None))

    gate, figures, _ = measured(datadog)
    judge = judge_of(gate.chosen_judge, gate.asked)
    assert judge.phase(judge.take(judge.begin(), 0.0, figures)) == Phase.RUNNING


@pytest.mark.parametrize("digits", [301, 5000])
def test_a_number_beyond_all_others_is_above_every_bound(digits: int) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        return web.Response(text=f'{{"value": {"9" * digits}}}')

    def plain(address: str) -> Gate:
        return Gate.model_validate({"name": "g", "url": {"address": address, "path": "$.value"}, "max": 1})

    gate, figures, _ = measured(handler, plain)
    judge = judge_of(gate.chosen_judge, gate.asked)
    assert judge.phase(judge.take(judge.begin(), 0.0, figures)) == Phase.FAILED


def test_a_key_that_cannot_be_sent_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DD_APP_KEY", "hunter2\x7f!")

    async def nobody(request: web.Request) -> web.StreamResponse:
        raise AssertionError

    with pytest.raises(Unmeasured, match="a header holds a character that cannot be sent") as fault:
        measured(nobody)
    assert "hunter2" not in str(fault.value)


def test_a_key_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DD_APP_KEY")

    async def nobody(request: web.Request) -> web.StreamResponse:
        raise AssertionError

    with pytest.raises(Unmeasured, match="the environment variable DD_APP_KEY is not set"):
        measured(nobody)


def test_a_header_s_secret_is_one_of_the_gate_s() -> None:
    headers = {"X-Key": {"secret": "keys", "key": "dd"}, "X-Scope-OrgID": "7"}
    gate = Gate.model_validate({"name": "g", "url": {"address": "http://u/", "headers": headers}, "max": 1})
    assert [found.secret for found in credentials_of(gate)] == ["keys"]
