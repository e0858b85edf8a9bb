"""The strategies' settings: defaults, durations, counts, weights, and what tells requests apart."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from rollway.release import matching
from rollway.release.options import STRATEGIES, AbOptions, CanaryOptions, RampedOptions, StrategyOptions
from rollway.release.strict import LONGEST_S, seconds
from rollway.release.wrong import Wrong


def test_every_key_has_a_default() -> None:
    """An empty block, and one with nothing behind its name, mean the defaults."""
    empty = StrategyOptions.model_validate({"ramped": None, "canary": {"maxSurge": None}})

    assert empty == StrategyOptions()
    assert [(step.weight, step.pause) for step in empty.canary.steps] == [(10, 300), (50, None)]
    assert STRATEGIES == ("recreate", "ramped", "blue-green", "canary", "ab")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1h0m5s", 3605), (0, 0), (45, 45), ("0s", 0)],
)
def test_durations_read_as_people_write_them(text: Any, wanted: int) -> None:
    """Hours, minutes, seconds, in this order; a bare number is seconds."""
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "5", "5 m", "5m1h", "-5s", -1, True, 1.5, None, [], "٥m", "1d", "9999999h", LONGEST_S + 1])
def test_what_is_no_duration_is_refused(text: Any) -> None:
    """Nothing is guessed: a unit is missing or unknown, the order is wrong, or it is longer than a month."""
    with pytest.raises(Wrong):
        seconds(text)


@given(st.integers(0, 700), st.integers(0, 59), st.integers(0, 59))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, rest: int) -> None:
    """Whatever parts are written, they add up."""
    assert seconds(f"{hours}h{minutes}m{rest}s") == hours * 3600 + minutes * 60 + rest


@given(st.text() | st.integers() | st.floats() | st.booleans() | st.none() | st.lists(st.integers()))
def test_anything_as_a_limit_is_taken_or_refused_with_a_sentence(value: Any) -> None:
    """Never another exception than pydantic's."""
    try:
        options = RampedOptions.model_validate({"maxSurge": value})
    except ValidationError:
        return
    assert re.fullmatch(r"[0-9]+%?", str(options.max_surge))


@pytest.mark.parametrize(("surge", "unavailable"), [(0, 0), ("0%", 0), ("00%", "0%"), (1, "101%")])
def test_a_rolling_update_must_be_able_to_move(surge: Any, unavailable: Any) -> None:
    """Both limits 0, or more missing than all: refused, as the API server does."""
    with pytest.raises(ValidationError):
        RampedOptions(max_surge=surge, max_unavailable=unavailable)


def test_the_deadline_is_longer_than_a_pod_takes_to_count() -> None:
    """The API server refuses progressDeadlineSeconds up to minReadySeconds."""
    with pytest.raises(ValidationError, match="progressDeadlineSeconds"):
        RampedOptions.model_validate({"minReadySeconds": "10m"})


@given(st.lists(st.integers(-5, 105), max_size=6))
def test_weights_rise_within_1_and_100(weights: list[int]) -> None:
    """Exactly the strictly rising lists of whole percents are taken."""
    is_good = bool(weights) and weights == sorted(set(weights)) and weights[0] > 0 and weights[-1] <= 100

    try:
        CanaryOptions.model_validate({"steps": [{"weight": weight} for weight in weights]})
        is_taken = True
    except ValidationError:
        is_taken = False

    assert is_taken == is_good


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ({"headers": {"X-Api-Version": "v2"}}, {"headers": {"x-api-version": {"exact": "v2"}}}),
        ({"headers": {"x-beta": {}}}, {"headers": {"x-beta": {}}}),
        ({"query": {"beta": 1}}, {"queryParams": {"beta": {"exact": "1"}}}),
        ({"uri": {"prefix": "/new"}}, {"uri": {"prefix": "/new"}}),
        ({"userAgent": {"prefix": "Mozilla"}}, {"headers": {"user-agent": {"prefix": "Mozilla"}}}),
    ],
)
def test_short_forms_are_written_out_as_istio_reads_them(written: dict[str, Any], normal: dict[str, Any]) -> None:
    """What is stored is an HTTPMatchRequest; reading it again changes nothing."""
    assert matching.normal(written) == normal
    assert matching.normal(normal) == normal


@pytest.mark.parametrize(
    ("cookies", "is_hit"),
    [
        ("group=b", True),
        ("a=1; group=b", True),
        ("group=b; a=1", True),
        ("group=bb", False),
        ("xgroup=b", False),
        ("a=group=b", False),
    ],
)
def test_a_cookie_is_found_among_others(cookies: str, is_hit: bool) -> None:
    """The regular expression, which must match the whole header, finds one cookie by name and value."""
    pattern = matching.normal({"cookie": {"group": "b"}})["headers"]["cookie"]["regex"]

    assert bool(re.fullmatch(pattern, cookies)) == is_hit


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"name": "x"},
        {"headers": {}},
        {"headers": {"a b": "c"}},
        {"headers": {"a": {"exact": "b", "prefix": "c"}}},
        {"headers": {"a": {"contains": "b"}}},
        {"headers": {"a": {"exact": 5}}},
        {"headers": {"a": {"regex": "("}}},
        {"headers": {"a": {"regex": "(?=b)"}}},
        {"cookie": {"a": "b"}, "headers": {"cookie": "c"}},
        {"cookie": "a=b"},
        {"userAgent": ""},
        {"query": {"a": "b"}, "queryParams": {"a": "b"}},
        {"port": True},
        {"unknown": 1},
        5,
    ],
)
def test_a_match_that_istio_would_not_take_is_refused(match: Any) -> None:
    """Nor one without a condition, which would send everybody to the second variant."""
    with pytest.raises(ValidationError):
        AbOptions.model_validate({"match": [match]})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.dictionaries(st.sampled_from(matching.FIELDS) | st.text(max_size=5), inner, max_size=3)
            | st.lists(inner, max_size=2)
        ),
        max_leaves=8,
    )
)
def test_anything_as_a_match_is_taken_or_refused(value: Any) -> None:
    """Never another exception; what is taken is stable."""
    try:
        options = AbOptions.model_validate({"match": [value]})
    except ValidationError:
        return
    assert matching.normal(options.match[0]) == options.match[0]


@pytest.mark.parametrize("gateway", ["shop", "istio-system/shop", "a.b"])
def test_a_gateway_is_a_name_perhaps_with_its_namespace(gateway: str) -> None:
    """As Istio writes it."""
    assert AbOptions(gateway=gateway).gateway == gateway


@pytest.mark.parametrize(
    "wrong", [{"gateway": "/x"}, {"gateway": "a/b/c"}, {"hosts": ["a b"]}, {"hosts": ["a", "a"]}, {"match": []}]
)
def test_names_that_istio_would_not_take_are_refused(wrong: dict[str, Any]) -> None:
    """Hosts, gateways; and an experiment that nobody takes part in."""
    with pytest.raises(ValidationError):
        AbOptions.model_validate(wrong)


def test_the_settings_survive_json() -> None:
    """They are written into a revision's record, and read back."""
    options = StrategyOptions.model_validate(
        {"ab": {"match": [{"cookie": {"a": "b"}}], "weight": 20}, "canary": {"steps": [{"weight": 5}]}}
    )

    assert StrategyOptions.model_validate_json(options.model_dump_json(by_alias=True)) == options
