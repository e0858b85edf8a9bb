"""The HTML report as people use it: opened from disk in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import CHROMIUM, Page, browser, tab
from rehearsed import comparison, ramped
from rollway.compare.report import html
from rollway.compare.results import Mark

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian: apt-get install chromium")

ROW = "document.querySelector('[data-strategy=\"{}\"]')"
Use = Callable[[Callable[[Page], Awaitable[None]]], None]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browser(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
def use(chromium: str, tmp_path: Path) -> Use:
    """Opens the report on a desktop, does something with it, and sees that its console stayed empty."""
    path = tmp_path / "report.html"
    path.write_text(html(comparison(), comparison(outcomes=(ramped(),))), encoding="utf-8")

    async def story(do: Callable[[Page], Awaitable[None]]) -> None:
        async with tab(chromium) as page:
            await page.screen(1200, 900)
            await page.open(path)
            await do(page)

            assert page.problems == []
            assert page.requested == [path.as_uri()]

    return lambda do: asyncio.run(story(do))


async def choose(page: Page, menu: str, number: int) -> None:
    at = f"document.getElementById('{menu}')"
    await page.look(f"({at}.selectedIndex = {number}, {at}.dispatchEvent(new Event('change')))")


async def point(page: Page, strategy: str, share: float) -> tuple[float, float]:
    """A point of a strategy's chart, at a share of its width."""
    row = ROW.format(strategy)
    await page.look(f"{row}.scrollIntoView({{block: 'center'}})")
    box = await page.look(f"{row}.querySelector('svg').getBoundingClientRect().toJSON()")
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def test_it_opens_from_disk_and_draws_every_strategy(use: Use) -> None:
    """Bands and pods of each, the lines of who sees the new version; nothing on the console, nothing asked of anybody."""

    async def do(page: Page) -> None:
        names = await page.look("[...document.querySelectorAll('#charts [data-strategy]')].map(row => row.dataset.strategy)")
        assert names == ["recreate", "ramped", "blue-green", "canary"]
        assert await page.look("document.querySelectorAll('#charts .f-old').length") == 3 * 4
        assert await page.look("document.querySelectorAll('#shares .share').length") == 4
        assert await page.look("document.querySelectorAll('#charts .overlay').length") == 2  # ramped was measured
        drawn = "[...document.querySelectorAll('svg *')].flatMap(it => [...it.attributes]).map(it => it.value).join(' ')"
        assert not re.search("NaN|undefined|Infinity|null", await page.look(drawn))

    use(do)


def test_a_moment_under_the_pointer_is_read_out_for_all_charts(use: Use) -> None:
    """The crosshair stands at one place in every chart, with the values of each; it goes back when the pointer leaves."""

    async def do(page: Page) -> None:
        values = f"{ROW.format('ramped')}.querySelector('.values').textContent"
        before = await page.look(values)
        # the axis goes from -2 s to 50.25 s: at 21 s three of ramped's four pods are new, and recreate is done
        await page.hover(*await point(page, "blue-green", 23 / 52.25))
        assert await page.look(values) != before
        assert "1.4.0 50/s 1.4.1 150/s lost 0/s" in await page.look(values)
        assert await page.look(f"{ROW.format('recreate')}.querySelector('.values').textContent") == "over"
        places = await page.look("[...document.querySelectorAll('.cross')].map(line => Math.round(line.getAttribute('x1')))")
        assert len(places) == 5
        assert len(set(places)) == 1
        await page.hover(5, 5)
        assert await page.look(values) == before

    use(do)


def test_the_slider_goes_through_the_steps(use: Use) -> None:
    """By keyboard too: before the release, each thing it did, its end; with the state at that moment."""

    async def do(page: Page) -> None:
        state = "document.getElementById('state').textContent"
        await page.look("document.getElementById('steps').focus()")
        await page.press("Home", 36)
        assert "before: all on 1.4.0" in await page.look(state)
        seen = []
        for _ in range(5):
            await page.press("ArrowRight", 39)
            seen.append(await page.look(state))
        assert "apply canary, Deployment shop-canary: 1 pod" in seen[0]  # one moment, one place
        assert ["pause for 14 s (20%)" in seen[1], "20% of answers from 1.4.1" in seen[1], "1 of 1 of 1.4.1" in seen[1]] == [
            True
        ] * 3
        assert "50% of answers from 1.4.1" in seen[2]
        assert "5/5" in seen[4]
        assert "done in 47 s" in seen[4]
        assert "done in 47 s" in await page.look("document.getElementById('steps').getAttribute('aria-valuetext')")
        await page.click("#back")
        assert "4/5" in await page.look(state)

    use(do)


def test_another_strategy_and_another_stretch_of_time(use: Use) -> None:
    """The steps of whichever is picked; the axis can end with the quick ones."""

    async def do(page: Page) -> None:
        await choose(page, "strategy", 0)
        assert "Deployment shop: 1.4.0 → 1.4.1" in await page.look("document.getElementById('state').textContent")
        labels = "[...document.querySelectorAll('#charts .axis text')].map(text => text.textContent).join(' ')"
        assert "50 s" in await page.look(labels)
        await choose(page, "zoom", 1)
        assert "50 s" not in await page.look(labels)
        assert "10 s" in await page.look(labels)

    use(do)


def test_light_and_dark(use: Use) -> None:
    """As the system has it, until somebody says otherwise; on paper always light."""

    async def do(page: Page) -> None:
        paper = "getComputedStyle(document.body).backgroundColor"
        light = await page.look(paper)
        await page.click("#theme")
        dark = await page.look(paper)
        assert (light, dark) == ("rgb(255, 255, 255)", "rgb(21, 24, 28)")
        await page.screen(1200, 900, media="print")
        assert await page.look(paper) == light
        await page.screen(1200, 900, is_dark=True)
        await page.click("#theme")
        assert await page.look(paper) == light
        await page.look("delete document.documentElement.dataset.theme")
        assert await page.look(paper) == dark

    use(do)


def test_on_paper_nothing_is_left_of_the_controls(use: Use) -> None:
    """The charts stay on one axis; what a pointer would move is gone."""

    async def do(page: Page) -> None:
        await page.screen(794, 1100, media="print")
        lefts = await page.look(
            "[...document.querySelectorAll('.chart:not(.scrub) .plot')].map(it => it.getBoundingClientRect().left)"
        )
        assert len(lefts) == 4 + 1 + 1 + 1
        assert len(set(lefts)) == 1
        gone = "[...document.querySelectorAll('.controls, .scrub, .cross, .side .values, #theme')]"
        assert await page.look(f"{gone}.every(it => getComputedStyle(it).display === 'none')")
        assert await page.look("document.documentElement.scrollWidth") == 794

    use(do)


def test_a_phone_shows_all_of_it(use: Use) -> None:
    """360 pixels: nothing is wider than the screen, the charts are redrawn for it and answer to a finger's place."""

    async def do(page: Page) -> None:
        await page.screen(360, 740)
        assert await page.look("document.documentElement.scrollWidth") == 360
        assert (
            await page.look("Math.max(...[...document.querySelectorAll('main *')].map(e => e.getBoundingClientRect().right))")
            <= 360
        )
        width = await page.look(f"{ROW.format('ramped')}.querySelector('svg').viewBox.baseVal.width")
        assert 300 < width <= 360
        await page.hover(*await point(page, "recreate", 23 / 52.25))
        assert "1.4.1 150/s" in await page.look(f"{ROW.format('ramped')}.querySelector('.values').textContent")

    use(do)


def test_what_users_named_runs_nowhere(chromium: str, tmp_path: Path) -> None:
    """Names that would be elements, or end the script, are drawn letter by letter."""
    evil = "</script><img src=x onerror=console.error(1)>"
    run = replace(ramped().typical, marks=(Mark(1, evil, 50),))
    path = tmp_path / "report.html"
    outcomes = (replace(ramped(), strategy=evil, runs=(run,)),)
    path.write_text(html(comparison(from_version=evil, to_version=evil, outcomes=outcomes)), encoding="utf-8")

    async def story() -> None:
        async with tab(chromium) as page:
            await page.open(path)
            assert await page.look("document.querySelector('#charts b').textContent") == evil
            assert evil in await page.look("document.getElementById('state').textContent")
            assert await page.look("document.querySelectorAll('img').length") == 0
            assert page.problems == []

    asyncio.run(story())
