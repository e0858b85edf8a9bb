"""What fields of built-in kinds are for, as `kubectl explain` prints it: read where it is installed anyway, in the models of
Kubernetes' official client, a file a type. Nothing of them is imported. Where the client is another, there are no descriptions.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

_CLASS = re.compile(r'^class \w+\(BaseModel\):\n    """\n    (.*?)\n\n    Attributes:', re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^    (\w+): .*?\bField\((.*)\)$", re.MULTILINE)
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ALIAS, _DESCRIPTION = re.compile(rf"serialization_alias={_TEXT}"), re.compile(rf"description={_TEXT}")


class Words(NamedTuple):
    """Of a type, and of its fields by their names in JSON."""

    whole: str
    fields: Mapping[str, str]


NONE = Words("", {})


@cache
def words_of(type_: str, group: str, version: str) -> Words:
    """`type_` as Go calls it. Of several types of one name that of the group counts."""
    folder = _folder()
    if folder is None:
        return NONE
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type_).lower()
    short = group.partition(".")[0] or "core"
    for name in (f"{short}_{version}_{snake}", f"{version}_{snake}", f"v1_{snake}", f"core_v1_{snake}"):
        path = folder / f"{name}.py"
        if path.exists():
            return _read(path.read_text())
    return NONE


@cache
def _folder() -> Path | None:
    """Where the models are, without loading the client."""
    found = find_spec("kubernetes")
    return Path(found.submodule_search_locations[0]) / "client" / "models" if found and found.submodule_search_locations else None


def _read(source: str) -> Words:
    whole = _CLASS.search(source)
    fields = {}
    for match in _FIELD.finditer(source):
        alias, said = _ALIAS.search(match[2]), _DESCRIPTION.search(match[2])
        if said:
            fields[_literal(alias[1]) if alias else match[1]] = _literal(said[1])
    return Words(whole[1].strip() if whole else "", fields)


def _literal(text: str) -> str:
    """Empty where it is no text as Python writes them: then another generator has written it."""
    try:
        return str(ast.literal_eval(f'"{text}"'))
    except SyntaxError:
        return ""
