"""The HTML report as a file: one, self-contained, safe with any name, and the same bytes for the same comparison."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from rehearsed import ab, bad_comparison, comparison, ramped
from rollway.compare.report import html
from rollway.compare.results import Comparison, Mark

EVIL = "</script><img src=x onerror=alert(1)>&\"'"
VOID = {"meta", "input", "br"}


class Tags(HTMLParser):
    """What a browser would find: every tag with its attributes, all text, the data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(f"data {tag}" if dict(attrs).get("id") == "data" else tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().removeprefix("data ") == tag

    def handle_data(self, data: str) -> None:
        place = self._open[-1] if self._open else ""
        self.text[place] = self.text.get(place, "") + data


def evil() -> Comparison:
    run = replace(ramped().typical, marks=(Mark(1, EVIL, 50),), phase="Failed", failure=EVIL)
    outcome = replace(ramped(), strategy=EVIL, runs=(run,), fits=EVIL)
    return comparison(app=EVIL, from_version=EVIL, to_version=EVIL, reason=EVIL, recommended=EVIL, assumed=(EVIL,), bad=EVIL,
                      outcomes=(outcome, replace(ab(), refused=EVIL)))  # fmt: skip


@pytest.mark.parametrize("make", [comparison, bad_comparison, evil])
def test_it_asks_nobody_for_anything(make: type[Comparison]) -> None:
    """No address but SVG's namespace, no attribute that loads; and a policy that would forbid it."""
    text = html(make(), make())
    tags = Tags(text)

    assert set(re.findall(r"https?:[^\s\"'`)]*", text)) == {"http://www.w3.org/2000/svg"}
    assert set(re.findall(r"url\([^)]*\)", text)) == {"url(#hatch)"}
    assert not {"link", "img", "iframe", "base", "object"} & {tag for tag, _ in tags.found}
    assert not {"src", "href", "style", "srcset", "action"} & {name for _, attributes in tags.found for name in attributes}
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    policy = next(attributes["content"] for _, attributes in tags.found if "http-equiv" in attributes)
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_what_users_named_stays_text() -> None:
    """It is shown letter by letter, and changes no element."""
    plain, tags = Tags(html(comparison(outcomes=(ramped(), ab())))), Tags(html(evil()))

    assert tags.text["h1"] == f"{EVIL} {EVIL} → {EVIL}"
    assert EVIL in tags.text["td"]
    assert json.loads(tags.text["data script"])["strategies"][0]["marks"][0]["text"] == EVIL
    assert {tag for tag, _ in tags.found} <= {tag for tag, _ in plain.found}


def test_the_same_comparison_gives_the_same_bytes() -> None:
    assert html(comparison(), comparison()) == html(comparison(), comparison())
    assert "seed" in html(comparison())


def test_the_tables_hold_every_figure() -> None:
    """Each with its range and causes; refusals, steps back, improvements and the scenario in words."""
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html(comparison()).partition("<main>")[2].partition("<script")[0]))

    for said in (
        "2,200", "2,002–2,398", "1,890 no endpoint", "8 (+4)", "needs Istio", "does not fit: the quota", "Recommended: canary",
        "add preStop sleep 5 : ramped 214 → 0 lost", "answers take 20 to 80 ms", "3 seeds from 7",
    ):  # fmt: skip
        assert said in text


def test_measured_figures_stand_below_the_predicted_ones() -> None:
    """Only where there are any; the charts get both."""
    measured = comparison(outcomes=(replace(ramped(), runs=ramped().runs[:1]),))
    tags = Tags(html(comparison(), measured))

    rows = [attributes.get("class") or "" for tag, attributes in tags.found if tag == "tr"]
    assert sum(row.split()[:1] == ["measured"] for row in rows) == 1
    drawn = {one["name"]: one["measured"] for one in json.loads(tags.text["data script"])["strategies"]}
    assert drawn["ramped"]["start"] == -2
    assert drawn["recreate"] is None


def test_nothing_to_draw_is_a_report_too() -> None:
    """All refused: why, and no empty charts."""
    tags = Tags(html(comparison(outcomes=(ab(),), recommended="", reason="", improvements=())))

    assert "needs Istio" in tags.text["td"]
    assert "data script" not in tags.text


def test_over_how_many_seeds_the_medians_are() -> None:
    """Of all strategies: one whose figures agree is done with sooner than the others."""
    found = comparison()
    fewer = replace(found, outcomes=(replace(ramped(), runs=ramped().runs[:2]), *found.outcomes[1:]))

    assert "Medians over 3 seeds;" in html(found)
    assert "Medians over 2 to 3 seeds;" in html(fewer)
    assert "Medians over 1 seed;" in html(replace(found, outcomes=(replace(ramped(), runs=ramped().runs[:1]),)))
