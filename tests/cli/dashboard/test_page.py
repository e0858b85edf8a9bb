"""The dashboard as people use it: in a real browser, with a mouse or without, wide, narrow, and in the dark."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from browser import CHROMIUM, Page, browser, tab
from dashboards import Served, dashboard
from rollway.errors import Refused
from rollway.kube.objects import DEPLOYMENT, Ref
from rollway.release.model import Release
from shop import Stand, World, promoted, release, stand_of

from tests.ship.test_experiments import Counted
from tests.ship.test_experiments import shop as experimented

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; Debian: apt-get install chromium")

HOSTILE = "<img src=x onerror=document.title='pwned'> \u202egnp"
IMAGE = "<img/src=x/onerror=document.title='pwned'>:v3"
SIZES = ((1200, 900, False), (1200, 900, True), (360, 740, False))
Story = Callable[[Page, Served], Awaitable[None]]
TEXT = "document.getElementById('{}').textContent"


def canary(tag: str) -> Release:
    return release(tag, strategy="canary")


async def half(world: World) -> None:
    await promoted(world, "v1", "canary")
    await world.ship("apply", canary("v2"), weight=50)


async def hostile(world: World) -> None:
    """Somebody whose name is markup has released it, and others run an image that is called so."""
    await promoted(world, "v1", "canary")
    await world.ship("apply", canary("v2"), weight=50, by=HOSTILE)
    path = "/spec/template/spec/containers/0/image"
    ref = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, "shop", "shop-canary")
    await world.cluster.patch(ref, [{"op": "replace", "path": path, "value": IMAGE}])


@pytest.fixture(scope="module")
def stand() -> Stand:
    return stand_of(half)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browser(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture
def use(chromium: str) -> Callable[..., None]:
    """Opens the address that the command prints, does something, and sees that the console stayed empty and that nobody else
    was asked for anything, nor told the token."""

    async def story(do: Story, stand: Stand, how: dict[str, Any], size: tuple[int, int, bool]) -> None:
        async with dashboard(stand, **how) as served, tab(chromium) as page:
            await page.screen(size[0], size[1], is_dark=size[2])
            await page.visit(served.url)
            await do(page, served)

            assert page.problems == []
            assert all(url.startswith(served.origin + "/") for url in page.requested), page.requested
            assert not any(served.token in url for url in page.requested[1:]), "the first is the address that was opened"
            assert served.token not in await page.look("location.href")

    return lambda do, stand, size=SIZES[0], **how: asyncio.run(story(do, stand, how, size))


@pytest.mark.parametrize("size", SIZES)
def test_it_shows_what_stands_how(use: Callable[..., None], stand: Stand, size: tuple[int, int, bool]) -> None:
    """Each application, its bands, pods, history and what comes next; nothing is wider than the screen."""

    async def do(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#list a')")
        if size[0] < 761:
            await page.click("#list a")
        await page.until("document.querySelector('#next .steps') && document.querySelector('#history tr')")
        assert await page.look(TEXT.format("phase")) == "v1 → v2 by canary: paused at 50%"
        assert "v1 → v2" in await page.look(TEXT.format("list"))
        assert (
            await page.look("[...document.querySelectorAll('#bands .new')].slice(0, 2).map(it => it.style.width)") == ["50%"] * 2
        )
        assert await page.look("document.querySelectorAll('#pods .pods li').length") == 4
        assert await page.look("document.querySelectorAll('#history tr').length") == 2
        assert "shop v1 → v2 · canary 50% → 100%" in await page.look(TEXT.format("next"))
        assert await page.look("document.documentElement.scrollWidth <= innerWidth")

    use(do, stand, size)


@pytest.mark.real_time
def test_a_step_is_on_the_screen_within_a_second(use: Callable[..., None], stand: Stand, late: Callable[[], float]) -> None:
    """What another command does elsewhere, as it does it."""

    async def do(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#next .steps')")
        clock = asyncio.get_running_loop().time
        changed: list[float] = []
        served.world.sandbox.store.subscribe(
            lambda change: changed.append(clock()) if change.kind.name == "Deployment" and not changed else None
        )
        moving = asyncio.create_task(served.world.ship("promote", canary("v2"), weight=100))
        await page.until("document.getElementById('phase').textContent.includes('progressing')")
        assert clock() - changed[0] < 1 + late()
        await page.until("document.getElementById('phase').textContent.includes('promoted')")
        assert (await moving).phase == "Promoted"
        await page.until("document.getElementById('bands').textContent === 'all requests reach v2'")
        await page.until("document.getElementById('next').textContent === 'nothing is under way'")

    use(do, stand)


def test_without_leave_a_plan_is_shown_and_the_command_for_it(use: Callable[..., None], stand: Stand) -> None:
    """There is no button that would carry it out."""

    async def do(page: Page, served: Served) -> None:
        await page.until("!document.getElementById('rollback').disabled")
        await page.click("#rollback")
        await page.until("document.querySelector('#ask-body .steps')")
        assert "deploy rollback shop -n shop" in await page.look(TEXT.format("ask-body"))
        assert await page.look("document.getElementById('confirm').hidden")

    use(do, stand)


def test_by_keyboard_alone(use: Callable[..., None], stand: Stand) -> None:
    """Tab to the button, Enter, read the plan, Tab to the confirmation, Enter; Escape leaves it."""

    async def do(page: Page, served: Served) -> None:
        await page.until("!document.getElementById('promote').disabled")
        focused = "document.activeElement.id"
        await page.press("Tab", 9)
        assert await page.look(focused) == "skip"
        await page.press("Enter", 13, "\r")
        assert await page.look(focused) == "app"
        while await page.look(focused) != "promote":
            await page.press("Tab", 9)
        await page.press("Enter", 13, "\r")
        await page.until("!document.getElementById('confirm').hidden")
        await page.press("Escape", 27)
        assert not await page.look("document.getElementById('ask').open")
        assert await page.look(focused) == "promote"
        await page.press("Enter", 13, "\r")
        await page.until("!document.getElementById('confirm').hidden")
        while await page.look(focused) != "confirm":
            await page.press("Tab", 9)
        await page.press("Enter", 13, "\r")
        await page.until("document.getElementById('run-title').textContent.endsWith('is done')")
        assert served.world.pods() == {"shop v2": 4}

    use(do, stand, may_act=True)


def test_a_plan_that_is_stale_is_told_on_the_page(use: Callable[..., None], stand: Stand) -> None:
    """Somebody else has acted while it was read."""

    async def do(page: Page, served: Served) -> None:
        await page.until("!document.getElementById('promote').disabled")
        await page.click("#promote")
        await page.until("!document.getElementById('confirm').hidden")
        await served.world.ship("promote", canary("v2"), weight=75)
        await page.click("#confirm")
        await page.until("document.getElementById('run-title').textContent.endsWith('was refused')")
        assert "plan again" in await page.look(TEXT.format("run-body"))

    use(do, stand, may_act=True)


def test_what_a_cluster_says_stays_text(use: Callable[..., None]) -> None:
    """Markup is shown as it was said, and what would turn the text is shown as what it is."""

    async def do(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#history tr') && document.querySelector('#facts li')")
        shown = await page.look("document.body.textContent")
        assert "<img src=x onerror=document.title='pwned'>" in shown
        assert IMAGE in shown
        assert "\u202e" not in shown
        assert await page.look("document.images.length") == 0
        assert await page.look("document.title") == "shop · rollway"

    use(do, stand_of(hostile))


def test_it_says_when_the_dashboard_has_ended(use: Callable[..., None], stand: Stand) -> None:
    """What was seen stays on the page."""

    async def do(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#next .steps')")
        served.task.cancel()
        await page.until("document.getElementById('alarm').textContent.includes('does not answer')")
        assert await page.look(TEXT.format("line")) == "not connected"
        assert "paused at 50%" in await page.look(TEXT.format("phase"))
        page.problems = [
            each for each in page.problems if "ERR_" not in each
        ]  # what Chromium itself says of an address that is gone

    use(do, stand)


def test_a_wrong_token_is_told(use: Callable[..., None], stand: Stand) -> None:
    """An address of yesterday."""

    async def do(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#list a')")
        await page.look("sessionStorage.clear()")
        await page.visit(f"{served.origin}/")
        await page.until("document.getElementById('alarm').textContent.includes('the address that')")
        page.problems = [each for each in page.problems if "401" not in each]  # Chromium's own line of a refused request

    use(do, stand)


async def experiment(world: World) -> None:
    """One that is over, and has not told the versions apart."""
    await world.ship("apply", experimented("v1"))
    counted = Counted(0.1, 0.101)
    with contextlib.suppress(Refused):
        await world.ship("apply", experimented("v2"), goes_on=True, source_of=lambda *_: counted)


def test_how_an_experiments_interval_narrows_is_drawn(use: Callable[..., None]) -> None:
    """Over time, with zero in its middle; whoever does not see it hears where it is by now."""

    async def looks(page: Page, served: Served) -> None:
        await page.until("document.querySelector('#gates-body polygon')")
        label = await page.look("document.querySelector('#gates-body svg').getAttribute('aria-label')")
        assert re.fullmatch(r"experiment: b minus a over time, last -?[\d.]+% \(-[\d.]+% to [\d.]+%\)", label), label
        drawn = await page.look("document.querySelector('#gates-body polygon').getAttribute('points')")
        heights = [float(pair.split(",")[1]) for pair in drawn.split()]
        assert all(2 <= height <= 58 for height in heights)
        half = len(heights) // 2
        widths = [low - high for low, high in zip(heights[:half], reversed(heights[half:]), strict=True)]
        assert widths[-1] < widths[0]
        assert min(widths) > 0

    use(looks, stand_of(experiment))
