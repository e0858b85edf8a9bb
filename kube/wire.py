"""Protobuf on the wire: fields by their numbers, read and written. What the numbers mean is for who calls."""

from __future__ import annotations

from collections.abc import Iterator

Value = int | bytes
"""A varint, or the bytes of everything else."""


class Unreadable(ValueError):
    """These bytes are no protobuf, or say something that who reads them does not know."""


def fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message, as they come. Raises Unreadable."""
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        match tag & 7:
            case 0:
                number, place = _read_varint(data, place)
                yield tag >> 3, number
            case 1:
                if place + 8 > len(data):
                    raise Unreadable("unexpected EOF")
                yield tag >> 3, data[place : place + 8]
                place += 8
            case 2:
                length, place = _read_varint(data, place)
                if place + length > len(data):
                    raise Unreadable("unexpected EOF")
                yield tag >> 3, data[place : place + length]
                place += length
            case other:
                raise Unreadable(f"proto: illegal wireType {other}")


def embedded(number: int, value: bytes) -> bytes:
    """A field that is a message, or bytes."""
    return tag(number, 2) + varint(len(value)) + value


def text(number: int, value: str) -> bytes:
    return embedded(number, value.encode())


def whole(number: int, value: int) -> bytes:
    return tag(number, 0) + varint(value)


def tag(number: int, wire: int) -> bytes:
    """What a field begins with. `wire` is its type there: 0 a varint, 1 eight bytes, 2 bytes of a length."""
    return varint(number << 3 | wire)


def varint(number: int) -> bytes:
    out = bytearray()
    number &= 2**64 - 1
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(data):
            raise Unreadable("unexpected EOF")
        byte = data[place]
        number |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return number, place
