"""What is found of gates: queries that cannot be asked, and time in which nothing can be decided."""

from __future__ import annotations

import re

import pytest
from checked import found
from spoils import COUNTED, gated


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(rate(x[5m])", "unclosed left parenthesis"),
        ("rate(x)", "expected type matrix"),
        ("summ(x)", "unknown function"),
        ('x{pod=~"("}', "regex"),
        ("x{", "inside braces"),
        ('max(queue{pod=~"{{ pods }}"})', ""),
        ("sum(increase(x[{{ interval }}])) / {{ weight }}", ""),
        ("vector(scalar(x)) > bool 3 or vector(1)", ""),
    ],
)
def test_a_query_that_is_no_promql_is_told_in_the_parsers_words(query: str, said: str) -> None:
    pytest.importorskip("promql_parser", reason="there is no wheel of it for this machine")
    told = found("RW041", gated(query=query, max=1))
    assert [(each.path, said in each.message) for each in told] == ([("gates[0].query", True)] if said else [])
    compared = {"compare": {"one": {"query": query + " and on() y{pod='{{ pods }}'}"}}}
    assert [each.path for each in found("RW041", gated(**compared))] == (["gates[0].compare.one.query"] if said else [])


def test_a_rate_is_no_count() -> None:
    pytest.importorskip("promql_parser", reason="there is no wheel of it for this machine")
    rates = {key: text.replace("increase", "rate") for key, text in COUNTED.items()}
    assert [each.path for each in found("RW042", gated(**rates))] == ["gates[0].requests", "gates[0].errors"]


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_the_time_that_a_gate_would_need_is_told_and_is_right(rate: int) -> None:
    """With that much, and no more than a twentieth of it beyond, nothing is told any more."""
    [told] = found("RW043", gated("30s", "30s", rate=rate), "canary")
    needed = re.search(rf"at {rate} requests/s it would need ([0-9]+) (min|s)", told.message)
    assert needed is not None
    seconds = int(needed[1]) * (60 if needed[2] == "min" else 1)
    assert found("RW043", gated("30s", f"{round(seconds * 1.1)}s", rate=rate), "canary") == []
    assert found("RW043", gated("30s", f"{round(seconds * 0.5)}s", rate=rate), "canary") != []
