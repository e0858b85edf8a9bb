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
from rollway.kube.objects import EVENT, GROUPED_EVENT, POD, Obj, kind_of
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


def test_what_controllers_tell_is_read_in_both_groups() -> None:
    async def use(sandbox: Sandbox) -> None:
        record(sandbox.store, POD, ABOUT, reason="Started", message="it runs", now=NOW, component="kubelet")
        [event] = sandbox.api.list(GROUPED_EVENT, "default", field_selector="regarding.name=p,reportingController=kubelet").items
        assert (event["apiVersion"], event["regarding"]["name"], event["note"]) == ("events.k8s.io/v1", "p", "it runs")
        assert (event["deprecatedCount"], event["reportingController"]) == (1, "kubelet")
        assert not {"involvedObject", "message", "count"} & set(event)
        shown = tables.table(tables.printer_of(GROUPED_EVENT), [event], NOW)["rows"][0]["cells"]
        assert shown[1:] == ["Normal", "Started", "pod/p", "it runs"]
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
