"""What is simulated by the hundred is not traced."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def untraced() -> Iterator[None]:
    """`make coverage` sees nothing of the test. Where a judge looks at hundreds of releases, tracing takes longer than judging,
    and the lines that it comes by are those that the other tests reach with one."""
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)
