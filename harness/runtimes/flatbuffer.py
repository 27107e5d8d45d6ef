"""FlatBuffers and FlexBuffers read in place: slices of a mapped file, without copies and without generated code.

A measured process reads them too, and slices of a mapped file add nothing to its memory. Layout:
github.com/google/flatbuffers, docs/source/internals.md.
"""

from __future__ import annotations

from collections.abc import Iterator

_OFFSET = 4
"""Bytes of an offset, of a vector's length, and of the numbers read here."""
_STRING = 5
"""FlexBuffers' type of a string of bytes."""


class DamagedBuffer(ValueError):
    """Something in it points outside it."""


class Table:
    """One table at `place` of `data`; its fields by their number in the schema."""

    def __init__(self, data: memoryview, place: int) -> None:
        self._data = data
        self._place = place
        self._fields = place - _number(data, place, _OFFSET, signed=True)
        self._size = _number(data, self._fields, 2)
        if self._size < _OFFSET:
            raise DamagedBuffer(f"no table at {place}")

    @classmethod
    def root(cls, data: memoryview) -> Table:
        """Return the root table of a buffer."""
        return cls(data, _number(data, 0, _OFFSET))

    def number(self, field: int, width: int = _OFFSET) -> int:
        """Return an unsigned number of `width` bytes; 0, the schemas' default, where it is not stored."""
        place = self._stored(field)
        return _number(self._data, place, width) if place else 0

    def numbers(self, field: int) -> Iterator[int]:
        """Return a vector of unsigned numbers of 4 bytes; empty where it is not stored."""
        return (_number(self._data, place, _OFFSET) for place in self._elements(field))

    def content(self, field: int) -> memoryview:
        """Return the bytes of a string or byte vector; empty where it is not stored."""
        place = self._stored(field)
        return _counted(self._data, self._target(place)) if place else self._data[:0]

    def contents(self, field: int) -> Iterator[memoryview]:
        """Return the bytes of each string of a vector."""
        return (_counted(self._data, self._target(place)) for place in self._elements(field))

    def table(self, field: int) -> Table | None:
        """Return a table within this one; None where it is not stored."""
        place = self._stored(field)
        return Table(self._data, self._target(place)) if place else None

    def tables(self, field: int) -> Iterator[Table]:
        """Return a vector of tables."""
        return (Table(self._data, self._target(place)) for place in self._elements(field))

    def _stored(self, field: int) -> int:
        """Return where a field's value is, 0 where it is left out."""
        entry = _OFFSET + 2 * field
        if entry >= self._size:
            return 0
        offset = _number(self._data, self._fields + entry, 2)
        return self._place + offset if offset else 0

    def _target(self, place: int) -> int:
        return place + _number(self._data, place, _OFFSET)

    def _elements(self, field: int) -> Iterator[int]:
        """Return the places of a vector's elements of 4 bytes each."""
        stored = self._stored(field)
        if not stored:
            return
        start = self._target(stored)
        count = _number(self._data, start, _OFFSET)
        _number(self._data, start + _OFFSET * count, _OFFSET)  # the last one, before a damaged count is gone through
        yield from range(start + _OFFSET, start + _OFFSET * (count + 1), _OFFSET)


def flexible_string(data: memoryview, key: bytes) -> memoryview:
    """Return the string that a FlexBuffer's map holds under `key`; DamagedBuffer without one.

    A map is a vector whose values' types follow it; before it stand its size, and before that the width and place of
    its vector of keys.
    """
    width = _number(data, len(data) - 1, 1)
    place = _behind(data, len(data) - 2 - width, width)
    width = 1 << (_number(data, len(data) - 2, 1) & 3)
    keys = _behind(data, place - 3 * width, width)
    key_width = _number(data, place - 2 * width, width)
    size = _number(data, place - width, width)
    for number in range(size):
        name = _behind(data, keys + number * key_width, key_width)
        if data[name : name + len(key) + 1] != key + b"\0":
            continue
        kind = _number(data, place + size * width + number, 1)
        if kind >> 2 == _STRING:
            counter = 1 << (kind & 3)
            return _counted(data, _behind(data, place + number * width, width) - counter, counter)
    raise DamagedBuffer(f"no string under {key!r}")


def _behind(data: memoryview, place: int, width: int) -> int:
    """Return the place that a FlexBuffer's offset points back to."""
    return place - _number(data, place, width)


def _counted(data: memoryview, place: int, width: int = _OFFSET) -> memoryview:
    """Return the bytes that follow their count, which stands at `place`."""
    start, count = place + width, _number(data, place, width)
    if start + count > len(data):
        raise DamagedBuffer(f"{count} bytes at {start} of {len(data)}")
    return data[start : start + count]


def _number(data: memoryview, place: int, width: int, signed: bool = False) -> int:
    if width not in (1, 2, 4, 8) or not 0 <= place <= len(data) - width:
        raise DamagedBuffer(f"{width} bytes at {place} of {len(data)}")
    return int.from_bytes(data[place : place + width], "little", signed=signed)
