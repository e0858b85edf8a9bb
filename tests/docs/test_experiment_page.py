"""docs/experiments.md says what examples/experiment does."""

from __future__ import annotations

from pathlib import Path

from shell import shell

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "examples" / "experiment" / "deploy.yaml"
PAGE = (ROOT / "docs" / "experiments.md").read_text(encoding="utf-8")


def test_the_page_shows_the_example() -> None:
    assert EXAMPLE.read_text(encoding="utf-8").partition("\n")[2] in PAGE


def test_its_plan_says_how_long_it_takes() -> None:
    """Nothing is found in it; and what the page quotes of its plan is what is said."""
    with shell(file=EXAMPLE) as deploy:
        assert deploy("check").code == 0
        assert deploy("apply", "--full").code == 0
        plan = deploy("plan", "--image", ":2")
        said = " ".join(plan.out.split())
        assert "held by gate experiment" in said
        quoted = " ".join(PAGE.partition("```text\n")[2].partition("```")[0].split())
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
