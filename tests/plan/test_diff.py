"""What a plan says that changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rollway.kube.secrecy import MASK
from rollway.plan.diff import changes, inside
from rollway.plan.steps import Change


def pairs(before: dict | None, after: dict) -> dict[str, tuple[object, object]]:
    return {change.path: (change.before, change.after) for change in changes(before, after)}


def test_containers_are_told_apart_by_name() -> None:
    """A sidecar that is put first does not make the app's container look changed."""
    before = {"spec": {"containers": [{"name": "app", "image": "a:1"}]}}
    after = {"spec": {"containers": [{"name": "proxy", "image": "p:1"}, {"name": "app", "image": "a:2"}]}}

    found = pairs(before, after)

    assert found[".spec.containers[app].image"] == ("a:1", "a:2")
    assert found[".spec.containers[proxy].image"] == (None, "p:1")


def test_a_secrets_data_is_never_shown() -> None:
    """Neither the old value nor the new one, and a change is still told."""
    found = changes(
        {"kind": "Secret", "data": {"key": "b2xk", "same": "eA=="}},
        {"kind": "Secret", "data": {"key": "bmV3", "same": "eA==", "more": "eQ=="}},
    )

    assert {change.path for change in found} == {".data.key", ".data.more"}
    assert all("b2xk" not in str(change) and "bmV3" not in str(change) and "eQ==" not in str(change) for change in found)
    assert found[0].before == MASK


def test_quantities_compare_by_amount() -> None:
    """The API server writes "1000m" back as "1": that is no change."""
    before = {"spec": {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}}
    after = {"spec": {"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}}}

    assert pairs(before, after) == {}


def test_status_and_what_the_server_sets_are_left_out() -> None:
    """A resourceVersion is no change, and neither is an empty map where there was nothing."""
    before = {"metadata": {"name": "a", "resourceVersion": "1", "uid": "x"}, "status": {"replicas": 1}}
    after = {"metadata": {"name": "a", "annotations": {}}}

    assert pairs(before, after) == {}


def test_what_is_gone_is_told() -> None:
    """A key that the new object lacks changes to nothing."""
    assert pairs({"data": {"a": "1", "b.c/d": "2"}}, {"data": {"a": "1"}}) == {'.data["b.c/d"]': ("2", None)}


def test_a_zero_that_the_server_drops_is_no_change() -> None:
    """`initialDelaySeconds: 0` is never written down; a security setting of 0 or false is."""
    before = {"spec": {"probe": {"periodSeconds": 5}, "securityContext": {}}}
    after = {"spec": {"probe": {"periodSeconds": 5, "initialDelaySeconds": 0}, "securityContext": {"runAsUser": 0}}}

    assert pairs(before, after) == {".spec.securityContext.runAsUser": (None, 0)}


@pytest.mark.parametrize(
    "field",
    ["hostIPC", "hostNetwork", "hostPID", "hostPort", "initialDelaySeconds", "minReadySeconds", "paused", "readOnly", "stdin",
     "publishNotReadyAddresses", "stdinOnce", "tty"],
)  # fmt: skip
def test_a_zero_that_the_server_does_not_write_is_no_change(field: str) -> None:
    """Nor the other way round; a value is one, and so is the zero of a field that is written."""
    assert pairs({"spec": {}}, {"spec": {field: False}}) == {}
    assert pairs({"spec": {field: 0}}, {"spec": {}}) == {}
    assert pairs({"spec": {}}, {"spec": {field: 5}}) == {f".spec.{field}": (None, 5)}
    assert pairs({"spec": {}}, {"spec": {"replicas": 0}}) == {".spec.replicas": (None, 0)}


RULES = [
    {"backendRefs": [{"name": "shop", "port": 80}], "matches": [{"path": "/a"}]},
    {"backendRefs": [{"name": "cart", "port": 80}]},
]


@pytest.mark.parametrize(
    ("after", "shown"),
    [
        (
            [{**RULES[0], "backendRefs": [{"name": "shop", "port": 80, "weight": 75}, {"name": "new", "weight": 25}]}, RULES[1]],
            [
                (".spec.rules[0].backendRefs[shop].weight", None, 75),
                (".spec.rules[0].backendRefs[new]", None, {"name": "new", "weight": 25}),
            ],
        ),
        ([RULES[1]], [(".spec.rules[0]", RULES[0], None)]),
        ([{"name": "first"}, *RULES], [(".spec.rules[0]", None, {"name": "first"})]),
        ([RULES[0], {"backendRefs": []}], [(".spec.rules[1].backendRefs", RULES[1]["backendRefs"], [])]),
    ],
    ids=["a weight", "one less", "one more", "emptied"],
)
def test_what_differs_inside_of_a_list_that_is_written_as_a_whole(after: list[Any], shown: list[Any]) -> None:
    """A route's rules are one field to the API server, and a screenful to whoever reads a plan."""
    (change,) = changes({"spec": {"rules": RULES}}, {"spec": {"rules": after}})
    assert [tuple(each) for each in inside(change)] == shown


@settings(deadline=None)
@given(lists=st.tuples(st.lists(st.integers(0, 3), min_size=1), st.lists(st.integers(0, 3), min_size=1)))
def test_nothing_that_differs_inside_is_left_out(lists: tuple[list[int], list[int]]) -> None:
    """What is taken out and put in makes the one list of the other."""
    before, after = ([{"n": item} for item in items] for items in lists)
    found = list(inside(Change(".l", before, after)))
    lost = [each.before if isinstance(each.before, dict) else {"n": each.before} for each in found if each.before is not None]
    got = [each.after if isinstance(each.after, dict) else {"n": each.after} for each in found if each.after is not None]
    key = repr
    assert sorted([*before, *got], key=key) == sorted([*after, *lost], key=key)
