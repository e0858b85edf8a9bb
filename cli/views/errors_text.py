"""An error on the screen: what, the detail indented, and what to try."""

from __future__ import annotations

from collections.abc import Iterator

from ...errors import RollwayError
from .paint import Paint


def error_lines(error: RollwayError, paint: Paint) -> Iterator[str]:
    yield f"{paint('✗', 'bad')} {error.summary}"
    yield from (f"  {line}" for line in error.detail.splitlines())
    if error.hint:
        yield f"  {paint('try:', 'faint')} {error.hint}"
