"""Kinds that no code here knows: what a CustomResourceDefinition makes, and built-in ones that nothing acts on."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rollway.errors import ApiError, Invalid
from rollway.kube.clock import now
from rollway.kube.objects import DEFINITION, EVENT, HPA, NAMESPACE, SERVICE, Kind, Obj
from rollway.sandbox.api.admission.limitranger import LIMIT_RANGE
from rollway.sandbox.serving import discovery, tables
from rollway.sandbox.serving.paths import target_of
from rollway.sandbox.store.disk import Disk
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

WIDGET = Kind("example.com/v1", "Widget", "widgets")
PRIORITY = Kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False)
CLASS = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def definition(kind: Kind, *more_versions: str, **names: Any) -> Obj:
    group, _, version = kind.api_version.rpartition("/")
    versions = [
        {"name": name, "served": True, "storage": name == version, "schema": copy.deepcopy(SCHEMA)}
        for name in (version, *more_versions)
    ]
    return {
        "apiVersion": DEFINITION.api_version,
        "kind": DEFINITION.name,
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind.name, "plural": kind.plural} | names,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": versions,
        },
    }


def written(kind: Kind, name: str, **fields: Any) -> Obj:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, **fields}


def in_sandbox(use: Callable[[Sandbox], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with Sandbox() as sandbox:
            return await use(sandbox)

    return run_virtual(run())


def test_what_is_served_says_in_which_version_it_is_stored() -> None:
    """The hash is the same in every version that a kind is served in, and is the real server's; subresources have none."""
    store = Store()
    store.create(DEFINITION, definition(WIDGET, "v1beta1", singular="widget"))

    def hashes(group_version: str) -> dict[str, str]:
        listed = discovery.resources(group_version, store)
        assert listed is not None
        return {each["name"]: each.get("storageVersionHash", "") for each in listed["resources"]}

    assert {"configmaps": "qFsyl6wFWjQ=", "events": "r2yiGXH7wu8=", "pods": "xPOwRZ+Yhw8=", "pods/status": ""}.items() <= hashes(
        "v1"
    ).items()
    assert hashes("events.k8s.io/v1")["events"] == "r2yiGXH7wu8="
    assert {hashes(f"autoscaling/{version}")["horizontalpodautoscalers"] for version in ("v1", "v2")} == {"qwQve8ut294="}
    assert hashes("example.com/v1")["widgets"] == hashes("example.com/v1beta1")["widgets"] != ""


def test_a_definition_is_established_and_serves_its_kind_with_its_names() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(WIDGET, "v1beta1", shortNames=["wg"], categories=["all"]))
        await asyncio.sleep(1)
        live = sandbox.api.get(DEFINITION, "", "widgets.example.com")
        assert {each["type"]: each["status"] for each in live["status"]["conditions"]} == {
            "NamesAccepted": "True",
            "Established": "True",
        }
        assert live["status"]["acceptedNames"]["listKind"] == "WidgetList"
        assert live["spec"]["names"]["singular"] == "widget"
        listed = discovery.resources("example.com/v1", sandbox.store)
        assert listed is not None
        [entry] = listed["resources"]
        assert (entry["name"], entry["shortNames"], entry["categories"]) == ("widgets", ["wg"], ["all"])
        group = discovery.group("example.com", sandbox.store)
        assert group is not None
        assert [each["version"] for each in group["versions"]] == ["v1", "v1beta1"]

    in_sandbox(use)


def test_an_object_is_kept_with_all_its_fields_and_seen_in_every_version() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(WIDGET, "v1beta1"))
        older = WIDGET._replace(api_version="example.com/v1beta1")
        sandbox.api.create(older, "default", written(older, "w", spec={"size": {"deep": [1, None]}}, data="x"))
        live = sandbox.api.get(WIDGET, "default", "w")
        assert (live["apiVersion"], live["spec"], live["data"]) == ("example.com/v1", {"size": {"deep": [1, None]}}, "x")
        assert live["metadata"]["generation"] == 1
        assert sandbox.api.get(older, "default", "w")["apiVersion"] == "example.com/v1beta1"

    in_sandbox(use)


def test_with_a_definition_its_objects_go_and_the_kind_is_served_no_more() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(WIDGET))
        await asyncio.sleep(1)
        sandbox.api.create(WIDGET, "default", written(WIDGET, "w"))
        sandbox.api.delete(DEFINITION, "", "widgets.example.com")
        await asyncio.sleep(5)
        assert sandbox.store.find(DEFINITION, "", "widgets.example.com") is None
        assert sandbox.store.find(WIDGET, "default", "w") is None
        assert target_of(["apis", "example.com", "v1", "namespaces", "default", "widgets"], sandbox.store) is None

    in_sandbox(use)


def test_a_kind_with_a_known_name_in_another_group_is_another_kind() -> None:
    """Knative's Service has no port, gets no address, and no pods."""
    knative = Kind("serving.knative.dev/v1", "Service", "services")

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(knative))
        made = sandbox.api.create(knative, "default", written(knative, "1.web", spec={"template": {}}))
        assert made["spec"] == {"template": {}}
        shown = tables.table(tables.printer_of(knative), [made], now())
        assert [column["name"] for column in shown["columnDefinitions"]] == ["Name", "Age"]
        listed = discovery.resources("serving.knative.dev/v1", sandbox.store)
        assert listed is not None
        assert not {"shortNames", "categories"} & set(listed["resources"][0])
        sandbox.api.create(SERVICE, "default", written(SERVICE, "web", spec={"ports": [{"port": 80}]}))
        assert sandbox.api.get(SERVICE, "default", "web")["spec"]["clusterIP"]
        await asyncio.sleep(1)
        assert sandbox.api.get(knative, "default", "1.web")["spec"] == {"template": {}}

    in_sandbox(use)


BROKEN = [
    ({"metadata": {"name": "other.example.com"}}, "metadata.name"),
    ({"spec": {}}, "spec.group"),
    ({"spec": definition(WIDGET)["spec"] | {"scope": "World"}}, "spec.scope"),
    ({"spec": definition(WIDGET)["spec"] | {"versions": []}}, "spec.versions"),
    (
        {"spec": definition(WIDGET)["spec"] | {"versions": [{"name": "v1", "served": True, "storage": True}]}},
        "schemas are required",
    ),
]


@pytest.mark.parametrize(("change", "named"), BROKEN, ids=[named for _, named in BROKEN])
def test_a_definition_that_could_not_be_served_is_refused(change: Obj, named: str) -> None:
    async def use(sandbox: Sandbox) -> None:
        with pytest.raises(Invalid, match=named):
            sandbox.api.create(DEFINITION, "", definition(WIDGET) | change)

    in_sandbox(use)


def test_a_built_in_kind_that_nothing_acts_on_says_so_once_where_it_matters() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(CLASS, "", written(CLASS, "fast", provisioner="example.com/disk"))
        sandbox.api.create(PRIORITY, "", written(PRIORITY, "high", value=10))  # admission heeds it, as it does a LimitRange
        sandbox.api.create(LIMIT_RANGE, "default", written(LIMIT_RANGE, "small", spec={"limits": []}))
        scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        sandbox.api.create(HPA, "default", written(HPA, "shop", spec={"maxReplicas": 2, "scaleTargetRef": scaled}))
        assert sandbox.api.get(CLASS, "", "fast")["provisioner"] == "example.com/disk"
        events = sandbox.store.list(EVENT)
        assert [(each["reason"], each["regarding" if "regarding" in each else "involvedObject"]["name"]) for each in events] == [
            ("NotSimulated", "fast"),
            ("NotSimulated", "shop"),
        ]

    in_sandbox(use)


def test_custom_resources_outlive_the_daemon_and_go_with_their_namespace_after_it(tmp_path: Path) -> None:
    async def fill() -> None:
        async with Sandbox() as sandbox:
            disk = Disk(tmp_path / "store.db")
            disk.follow(sandbox.store)
            sandbox.api.create(DEFINITION, "", definition(WIDGET, "v1beta1"))
            sandbox.api.create(NAMESPACE, "", written(NAMESPACE, "shop"))
            sandbox.api.create(
                WIDGET._replace(api_version="example.com/v1beta1"),
                "shop",
                written(WIDGET, "w") | {"apiVersion": "example.com/v1beta1"},
            )
            disk.close()

    run_virtual(fill())
    store, disk = Store(), Disk(tmp_path / "store.db")
    disk.restore(store)
    disk.close()

    async def look() -> None:
        async with Sandbox(store=store) as sandbox:
            assert sandbox.api.get(WIDGET, "shop", "w")["metadata"]["uid"]
            sandbox.api.delete(NAMESPACE, "", "shop")
            await asyncio.sleep(5)
            assert sandbox.store.find(WIDGET, "shop", "w") is None
            assert sandbox.store.find(NAMESPACE, "", "shop") is None

    run_virtual(look())


def test_an_unknown_resource_is_still_not_found() -> None:
    async def use(sandbox: Sandbox) -> None:
        assert target_of(["apis", "example.com", "v1", "widgets"], sandbox.store) is None
        with pytest.raises(ApiError, match="could not find the requested resource"):
            target_of(["apis", "apps", "v1", "widgets"], sandbox.store)

    in_sandbox(use)
