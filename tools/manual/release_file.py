"""The page of the release file: every key of its JSON Schema, with its type, its default and its description."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ...release.schema import json_schema
from .markdown import code, defined, page, prose

Node = Mapping[str, Any]
REF = "#/$defs/"


def release_file_page() -> str:
    schema = json_schema()
    places = dict(_places(schema, schema["$defs"]))
    top = [
        "# The release file",
        prose(schema["description"]) + " This is what `deploy schema` writes for editors, to be read. Durations are written as"
        " `90s`, `5m` or `1h30m`; every key has a default but those that are said to be needed.",
        _keys(schema, places),
    ]
    parts = [_section(name, place, schema["$defs"][name], places) for name, place in places.items()]
    return page(*top, *parts)


def _section(name: str, place: str, node: Node, places: Mapping[str, str]) -> str:
    return page(f"({_target(name)})=\n## {code(place)}", prose(node.get("description", "")), _keys(node, places))


def _keys(node: Node, places: Mapping[str, str]) -> str:
    needed = node.get("required", ())
    rows = [(code(key), _meaning(one, places, key in needed)) for key, one in node.get("properties", {}).items()]
    return defined(rows)


def _meaning(node: Node, places: Mapping[str, str], is_needed: bool) -> str:
    """What kind of value, what it is for, and what holds without it."""
    default = node.get("default")
    shown = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    said = "Needed." if is_needed else f"Default: {code(shown)}." if _is_told(default) else ""
    told = prose(node.get("description", "")).rstrip(".")
    kind = _type(node, places)
    return " ".join(part for part in (f"({kind})" if kind else "", f"{told}." if told else "", said) if part)


def _is_told(default: Any) -> bool:
    """A block's defaults stand in its own section."""
    return default not in (None, "", {}, []) and not (isinstance(default, dict) and len(default) > 1)


def _type(node: Node, places: Mapping[str, str]) -> str:
    """What may stand there, in words."""
    if "$ref" in node:
        name = node["$ref"].removeprefix(REF)
        return f"[{code(places[name])}](#{_target(name)})" if name in places else "mapping"
    for key in ("anyOf", "oneOf"):
        if key in node:
            kinds = [_type(each, places) for each in node[key] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "enum" in node:
        return " or ".join(code(str(each)) for each in node["enum"])
    if "const" in node:
        return code(str(node["const"]))
    return _plain(node, places)


def _plain(node: Node, places: Mapping[str, str]) -> str:
    match node.get("type"):
        case "array":
            of = _type(node.get("items", {}), places)
            return f"list: {of}" if of else "list"
        case "integer" | "number":
            low = node.get("minimum", node.get("exclusiveMinimum"))
            high = node.get("maximum", node.get("exclusiveMaximum"))
            bounds = f" from {low}" * (low is not None) + f" to {high}" * (high is not None)
            return ("whole number" if node["type"] == "integer" else "number") + bounds
        case "string":
            return "duration" if "[0-9]+h" in node.get("pattern", "") else "text"
        case "boolean":
            return "`true` or `false`"
        case "object":
            return "mapping"
    return ""


def _places(node: Node, definitions: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """(definition, where it first stands), those nearest to the top first."""
    seen: set[str] = set()
    waiting = [("", node)]
    for place, each in waiting:
        for key, one in each.get("properties", {}).items():
            for name, mark in _named(one):
                if name not in seen and definitions[name].get("properties"):
                    seen.add(name)
                    path = f"{place}.{key}".lstrip(".") + mark + _told_apart(definitions[name], one)
                    yield name, path
                    waiting.append((path, definitions[name]))


def _named(node: Any, mark: str = "") -> Iterator[tuple[str, str]]:
    """The definitions that a key's value may be of, and whether as a list of them."""
    if "$ref" in node:
        yield node["$ref"].removeprefix(REF), mark
    for key in ("anyOf", "oneOf"):
        for each in node.get(key, ()):
            yield from _named(each, mark)
    if isinstance(node.get("items"), dict):
        yield from _named(node["items"], "[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from _named(node["additionalProperties"], ".NAME")


def _told_apart(definition: Node, one: Node) -> str:
    """Where a key takes one of several mappings, by the key that the mapping needs."""
    needed = definition.get("required", ())
    return f" {{{needed[0]}}}" if needed and len(set(_named(one))) > 1 else ""


def _target(name: str) -> str:
    return f"file-{name.lower()}"
