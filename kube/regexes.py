"""Regular expressions of RE2, which proxies take: without looking around, going back, or possessive quantifiers."""

from __future__ import annotations

import re

_NOT_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|P=|\()|\\[1-9]|[*+?}]\+")  # looking around, going back, possessive


_FLAGS = re.compile(r"\(\?[imsU]+\)")  # which may stand anywhere in RE2, and only before everything in Python


def is_re2(pattern: str) -> bool:
    """Whether RE2 takes the pattern. One that it does not take would make Envoy refuse all routes beside it."""
    try:
        re.compile(_FLAGS.sub("", pattern))
    except re.error:
        return False
    return not _NOT_RE2.search(pattern)


def holds(pattern: str, text: str) -> bool:
    """Whether the pattern holds for the whole text. A flag counts for all of the pattern, wherever it stands."""
    flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
    asked = {flags[each] for found in _FLAGS.findall(pattern) for each in found if each in flags}
    return re.fullmatch(_FLAGS.sub("", pattern), text, sum(asked)) is not None
