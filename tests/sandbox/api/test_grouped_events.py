"""Events in events.k8s.io are those of core/v1, in other words: written in one, read, selected and watched in both."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.errors import ApiError
from rollway.kube.conversion import converted
from rollway.kube.objects import EVENT, GROUPED_EVENT, NODE, POD, Obj, kind_of
from rollway.sandbox.events import record
from rollway.sandbox.serving import discovery, tables
from rollway.sandbox.world import Sandbox

from tests.sandbox.api.test_customs import in_sandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ABOUT = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}}
FIELDS = [
    "involvedObject",
    "message",
    "reportingComponent",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "reason",
    "type",
]


def test_a_table_tells_how_often_and_since_when() -> None:
    """Of one that is counted up by its series, by that; of one that is about a part of a pod, of which; the rest for -o wide."""
    at = {second: f"2026-01-01T00:00:{second:02}.000000Z" for second in (0, 30)}
    series = {"count": 7, "lastObservedTime": at[30]}
    about = {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{a}"}
    event: Obj = {
        "metadata": {"name": "p.1"},
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": about,
        "reason": "Unhealthy",
    }
    event |= {"eventTime": at[0], "series": series, "type": "Warning", "message": "no\n", "reportingComponent": "kubelet"}
    event |= {"reportingInstance": "node-1"}
    shown = tables.table(tables.printer_of(EVENT), [event], NOW.replace(minute=1))
    (row,) = shown["rows"]
    assert row["cells"] == [
        "30s", "Warning", "Unhealthy", "pod/p", "spec.containers{a}", "kubelet, node-1", "no", "60s", 7, "p.1",
    ]  # fmt: skip
    assert [each["name"] for each in shown["columnDefinitions"] if each["priority"]] == [
        "Subobject", "Source", "First Seen", "Count", "Name",
    ]  # fmt: skip


def test_what_is_told_of_a_thing_of_the_cluster_names_no_namespace() -> None:
    """The event is in `default`; what it is about is in none."""

    async def use(sandbox: Sandbox) -> None:
        record(sandbox.store, NODE, {"metadata": {"name": "n", "uid": "u"}}, reason="A", message="b", now=NOW, component="c")
        [event] = sandbox.api.list(EVENT, "default", field_selector="involvedObject.kind=Node").items
        assert "namespace" not in event["involvedObject"]

    in_sandbox(use)


def test_what_controllers_tell_is_read_in_both_groups() -> None:
    async def use(sandbox: Sandbox) -> None:
        record(sandbox.store, POD, ABOUT, reason="Started", message="it runs", now=NOW, component="kubelet")
        [event] = sandbox.api.list(GROUPED_EVENT, "default", field_selector="regarding.name=p,reportingController=kubelet").items
        assert (event["apiVersion"], event["regarding"]["name"], event["note"]) == ("events.k8s.io/v1", "p", "it runs")
        assert (event["deprecatedCount"], event["reportingController"]) == (1, "kubelet")
        assert not {"involvedObject", "message", "count"} & set(event)
        shown = tables.table(tables.printer_of(GROUPED_EVENT), [event], NOW)["rows"][0]["cells"]
        assert shown[1:-1] == ["Normal", "Started", "pod/p", "", "kubelet", "it runs", "0s", 1]
        with pytest.raises(ApiError, match="field label not supported"):
            sandbox.api.list(GROUPED_EVENT, "default", field_selector="note=x")

    in_sandbox(use)


def test_what_is_written_in_the_group_is_seen_by_who_reads_core() -> None:
    async def use(sandbox: Sandbox) -> None:
        seen: list[Any] = []
        sandbox.store.subscribe(seen.append)
        body: Obj = {
            "metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p", "namespace": "default"}, "note": "so it is",
            "reason": "Told", "eventTime": "2026-01-01T00:00:00.000000Z", "reportingController": "example.com/c",
        }  # fmt: skip
        made = sandbox.api.create(GROUPED_EVENT, "default", body)
        assert (made["apiVersion"], made["note"]) == ("events.k8s.io/v1", "so it is")
        kept = sandbox.api.get(EVENT, "default", "e")
        assert (kept["apiVersion"], kept["message"], kept["involvedObject"]["name"]) == ("v1", "so it is", "p")
        assert [change.kind for change in seen] == [EVENT]
        sandbox.api.delete(GROUPED_EVENT, "default", "e")
        await asyncio.sleep(0)
        assert sandbox.store.find(EVENT, "default", "e") is None

    in_sandbox(use)


@given(st.dictionaries(st.sampled_from(FIELDS), st.integers()))
def test_there_and_back_is_the_same(fields: Obj) -> None:
    core = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, **fields}
    assert converted(converted(core, GROUPED_EVENT.api_version), "v1") == core


def test_the_group_holds_events_alone() -> None:
    assert set(discovery.built_in()["events.k8s.io/v1"]) == {"events"}
    assert kind_of("events.k8s.io/v1", "Event") == GROUPED_EVENT
    assert kind_of("events.k8s.io/v1", "Pod") is None
