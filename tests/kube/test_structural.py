"""Structural schemas as pure functions: what is pruned, filled in and refused, and the shape that ownership follows."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.kube import fieldset, structural
from rollway.kube.schema import Struct
from rollway.kube.structural import Described, Schema
from rollway.kube.validation.structural import problems, status_problems

ANYTHING = {"x-kubernetes-preserve-unknown-fields": True}
SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"]},
        "replicas": {"type": "integer", "format": "int32", "minimum": 0, "maximum": 10, "default": 1},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True, "default": "none"},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}},
        "free": {"type": "object", "properties": {"known": {"type": "object"}}, **ANYTHING},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ports": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "number": {"type": "integer", "default": 80}},
            },
        },
    },
}
ROOT: Schema = {"type": "object", "properties": {"spec": SPEC}}


def told(value: Any, schema: Schema, *before: Any) -> list[str]:
    return [f"{each.field}: {each.text}" for each in problems(value, schema, *before)]


def test_fields_that_the_schema_does_not_name_are_dropped_and_told() -> None:
    """At any depth, not below what keeps them, and never the head of an object."""
    obj = {
        "apiVersion": "v", "kind": "K", "metadata": {"name": "a", "any": 1}, "data": 1,
        "spec": {"size": "s", "x": 1, "ports": [{"name": "a", "y": 1}], "free": {"z": {"deep": 1}, "known": {"w": 1}}},
    }  # fmt: skip
    kept, unknown = structural.pruned(obj, ROOT, is_root=True)
    assert unknown == ["data", "spec.free.known.w", "spec.ports[0].y", "spec.x"]
    assert kept == {
        "apiVersion": "v", "kind": "K", "metadata": {"name": "a", "any": 1},
        "spec": {"size": "s", "ports": [{"name": "a"}], "free": {"z": {"deep": 1}, "known": {}}},
    }  # fmt: skip


def test_an_embedded_object_keeps_its_head() -> None:
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"spec": {"type": "object"}}}
    whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {}, "status": {}}
    kept, unknown = structural.pruned({"pod": whole}, {"type": "object", "properties": {"pod": inner}})
    assert (set(kept["pod"]), unknown) == ({"apiVersion", "kind", "metadata", "spec"}, ["pod.status"])


def test_defaults_are_filled_in_and_nulls_go_where_null_is_no_value() -> None:
    obj = {
        "spec": {
            "size": None,
            "replicas": None,
            "note": None,
            "ports": [{"name": "a"}],
            "labels": {"k": None},
            "free": {"x": None},
        }
    }
    structural.fill(obj, ROOT)
    assert obj == {
        "spec": {"replicas": 1, "note": None, "ports": [{"name": "a", "number": 80}], "labels": {}, "free": {"x": None}}
    }
    empty: dict[str, Any] = {"spec": {}}
    structural.fill(empty, ROOT)
    assert empty == {"spec": {"replicas": 1, "note": "none"}}


KEYS = st.sampled_from(["size", "replicas", "port", "note", "labels", "free", "tags", "ports", "name", "unknown"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.sampled_from(["small", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@given(VALUES)
def test_pruning_and_filling_twice_is_doing_it_once(value: Any) -> None:
    """And what is pruned has nothing left to prune."""
    once, _ = structural.pruned({"spec": value}, ROOT)
    structural.fill(once, ROOT)
    again, unknown = structural.pruned(copy.deepcopy(once), ROOT)
    structural.fill(again, ROOT)
    assert (again, unknown) == (once, [])


REFUSED: list[tuple[dict[str, Any], Any, list[str]]] = [
    (SPEC, {}, ["size: Required value"]),
    (SPEC, [], [': Invalid value: "array":  in body must be of type object: "array"']),
    (SPEC, {"size": "x"}, ['size: Unsupported value: "x": supported values: "small", "large"']),
    (SPEC, {"size": "small", "replicas": 11}, [
        "replicas: Invalid value: 11: replicas in body should "
        "be less than or equal to 10"]),
    (SPEC, {"size": "small", "replicas": "2"}, [
        'replicas: Invalid value: "string": replicas in body '
        'must be of type integer: "string"']),
    (SPEC, {"size": "small", "port": True}, [
        'port: Invalid value: "boolean": port in body must be '
        'of type integer,string: "boolean"']),
    (SPEC, {"size": "small", "port": "http", "note": None}, []),
    (SPEC, {"size": "small", "labels": {"a": "long"}}, ["labels.a: Too long: may not be more than 3 bytes"]),
    (SPEC, {"size": "small", "tags": ["a", "a"]}, ['tags[1]: Duplicate value: "a"']),
    (SPEC, {"size": "small", "ports": [{"name": "a"}, {"name": "a", "number": 1}]}, ['ports[1]: Duplicate value: {"name":"a"}']),
    ({"minimum": 1, "exclusiveMinimum": True}, 1, [": Invalid value: 1:  in body should be greater than 1"]),
    ({"multipleOf": 5}, 7, [": Invalid value: 7:  in body should be a multiple of 5"]),
    ({"minProperties": 1}, {}, [": Invalid value: 1:  in body should have at least 1 properties"]),
    ({"maxProperties": 1}, {"a": 1, "b": 2}, [": Too many: 2: must have at most 1 items"]),
    ({"format": "date-time"}, "noon", [': Invalid value: "noon":  in body must be of type date-time: "noon"']),
    ({"format": "date-time"}, "2026-01-01T00:00:00Z", []),
    ({"format": "a-word-of-nobody"}, "noon", []),
    ({"pattern": "^a$"}, "a\n", [": Invalid value: \"a\\n\":  in body should match '^a$'"]),
    ({"pattern": "^(?i)ab$"}, "AB", []),
    ({"pattern": "^[a$]+\\$$"}, "a$$", []),
    ({"pattern": "^[a$]+$"}, "b", [": Invalid value: \"b\":  in body should match '^[a$]+$'"]),
    ({"oneOf": [{"properties": {"a": {"enum": ["x"]}, "b": {"minimum": 2}}}, {"properties": {"a": {"not": {"enum": ["x"]}}}}]},
     {"a": "x", "b": 1}, [
        '<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found none valid',
        "b: Invalid value: 1: b in body should be greater than or equal to 2",
    ]),
    ({"anyOf": [{"minimum": 3}, {"maximum": 1}]}, 2, [
        '<nil>: Invalid value: "": "" must validate at least one schema (anyOf)',
        ": Invalid value: 2:  in body should be greater than or equal to 3",
    ]),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1, "b": 1}, [
        '<nil>: Invalid value: "": "" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ]),
    ({"not": {"required": ["a"]}}, {"a": 1}, ['<nil>: Invalid value: "": "" must not validate the schema (not)']),
    ({"allOf": [{"minimum": 3}]}, 2, [": Invalid value: 2:  in body should be greater than or equal to 3"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "wanted"), REFUSED, ids=[str(place) for place in range(len(REFUSED))])
def test_a_value_is_refused_in_the_words_of_the_schema_validator(schema: Schema, value: Any, wanted: list[str]) -> None:
    assert told(value, schema) == wanted


def test_where_there_are_rules_it_is_told_that_they_were_not_asked() -> None:
    """Beside what keeps them from being asked: a wrong type, not a number out of bounds."""
    ruled = ROOT | {"x-kubernetes-validations": [{"rule": "true"}]}
    assert told({"spec": {}}, ruled)[-1].startswith("<nil>: Invalid value: null: some validation rules were not checked")
    assert len(told({"spec": {"size": "small", "replicas": 11}}, ruled)) == 1


def test_an_update_is_not_told_of_what_it_leaves_as_it_was() -> None:
    """In items of a list that is a map, too; what it changes is checked."""
    before = {"spec": {"size": "x", "ports": [{"name": "a", "number": "y"}]}}
    after = {"spec": {"size": "x", "replicas": 2, "ports": [{"name": "b"}, {"name": "a", "number": "y"}]}}
    assert told(after, ROOT, before) == []
    changed = {"spec": after["spec"] | {"size": "y"}}
    assert told(changed, ROOT, before) == ['spec.size: Unsupported value: "y": supported values: "small", "large"']


def test_a_status_is_told_of_by_its_own_path() -> None:
    [found] = status_problems({"size": "x"}, SPEC)
    assert found.field == "status.size"


def test_ownership_follows_the_lists_and_maps_of_the_schema() -> None:
    shape = Described(ROOT, "Widget", is_root=True)
    value = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"ports": [{"name": "a", "number": 1}], "tags": ["t"], "free": {"x": {"y": [1]}}},
    }
    assert fieldset.fields_of(value, shape) >= {
        ("f:spec", "f:ports", 'k:{"name":"a"}', "f:number"),
        ("f:spec", "f:tags", 'v:"t"'),
        ("f:spec", "f:free", "f:x", "f:y"),
        ("f:metadata", "f:labels", "f:a"),
    }
    atomic = Described({"type": "object", "x-kubernetes-map-type": "atomic"})
    assert isinstance(atomic, Struct)
    assert atomic.is_atomic
