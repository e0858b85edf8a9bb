"""Logs as they grow, from pods that may write whatever they like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from rollway.cluster import wire
from rollway.cluster.wire import Call, Wire


class Growing:
    """The answer to a request for a log: its pieces as they arrive."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces, self.content = pieces, self

    async def iter_any(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    def close(self) -> None:
        pass


def lines_of(*pieces: bytes) -> list[str]:
    class Answered(Wire):
        def __init__(self) -> None:
            pass

        async def send(self, call: Call, **how: Any) -> Any:
            return Growing(*pieces)

    async def read() -> list[str]:
        return [line async for line in Answered().text_lines(cast("Call", None))]

    return asyncio.run(read())


def test_lines_are_whole_wherever_the_pieces_end() -> None:
    assert lines_of(b"one\ntw", b"o\n\nthr", b"ee", b"\n", b"cut off") == ["one", "two", "", "three"]


def test_of_a_line_without_an_end_the_beginning_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the next one is heard as ever."""
    monkeypatch.setattr(wire, "MOST_LINE", 5)
    assert lines_of(b"abcdefgh", b"ijk" * 9, b"\nnext\n") == ["abcde", "next"]
