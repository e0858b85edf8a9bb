"""The schemas that clients are told: of everything that is served, complete, and as the server reads objects itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rollway.kube.objects import DEFINITION, KINDS, Obj
from rollway.kube.wire import fields
from rollway.sandbox.serving import discovery, openapi, openapi_pb, words
from rollway.sandbox.store.store import Store

from tests.sandbox.api.test_customs import WIDGET, definition

SCHEMA = {
    "type": "object",
    "description": "A widget.",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "string", "default": "small"},
                "port": {"x-kubernetes-int-or-string": True},
                "note": {"type": "string", "nullable": True},
            },
        }
    },
}


@pytest.fixture
def store() -> Store:
    """One in which Widgets are defined."""
    store, made = Store(), definition(WIDGET)
    made["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = SCHEMA
    store.create(DEFINITION, made)
    return store


def refs(document: Any) -> Iterator[str]:
    match document:
        case dict():
            yield from (str(each) for key, each in document.items() if key == "$ref")
            for each in document.values():
                yield from refs(each)
        case list():
            for each in document:
                yield from refs(each)
        case _:
            return


def kinds_of(schemas: Obj) -> set[tuple[str, str, str]]:
    return {
        (each["group"], each["version"], each["kind"])
        for schema in schemas.values()
        for each in schema.get("x-kubernetes-group-version-kind", ())
    }


def test_every_kind_is_described_in_its_group_version_and_every_reference_leads_somewhere(store: Store) -> None:
    paths = openapi.index(store)["paths"]
    for group_version, kinds in discovery.served(store).items():
        document = openapi.v3(group_version, store)
        assert document is not None
        assert (f"apis/{group_version}" if "/" in group_version else f"api/{group_version}") in paths
        schemas = document["components"]["schemas"]
        assert {name.rpartition("/")[2] for name in refs(schemas)} <= set(schemas)
        group, _, version = group_version.rpartition("/")
        asked = [kind for kind in discovery.only_asked() if kind.api_version == group_version]
        assert kinds_of(schemas) == {(group, version, kind.name) for kind in (*kinds.values(), *asked)}
    assert openapi.v3("example.com/v9", store) is None


def test_the_document_of_version_two_holds_everything_and_its_references(store: Store) -> None:
    document = openapi.v2(store)
    assert {name.rpartition("/")[2] for name in refs(document["definitions"])} <= set(document["definitions"])
    assert {(kind.group, kind.api_version.rpartition("/")[2], kind.name) for kind in [*KINDS, WIDGET]} <= kinds_of(
        document["definitions"]
    )


def test_a_pod_is_described_by_the_table_it_is_read_by() -> None:
    """Types, what is required, and how lists are merged."""
    document = openapi.v3("v1", Store())
    assert document is not None
    schemas = document["components"]["schemas"]
    spec = schemas["io.k8s.api.v1.PodSpec"]
    assert spec["required"] == ["containers"]
    assert _bare(spec["properties"]["containers"]) == {
        "type": "array",
        "items": {"allOf": [{"$ref": "#/components/schemas/io.k8s.api.v1.Container"}]},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-strategy": "merge",
        "x-kubernetes-patch-merge-key": "name",
    }
    assert schemas["io.k8s.api.core.v1.Pod"]["properties"]["kind"]["type"] == "string"


def _bare(field: Obj) -> Obj:
    return {key: value for key, value in field.items() if key != "description"}


def test_a_custom_resource_is_described_by_its_definition(store: Store) -> None:
    """In version 2 without what that does not know; both have the head of every object."""
    document = openapi.v3("example.com/v1", store)
    assert document is not None
    third, second = (
        document["components"]["schemas"]["com.example.v1.Widget"],
        openapi.v2(store)["definitions"]["com.example.v1.Widget"],
    )
    assert third["properties"]["spec"] == SCHEMA["properties"]["spec"]  # type: ignore[index]
    assert third["description"] == second["description"] == "A widget."
    assert second["properties"]["spec"]["properties"] == {
        "size": {"type": "string"},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {},
    }
    assert set(second["properties"]) == {"apiVersion", "kind", "metadata", "spec"}


def test_version_two_names_no_fields_where_others_may_stand() -> None:
    """A client of version 2 refuses each field that is not among the named ones, as kubectl does with a List."""
    below = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"size": {"type": "string"}}}
    for schema, expected in (
        (below, {"type": "object"}),
        (
            {"type": "object", "properties": {"spec": below}},
            {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        ),
    ):
        store, made = Store(), definition(WIDGET)
        made["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
        store.create(DEFINITION, made)
        told = openapi.v2(store)["definitions"]["com.example.v1.Widget"]
        found = told["properties"]["spec"] if "properties" in told else told
        assert {key: each for key, each in found.items() if key != "x-kubernetes-group-version-kind"} == expected


def parts(message: bytes, *numbers: int) -> list[Any]:
    """What stands in a protobuf message at a path of field numbers."""
    found = [value for number, value in fields(message) if number == numbers[0]]
    return found if len(numbers) == 1 else [inner for each in found for inner in parts(bytes(each), *numbers[1:])]


def test_kubectl_is_told_in_protobuf(store: Store) -> None:
    """Names (9.1.1), kinds (extension 31 of a schema), types (22.1), properties (25.1.1), and the parameter that tells that the
    server validates fields (path 8.2, its item 2, patch 8)."""
    document = openapi.v2(store)
    message = openapi_pb.document(document)
    assert parts(message, 1) == [b"2.0"]
    assert [name.decode() for name in parts(message, 9, 1, 1)] == list(document["definitions"])
    place = list(document["definitions"]).index("com.example.v1.Widget")
    schema = bytes(parts(message, 9, 1, 2)[place])
    assert parts(schema, 4) == [b"A widget."]
    assert parts(schema, 22, 1) == [b"object"]
    assert [name.decode() for name in parts(schema, 25, 1, 1)] == list(
        document["definitions"]["com.example.v1.Widget"]["properties"]
    )
    assert b"x-kubernetes-group-version-kind" in parts(schema, 31, 1)
    assert [name.decode() for name in parts(message, 8, 2, 1)] == list(document["paths"])
    assert b"fieldValidation" in parts(message, 8, 2, 2, 8, 8, 1, 2, 3, 4)


def test_a_kind_that_nobody_knows_the_fields_of_says_that_it_keeps_them() -> None:
    [kind] = [each for each in KINDS if each.name == "WorkloadGroup"]
    document = openapi.v3(kind.api_version, Store())
    assert document is not None
    schema = document["components"]["schemas"]["io.istio.networking.v1.WorkloadGroup"]
    assert schema["x-kubernetes-preserve-unknown-fields"] is True


def test_built_in_fields_say_what_they_are_for(store: Store) -> None:
    """In the words of Kubernetes' own client, of every group; a field that refers to a type says what that is for."""
    described = openapi.v3("apps/v1", store)
    assert described is not None
    schemas = described["components"]["schemas"]
    spec = schemas["io.k8s.api.v1.PodSpec"]
    assert spec["description"] == "PodSpec is a description of a pod."
    assert "active" in spec["properties"]["activeDeadlineSeconds"]["description"]
    of_field = schemas["io.k8s.api.v1.DeploymentStrategy"]["properties"]["rollingUpdate"]
    assert of_field["description"]
    assert of_field["allOf"]
    fields = [each for name, schema in schemas.items() for each in schema.get("properties", {}).values()]
    assert sum(not each.get("description") for each in fields) < len(fields) / 50


def test_where_the_client_is_another_nothing_is_said(tmp_path: Path) -> None:
    """Texts are read as Python reads them, whatever they hold; a file of another form has none."""
    path = tmp_path / "model.py"
    path.write_text('class V1A(BaseModel):\n    x: int = Field(description="a \\"b\\" (c)")\n')
    assert words._read(path.read_text()) == words.Words("", {"x": 'a "b" (c)'})
    odd = path.read_text() + '    y: int = Field(description="\\xyz")\n    z: int = Field(description="z")\n'
    assert words._read(odd) == words.Words("", {"x": 'a "b" (c)', "y": "", "z": "z"})
    assert words._read("class V1A(object):\n    pass\n") == words.NONE
    assert words.words_of("NoSuchType", "", "v1") == words.NONE
