"""What is installed is under licences that we take, or is named with the reason."""

from __future__ import annotations

import pytest
from rollway.tools.licenses import Terms, is_taken, refused

TERMS = Terms({"MIT": "", "Apache-2.0": ""}, {"odd-one": "its text is that of MIT"})


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0-only", False),
        ("MIT AND GPL-3.0-only", False),
        ("MIT OR GPL-3.0-only", True),
        ("Apache-2.0 AND MIT", True),
        ("", False),
    ],
)
def test_of_and_both_are_taken_of_or_one(expression: str, wanted: bool) -> None:
    assert is_taken(expression, TERMS.taken) is wanted


def test_what_is_not_taken_is_named() -> None:
    """One without metadata as well; a named exception is let through however its name is written."""
    lines = refused([("good", "MIT"), ("bad", "GPL-3.0-only"), ("mute", ""), ("Odd_One", "")], TERMS)
    assert [line.split(":")[0] for line in lines] == ["bad", "mute"]
    assert "tell no licence" in lines[1]


def test_an_exception_that_nothing_needs_goes() -> None:
    assert refused([("odd.one", "MIT")], TERMS) == ["odd-one: MIT is taken anyway: take its exception out of licenses.toml"]
