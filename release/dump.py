"""Manifests as YAML that every reader takes for the same values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from ..kube.objects import Obj
from .yamlfile import plain


def manifests_text(manifests: Sequence[Obj], *, explicit_start: bool = False) -> str:
    """One document an object, without anchors, texts of several lines as blocks."""
    return yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, explicit_start=explicit_start)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    if style is None and plain(text) != text:
        style = '"'  # PyYAML takes some texts for texts that other readers take for numbers, such as 1e3
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
