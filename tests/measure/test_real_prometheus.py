"""What a real Prometheus answers: figures, and everything that is none."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest
from rollway.gates.figures import Figures, Value
from rollway.gates.ready import READY
from rollway.measure import source_of
from rollway.measure.port import NoFigure, Quiet, Side, Unmeasured, Window
from rollway.release.gates import Gate
from scraping import MISSING, PASSWORD, PROMETHEUS, USER, prometheus

pytestmark = pytest.mark.skipif(PROMETHEUS is None, reason=MISSING)
NEW = Side("shop-canary", "canary", "v2", "shop-canary-1-[a-z0-9]+", ("shop-canary-1-a",))
STABLE = Side("shop", "stable", "v1", "shop-0-[a-z0-9]+", ("shop-0-a",))
WINDOW = Window("shop", "web", "shop", "shop", 2, 25, 30.0, 1, NEW, STABLE)
CREDENTIALS = {"username": USER, "password": {"env": "PROM_PASSWORD"}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It wants credentials, and has nothing to scrape."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), is_guarded=True) as address:
        yield address


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROM_PASSWORD", PASSWORD)


def measured(address: str, options: Any = CREDENTIALS, **keys: Any) -> Figures:
    gate = Gate.model_validate({"name": "g", "prometheus": {"address": address, **options}, **keys})

    async def story() -> Figures:
        source = source_of(gate, None, "web")  # type: ignore[arg-type]
        try:
            return await source.measure(WINDOW)
        finally:
            await source.close()

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("vector(0.25)", [0.25]),
        ("2", 2.0),
        ('"text"', "text"),
        ("vector(-1) or vector(2)", [-1.0]),
        ("1 / vector(0)", [math.inf]),
    ],
)
def test_a_value(server: str, query: str, value: Any) -> None:
    assert measured(server, query=query, max=1) == Value(value)


@pytest.mark.parametrize(
    ("query", "kind", "said"),
    [
        ("sum(", Unmeasured, "the query is none: "),
        ('up{job=~"("}', Unmeasured, "the query is none: "),
        ("vector(0) / vector(0)", NoFigure, "NaN"),
        ("nothing_is_called_so", NoFigure, "no sample"),
    ],
)
def test_no_value(server: str, query: str, kind: type[Unmeasured], said: str) -> None:
    """Neither a mistake in a query nor a missing figure is a verdict."""
    with pytest.raises(kind, match=said) as fault:
        measured(server, query=query, max=1)
    assert isinstance(fault.value, NoFigure) == (kind is NoFigure)


@pytest.mark.parametrize("password", [None, "wrong"])
def test_who_is_not_let_in_has_no_figure(server: str, monkeypatch: pytest.MonkeyPatch, password: str | None) -> None:
    monkeypatch.setenv("PROM_PASSWORD", password or "")
    with pytest.raises(Unmeasured, match="credentials") as fault:
        measured(server, CREDENTIALS if password else {}, query="vector(1)", max=1)
    assert "wrong" not in str(fault.value)


@pytest.mark.parametrize("use", READY)
@pytest.mark.parametrize("of", ["errors", "latency"])
def test_it_understands_every_ready_made_query(server: str, use: str, of: str) -> None:
    """Nobody has asked these versions for anything: there is no figure, and no mistake."""
    with pytest.raises(NoFigure, match="no request of either version in 30s") as nothing:
        measured(server, use=use, of=of)
    assert not isinstance(nothing.value, Quiet)  # of what is scraped there is a series, which does not rise
