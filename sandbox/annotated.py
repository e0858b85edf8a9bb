"""What an annotation of the sandbox's says: a YAML mapping, whoever wrote it. Nothing of it is trusted."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Any

import yaml

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 200
_SHORT.maxlevel = 2
"""Aliases make a few lines as long as one likes, once they are written out."""


def mapping_of(text: str) -> Mapping[Any, Any]:
    """Nothing is converted: versions such as 3.10 are names, not numbers. Raises ValueError with a sentence."""
    try:
        said = yaml.load(text, Loader=yaml.BaseLoader) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(said, Mapping):
        raise ValueError(f"should be a mapping, is {_SHORT.repr(said)}")  # noqa: TRY004  (somebody's text, not a caller's mistake)
    return said
