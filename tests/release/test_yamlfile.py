"""YAML as Kubernetes reads it, and where everything stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.errors import BadInput
from rollway.release.yamlfile import Document, documents


def read(text: str) -> Any:
    (document,) = documents(text, "f.yaml")
    return document.data


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"),
        ("12:30", "12:30"),
        ("yes", True),
        ("Off", False),
        ("y", "y"),
        ("~", None),
        ("", None),
        ("010", 8),
        ("0o10", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("08", 8.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1.4.0", "1.4.0"),
        ("9" * 5000, "9" * 5000),
        ("18446744073709551616", 18446744073709551616.0),
        ("'1'", "1"),
        ("! 1", "1"),
        ("!!str 1", "1"),
        ("!!int '1'", 1),
        ("!!float 1", 1.0),
        ("!!timestamp 2024-01-31", "2024-01-31"),
        ('"\\ud83d\\ude00 \\\\ud83d\\\\ude00"', "😀 \\ud83d\\ude00"),
        ("=", "="),
    ],
)
def test_a_scalar_is_what_kubectl_makes_of_it(text: str, wanted: Any) -> None:
    """Dates and times of day stay texts, numbers are Go's, booleans are YAML 1.1's."""
    value = read(f"a: {text}\n")["a"]

    assert value == wanted
    assert type(value) is type(wanted)


def test_keys_are_texts() -> None:
    """`on:` is the key "true", and a number is its digits."""
    assert read("on: 1\n5: 2\n") == {"true": 1, "5": 2}


def test_everything_has_its_place() -> None:
    """Keys where they start, items where they start; what has no place of its own, the nearest above."""
    (first, second) = documents("a:\n  - b: 1\n    c: {d: 2}\n---\nx: 1\n", "f.yaml")

    assert first.where(("a",)) == "f.yaml:1:1"
    assert first.where(("a", 0)) == "f.yaml:2:5"
    assert first.where(("a", 0, "c", "d")) == "f.yaml:3:9"
    assert first.where(("a", 0, "c", "e", 5)) == "f.yaml:3:5"
    assert second.where(("x",)) == "f.yaml:5:1"
    assert Document(None, "f.yaml").where(("x",)) == "f.yaml"


def test_an_alias_is_a_copy() -> None:
    """Labels that are written once and used twice must not change together."""
    data = read("a: &l {app: x}\nb: *l\nc: {<<: *l, app: y, z: 1}\nd: {<<: [*l, {app: q, r: 2}]}\n")

    data["a"]["app"] = "changed"

    assert data["b"] == {"app": "x"}
    assert data["c"] == {"app": "y", "z": 1}
    assert data["d"] == {"app": "x", "r": 2}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a: *b\n", "f.yaml:1:4: alias *b has no anchor &b before it"),
        ("a: &a 1\n---\nb: *a\n", "f.yaml:3:4: alias *a has no anchor &a before it"),
        ("a: {<<: 5}\n", "f.yaml:1:5: << takes a mapping or a list of mappings"),
        ("a: !!binary aGk=\n", "f.yaml:1:4: unknown tag !!binary"),
        ("a: !!int x\n", "f.yaml:1:4: 'x' is no !!int"),
        ("a: !env X\n", "f.yaml:1:4: unknown tag !env"),
        ("a: !!set {x}\n", "f.yaml:1:4: unknown tag !!set"),
        ("a: .nan\n", "f.yaml:1:4: .nan is a number that Kubernetes does not take; quote it if it is a text"),
        ("~: 1\n", "f.yaml:1:1: a key must be a text"),
        ("? [a]\n: 1\n", "f.yaml:1:3: a key must be a text, not a mapping or a list"),
        ("{a: 1, a: 2}\n", 'f.yaml:1:8: duplicate key "a", also in line 1'),
        ("- " * 3000, "f.yaml:1:203: nested deeper than 100 levels"),
    ],
)
def test_what_kubectl_would_stumble_over_is_refused_at_its_place(text: str, wrong: str) -> None:
    """One line, with the place."""
    with pytest.raises(BadInput) as caught:
        list(documents(text, "f.yaml"))

    assert caught.value.summary == wrong


@given(st.text(max_size=60) | st.text(alphabet="ab:-[]{},&*!|>'\"#%@`\n\t ?<0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never another exception than BadInput."""
    try:
        found = list(documents(text, "f.yaml"))
    except BadInput:
        return
    json.dumps([document.data for document in found], allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=50), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_is_yaml(value: Any) -> None:
    """What any program writes as JSON is read as it was, with escapes beyond 16 bits too."""
    assert read(json.dumps({"v": value}))["v"] == value
    assert read(json.dumps({"v": value}, indent="\t"))["v"] == value
