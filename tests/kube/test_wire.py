"""Protobuf on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.kube.wire import Unreadable, embedded, fields, tag, text, whole

NUMBERS = st.integers(1, 2**29 - 1)
FIELDS = st.lists(st.tuples(NUMBERS, st.integers(0, 2**64 - 1) | st.binary(max_size=300)), max_size=6)


@given(FIELDS)
def test_what_is_written_is_read(written: list[tuple[int, int | bytes]]) -> None:
    """In its order, whatever its size."""
    parts = [whole(number, value) if isinstance(value, int) else embedded(number, value) for number, value in written]
    assert list(fields(b"".join(parts))) == written


def test_known_bytes() -> None:
    """Those of the encoding guide: field 1 with 150, field 2 with "testing"; and a double is its eight bytes."""
    assert whole(1, 150) == b"\x08\x96\x01"
    assert text(2, "testing") == b"\x12\x07testing"
    assert list(fields(tag(3, 1) + b"\0" * 8)) == [(3, b"\0" * 8)]


@pytest.mark.parametrize("cut", [text(2, "testing")[:-1], whole(1, 150)[:-1], tag(3, 1) + b"\0", b"\x0b"])
def test_what_is_no_message_is_refused(cut: bytes) -> None:
    """One that ends too early, and a group, which nobody writes any more."""
    with pytest.raises(Unreadable):
        list(fields(cut))
