"""The rules that definitions write in CEL: asked as the API server asks them, and told in its words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.objects import Obj
from rollway.kube.validation import rules, structural
from rollway.kube.validation.celcost import steps
from rollway.kube.validation.rules import NEW, RULES

pytest.importorskip("cel", reason="the extra rollway[cel] is not installed")


def ruled(rule: str, type_: str = "object", **more: Any) -> Obj:
    own = {
        key: more.pop(key) for key in ("message", "messageExpression", "reason", "fieldPath", "optionalOldSelf") if key in more
    }
    return {"type": type_, RULES: [{"rule": rule, **own}], **more}


SPEC = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer"}, "least": {"type": "integer"}, "share": {"type": "number"}, "in": {"type": "string"},
        "first-name": {"type": "string"}, "size": {"type": "string"}, "since": {"type": "string", "format": "date-time"},
    },
}  # fmt: skip


def told(value: Any, schema: Obj, before: Any = NEW) -> list[str]:
    return [f"{each.field}: {each.text}" for each in rules.problems(value, schema, before, "spec")]


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("self.least <= self.replicas", {"least": 1, "replicas": 2}, True),
        ("self.least <= self.replicas", {"least": 3, "replicas": 2}, False),
        ("!has(self.least) || self.least > 0", {}, True),
        ("self.share < 1.5", {"share": 1}, True),
        ("self.__in__ == 'a' && self.first__dash__name == 'b'", {"in": "a", "first-name": "b"}, True),
        ("quantity(self.size).isLessThan(quantity('1Gi'))", {"size": "500Mi"}, True),
        ("quantity(self.size).isLessThan(quantity('1Gi'))", {"size": "2Gi"}, False),
        ("self.since > timestamp('2026-01-01T00:00:00Z')", {"since": "2026-02-01T00:00:00Z"}, True),
        ("self.size.find('[0-9]+') == '12'", {"size": "a12"}, True),
        ("url(self.size).getHost() == 'a:80'", {"size": "http://a:80/x"}, True),
        ("isIP(self.size)", {"size": "10.0.0.300"}, False),
        ("cidr('10.0.0.0/8').containsIP(self.size)", {"size": "10.1.2.3"}, True),
        ("self.size.split(',').isSorted()", {"size": "a,b,c"}, True),
        ("self.size.lowerAscii().substring(1) == 'bc' && self.size.trim().indexOf('B') == 1", {"size": "ABC"}, True),
    ],
)
def test_what_a_rule_holds_of(rule: str, value: Obj, holds: bool) -> None:
    assert (told(value, SPEC | {RULES: [{"rule": rule}]}) == []) is holds


LIST = {"type": "array", "items": {"type": "integer"}}
DOUBLED = "[self]" + ".map(x, x + x)" * 40 + ".size() > 0"


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("self.all(a, self.all(b, self.all(c, a + b + c >= 0)))", list(range(200))),
        (
            "self.all(a, self.map(b, b + 1).all(c, a <= c)) && " + " && ".join(["self.all(a, self.exists(b, a == b))"] * 3),
            [*range(900)],
        ),
        (DOUBLED, [1]),
        ("[" + "1, " * 2000 + "1].all(a, [" + "1, " * 1000 + "1].all(b, a == b))", [1]),
        ("'a'" + ".replace('a', 'aaaaaaaaaa')" * 12 + " != ''", [1]),
        ("'" + "a" * 40 + "!'.find('(a+)+$') == ''", [1]),
    ],
)
def test_what_would_take_too_long_is_not_asked(rule: str, value: Any) -> None:
    """In the words of the API server; nor is what comes after it. (Each of these would go on for minutes, or for ever.)"""
    schema = LIST | {RULES: [{"rule": rule, "message": "long"}, {"rule": "false", "message": "short"}]}
    why = "'operation cancelled: actual cost limit exceeded': no further validation rules will be run"
    assert told(value, schema) == [f"spec: Invalid value: {why} due to call cost exceeds limit for rule: long"]


@pytest.mark.parametrize(
    ("rule", "most"),
    [
        ("self.all(x, x > 0) && self.all(x, x < 9) && self.exists(x, x == 2)", 10),
        ("self.all(x, self.exists_one(y, x == y))", 100),
        ("self.filter(x, x > 1).map(x, x).size() > 0", 10),
        ("self.all(x, 'a.all(b.all(c.all(' != string(x))", 10),
        ("size(self) > 3 || (1 + 2 + 3 > 2)", 1),
    ],
)
def test_loops_beside_one_another_do_not_multiply(rule: str, most: int) -> None:
    """Only those within one another do; what a text says is none."""
    assert steps(rule, {"self": list(range(10))}) == most


def test_all_rules_of_an_object_have_one_budget() -> None:
    """One that each item is asked of is cheap, and too much where there are many items with much in them."""
    schema = {"type": "array", "items": LIST | {RULES: [{"rule": "self.all(x, self.all(y, x == y))"}]}}
    assert not told([[1] * 100] * 50, schema)
    (one,) = told([[1] * 900] * 50, schema)
    assert one.startswith("spec[2]: Invalid value: 'operation cancelled")


def test_what_is_told() -> None:
    """The message, or the rule itself, or what an expression makes; by its reason and at its place; of a scalar its type, too."""
    value = {"replicas": 1}
    assert told(value, ruled("false")) == ["spec: Invalid value: failed rule: false"]
    assert told(value, ruled("false", message="never")) == ["spec: Invalid value: never"]
    expression = ruled("false", messageExpression="'has ' + string(self.replicas)", properties=SPEC["properties"])
    assert told(value, expression) == ["spec: Invalid value: has 1"]
    assert told(value, ruled("false", message="no", reason="FieldValueForbidden", fieldPath=".replicas")) == [
        "spec.replicas: Forbidden: no"
    ]
    assert told(value, ruled("false", message="no", reason="FieldValueRequired", fieldPath=".x")) == [
        "spec.x: Required value: no"
    ]
    assert told("a", ruled("self.size() > 1", "string", message="short")) == ['spec: Invalid value: "string": short']
    assert told({}, ruled("self.x > 1", message="m")) == ["spec: Invalid value: no such key: x evaluating rule: m"]


def test_a_rule_that_names_what_was_is_asked_of_changes() -> None:
    """What stays is not told of, be it wrong; items of a map are known by their keys."""
    fixed = ruled("self == oldSelf", "string", message="fixed")
    assert told("a", fixed) == []
    assert told("b", fixed, "a") == ['spec: Invalid value: "string": fixed']
    assert told({"n": 1}, ruled("false"), {"n": 1}) == []
    item = {"type": "object", "properties": {"name": {"type": "string"}, "value": fixed}}
    listed = {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    before = [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]
    after = [{"name": "b", "value": "3"}, {"name": "c", "value": "1"}]
    assert told(after, listed, before) == ['spec[0].value: Invalid value: "string": fixed']
    atomic = {"type": "array", "items": item}
    assert told(after, atomic, before) == []


def test_what_does_not_fit_its_schema_is_not_asked() -> None:
    """Both are told of at the root: whatever is wrong, and that rules were left out."""
    schema = ruled("self.metadata.name.startsWith('a')", properties={"n": {"type": "integer"}}, message="begins with a")
    meta = {"name": "b"}
    found = [(each.field, each.text) for each in structural.problems({"n": 1}, schema, meta=meta)]
    assert found == [("<nil>", "Invalid value: begins with a")]
    assert "some validation rules were not checked" in [*structural.problems({"n": "x"}, schema, meta=meta)][-1].text


def test_what_cannot_be_read_is_said_and_refuses_nothing() -> None:
    """Optional values, and functions that are not known."""
    schema = {"type": "object", "properties": {"spec": ruled("self.?x.orValue(1) > 0")}}
    ((where, why),) = rules.unread(schema, "schema")
    assert where == f"schema.properties[spec].{RULES}[0].rule"
    assert why.startswith("not evaluated here: ")
    assert told({}, ruled("self.?x.orValue(1) > 0")) == []
    assert told({}, ruled("nope(self)")) == []
    assert [why for _, why in rules.unread(ruled("true", optionalOldSelf=True), "")] == ["optionalOldSelf: not evaluated here"]


def test_a_rule_without_end_is_not_read() -> None:
    """The library follows it as deep as it goes, and further than this process has room for."""
    endless = "+".join(["1"] * 50_000) + " > 0"
    assert [why for _, why in rules.unread(ruled(endless), "")] == ["not evaluated here: 100003 characters, 10000 at most"]
    assert told({}, ruled(endless)) == []
    assert told({}, ruled("false", message="m", messageExpression=f"string({endless})")) == ["spec: Invalid value: m"]
