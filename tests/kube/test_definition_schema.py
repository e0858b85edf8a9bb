"""What is refused in a CustomResourceDefinition, in the words of the API server."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.defaults import fill
from rollway.kube.objects import Obj
from rollway.kube.validation.definition import definition, definition_update, unserved


def crd(version: Obj | None = None, schema: Obj | None = None, **spec: Any) -> Obj:
    described = {"openAPIV3Schema": {"type": "object", "properties": schema or {}}}
    made = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": described} | (version or {})],
        } | spec,
    }  # fmt: skip
    fill(made)
    return made


def told(obj: Obj) -> list[str]:
    return [f"{each.field}: {each.text}" for each in definition(obj)]


def test_a_usual_definition_is_taken() -> None:
    columns = [{"name": "Size", "type": "string", "jsonPath": ".spec.size"}]
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    either = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    schema = {
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
        "spec": {"type": "object"},
        "port": either,
    }
    made = crd({"additionalPrinterColumns": columns, "subresources": {"status": {}, "scale": scale}}, schema)
    assert told(made) == []


S = "spec.versions[0].schema.openAPIV3Schema.properties[spec]"
SCHEMAS: list[tuple[Obj, str]] = [
    ({"spec": {}}, f"{S}.type: Required value: must not be empty for specified object fields"),
    ({"spec": {"type": "array"}}, f"{S}.items: Required value: must be specified"),
    ({"spec": {"type": "array", "items": {}}}, f"{S}.items: Required value: must be specified"),
    ({"spec": {"type": "array", "items": {"description": "x"}}},
        f"{S}.items.type: Required value: must not be empty for specified "
        "array items"),
    ({"spec": {"type": "strin"}},
        f'{S}.type: Unsupported value: "strin": supported values: "array", '
        '"boolean", "integer", "number", "object", "string"'),
    ({"spec": {"type": "integer", "default": "1"}},
        f'{S}.default: Invalid value: "string":  in body '
        'must be of type integer: "string"'),
    ({"spec": {"type": "object", "default": {"a": 1}}}, f'{S}.default: Invalid value: {{"a":1}}: must not have unknown fields'),
    ({"spec": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}},
     f"{S}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive"),
    ({"spec": {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}},
     f"{S}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"),
    ({"spec": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "string"}}},
               "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["n"]}},
     f"{S}.items.properties[n].default: Required value: this property is in "
     "x-kubernetes-list-map-keys, so it must have a default or be a required property"),
    ({"spec": {"type": "object", "anyOf": [{"type": "object"}]}},
        f"{S}.anyOf[0].type: Forbidden: must be empty to be "
        "structural"),
    ({"spec": {"type": "object", "$ref": "#/x"}}, f"{S}.$ref: Forbidden: $ref is not supported"),
    ({"metadata": {"type": "object", "properties": {"labels": {"type": "object"}}}},
     "spec.versions[0].schema.openAPIV3Schema.properties[metadata]: Forbidden: must not specify "
     "anything other than name and generateName, but metadata is implicitly specified"),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "wanted"), SCHEMAS, ids=[str(place) for place in range(len(SCHEMAS))])
def test_a_schema_that_is_not_structural_is_refused(schema: Obj, wanted: str) -> None:
    assert told(crd(schema=schema)) == [wanted]


V = "spec.versions[0]"
PARTS: list[tuple[Obj, str]] = [
    (crd(group="apps.k8s.io", names={"kind": "Widget", "plural": "widgets"}),
     'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have '
     'approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'),
    (crd(preserveUnknownFields=True), "spec.preserveUnknownFields: Invalid value: true: must be false"),
    (crd(conversion={"strategy": "Hook"}),
        'spec.conversion.strategy: Unsupported value: "Hook": '
        'supported values: "None", "Webhook"'),
    (crd({"additionalPrinterColumns": [{"name": "A", "type": "text", "jsonPath": ".a"}]}),
     f'{V}.additionalPrinterColumns[0].type: Invalid value: "text": must be one of integer,number,string,boolean,date'),
    (crd({"subresources": {"scale": {"specReplicasPath": ".replicas", "statusReplicasPath": ".status.n"}}}),
     f'{V}.subresources.scale.specReplicasPath: Invalid value: ".replicas": should be a json path under .spec'),
    (crd(names={"kind": "My_Widget", "plural": "widgets", "shortNames": ["W"]}), "spec.names.kind: "),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "wanted"), PARTS, ids=[str(place) for place in range(len(PARTS))])
def test_other_mistakes_are_refused_where_they_stand(obj: Obj, wanted: str) -> None:
    assert any(line.startswith(wanted) for line in told(obj)), told(obj)


def test_what_objects_are_stored_under_may_not_change() -> None:
    before = crd()
    before["status"] = {"conditions": [{"type": "Established", "status": "True"}], "storedVersions": ["v1"]}
    after = crd({"name": "v2"}, scope="Cluster", names={"kind": "Wodget", "plural": "wodgets"}, group="example.org")
    found = {each.field: each.text for each in definition_update(after, before)}
    assert {field for field, text in found.items() if text.endswith("field is immutable")} == {
        "spec.scope", "spec.names.kind", "spec.names.plural", "spec.group",
    }  # fmt: skip
    assert found["status.storedVersions[0]"].startswith('Invalid value: "v1": missing from spec.versions; v1 was previously')


def test_what_is_kept_and_not_done_is_said() -> None:
    ruled = {"spec": {"type": "object", "x-kubernetes-validations": [{"rule": "self.?a > 1"}]}}
    webhook = {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://a.b"}, "conversionReviewVersions": ["v1"]}}
    assert [text.partition(":")[0] for text in unserved(crd(schema=ruled, conversion=webhook))] == [
        "spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule", "spec.conversion",
    ]  # fmt: skip
    assert unserved(crd()) == []
