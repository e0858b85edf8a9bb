"""A gate's own requests: which version answered, how many of its answers were bad, and what is held against nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError
from rollway.gates.figures import Both, Counts, Figures, Histograms
from rollway.measure import source_of
from rollway.measure.port import NoFigure, Side, Unmeasured, Window
from rollway.release.gates import Gate
from webs import served, talking

NEW = Side("shop-canary", "canary", "1.5.0", "shop-canary-.*")
STABLE = Side("shop", "stable", "1.4.0", "shop-.*")
WINDOW = Window("shop", "web", "shop", "shop", 2, 25, 1.0, 1, NEW, STABLE)
Answer = Callable[[int], web.Response]


def gate(url: str, **keys: Any) -> Gate:
    return Gate.model_validate({"name": "errors", "probe": {"url": url, "rate": 200}, "interval": "1s", **keys})


def as_version(version: str, status: int = 200) -> web.Response:
    return web.Response(status=status, headers={"X-Version": version})


def looked(answer: Answer, window: Window = WINDOW, looks: int = 1, **keys: Any) -> tuple[list[Figures], int]:
    """What so many looks answer, of a server that answers its n-th request so, and how many requests it had."""

    async def story() -> tuple[list[Figures], int]:
        numbers = count()

        async def handle(request: web.Request) -> web.Response:
            return answer(next(numbers))

        async with served(handle) as url:
            source = source_of(gate(url, **keys), None, "web")  # type: ignore[arg-type]
            found = []
            try:
                for _ in range(looks):
                    found.append(await source.measure(window))
                    await asyncio.sleep(0.2)
            finally:
                await source.close()
        return found, next(numbers)

    return asyncio.run(story())


def measured(answer: Answer, window: Window = WINDOW, **keys: Any) -> Figures:
    (found,), _ = looked(answer, window, **keys)
    return found


def test_answers_are_counted_by_the_version_that_they_name() -> None:
    """With or without the v that tags have and versions have not."""
    found = measured(
        lambda number: as_version("v1.5.0", 500 if number % 8 == 0 else 200) if number % 4 == 0 else as_version("1.4.0")
    )

    assert isinstance(found, Both)
    assert found.stable.errors == 0
    assert found.new.errors == pytest.approx(found.new.requests / 2, abs=1)
    assert found.stable.requests == pytest.approx(3 * found.new.requests, abs=4)


def test_a_look_is_of_the_time_since_the_last_one() -> None:
    """It goes on sending in between, and counts nothing twice."""
    found, asked = looked(lambda number: as_version("1.5.0" if number % 2 else "1.4.0"), looks=3)

    counts = [side.requests for both in found if isinstance(both, Both) for side in both]
    assert len(counts) == 6
    assert min(counts) > 0
    assert sum(counts) <= asked


def test_where_nothing_is_released_one_version_is_taken_for_both() -> None:
    """As `deploy gates` looks: its figures show that answers name their version."""
    found = measured(lambda number: as_version("1.4.0"), replace(WINDOW, new=STABLE))

    assert isinstance(found, Both)
    assert found.new == found.stable
    assert found.new.requests > 0


def test_how_long_answers_take() -> None:
    found = measured(lambda number: as_version("1.5.0" if number % 2 else "1.4.0"), of="latency")

    assert isinstance(found, Histograms)
    for side in found:
        assert list(side.values()) == sorted(side.values())
        assert side[float("inf")] > 0


@pytest.mark.parametrize(
    ("answer", "window", "said"),
    [
        (lambda number: web.Response(), WINDOW, "no answer names version 1.5.0 or 1.4.0 in its header x-version: they say 200"),
        (lambda number: as_version("2"), WINDOW, "they say 2"),
        (lambda number: as_version("1"), replace(WINDOW, stable=None), "there is nothing to compare with"),
        (lambda number: as_version("1"), replace(WINDOW, new=replace(NEW, version="v1.4.0")), "both versions are called 1.4.0"),
    ],
)
def test_what_cannot_be_told_apart_is_no_figure(answer: Answer, window: Window, said: str) -> None:
    with pytest.raises(NoFigure) as nothing:
        measured(answer, window)
    assert said in str(nothing.value)


def test_what_gets_no_answer_is_held_against_nobody() -> None:
    """It is a fault of what lies between, and no figure of a version."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        return

    async def story() -> None:
        async with talking(hang_up) as url:
            source = source_of(gate(url), None, "web")  # type: ignore[arg-type]
            try:
                with pytest.raises(Unmeasured, match=r"answers nothing \(reset\)") as fault:
                    await source.measure(WINDOW)
                assert not isinstance(fault.value, NoFigure)
            finally:
                await source.close()
                await source.close()  # twice is once

    asyncio.run(story())


def test_what_is_asked_names_no_secret() -> None:
    options = {"url": "http://shop.example.com/", "headers": {"Authorization": "Bearer hunter2"}, "versionHeader": "X-Build"}
    asking = Gate.model_validate({"name": "errors", "probe": options})

    async def asked() -> list[str]:
        return source_of(asking, None, "web").asks(WINDOW)  # type: ignore[arg-type]

    assert asyncio.run(asked()) == ["GET http://shop.example.com/ 40 times a second, by version as x-build names it"]


def test_it_is_judged_as_counted_requests_are() -> None:
    short = Gate.model_validate({"name": "errors", "probe": "http://shop.example.com/"})
    assert (short.chosen_judge, short.source, short.adds_up) == ("sequential", "probe", True)
    assert "no more errors than the stable version" in short.wanted
    assert Gate.model_validate({**short.model_dump(exclude_none=True), "of": "latency"}).wanted.startswith("no more slow answers")
    assert Gate.model_validate({"name": "e", "probe": "http://shop/", "max": 0.05}).chosen_judge == "threshold"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"probe": "shop"}, "is no URL of a web application"),
        ({"probe": {"url": "http://shop/", "rate": 0}}, "cannot be sent"),
        ({"probe": {"url": "http://shop/", "maxLost": 1}}, "maxLost"),
        ({"probe": "http://shop/", "use": "istio"}, "use belongs to prometheus"),
        ({"probe": "http://shop/", "pods": "restarts"}, "two sources"),
    ],
)
def test_what_cannot_be_written(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Gate.model_validate({"name": "errors", **keys})
    assert said in str(wrong.value)


def test_an_answer_of_the_last_interval_alone_counts_for_a_bound() -> None:
    """A bound is of the new version's share of errors."""
    found = measured(lambda number: as_version("1.5.0", 500 if number % 2 else 200), max=0.05)
    assert isinstance(found, Both)
    assert found.stable == Counts(0.0, 0.0)
    assert found.new.errors == pytest.approx(found.new.requests / 2, abs=2)


def test_who_makes_up_versions_crowds_out_none_that_is_known() -> None:
    found = measured(lambda number: as_version(f"made-up-{number}" if 0 < number < 60 else "v1.5.0"), max=0.05)
    assert isinstance(found, Both)
    assert found.new.requests > 1
