"""Protocol Buffers read in place, by field numbers: messages of a mapped file without copies and generated code.

The encoding: https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

Buffer = memoryview


def fields(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of the value of each field; ValueError where the bytes are no message."""
    place = start
    while place < end:
        tag, place = varint(data, place)
        kind, first = tag & 7, place
        if kind == _VARINT:
            _, place = varint(data, place)
        elif kind == _BYTES:
            length, first = varint(data, place)
            place = first + length
        elif kind in (_FIXED64, _FIXED32):
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {kind}")
        if place > end:
            raise ValueError("the field is longer than its message")
        yield tag >> 3, first, place


def varint(data: Buffer, place: int) -> tuple[int, int]:
    """Return the number at `place`, seven bits per byte, and the place behind it."""
    number = shift = 0
    while True:
        byte = data[place]
        number |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
