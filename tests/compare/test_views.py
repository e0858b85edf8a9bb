"""What `deploy compare` prints: the table, the bands, the advice; and the same as one document."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rehearsed import bad_comparison, canary, comparison, ramped, recreate
from rollway.cli.views import view_for
from rollway.cli.views.compare_json import compare_document
from rollway.cli.views.compare_text import compare_lines
from rollway.cli.views.paint import Paint
from rollway.cli.views.sink import styled
from rollway.compare.axis import ends_s, slices, ticks
from rollway.compare.figures import seconds, spread_of
from rollway.compare.results import Bands, Comparison, Range

GOLDEN = Path(__file__).parent / "golden"
CASES = {"good": comparison, "bad": bad_comparison}


def shown(of: Comparison, width: int | None = 100, measured: Comparison | None = None, *, colour: bool = False) -> str:
    return "\n".join(compare_lines(of, measured=measured, width=width, paint=Paint(colour))) + "\n"


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("case", CASES)
def test_it_fits_the_terminal(case: str, width: int, request: pytest.FixtureRequest) -> None:
    """A row a strategy, bands on one axis, the advice; what there is no room for is named, never cut off."""
    text = shown(CASES[case](), width)

    golden = GOLDEN / f"{case}_{width}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert max(len(line) for line in text.splitlines()) <= width


def test_colour_adds_nothing_but_colour() -> None:
    """Whoever sees no colour reads the same."""
    coloured = "\n".join(map(styled, shown(comparison(), colour=True).splitlines()))

    assert re.sub(r"\x1b\[\d+m", "", coloured).split() == shown(comparison()).split()
    assert coloured != shown(comparison())


def test_a_measured_row_stands_below_the_predicted_one() -> None:
    measured = comparison(outcomes=(replace(ramped(), runs=ramped().runs[:1]),))
    lines = shown(comparison(), measured=measured).splitlines()

    place = next(number for number, line in enumerate(lines) if line.startswith("  ! ramped"))
    beside = next(line for line in lines[place:] if "measured" in line)
    assert re.search(r"measured +22 s", beside)
    assert sum("measured" in line for line in lines) == 1


def test_a_loss_shows_however_small_it_is() -> None:
    """One request of many lost in a moment is a mark in the band, at any width."""
    run = canary().typical
    quiet = [0.0] * len(run.bands.old)
    quiet[40] = 1.0
    outcome = replace(canary(), runs=(replace(run, bands=replace(run.bands, lost=tuple(quiet))),))

    for width in (60, 80, 140):
        band = next(line for line in shown(comparison(outcomes=(outcome,)), width).splitlines() if "░░" in line)
        assert band.count("×") in (1, 2)


def test_no_loss_in_the_middle_is_no_promise_where_some_seed_lost() -> None:
    assert spread_of(Range(0, 0, 3), "requests") == "0–3"
    assert spread_of(Range(0, 0, 0), "requests") == ""
    assert spread_of(Range(100, 99, 101), "requests") == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 s"), (0.005, "5 ms"), (1.24, "1.2 s"), (9.96, "10 s"), (59.6, "1 m"), (125, "2 m 5 s"), (3600, "1 h")],
)  # fmt: skip
def test_seconds_are_as_exact_as_they_are_worth(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(("cut", "text"), [(1, " 1 m "), (2, " > 1 m ")])
def test_a_bound_is_the_middle_figure_where_most_runs_met_it(cut: int, text: str) -> None:
    """Else the median is that of runs that were done; who was not is told in either case."""
    runs = tuple(replace(run, is_cut=number < cut) for number, run in enumerate(bad_comparison().outcomes[0].runs))
    said = shown(replace(bad_comparison(), outcomes=(replace(bad_comparison().outcomes[0], runs=runs),)))

    assert text in next(line for line in said.splitlines() if "recreate" in line)
    assert f"not done when the rehearsal was ended with {cut} of 3 seeds" in said


def test_pieces_of_the_axis_keep_all_that_was_sent() -> None:
    """Means over pieces, weighted by their width, add up to what the band holds, whatever the number of pieces."""
    band = Bands(-1, 0.5, (10.0,) * 8, (0.0,) * 4 + (4.0,) * 4, (0.0,) * 7 + (8.0,), *(((0,) * 8,) * 4))

    for count in (1, 2, 4, 8):
        pieces = [piece for piece in slices(band, -1, 3, count) if piece]
        assert sum(piece.new for piece in pieces) * 4 / count == pytest.approx(8)
        assert sum(piece.lost for piece in pieces) * 4 / count == pytest.approx(4)
    assert list(slices(band, -1, 7, 2))[1] is None


@pytest.mark.parametrize("span", [0.4, 3, 47, 600, 90_000])
def test_ticks_are_round_and_within(span: float) -> None:
    found = ticks(-2, span, 6)

    assert 1 <= len(found) <= 6
    assert all(-2 <= tick <= span for tick in found)


def test_nothing_to_compare_is_shown_too() -> None:
    """All strategies refused: the reasons, no bands."""
    refused = comparison(outcomes=comparison().outcomes[-1:], recommended="", reason="", improvements=())

    assert "needs Istio" in shown(refused, 80)
    assert ends_s(refused) == (0.0, 1.0)


# the document


def test_the_document_holds_every_figure_and_run() -> None:
    """camelCase, units in the names or beside; a refused strategy has its reason and nothing else."""
    document = compare_document(comparison())

    assert [one["strategy"] for one in document["strategies"]] == ["recreate", "ramped", "blue-green", "canary", "ab"]
    recreated, rolled, blue, _, refused = document["strategies"]
    assert rolled["figures"]["lost"] == {"median": 214, "low": 194.9, "high": 233, "unit": "requests"} | rolled["figures"]["lost"]
    assert rolled["lostBy"].keys() == {"stoppedPod", "killedInFlight"}
    assert [run["seed"] for run in recreated["runs"]] == [6 + number for number in (1, 2, 3)]
    assert recreated["runs"][1]["toll"]["lost"][0] == {"cause": "no endpoint", "kind": "timeout", "requests": 1890}
    assert (blue["fits"], refused["fits"], refused["runs"], refused["figures"]) == (False, None, [], {})
    assert refused["refused"].startswith("needs Istio")
    assert not re.search(r'"[a-z]+_[a-z]+":', json.dumps(document))


def test_the_bands_are_there_on_demand() -> None:
    assert all("bands" not in one for one in compare_document(comparison())["strategies"])
    bands = compare_document(comparison(), bands=True)["strategies"][0]["bands"]
    assert len(bands["old"]) == len(bands["readyNew"])
    assert bands["stepSeconds"] == 0.25


def test_what_has_no_value_is_null_and_the_same_comparison_gives_the_same_bytes() -> None:
    """JSON knows no NaN."""
    run = recreate().runs[0]
    silent = replace(run, toll=replace(run.toll, mixed_s=math.nan))
    of = comparison(outcomes=(replace(recreate(), runs=(silent,)),))
    text = json.dumps(compare_document(of, measured=of, bands=True), allow_nan=False)

    assert json.loads(text)["strategies"][0]["figures"]["mixed"]["median"] is None
    assert json.loads(text)["measured"]["measured"] is None
    assert text == json.dumps(compare_document(of, measured=of, bands=True), allow_nan=False)


def test_each_view_shows_it(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People, programs, and the job summary of GitHub Actions."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    view_for("text").comparison(comparison())
    assert "▸ canary" in capsys.readouterr().out
    view_for("json").comparison(comparison(), bands=True)
    assert json.loads(capsys.readouterr().out)["recommended"] == "canary"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    view_for("json").comparison(comparison())
    assert "▸ canary" in (tmp_path / "summary.md").read_text(encoding="utf-8")
