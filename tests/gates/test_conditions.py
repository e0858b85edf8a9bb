"""Conditions on what was measured, as the exams do not ask of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.gates.conditions import condition
from rollway.gates.operations import Unfit


@pytest.mark.parametrize(
    ("text", "result", "holds"),
    [
        ("result == 1 || result == 2 && false", 1, True),
        ("not (result > 1) and result != 0", 1, True),
        ("not result > 1", 1, True),
        ("result.a?.b == nil", {"a": None}, True),
        ("(result ?? 3) > 2", None, True),
        ("1 + 2 * 3 ** 2 == 19.0", None, True),
        ("-result < -1", 2, True),
        ("result not in [1, 2]", 3, True),
        ("'ok' in result and len(result) == 1", {"ok": 1}, True),
        ("result contains 'b' && result startsWith 'a' && result matches '^a.c$'", "abc", True),
        ("result > 1 ? result < 3 : false", 2, True),
        ("any(result, {.ok}) and count(result, .ok) == 1 and one(result, .ok)", [{"ok": True}, {"ok": False}], True),
        ("sum(map(result, # * 2)) == 12 and len(filter(result, # > 1)) == 2", [1, 2, 3], True),
        ("result | len() == 2", [1, 2], True),
        ("max(result) - min(result) <= 1.5 and abs(-1) == 1 and round(0.5) == 1", [1, 2], True),
        ("isNaN(result[0]) || isInf(result[0])", [float("inf")], True),
        ("result[-1] == 3", [1, 3], True),
        ('result == "a\\"b"', 'a"b', True),
        ("result == `a'b`", "a'b", True),
        ("true == 1", None, None),
        ("result == 1", True, False),
        ("0 / 0 == 0", None, False),
    ],
)
def test_what_is_meant(text: str, result: Any, holds: bool | None) -> None:
    if holds is None:
        with pytest.raises(Unfit):
            condition(text)(result)
    else:
        assert condition(text)(result) is holds


@pytest.mark.parametrize(
    "text",
    ["", "result >", "result)", "(result", "result.x()", "open('/etc/passwd')", "__import__", "a", "#", ".x", "result[0", "1 2",
     "len()", "len(1, 2)", "all(result)", "result = 1", "@", "'x", "!1", "1 && true", "result ? 1", "9" * 2001,
     "(" * 100 + "1" + ")" * 100],
    ids=range(23),
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(Unfit):
        condition(text)


@pytest.mark.parametrize("text", ["result > 1", "result[9] == 1", "result.a == 1", "result % 0 == 1", "2 ** result[0] > 1"])
def test_what_does_not_fit_the_value(text: str) -> None:
    with pytest.raises(Unfit):
        condition(text)([10**9, "x"])


@given(
    st.text(alphabet="result.[]()0123456789<>=!&|'\"#,+-*/ {}aln?:", max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=5,
    ),
)
def test_whatever_is_written_or_measured_is_a_truth_or_a_sentence(text: str, result: Any) -> None:
    try:
        said: bool | str = condition(text)(result)
    except Unfit as unfit:
        said = str(unfit)
    assert said in (True, False) or said != ""
