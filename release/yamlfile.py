"""YAML as Kubernetes reads it, with the line and column of everything, so that an error points at the user's own words.

It differs from PyYAML's safe loader where sigs.k8s.io/yaml, which kubectl uses, does: dates stay texts, `12:30` is no number,
keys become texts (`on:` is the key "true"). A key that is there twice is refused where its values differ, and noted where they
are one. Aliases are copied, and what they may expand to is limited, as is the depth: nothing here recurses deeper than that.
"""

from __future__ import annotations

import bisect
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import yaml

from ..errors import BadInput
from ..kube.yamlscalar import plain

MAX_DEPTH = 100
MAX_ALIASED = 100_000
"""Nodes that all aliases of a file may stand for."""

Path = tuple[str | int, ...]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Note(NamedTuple):
    """A comment of the file that speaks to rollway, `# rollway: …`. `text` is what follows; `about` is the line that it is about:
    its own, or, of a comment that has a line to itself, the next one that holds something."""

    line: int
    about: int
    text: str


class Twin(NamedTuple):
    """A key that a mapping has twice with the same value: the path of both, and where the second stands."""

    path: Path
    line: int
    column: int
    first_line: int


@dataclass(frozen=True)
class Document:
    """One YAML document. `marks` holds (line, column), from 1, of a path's key (of an item, where it starts); `flags` what on the
    command line a path was set by. `notes` are those of the whole file."""

    data: Any
    source: str
    marks: dict[Path, tuple[int, int]] = field(default_factory=dict)
    flags: dict[Path, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    twins: tuple[Twin, ...] = ()

    def where(self, path: Path = ()) -> str:
        """ "deploy.yaml:7:5", or the flag; of the nearest path above that has a place."""
        source, line, column = self.place(path)
        return f"{source}:{line}:{column}" if line else source

    def place(self, path: Path = ()) -> tuple[str, int, int]:
        """(source, line, column) of the nearest path above that has a place; (flag, 0, 0) where that was set by one."""
        for end in range(len(path), -1, -1):
            if flag := self.flags.get(path[:end]):
                return flag, 0, 0
            if mark := self.marks.get(path[:end]):
                return self.source, *mark
        return self.source, 0, 0


def documents(text: str, source: str) -> Iterator[Document]:
    """The documents of a text, also empty ones (data None). Raises BadInput at the place of the first mistake."""
    try:
        yield from _Composer(text, source).documents()
    except UnicodeEncodeError as error:  # a word of the command line, which may hold any bytes
        raise BadInput("not UTF-8 text", where=source) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
        raise BadInput(f"broken YAML: a control character (0x{code:02x})", where=f"{source}:{line}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if place := _too_deep(text, mark.index if mark else len(text)):
            raise BadInput(f"nested deeper than {MAX_DEPTH} levels", where=f"{source}:{place}") from error
        where = f"{source}:{mark.line + 1}:{mark.column + 1}" if mark else source
        raise BadInput(f"broken YAML: {_problem(error)}", where=where, hint=_hint(text, mark)) from error
    except yaml.YAMLError as error:
        raise BadInput(f"broken YAML: {' '.join(str(error).split())}", where=source) from error


def _too_deep(text: str, end: int) -> str:
    """Where brackets before `end` are nested too deeply, as "line:column"; else nothing.

    The parser reads ahead of what it tells, and may refuse a depth of its own before it has told of ours.
    """
    depth = 0
    for bracket in _BRACKETS.finditer(text, 0, end):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > MAX_DEPTH:
            before = text[: bracket.start()]
            return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    return ""


_BRACKETS = re.compile(r"[\[\]{}]")


def _problem(error: yaml.MarkedYAMLError) -> str:
    parts = (error.problem, error.context)
    return ", ".join(" ".join(part.split()) for part in parts if part) or "it cannot be read"


def _hint(text: str, mark: Any) -> str:
    if mark is None:
        return ""
    line = next(iter(text.splitlines()[mark.line : mark.line + 1]), "")
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "indent with spaces: YAML does not take tabs"
    return _HELM if "{{" in line else ""


_HELM = "this looks like a template: render it first, for example with `helm template`"


class _Composer:
    """Builds data straight from the parser's events. One instance a text; anchors hold within their document."""

    def __init__(self, text: str, source: str) -> None:
        self._events = yaml.parse(_without_surrogates(text), Loader=_LOADER)
        self._source = source
        self._text = text
        self._aliased = 0
        self._nodes = 0
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._marks: dict[Path, tuple[int, int]] = {}
        self._twins: list[Twin] = []
        self._notes = _notes(text)

    def documents(self) -> Iterator[Document]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._marks, self._twins = {}, {}, []
                first = next(self._events)
                self._marks[()] = _mark(first)
                data = self._node(first, (), 0)
                yield Document(data, self._source, self._marks, notes=self._notes, twins=tuple(self._twins))

    def _node(self, event: Any, path: Path, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        before = self._nodes
        self._nodes += 1
        anchor = event.anchor
        if anchor is not None:
            # None while it is being built: an alias inside its own anchor has no end.
            self._anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, _SEQ)
            value = self._sequence(path, depth)
        else:
            self._check_tag(event, _MAP)
            value = self._mapping(event, path, depth)
        if anchor is not None:
            self._anchors[anchor] = (value, self._nodes - before)
        return value

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            self._refuse(event, f"alias *{event.anchor} has no anchor &{event.anchor} before it")
        known = self._anchors[event.anchor]
        if known is None:
            self._refuse(event, f"alias *{event.anchor} contains itself")
        value, size = known
        self._aliased += size
        self._nodes += size
        if self._aliased > MAX_ALIASED:
            self._refuse(event, f"its aliases expand to more than {MAX_ALIASED} nodes")
        return copy.deepcopy(value)

    def _sequence(self, path: Path, depth: int) -> list[Any]:
        out: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            below = (*path, len(out))
            self._marks[below] = _mark(event)
            out.append(self._node(event, below, depth + 1))
        return out

    def _mapping(self, start: Any, path: Path, depth: int) -> dict[str, Any]:
        out: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if _is_merge(event):
                merged = {**self._merged(event, path, depth), **merged}
                continue
            key = self._key(event, depth)
            below = (*path, key)
            if key in out:
                self._twin(event, below, out[key], depth)
                continue
            self._marks[below] = _mark(event)
            out[key] = self._node(next(self._events), below, depth + 1)
        return {**merged, **out} if merged else out

    def _twin(self, event: Any, path: Path, value: Any, depth: int) -> None:
        """Kubernetes takes the last of them, so it does not matter which where they are the same."""
        marks, twins = self._marks, self._twins
        self._marks, self._twins = {}, []
        again = self._node(next(self._events), path, depth + 1)
        self._marks, self._twins = marks, twins
        line = marks[path][0]
        if json.dumps(again) != json.dumps(value):
            hint = "the two values differ, and only one of them can be meant: take the other out"
            self._refuse(event, f'duplicate key "{path[-1]}", also in line {line}', hint)
        self._twins.append(Twin(path, *_mark(event), line))

    def _merged(self, event: Any, path: Path, depth: int) -> dict[str, Any]:
        value = self._node(next(self._events), (*path, "<<"), depth + 1)
        parts = value if isinstance(value, list) else [value]
        out: dict[str, Any] = {}
        for part in parts:
            if not isinstance(part, dict):
                self._refuse(event, "<< takes a mapping or a list of mappings")
            out = {**part, **out}
        return out

    def _key(self, event: Any, depth: int) -> str:
        if not isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            hint = _HELM if _is_braces(event, self._text) else ""
            self._refuse(event, "a key must be a text, not a mapping or a list", hint)
        value = self._node(event, (), depth)
        if isinstance(value, bool):
            return "true" if value else "false"
        if value is None or not isinstance(value, str | int | float):
            self._refuse(event, "a key must be a text")
        return str(value)

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        is_plain, _ = event.implicit
        tag = event.tag
        if tag is None or tag == "!":
            if not is_plain or tag == "!":
                return text
            value = plain(text)
        elif tag in _TEXTS:
            return text
        else:
            value = plain(text)
            wanted = _SCALARS.get(tag)
            if wanted is None:
                self._refuse(event, f"unknown tag {tag.replace(_CORE, '!!')}")
            if wanted is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            if type(value) is not wanted:
                self._refuse(event, f"{text!r} is no {tag.replace(_CORE, '!!')}")
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            self._refuse(event, f"{text} is a number that Kubernetes does not take; quote it if it is a text")
        return value

    def _check_tag(self, event: Any, wanted: str) -> None:
        if event.tag not in (None, "!", wanted):
            self._refuse(event, f"unknown tag {event.tag.replace(_CORE, '!!')}")

    def _refuse(self, event: Any, summary: str, hint: str = "") -> NoReturn:
        line, column = _mark(event)
        raise BadInput(summary, where=f"{self._source}:{line}:{column}", hint=hint)


def _notes(text: str) -> tuple[Note, ...]:
    """In one pass from the end, so that each line knows what comes below it."""
    if not _NOTE.search(text):
        return ()
    lines, texts = text.split("\n"), _text_spans(text)
    starts = [start for start, _ in texts]
    out: list[Note] = []
    index, below = len(text) + 1, 0
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        index -= len(line) + 1
        if found := _NOTE.fullmatch(line):
            mark = index + found.start("mark")
            holder = bisect.bisect_right(starts, mark) - 1
            if holder < 0 or texts[holder][1] <= mark:
                is_alone = not found["before"].strip()
                out.append(Note(number, (below or number) if is_alone else number, found["text"].strip()))
        if not _EMPTY.fullmatch(line):
            below = number
    return tuple(reversed(out))


def _text_spans(text: str) -> list[tuple[int, int]]:
    """Where values stand, which may hold what looks like a comment. None of a text that is no YAML: parsing it will tell."""
    try:
        tokens = list(yaml.scan(text))
    except yaml.YAMLError:
        return []
    return [(token.start_mark.index, token.end_mark.index) for token in tokens if isinstance(token, yaml.ScalarToken)]


_NOTE = re.compile(r"^(?P<before>(?:[^\n]*[ \t])?)(?P<mark>#)[ \t]*rollway:(?P<text>[^\n]*)$", re.MULTILINE)
_EMPTY = re.compile(r"\s*(#.*|---(\s.*)?|\.\.\.(\s.*)?)?")


def _without_surrogates(text: str) -> str:
    """JSON writes characters beyond 16 bits as two escapes, which YAML does not know; YAML's own long escape stands for them."""
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _PAIR.sub(
        lambda pair: pair[1] + f"\\U{0x10000 + (int(pair[2], 16) - 0xD800) * 1024 + int(pair[3], 16) - 0xDC00:08x}", text
    )


_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")

_CORE = "tag:yaml.org,2002:"
_SEQ, _MAP = _CORE + "seq", _CORE + "map"
_TEXTS = (_CORE + "str", _CORE + "timestamp")
_SCALARS: dict[str, type] = {_CORE + "int": int, _CORE + "float": float, _CORE + "bool": bool, _CORE + "null": type(None)}


def _is_merge(event: Any) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0] and event.tag is None


def _is_braces(event: Any, text: str) -> bool:
    mark = event.start_mark
    line = next(iter(text.splitlines()[mark.line : mark.line + 1]), "")
    return "{{" in line


def _mark(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
