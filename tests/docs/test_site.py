"""`make docs`: a site whose links hold and that fetches nothing, and man pages that are read without a complaint."""

from __future__ import annotations

import asyncio
import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser import CHROMIUM, Page, browser, tab
from rollway.cli.verbs import VERBS
from rollway.preflight.rules import BY_ID
from rollway.release.schema import json_schema

from tests.support.pages import ROOT

MAKE = [sys.executable, "-m", "rollway.tools.manual"]
FETCHING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Hrefs(html.parser.HTMLParser):
    """What a page leads to, what it loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.anchors |= {value for key in ("id", "name") if (value := told.get(key))}
        if tag == "a" and (href := told.get("href")):
            self.leads.append(href)
        if (address := told.get(FETCHING.get(tag, ""))) and not address.startswith("data:"):
            self.loads.append(address)


def read(page: Path) -> Hrefs:
    found = Hrefs()
    found.feed(page.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made as `make docs` makes it, where any warning is an error."""
    out = tmp_path_factory.mktemp("docs")
    done = subprocess.run([*MAKE, str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


@pytest.fixture(scope="module")
def pages(made: Path) -> dict[Path, Hrefs]:
    return {page: read(page) for page in sorted((made / "site").rglob("*.html"))}


def test_every_link_leads_to_a_page_and_a_place_on_it(made: Path, pages: dict[Path, Hrefs]) -> None:
    """Within the site; what leads out of it is to be followed, and nothing that a page needs."""
    broken = []
    for page, found in pages.items():
        for href in found.leads:
            parts = urlsplit(href)
            if parts.scheme:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (
                target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].anchors
            ):
                broken.append((page.name, href))
    assert broken == []


def test_nothing_is_fetched_from_elsewhere(made: Path, pages: dict[Path, Hrefs]) -> None:
    """Scripts, styles, pictures and fonts lie in the site."""
    elsewhere = [(page.name, address) for page, found in pages.items() for address in found.loads if urlsplit(address).scheme]
    styles = [
        path.name for path in (made / "site").rglob("*.css") if "url(http" in path.read_text() or "@import" in path.read_text()
    ]

    assert elsewhere == []
    assert styles == []


def test_the_reference_is_whole(made: Path) -> None:
    """A page and a man page a verb, each option on it; every key of the release file; every rule."""
    site = made / "site"
    for verb in VERBS:
        assert (site / "reference" / f"deploy-{verb}.html").is_file()
        assert (made / "man" / f"deploy-{verb}.1").is_file()
    asked = subprocess.run(
        [sys.executable, "-m", "rollway", "apply", "--help"], capture_output=True, text=True, check=True
    ).stdout
    apply = (site / "reference" / "deploy-apply.html").read_text()
    assert [option for option in set(re.findall(r"--[a-z][a-z-]+", asked)) if option not in apply] == []
    keys = (site / "reference" / "deploy.yaml.html").read_text()
    definitions = json_schema()["$defs"].values()
    named = {key for each in (json_schema(), *definitions) for key in each.get("properties", {})}
    assert [key for key in named if f">{key}<" not in keys] == []
    assert [rule for rule in BY_ID if f'id="{rule.lower()}"' not in (site / "checks.html").read_text()] == []


def test_it_is_found_by_searching(made: Path) -> None:
    """The index lies beside the pages, as a script that a browser may load without a server."""
    index = (made / "site" / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(")
    assert "deploy-apply" in json.dumps(index)


def man_pages(made: Path) -> list[Path]:
    return sorted((made / "man").iterdir())


@pytest.mark.skipif(shutil.which("man") is None or shutil.which("groff") is None, reason="no man or no groff here")
def test_man_pages_are_read_without_a_warning(made: Path) -> None:
    for page in man_pages(made):
        command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(page)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "MANWIDTH": "80"})
        assert (done.returncode, done.stderr) == (0, ""), page.name
        shown = re.sub(".\b", "", done.stdout)
        assert shown.lstrip().startswith(f"{page.stem.upper()}({page.suffix[1:]})")
        assert "NAME\n" in shown
        assert ".html>" not in shown


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="no mandoc here")
def test_man_pages_hold_before_mandoc(made: Path) -> None:
    """Which the BSDs, macOS and Alpine show them with: no error, and no warning."""
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *man_pages(made)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_a_browser_shows_it_from_the_disk(made: Path, tmp_path: Path) -> None:
    """By file://, on a narrow screen and a wide one, light and dark: nothing is asked of the network, nothing complains, the page
    is no wider than the screen, and words stand out from what is behind them."""

    async def look() -> None:
        with browser(tmp_path / "profile") as address:
            async with tab(address) as page:
                for name in ("index", "tutorial", "checks", "reference/deploy-apply", "reference/documents"):
                    for width, is_dark in ((390, True), (1280, False)):
                        await shown(page, made / "site" / f"{name}.html", width, is_dark=is_dark)
                assert page.problems == []
                assert [url for url in page.requested if not url.startswith(("file:", "data:"))] == []

    asyncio.run(look())


LEAST_CONTRAST = 4.5
"""WCAG 2.2, level AA, of words."""
WIDTH = "document.documentElement.scrollWidth"
CONTRAST = """(() => {
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const light = color => rgb(color).slice(0, 3).map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => { for (let at = node; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if ((rgb(color)[3] ?? 1) > .5) return color; } return "rgb(255,255,255)"; };
  const ratio = node => { const pair = [light(getComputedStyle(node).color), light(behind(node))].sort((a, b) => b - a);
    return (pair[0] + .05) / (pair[1] + .05); };
  const words = ["p", "code", "pre span", "dt", "td", "a"].map(name => `article ${name}`).join();
  return Math.min(...[...document.querySelectorAll(words)]
    .filter(node => node.textContent.trim() && node.offsetParent && !node.classList.contains("headerlink")).map(ratio));
})()"""


async def shown(page: Page, path: Path, width: int, *, is_dark: bool) -> None:
    await page.screen(width, 900, is_dark=is_dark)
    await page.open(path)
    assert await page.look(WIDTH) <= width, (path.name, width)
    assert await page.look(CONTRAST) >= LEAST_CONTRAST, (path.name, is_dark)
