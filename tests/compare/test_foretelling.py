"""What gates would do, beside a comparison and in a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rollway.cli.views.compare_text import compare_lines
from rollway.cli.views.paint import Paint
from rollway.compare.foretelling import BAD, GOOD, Foretold, foretold
from rollway.compare.outlooks import brief
from rollway.compare.report import html
from rollway.compare.results import Comparison
from rollway.compare.scenario import Scenario
from rollway.release.gates import Gate
from rollway.ship.foreseeing import Outlook
from rollway.ship.power import Foreseen
from shop import STRATEGIES, release

STEPS = {"canary": {"steps": [{"weight": 25, "pause": "5m"}]}}


def shop(*gates: dict[str, Any]) -> Any:
    made = tuple(Gate.model_validate({"prometheus": "http://nowhere.invalid:9090", **keys}) for keys in gates)
    return replace(release("v2", options=STEPS), gates=made)


def test_each_strategy_is_told_of() -> None:
    gated = shop({"name": "errors", "use": "istio"})
    found = foretold([(name, name, gated) for name in STRATEGIES], Scenario(rate=20.0))

    assert [each.strategy for each in found] == list(STRATEGIES)
    by_strategy = {each.strategy: each.gates[0] for each in found}
    assert {name for name, each in by_strategy.items() if each.good is not None} == {"canary", "ab"}
    canary = by_strategy["canary"]
    assert canary.good is not None
    assert canary.good.releases == GOOD
    assert {each.releases for each in canary.bad} == {BAD}
    assert canary.bad[-1].taken_back == BAD


def test_without_gates_nothing_is_told() -> None:
    assert foretold([("canary", "canary", shop())], Scenario()) == ()


ERRORS = Outlook(
    "errors", "no more errors", "errors",
    good=Foreseen(0.005, 100, 1, None, None, None),
    bad=(Foreseen(0.01, 25, 3, None, None, None), Foreseen(0.05, 25, 25, 110.0, 230.0, 6.0)),
)  # fmt: skip
SMOKE = Outlook("smoke", "completes", "errors", why_not="what it measures cannot be assumed")


def test_it_is_a_sentence_a_gate() -> None:
    assert brief(ERRORS) == "takes 1% of good versions back; of errors it finds (half within) 1% in 12%, 5% in 100% (1 m 50 s)"
    assert brief(SMOKE) == "what it measures cannot be assumed"


def test_a_comparison_shows_them_by_strategy_and_once_what_cannot_be_said() -> None:
    gates = (Foretold("canary", (ERRORS, SMOKE)), Foretold("ramped", (replace(ERRORS, good=None, why_not="no stage"), SMOKE)))
    comparison = Comparison("shop", "v1", "v2", 4, 0, (), rate=20.0, gates=gates)
    lines = list(compare_lines(comparison, width=200, paint=Paint(False)))
    shown = lines[lines.index("  gates, at 20 requests/s of which 0.5% fail") :]

    assert shown[1] == f"    canary: errors {brief(ERRORS)}"
    assert shown[2:] == ["    smoke: what it measures cannot be assumed"]


def test_so_does_its_report() -> None:
    gates = (Foretold("canary", (ERRORS, replace(SMOKE, gate="<b>"))),)
    text = html(Comparison("shop", "v1", "v2", 4, 0, (), rate=20.0, gates=gates))

    assert "Gates, at 20 requests/s of which 0.5% fail." in text
    assert f"<li>canary: errors {brief(ERRORS)}</li>" in text
    assert "<li><small>&lt;b&gt;: what it measures cannot be assumed</small></li>" in text
    assert 'id="gates"' not in html(Comparison("shop", "v1", "v2", 4, 0, (), rate=20.0))
