"""The release file's JSON Schema, for editors: completion, and the mistakes underlined while one types."""

from __future__ import annotations

from typing import Any

from .matching import FIELDS
from .whole import ReleaseFile


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of a release file. A first line `# yaml-language-server: $schema=…` names it to an editor."""
    schema = ReleaseFile.model_json_schema(by_alias=True, mode="validation")
    schema.pop("title", None)
    schema.pop("description", None)
    _plain(schema)
    schema["$defs"]["AbTestOptions"]["properties"]["match"]["items"] = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"enum": list(FIELDS)},
    }
    # a single name may stand without its list
    manifests = schema["properties"]["manifests"]
    manifests["anyOf"].insert(0, {"type": "string"})
    for key in ("dependsOn", "exclude"):
        listed = schema["properties"][key]
        listed["anyOf"] = [{"type": "string"}, {"type": "array", "items": listed.pop("items")}]
        del listed["type"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rollway release file",
        "description": "What is released, and how. Either manifests or web says what.",
        **schema,
        "not": {"required": ["manifests", "web"]},
        "anyOf": [{"required": ["manifests"]}, {"required": ["web"]}],
    }


def _plain(node: Any) -> None:
    """Takes out the titles that pydantic makes up of field names: an editor shows the description."""
    if isinstance(node, dict):
        if isinstance(node.get("title"), str) and ("type" in node or "anyOf" in node or "$ref" in node or "enum" in node):
            del node["title"]
        for value in node.values():
            _plain(value)
    elif isinstance(node, list):
        for value in node:
            _plain(value)
