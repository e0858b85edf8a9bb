"""Changes values in a YAML text and nothing else: comments, order, quotes, indentation and blank lines stay as they are.

Each function answers the new text. Documents are numbered from 0, as `yamlfile.documents` gives them. What cannot be changed
without touching more than was meant raises CannotEdit; whoever calls should still read the text back and compare.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import yaml

from .dump import flow_text, manifests_text, scalar_text
from .yamlfile import Path


class CannotEdit(Exception):
    """With the reason, as a clause."""


class _Entry(NamedTuple):
    """A key of a mapping or an item of a list, with its value."""

    start: int
    key: yaml.ScalarNode | None
    value: yaml.Node


def put(text: str, document: int, path: Path, value: Any) -> str:
    """Sets what stands at the path. Mappings that are missing on the way appear; an index behind the last item adds one."""
    node = _root(text, document)
    for place, key in enumerate(path):
        entry = _entry(node, key)
        if entry is None:
            for missing in reversed(path[place + 1 :]):
                value = {missing: value}
            return _added(text, node, key, value)
        node = entry.value
        if _is_empty(node) and place < len(path) - 1:
            for missing in reversed(path[place + 1 :]):
                value = {missing: value}
            break
    return _replaced(text, node, value)


def remove(text: str, document: int, path: Path, place: int = 0) -> str:
    """Takes away a key with its value, or an item; `place` tells apart keys that are there several times."""
    holder = _at(text, document, path[:-1])
    entries = _entries(holder)
    if _entry(holder, path[-1]) is None:
        raise CannotEdit("it is not there any more")
    same = [entry for entry in entries if entry.key is None or entry.key.value == str(path[-1])]
    found = same[int(path[-1]) if isinstance(holder, yaml.SequenceNode) else place]
    place = entries.index(found)
    if len(entries) == 1:
        return _replaced(text, holder, [] if isinstance(holder, yaml.SequenceNode) else {})
    if _is_flow(holder):
        start = found.start if place + 1 < len(entries) else _end(text, entries[place - 1].value)
        end = entries[place + 1].start if place + 1 < len(entries) else _end(text, found.value)
        return text[:start] + text[end:]
    start = _line_start(text, found.start)
    if isinstance(holder, yaml.MappingNode) and text[start : found.start].strip():
        # `- name: …`: the next key moves up behind the dash
        return text[: found.start] + text[entries[place + 1].start :]
    return text[:start] + text[_line_end(text, _end(text, found.value), with_break=True) :]


def rename(text: str, document: int, path: Path, name: str) -> str:
    """Gives a key another name; its value stays where it is."""
    found = _entry(_at(text, document, path[:-1]), path[-1])
    if found is None or found.key is None:
        raise CannotEdit("it is not there any more")
    quoted = f'"{name}"' if found.key.style == '"' else f"'{name}'" if found.key.style == "'" else scalar_text(name)
    return text[: found.key.start_mark.index] + quoted + text[found.key.end_mark.index :]


def _root(text: str, document: int) -> yaml.Node:
    for number, node in enumerate(yaml.compose_all(text, Loader=yaml.SafeLoader)):
        if number == document and node is not None:
            return node
    raise CannotEdit("the document is not there any more")


def _at(text: str, document: int, path: Path) -> yaml.Node:
    node = _root(text, document)
    for key in path:
        entry = _entry(node, key)
        if entry is None:
            raise CannotEdit("it is not there any more")
        node = entry.value
    return node


def _entries(node: yaml.Node) -> list[_Entry]:
    if isinstance(node, yaml.MappingNode):
        return [_Entry(key.start_mark.index, key, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [_Entry(item.start_mark.index, None, item) for item in node.value]
    return []


def _entry(node: yaml.Node, key: str | int) -> _Entry | None:
    entries = _entries(node)
    if isinstance(node, yaml.SequenceNode):
        return entries[int(key)] if int(key) < len(entries) else None
    if not isinstance(node, yaml.MappingNode) and not _is_empty(node):
        raise CannotEdit("something else stands there")
    return next((entry for entry in entries if entry.key is not None and entry.key.value == str(key)), None)


def _is_flow(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and bool(node.flow_style)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _added(text: str, holder: yaml.Node, key: str | int, value: Any) -> str:
    if _is_empty(holder):
        return _replaced(text, holder, {key: value})
    entries = _entries(holder)
    is_json = _is_json(text)
    if _is_flow(holder) or not entries:
        held = flow_text(value, is_json=is_json)
        new = held if isinstance(holder, yaml.SequenceNode) else f"{flow_text(str(key), is_json=is_json)}: {held}"
        if not entries:
            inside = holder.start_mark.index + 1
            return text[:inside] + new + text[holder.end_mark.index - 1 :]
        end = _end(text, entries[-1].value)
        return f"{text[:end]}, {new}{text[end:]}"
    block = [value] if isinstance(holder, yaml.SequenceNode) else {key: value}
    column = _column(text, holder.start_mark.index)
    at = _line_end(text, _end(text, entries[-1].value))
    return text[:at] + _break(text) + _block(text, block, column) + text[at:]


def _replaced(text: str, node: yaml.Node, value: Any) -> str:
    start, end = node.start_mark.index, _end(text, node)
    if _is_empty(node) and start == end:
        # `lifecycle:` with nothing behind it
        return f"{text[:start]} {flow_text(value)}{text[end:]}"
    is_block = isinstance(node, yaml.CollectionNode) and not _is_flow(node)
    if is_block and isinstance(value, dict | list) and value:
        column = _column(text, start)
        return text[:start] + _block(text, value, column).lstrip(" ") + text[end:]
    if is_block:
        before = text[:start].rstrip()
        if "#" in text[_line_start(text, len(before)) : len(before)]:
            raise CannotEdit("a comment stands between the key and its value")
        return f"{before} {flow_text(value)}{text[end:]}"
    return text[:start] + flow_text(value, is_json=_is_json(text)) + text[end:]


def _end(text: str, node: yaml.Node) -> int:
    """Where the last of a node's own text ends: a block's mark lies behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = _entries(node)[-1]
        if last.key is not None and _is_empty(last.value) and last.value.start_mark.index == last.value.end_mark.index:
            return text.index(":", last.key.end_mark.index) + 1
        return _end(text, last.value)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end


def _block(text: str, value: Any, column: int) -> str:
    """The value as lines, all indented, without a line break at the end."""
    lines = manifests_text([value]).rstrip("\n").split("\n")
    return _break(text).join(" " * column + line if line else line for line in lines)


def _is_json(text: str) -> bool:
    """Whether the whole text is JSON, and has to stay it."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _column(text: str, index: int) -> int:
    return index - _line_start(text, index)


def _line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def _line_end(text: str, index: int, *, with_break: bool = False) -> int:
    end = text.find("\n", index)
    if end < 0:
        return len(text)
    if with_break:
        return end + 1
    return end - 1 if text[end - 1 : end] == "\r" else end
