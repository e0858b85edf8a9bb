"""What an apply will make of an object is worked out once, by what the two of them say."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from rollway.errors import ApiError, ApplyConflict
from rollway.kube import ssa
from rollway.plan import foreseen
from rollway.plan.observed import FIELD_MANAGER


def config(**data: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop", "namespace": "shop"}, "data": data}


def by(manager: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """As it is live once they have applied it."""
    return ssa.apply(None, manifest, manager, now="2026-01-01T00:00:00Z")


def test_it_is_what_the_rules_of_an_apply_say() -> None:
    live = by("somebody", config(a="1"))
    assert foreseen.applied(live, config(b="2")) == ssa.apply(live, config(b="2"), FIELD_MANAGER, now="")
    assert foreseen.applied(None, config(b="2")) == ssa.apply(None, config(b="2"), FIELD_MANAGER, now="")


def test_two_that_say_the_same_are_worked_out_once() -> None:
    live, manifest = by("somebody", config(a="1")), config(b="2")
    first = foreseen.applied(live, manifest)
    assert foreseen.applied(copy.deepcopy(live), copy.deepcopy(manifest)) is first


def test_what_is_changed_afterwards_is_another() -> None:
    """It is known by what it says, and not by which object it is."""
    live, manifest = by("somebody", config(a="1")), config(b="2")
    foreseen.applied(live, manifest)
    manifest["data"]["b"] = "3"
    assert foreseen.applied(live, manifest)["data"] == {"a": "1", "b": "3"}
    live["data"]["a"] = "4"
    assert foreseen.applied(live, manifest)["data"] == {"a": "4", "b": "3"}


def test_numbers_are_not_taken_for_what_python_holds_equal_to_them() -> None:
    custom = {"apiVersion": "acme.example/v1", "kind": "Shop", "metadata": {"name": "shop"}}
    found = [foreseen.applied(None, {**custom, "spec": {"open": value}})["spec"]["open"] for value in (1, True, 1.0)]
    assert [type(each) for each in found] == [int, bool, float]


@pytest.mark.parametrize("_", range(2))
def test_what_others_own_is_refused_each_time_and_taken_when_forced(_: int) -> None:
    live = by("somebody", config(a="1"))
    with pytest.raises(ApplyConflict, match=r"conflict with \"somebody\": \.data\.a"):
        foreseen.applied(live, config(a="2"))
    assert foreseen.applied(live, config(a="2"), force=True)["data"] == {"a": "2"}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ApiError, match="field not declared in schema"):
        foreseen.applied(None, config() | {"dat": {}})


def test_a_mapping_of_another_class_is_read_like_any() -> None:
    class Marked(dict[str, Any]):
        """As a reader has it that remembers more of a mapping."""

    assert foreseen.applied(None, Marked(config(a="1"))) == foreseen.applied(None, config(a="1"))
