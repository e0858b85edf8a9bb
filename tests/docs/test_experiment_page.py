"""docs/experiments.md says what examples/experiment does."""

from __future__ import annotations

from rollway.cli.views.gates_text import gates_lines
from rollway.cli.views.paint import Paint
from rollway.gates.figures import Phase
from rollway.plan.evidence import Evidence, Point
from shell import shell

from tests.support.pages import DOCS, ROOT, blocks

EXAMPLE = ROOT / "examples" / "experiment" / "deploy.yaml"
PAGE = DOCS / "experiments.md"


def test_the_page_shows_the_example() -> None:
    assert EXAMPLE.read_text(encoding="utf-8").partition("\n")[2] in PAGE.read_text(encoding="utf-8")


COURSE = {
    6: (0.012, -0.06, 0.084), 12: (0.038, -0.006, 0.082), 18: (0.024, -0.01, 0.058), 24: (0.028, 0.0, 0.056),
    30: (0.034, 0.009, 0.059), 36: (0.03, 0.008, 0.052), 42: (0.032, 0.012, 0.052), 48: (0.031, 0.012, 0.05),
}  # fmt: skip
"""Hours since the beginning, and what was known then: the difference seen, and its bounds."""


def test_the_interval_over_time_is_drawn_as_shown() -> None:
    points = tuple(Point(3600.0 * hours, None, "", None, interval) for hours, interval in COURSE.items())
    evidence = Evidence(
        gate="experiment", digest="", began_s=0.0, until_s=points[-1].at_s, measured=len(points), phase=Phase.RUNNING,
        why="b is better by 3.1% (1.2% to 5.0%) in orders; it may be stopped now", shown={"relative": 1.0}, points=points,
    )  # fmt: skip

    assert "\n".join(gates_lines([evidence], Paint(False))) + "\n" == blocks(PAGE, "text")[0].text


def test_its_plan_says_how_long_it_takes() -> None:
    """Nothing is found in it; and what the page quotes of its plan is what is said."""
    with shell(file=EXAMPLE) as deploy:
        assert deploy("check").code == 0
        assert deploy("apply", "--full").code == 0
        plan = deploy("plan", "--image", ":2")
        said = " ".join(plan.out.split())
        assert "held by gate experiment" in said
        quoted = " ".join(blocks(PAGE, "text")[-1].text.split())
        assert quoted
        assert quoted in said
        power = deploy("gates", "--power", "-o", "json").document
        assert quoted == f"experiment {power['gates'][0]['says']}"


def test_a_comparison_says_it_too_and_rehearses_the_rest() -> None:
    with shell(file=EXAMPLE) as deploy:
        assert deploy("apply", "--full").code == 0
        compared = deploy("compare", "--image", ":2")
        assert compared.code == 0
        assert "ab: experiment finds a difference of 2% in orders within" in " ".join((compared.out + compared.err).split())
