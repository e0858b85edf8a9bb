"""Expressions in CEL: what they may name, what is no expression, and that the library is never needed by anybody else."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError
from rollway.gates import expressions
from rollway.gates.figures import Both, Counts, Figures, Outcome, Pair, Pairs, Phase, Value
from rollway.gates.judges import judge_of
from rollway.gates.operations import Unfit
from rollway.release.gates import Gate

PAIRS = Pairs({"p95": Pair(0.2, 0.3), "memory": Pair(None, 5.0)})


@pytest.mark.parametrize(
    ("text", "figures", "is_good"),
    [
        ("new.p95 < stable.p95 * 2.0", PAIRS, True),
        ("new.p95 < stable.p95 * 1.2", PAIRS, False),
        ("!has(stable.memory) || new.memory < stable.memory", PAIRS, True),
        ("new.requests < 10.0 || new.share < 0.05", Both(Counts(90, 1), Counts(10, 1)), False),
        ("new.errors <= stable.errors + 1.0", Both(Counts(90, 1), Counts(10, 1)), True),
        ("result < 5.0", Value(4.0), True),
        ("result.all(each, each < 5.0)", Value([1.0, 6.0]), False),
        ('result.status == "up" && result.queue[0] < 3', Value({"status": "up", "queue": [2]}), True),
    ],
)
def test_what_holds(text: str, figures: Figures, is_good: bool) -> None:
    assert expressions.holds(text, expressions.known_of(figures)) is is_good


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("new.p95 <", "at 1:10: Syntax error"),
        ("", "Syntax error"),
        ("new.p99 < 1.0", "nothing is called 'p99' there; known are new.p95"),
        ("old.p95 < 1.0", "Undefined variable or function: 'old'"),
        ("new.memory < stable.memory", "nothing is called 'memory'"),
        ("new.p95", "it answers 0.3, and not true or false"),
        ("new.p95 * 2 > 1.0", "float * int"),
        ("1 / 0 == 1", "division by zero"),
        ("(" * 3000, "more than an expression may have"),
        ("[1].all(a, [1].all(b, [1].all(c, [1] . exists (d, true))))", "4 loops (all, exists, map, …) are more"),
    ],
)
def test_what_cannot_be_said(text: str, said: str) -> None:
    with pytest.raises(Unfit) as unfit:
        expressions.holds(text, expressions.known_of(PAIRS))
    assert said in str(unfit.value)


def test_a_list_is_bounded() -> None:
    with pytest.raises(Unfit, match="101 values are more"):
        expressions.known_of(Value([0.0] * 101))
    with pytest.raises(Unfit, match="101 values are more"):
        expressions.known_of(Value({"queues": [{"waiting": [0.0] * 101}]}))
    assert expressions.known_of(Value({"queues": [[], {}, "long" * 101]}))


def gate(**keys: Any) -> Gate:
    return Gate.model_validate({"name": "g", "prometheus": "http://p:9090", **keys})


COMPARED = {"compare": {"p95": 'q{p=~"{{pods}}"}'}}
COUNTED = {"requests": 'r{p=~"{{pods}}"}', "errors": 'e{p=~"{{pods}}"}'}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({**COMPARED, "cel": "new.p95 <"}, "is no expression for this gate: at 1:10"),
        ({**COMPARED, "cel": "new.p50 < 1.0"}, "nothing is called 'p50' there; known are new.p95, stable.p95"),
        ({**COUNTED, "cel": "new.p95 < 1.0"}, "known are new.requests, new.errors, new.share"),
        ({**COMPARED, "cel": "new.p95 + stable.p95"}, "not true or false"),
        ({"query": "up", "cel": "result <"}, "Syntax error"),
        ({"query": "up", "cel": "result < 1.0", "max": 3}, "max and cel: one way to ask is enough"),
        ({"use": "istio", "of": "latency", "cel": "true"}, "cel has nothing to ask of"),
        ({**COMPARED, "cel": "new.p95 < 1.0", "judge": "kayenta"}, "'kayenta' cannot judge this"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(keys: Any, said: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        gate(**keys)
    assert said in str(wrong.value)


@pytest.mark.parametrize(
    ("figures", "phase", "said"),
    [
        (Pairs({"p95": Pair(0.2, 0.21)}), Phase.RUNNING, ""),
        (Pairs({"p95": Pair(0.2, 0.3)}), Phase.FAILED, "wanted new.p95 < stable.p95 * 1.2"),
        (Pairs({"p95": Pair(None, 0.3)}), Phase.RUNNING, "nothing is called 'p95'"),
        (Outcome(None), Phase.INCONCLUSIVE, ""),
    ],
)
def test_it_decides_as_a_condition_does(figures: Figures, phase: Phase, said: str) -> None:
    """What cannot be evaluated says nothing of the version, and is asked again."""
    asked = gate(**COMPARED, cel="new.p95 < stable.p95 * 1.2")
    judge = judge_of(asked.chosen_judge, asked.asked)
    verdict = judge.verdict(judge.take(judge.begin(), 0.0, figures))
    assert verdict.phase == phase
    assert said in verdict.why or said in str(judge.take(judge.begin(), 0.0, figures))
    assert asked.wanted == "new.p95 < stable.p95 * 1.2"


def test_without_the_extra_it_says_what_to_install() -> None:
    """And nobody who writes no expression is asked for it."""
    code = """
import sys
sys.modules["cel"] = None
from rollway.release.gates import Gate
asked = {"name": "g", "prometheus": "http://p:9090", "query": "up"}
Gate.model_validate({**asked, "max": 1})
try:
    Gate.model_validate({**asked, "cel": "result < 1.0"})
except ValueError as wrong:
    print(wrong)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'rollway[cel]'" in ended.stdout


def test_reading_gates_does_not_import_it() -> None:
    code = "import rollway.release.gates, rollway.gates.judges, sys; print('cel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
