"""CustomResourceDefinitions served as such: schemas, defaults, versions, subresources, columns, names, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from rollway.errors import ApiError, Invalid
from rollway.kube.clock import now
from rollway.kube.objects import DEFINITION, Kind, Obj, get
from rollway.sandbox.serving import discovery, tables
from rollway.sandbox.serving.columns import values
from rollway.sandbox.store.customs import condition
from rollway.sandbox.world import Sandbox

from tests.sandbox.api.test_customs import WIDGET, definition, in_sandbox, written

SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "string", "enum": ["small", "large"]},
        "count": {"type": "integer", "default": 1},
        "ports": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        },
    },
}  # fmt: skip
STATUS = {
    "type": "object",
    "properties": {"count": {"type": "integer"}, "chosen": {"type": "string"}, "phase": {"type": "string"}},
}
SCALE = {"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.count", "labelSelectorPath": ".status.chosen"}
OLDER = WIDGET._replace(api_version="example.com/v1beta1")


def served(*more: str, **version: Any) -> Obj:
    """The definition of Widgets, with a schema and both subresources in v1."""
    made = definition(WIDGET, *more)
    made["spec"]["versions"][0] |= {
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": SPEC, "status": STATUS}}},
        "subresources": {"status": {}, "scale": SCALE},
    } | version
    return made


def widget(name: str = "w", **spec: Any) -> Obj:
    return written(WIDGET, name, spec={"size": "small"} | spec)


def test_an_object_is_pruned_filled_in_and_told_of_its_unknown_fields() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        warnings: list[str] = []
        made = sandbox.api.create(WIDGET, "default", widget(colour="red"), warnings=warnings)
        assert (made["spec"], warnings) == ({"size": "small", "count": 1}, ['unknown field "spec.colour"'])
        with pytest.raises(
            ApiError, match='Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown'
        ):
            sandbox.api.create(WIDGET, "default", widget("x", colour="red"), field_validation="Strict")

    in_sandbox(use)


@pytest.mark.parametrize(
    "schema", [{"type": "object"}, {"type": "object", "properties": {"spec": {"type": "object"}}}], ids=["root", "below"]
)
def test_a_schema_that_names_no_field_lets_any_be_applied(schema: Obj) -> None:
    """Server-side apply refuses fields beside those that are named, not where none is; what is kept is pruning's."""

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served(schema={"openAPIV3Schema": schema}, subresources={}))
        made = sandbox.api.patch(WIDGET, "default", "w", widget(), "apply", manager="rollway")
        assert "size" not in (made.get("spec") or {})

    in_sandbox(use)


def test_an_object_that_does_not_fit_is_refused_and_its_status_by_itself() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        with pytest.raises(Invalid, match=r'Widget.example.com "w" is invalid: spec.size: Unsupported value: "huge"'):
            sandbox.api.create(WIDGET, "default", widget(size="huge"))
        sandbox.api.create(WIDGET, "default", widget())
        with pytest.raises(Invalid, match=r'status.count: Invalid value: "string": count in body must be of type integer'):
            sandbox.api.patch(WIDGET, "default", "w", {"status": {"count": "1"}}, subresource="status")

    in_sandbox(use)


def test_generation_counts_what_is_wanted_and_the_status_is_written_by_itself() -> None:
    """With a status subresource a write of the object leaves the status, and the other way about; without one it is content."""

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        sandbox.api.create(WIDGET, "default", widget() | {"status": {"phase": "early"}})
        patch = {"spec": {"count": 2}, "status": {"phase": "x"}}
        seen = sandbox.api.patch(WIDGET, "default", "w", patch)
        assert (seen["metadata"]["generation"], "status" in seen) == (2, False)
        seen = sandbox.api.patch(WIDGET, "default", "w", {"spec": {"count": 9}, "status": {"phase": "x"}}, subresource="status")
        assert (seen["metadata"]["generation"], seen["spec"]["count"], seen["status"]) == (2, 2, {"phase": "x"})

        plain = definition(Kind("example.com/v1", "Plain", "plains"))
        sandbox.api.create(DEFINITION, "", plain)
        kind = Kind("example.com/v1", "Plain", "plains")
        sandbox.api.create(kind, "default", written(kind, "p", status={"phase": "a"}))
        assert sandbox.api.patch(kind, "default", "p", {"status": {"phase": "b"}})["metadata"]["generation"] == 2

    in_sandbox(use)


def test_scale_is_seen_and_set_by_the_paths() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        sandbox.api.create(WIDGET, "default", widget(count=2))
        sandbox.api.patch(WIDGET, "default", "w", {"status": {"count": 1, "chosen": "a=b"}}, subresource="status")
        seen = sandbox.api.get(WIDGET, "default", "w", subresource="scale")
        assert (seen["spec"], seen["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": "a=b"})
        sandbox.api.patch(WIDGET, "default", "w", {"spec": {"replicas": 5}}, subresource="scale", manager="scaler")
        live = sandbox.api.get(WIDGET, "default", "w")
        assert (live["spec"]["count"], live["metadata"]["generation"]) == (5, 2)
        [entry] = [each for each in live["metadata"]["managedFields"] if each["manager"] == "scaler"]
        assert (entry["fieldsV1"], entry["subresource"]) == ({"f:spec": {"f:count": {}}}, "scale")

    in_sandbox(use)


def test_appliers_share_a_list_that_is_a_map() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        for manager in ("one", "two"):
            sandbox.api.patch(WIDGET, "default", "w", widget(ports=[{"name": manager}]), "apply", manager=manager)
        live = sandbox.api.get(WIDGET, "default", "w")
        assert [each["name"] for each in live["spec"]["ports"]] == ["one", "two"]
        with pytest.raises(ApiError, match=r"\.spec\.colour: field not declared in schema"):
            sandbox.api.patch(WIDGET, "default", "w", widget(colour="red"), "apply", manager="one")

    in_sandbox(use)


def test_the_table_has_the_columns_of_the_definition() -> None:
    """Of the version asked for; without any of them the age alone."""
    columns = [
        {"name": "Size", "type": "string", "jsonPath": ".spec.size"},
        {"name": "Count", "type": "integer", "jsonPath": ".spec.count", "priority": 1},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    ]

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served("v1beta1", additionalPrinterColumns=columns))
        made = sandbox.api.create(WIDGET, "default", widget())
        shown = tables.table(tables.printer_of(WIDGET, sandbox.store.customs[WIDGET]), [made], now())
        assert [(each["name"], each["priority"]) for each in shown["columnDefinitions"]] == [
            ("Name", 0), ("Size", 0), ("Count", 1), ("Ready", 0),
        ]  # fmt: skip
        assert shown["rows"][0]["cells"] == ["w", "small", 1, None]
        older = tables.table(tables.printer_of(OLDER, sandbox.store.customs[OLDER]), [made], now())
        assert [each["name"] for each in older["columnDefinitions"]] == ["Name", "Age"]

    in_sandbox(use)


FOUND = [
    (".spec.size", ["small"]),
    (r".metadata.labels.example\.com/tier", ["web"]),
    ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
    (".spec.ports[*].name", ["a", "b"]),
    (".spec.ports[-1:].name", ["b"]),
    (".spec['size']", ["small"]),
    (".spec[", []),
]


@pytest.mark.parametrize(("path", "wanted"), FOUND, ids=[path for path, _ in FOUND])
def test_columns_are_found_in_the_notation_of_kubernetes(path: str, wanted: list[str]) -> None:
    obj: Mapping[str, Any] = {
        "metadata": {"labels": {"example.com/tier": "web"}},
        "spec": {"size": "small", "ports": [{"name": "a"}, {"name": "b"}]},
        "status": {"conditions": [{"type": "Old", "status": "False"}, {"type": "Ready", "status": "True"}]},
    }
    assert list(values(obj, path)) == wanted


def test_versions_are_told_of_the_best_first_and_objects_selected_by_the_fields_of_each() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served("v2alpha1", "v1beta1", "v2", selectableFields=[{"jsonPath": ".spec.size"}]))
        group = discovery.group("example.com", sandbox.store)
        assert group is not None
        assert [each["version"] for each in group["versions"]] == ["v2", "v1", "v1beta1", "v2alpha1"]
        sandbox.api.create(WIDGET, "default", widget())
        assert len(sandbox.api.list(WIDGET, "default", field_selector="spec.size=small").items) == 1
        with pytest.raises(ApiError, match=r"field label not supported: spec\.size"):
            sandbox.api.list(OLDER, "default", field_selector="spec.size=small")

    in_sandbox(use)


def test_a_name_that_is_taken_is_not_accepted_until_it_is_free() -> None:
    other = Kind("example.com/v1", "Wedge", "wedges")

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(WIDGET, shortNames=["w"]))
        await asyncio.sleep(1)
        sandbox.api.create(DEFINITION, "", definition(other, shortNames=["w"]))
        await asyncio.sleep(1)
        live = sandbox.api.get(DEFINITION, "", "wedges.example.com")
        told = {each["type"]: (each["status"], each["reason"], each["message"]) for each in live["status"]["conditions"]}
        assert told == {
            "NamesAccepted": ("False", "ShortNamesConflict", '"w" is already in use'),
            "Established": ("False", "NotAccepted", "not all names are accepted"),
        }
        assert other not in sandbox.store.customs
        sandbox.api.delete(DEFINITION, "", "widgets.example.com")
        await asyncio.sleep(1)
        assert condition(sandbox.api.get(DEFINITION, "", "wedges.example.com"), "Established") == "True"
        assert other in sandbox.store.customs

    in_sandbox(use)


def test_a_definition_that_ends_waits_for_its_objects_and_takes_no_new_ones() -> None:
    """It has its finalizer from the deletion on, and says how far it is."""

    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", served())
        await asyncio.sleep(1)
        assert "finalizers" not in sandbox.api.get(DEFINITION, "", "widgets.example.com")["metadata"]
        held = widget() | {"metadata": {"name": "w", "finalizers": ["example.com/held"]}}
        sandbox.api.create(WIDGET, "default", held)
        sandbox.api.delete(DEFINITION, "", "widgets.example.com")
        await asyncio.sleep(3)
        live = sandbox.api.get(DEFINITION, "", "widgets.example.com")
        assert live["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
        assert next(each["reason"] for each in live["status"]["conditions"] if each["type"] == "Terminating").startswith(
            "Instance"
        )
        with pytest.raises(ApiError, match="create not allowed while custom resource definition is terminating"):
            sandbox.api.create(WIDGET, "default", widget("x"))
        sandbox.api.patch(WIDGET, "default", "w", {"metadata": {"finalizers": None}})
        await asyncio.sleep(3)
        assert sandbox.store.find(DEFINITION, "", "widgets.example.com") is None

    in_sandbox(use)


def test_a_new_storage_version_is_noted_beside_the_old_one() -> None:
    async def use(sandbox: Sandbox) -> None:
        sandbox.api.create(DEFINITION, "", definition(WIDGET, "v2"))
        await asyncio.sleep(1)
        live = sandbox.api.get(DEFINITION, "", "widgets.example.com")
        moved = [each | {"storage": each["name"] == "v2"} for each in live["spec"]["versions"]]
        sandbox.api.patch(DEFINITION, "", "widgets.example.com", {"spec": {"versions": moved}})
        await asyncio.sleep(1)
        live = sandbox.api.get(DEFINITION, "", "widgets.example.com")
        assert (get(live, "status", "storedVersions"), live["metadata"]["generation"]) == (["v1", "v2"], 2)
        with pytest.raises(Invalid, match="v1 was previously a storage version"):
            sandbox.api.patch(DEFINITION, "", "widgets.example.com", {"spec": {"versions": moved[1:]}})

    in_sandbox(use)
