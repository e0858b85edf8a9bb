"""Templates of queries."""

from __future__ import annotations

import pytest
from rollway.gates.ready import READY
from rollway.gates.templates import SIDED, VARIABLES, filled, names_in


def test_names_stand_for_values_and_other_braces_stay() -> None:
    text = 'sum(rate(hits{pod=~"{{ pods }}"}[{{interval}}])) # {x}'
    assert names_in(text) == ["pods", "interval"]
    assert filled(text, {"pods": "shop-.+", "interval": "30s"}) == 'sum(rate(hits{pod=~"shop-.+"}[30s])) # {x}'


def test_a_name_is_only_a_name() -> None:
    with pytest.raises(KeyError, match="__class__"):
        filled("{{ app.__class__ }}", {"app": "shop"})


@pytest.mark.parametrize("name", READY)
def test_ready_made_queries_tell_the_versions_apart_and_name_only_what_is_known(name: str) -> None:
    for query in (READY[name].requests, READY[name].errors, READY[name].latency):
        asked = names_in(query)
        assert set(asked) <= set(VARIABLES)
        assert set(asked) & set(SIDED)
        assert "interval" in asked
        assert query.count("(") == query.count(")")
        assert "{{" not in filled(query, dict.fromkeys(VARIABLES, "x"))
