"""What an unquoted scalar stands for, as Kubernetes reads it."""

from __future__ import annotations

import re
from typing import Any

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_BOOLS = {form: word in _TRUE for word in _TRUE + _FALSE for form in (word, word.capitalize(), word.upper())}
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INT = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")


def plain(text: str) -> Any:
    """What an unquoted scalar stands for: null, a boolean, a number, or the text itself."""
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", ""))
    bare = text.replace("_", "")
    if _INT.fullmatch(text) and len(bare) < 70 and (number := _integer(bare)) is not None:
        return number
    if _FLOAT.fullmatch(text):
        value = float(bare)
        return text if value in (float("inf"), float("-inf")) else value
    return text


def _integer(bare: str) -> int | None:
    digits = bare.lstrip("+-")
    if not digits or digits[-1] in "xob":
        return None
    is_octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567"
    value = int(digits, 8 if is_octal else 0)
    value = -value if bare[0] == "-" else value
    # beyond 64 bits it is a float, as in Go
    return value if -(2**63) <= value < 2**64 else None
