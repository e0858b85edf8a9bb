"""JSON patch and strategic merge patch."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.errors import ApiError
from rollway.kube.patch import PatchFailed, json_patched, strategic_patched
from rollway.kube.schema import types

DOCUMENT = {"a": {"b/c": 1, "list": [1, 2, 3]}, "none": None}


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ({"op": "add", "path": "/a/list/-", "value": 4}, {"b/c": 1, "list": [1, 2, 3, 4]}),
        ({"op": "add", "path": "/a/list/0", "value": 0}, {"b/c": 1, "list": [0, 1, 2, 3]}),
        ({"op": "remove", "path": "/a/b~1c"}, {"list": [1, 2, 3]}),
        ({"op": "replace", "path": "/a/list/1", "value": 9}, {"b/c": 1, "list": [1, 9, 3]}),
        ({"op": "move", "from": "/a/list/0", "path": "/a/x"}, {"b/c": 1, "list": [2, 3], "x": 1}),
        ({"op": "copy", "from": "/a/b~1c", "path": "/a/x"}, {"b/c": 1, "list": [1, 2, 3], "x": 1}),
        ({"op": "test", "path": "/a/b~1c", "value": 1}, {"b/c": 1, "list": [1, 2, 3]}),
    ],
)
def test_json_patch_operations(operation: dict[str, Any], wanted: Any) -> None:
    """Each operation of RFC 6902; the document itself is left alone."""
    assert json_patched(DOCUMENT, [operation])["a"] == wanted
    assert DOCUMENT["a"] == {"b/c": 1, "list": [1, 2, 3]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/b~1c", "value": True},
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "add", "path": "/missing/below", "value": 1},
        {"op": "add", "path": "/a/list/9", "value": 1},
        {"op": "paint", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
    ],
)
def test_json_patch_that_does_not_fit(operation: dict[str, Any]) -> None:
    """One operation that cannot be done fails the whole patch."""
    with pytest.raises(PatchFailed):
        json_patched(DOCUMENT, [operation])


def test_a_json_patch_is_a_list() -> None:
    """Anything else is a bad request."""
    with pytest.raises(ApiError, match="cannot unmarshal object into Go value"):
        json_patched(DOCUMENT, {"op": "add"})


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers), **spec}}


def strategic(live: dict[str, Any], patch: dict[str, Any]) -> Any:
    return strategic_patched(live, patch, types()["Pod"])["spec"]


def test_list_items_are_merged_by_their_key() -> None:
    """An item that is not there yet comes first, as the server has it."""
    live = pod({"name": "a", "image": "1"}, {"name": "b", "image": "1"})

    assert strategic(live, pod({"name": "b", "image": "2"}))["containers"][1] == {"name": "b", "image": "2"}
    names = [item["name"] for item in strategic(live, pod({"name": "c"}))["containers"]]
    assert names == ["c", "a", "b"]


def test_directives() -> None:
    """delete, replace, the order of elements, primitives, and keys to retain."""
    live = pod({"name": "a"}, {"name": "b"}, nodeSelector={"x": "1"})

    assert strategic(live, pod({"name": "a", "$patch": "delete"}))["containers"] == [{"name": "b"}]
    assert strategic(live, pod({"name": "c"}, {"$patch": "replace"}))["containers"] == [{"name": "c"}]
    assert strategic(live, {"spec": {"nodeSelector": {"$patch": "replace", "y": "2"}}})["nodeSelector"] == {"y": "2"}
    ordered = strategic(live, {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}})
    assert [item["name"] for item in ordered["containers"]] == ["b", "a"]


def test_primitive_lists_are_sets() -> None:
    """Finalizers are added, and taken off by name."""
    live = {"metadata": {"finalizers": ["a/1", "b/2"]}}
    kind = types()["Pod"]

    assert strategic_patched(live, {"metadata": {"finalizers": ["c/3"]}}, kind)["metadata"]["finalizers"] == ["c/3", "a/1", "b/2"]
    removal = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a/1"]}}
    assert strategic_patched(live, removal, kind)["metadata"]["finalizers"] == ["b/2"]


def test_retain_keys_drops_the_others() -> None:
    """How kubectl changes a strategy's type without leaving the old one's settings."""
    live = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    assert strategic_patched(live, patch, types()["Deployment"])["spec"]["strategy"] == {"type": "Recreate"}


def test_atomic_lists_are_replaced() -> None:
    """Tolerations have no merge key."""
    live = pod({"name": "a"}, tolerations=[{"key": "x"}])

    assert strategic(live, {"spec": {"tolerations": [{"key": "y"}]}})["tolerations"] == [{"key": "y"}]
