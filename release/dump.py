"""Manifests as YAML that every reader takes for the same values."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from ..kube.objects import Obj
from ..kube.yamlscalar import plain


def manifests_text(manifests: Sequence[Obj], *, explicit_start: bool = False) -> str:
    """One document an object, without anchors, texts of several lines as blocks."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, explicit_start=explicit_start)


def scalar_text(text: str) -> str:
    """Plain where YAML reads the same text back, in a flow collection too, else quoted."""
    return text if _PLAIN.fullmatch(text) and plain(text) == text else json.dumps(text, ensure_ascii=False)


_PLAIN = re.compile(r"[A-Za-z0-9./_](?:[A-Za-z0-9./_:@*-]*[A-Za-z0-9./_*@-])?")


def flow_text(value: Any, *, is_json: bool = False) -> str:
    """A value in one line: `{sleep: {seconds: 5}}`, or JSON."""
    if is_json or not isinstance(value, dict | list | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return scalar_text(value)
    if isinstance(value, list):
        return f"[{', '.join(flow_text(item) for item in value)}]"
    return f"{{{', '.join(f'{scalar_text(key)}: {flow_text(item)}' for key, item in value.items())}}}"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if style is None and plain(text) != text:
        style = '"'  # PyYAML takes some texts for texts that other readers take for numbers, such as 1e3
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
