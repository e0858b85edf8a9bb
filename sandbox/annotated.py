"""What an annotation of the sandbox's says: a YAML mapping, whoever wrote it. Nothing of it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def mapping_of(text: str) -> Mapping[Any, Any]:
    """Nothing is converted: versions such as 3.10 are names, not numbers. Raises ValueError with a sentence."""
    try:
        said = yaml.load(text, Loader=yaml.BaseLoader) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(said, Mapping):
        raise ValueError(f"should be a mapping, is {shown(said)}")  # noqa: TRY004  (somebody's text, not a caller's mistake)
    return said


def shown(value: object) -> str:
    """As it stands in a sentence; of what is nested no more than its type, as aliases make a few lines endless."""
    texts = value if isinstance(value, list) else [value]
    return repr(value) if all(isinstance(each, str) for each in texts) else f"a {type(value).__name__}"
