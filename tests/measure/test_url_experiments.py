"""An experiment whose visits a server of one's own has counted: asked of each version, all counters of one answer."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web
from rollway.gates.effects import Sums
from rollway.gates.figures import Trials
from rollway.measure.port import NoFigure, Quiet, Side, Unmeasured, Window
from rollway.measure.url import Url
from rollway.release.abtests import AbTestOptions
from rollway.release.experiment_gate import experiment_of

from tests.support.webs import served

NEW, STABLE = Side("shop-b", "b", "2", "shop-b-.*"), Side("shop", "stable", "1", "shop-.*")
WINDOW = Window("shop", "web", "shop", "shop", 2, 50, 300.0, 1, NEW, STABLE, 0.5)
METRICS = {
    "orders": {"count": "visits", "total": "{.orders}"},
    "basket": {"count": "$.visits", "total": "$.basket.sum", "squares": "$.basket.squares", "guardrail": True},
}
GOOD = {"visits": 1000, "orders": 50, "basket": {"sum": 900.5, "squares": 2000}}


async def measured(answers: dict[str, Any], window: Window = WINDOW) -> tuple[Trials, list[str]]:
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        answer = answers[request.query["version"]]
        return web.Response(status=500) if answer is None else web.Response(text=json.dumps(answer))

    async with served(handler) as url:
        experiment = {"url": url + "/ab?version={{ version }}&last={{ interval }}", "metrics": METRICS, "primary": "orders"}
        options = AbTestOptions.model_validate({"match": [], "weight": 50, "sticky": True, "experiment": experiment})
        assert options.experiment is not None
        source = Url(experiment_of(options, options.experiment), None, "web")  # type: ignore[arg-type]
        try:
            found = await source.measure(window)
        finally:
            await source.close()
    assert isinstance(found, Trials)
    return found, sorted(asked)


def test_each_version_is_asked_once_for_all_that_was_counted() -> None:
    """Since the last look; the primary metric is the first."""
    more = {"visits": 1010, "orders": 70, "basket": {"sum": 0, "squares": 0}}

    found, asked = asyncio.run(measured({"1": GOOD, "2": more}))

    assert asked == ["/ab?version=1&last=300s", "/ab?version=2&last=300s"]
    assert list(found.by_name) == ["orders", "basket"]
    assert (found.by_name["orders"].stable, found.by_name["orders"].new) == (Sums(1000, 50), Sums(1010, 70))
    assert found.by_name["basket"].stable == Sums(1000, 900.5, 2000)
    assert (found.wanted, found.seconds) == (0.5, 300.0)


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (None, Unmeasured, "status 500"),
        ({**GOOD, "orders": "many"}, NoFigure, "'many', which is no count"),
        ({**GOOD, "orders": -1}, NoFigure, "'-1', which is no count"),
        ({**GOOD, "orders": True}, NoFigure, "which is no count"),
        ({**GOOD, "orders": 1e200}, NoFigure, "which is no count"),
        ({**GOOD, "orders": 10**400}, NoFigure, "'inf', which is no count"),
        ({"orders": 1}, NoFigure, "nothing at visits"),
    ],
)
def test_what_is_no_count_decides_nothing(answer: Any, error: type[Exception], told: str) -> None:
    """Of one metric of one version: then nothing of this look is counted."""
    with pytest.raises(error, match=told):
        asyncio.run(measured({"1": GOOD, "2": answer}))


def test_nobody_came() -> None:
    nothing = {**GOOD, "visits": 0, "orders": 0}

    with pytest.raises(Quiet, match="no visit of either version in 300s"):
        asyncio.run(measured({"1": nothing, "2": nothing}))
