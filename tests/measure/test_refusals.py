"""What servers may do instead of answering, source by source: it is told with its cause, and is never a verdict. Real ones, on
this machine."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_api import certificate, serving, tls_of
from rollway.gates.figures import Phase
from rollway.gates.judges import judge_of
from rollway.measure import source_of
from rollway.measure.port import Side, Unmeasured, Window
from rollway.release.gates import Gate

NEW, STABLE = Side("shop", "canary", "1.5.0", "shop-.*"), Side("shop", "stable", "1.4.0", "shop-.*")
WINDOW = Window("shop", "shop", "shop", "app", 2, 10, 10.0, 1, NEW, STABLE)
BOTH = {"requests": 'r{p=~"{{ pods }}"}', "errors": 'e{p=~"{{ pods }}"}'}
ASKED: dict[str, Callable[..., dict[str, Any]]] = {
    "prometheus": lambda url, **more: {"prometheus": {"address": url, "timeout": 20, **more}, "query": "up", "max": 1},
    "counted": lambda url, **more: {"prometheus": {"address": url, "timeout": 20, **more}, **BOTH},
    "compared": lambda url, **more: {"prometheus": {"address": url, "timeout": 20, **more}, "compare": 'v{p=~"{{ pods }}"}'},
    "url": lambda url, **more: {"url": {"address": url, "timeout": 20, "path": "{.a}", **more}, "success": "result == 0"},
    "probe": lambda url, **more: {"probe": {"url": f"{url}/", "timeout": 20, "rate": 20, **more}, "interval": 1},
}
HTTP = [name for name in ASKED if name != "probe"]
MANY = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}] * 100_000}}


async def _measured(kind: str, url: str, **more: Any) -> str:
    gate = Gate.model_validate({"name": "g", **ASKED[kind](url, **more)})
    source = source_of(gate, None, "shop")  # type: ignore[arg-type]
    try:
        figures = await source.measure(WINDOW)
    except Unmeasured as fault:
        return str(fault)
    finally:
        await source.close()
    judge = judge_of(gate.chosen_judge, gate.asked)
    verdict = judge.verdict(judge.take(judge.begin(), 0.0, figures))
    assert verdict.phase not in (Phase.PASSED, Phase.FAILED)
    return verdict.why


def measured(kind: str, url: str, **more: Any) -> str:
    """Why nothing was measured; where something was, what its judge says, which must be no verdict."""
    return asyncio.run(_measured(kind, url, **more))


def served(kind: str, answer: Callable[[], web.StreamResponse], tls: Any = None, *, as_https: bool = False, **more: Any) -> str:
    """The same of a server that always answers so."""

    async def story() -> str:
        async def handle(_: web.Request) -> web.StreamResponse:
            return answer()

        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", handle)
        async with serving(app, tls) as url:
            return await _measured(kind, url.replace("http:", "https:") if as_https else url, **more)

    return asyncio.run(story())


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("kind", ASKED)
def test_nobody_listens(kind: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        assert "refused" in measured(kind, f"http://127.0.0.1:{taken.getsockname()[1]}").lower()


@pytest.mark.parametrize("kind", ASKED)
def test_a_certificate_that_nobody_trusts(kind: str, pair: tuple[str, str]) -> None:
    said = served(kind, lambda: web.json_response({}), tls_of(*pair))
    assert "certificate" in said or "(tls)" in said


@pytest.mark.parametrize("kind", HTTP)
def test_one_of_its_own_authority_is_trusted(kind: str, pair: tuple[str, str]) -> None:
    """With `caFile` it comes to an answer, which is none here."""
    said = served(kind, lambda: web.json_response({}), tls_of(*pair), caFile=pair[0])
    assert "certificate" not in said
    assert "no answer of a Prometheus" in said or "nothing at" in said


def test_a_file_of_certificates_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    for name in ("ca", "other"):
        assert "is no file of certificates" in measured("url", "https://127.0.0.1:1", caFile=str(tmp_path / name))


@pytest.mark.parametrize("kind", ASKED)
def test_a_plain_server_that_is_called_with_tls(kind: str) -> None:
    said = served(kind, lambda: web.json_response({}), as_https=True)
    assert "cannot be reached" in said or "answers nothing (tls)" in said


@pytest.mark.parametrize("code", [401, 403, 404, 500, 503])
@pytest.mark.parametrize("kind", ASKED)
def test_a_status_that_is_no_answer(kind: str, code: int) -> None:
    """Of a probe it is one, of nobody knows which version."""
    said = served(kind, lambda: web.Response(status=code, text="no"))
    assert "no answer names version" in said if kind == "probe" else str(code) in said


GARBAGE = {
    "a page": lambda: web.Response(text="<!DOCTYPE html><title>log in</title>", content_type="text/html"),
    "half an answer": lambda: web.Response(text='{"status": "success", "data": {"resultType": "vec'),
    "bytes": lambda: web.Response(body=bytes(range(256))),
    "nothing": lambda: web.Response(text=""),
    "null": lambda: web.Response(text="null"),
    "a list": lambda: web.Response(text="[]"),
    "too deep": lambda: web.Response(text="[" * 100_000),
    "a redirect": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}),
    "11 MB": lambda: web.Response(body=b'"' + b"x" * (11 * 2**20) + b'"'),
    "100,000 series": lambda: web.json_response(MANY),
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("kind", ASKED)
def test_garbage_is_no_figure(kind: str, what: str) -> None:
    assert served(kind, GARBAGE[what])


@pytest.mark.parametrize("what", [what for what in GARBAGE if what not in ("null", "a list", "100,000 series")])
def test_nor_is_it_a_text(what: str) -> None:
    """Of an address that answers a text, such as ok."""
    assert served("url", GARBAGE[what], path="{$}")


def test_a_text_is_one() -> None:
    with pytest.raises(AssertionError):
        served("url", lambda: web.Response(text="ok"), path="{$}")  # which is not 0: that is a verdict


def test_what_is_too_much_is_told_as_that() -> None:
    assert "larger than 10 MiB" in served("prometheus", GARBAGE["11 MB"])
    assert "larger than 10 MiB" in served("url", GARBAGE["11 MB"])
    assert "100,000 series: add them up" in served("prometheus", GARBAGE["100,000 series"])
    assert len(json.dumps(MANY)) < 10 * 2**20


@pytest.mark.parametrize("kind", ASKED)
def test_a_name_that_nobody_knows(kind: str) -> None:
    said = measured(kind, "http://nowhere.example.invalid")
    assert "cannot be reached" in said or "answers nothing (dns)" in said


def test_without_another_version_there_is_nothing_to_compare_with() -> None:
    gate = Gate.model_validate({"name": "g", **ASKED["counted"]("http://127.0.0.1:1")})

    async def alone() -> None:
        source = source_of(gate, None, "shop")  # type: ignore[arg-type]
        try:
            await source.measure(replace(WINDOW, stable=None))
        finally:
            await source.close()

    with pytest.raises(Unmeasured, match="nothing to compare with"):
        asyncio.run(alone())
