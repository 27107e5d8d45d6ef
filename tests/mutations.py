"""Damaged files for property tests: bytes that were cut or changed, JSON documents with other values in them."""

from __future__ import annotations

import copy
import math
from typing import Any

from hypothesis import strategies as st

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.0, -0.5, 5e-324, 1e308, math.nan, math.inf, -math.inf),
    *("", "x", "12", "nan", "a\x00b", "\ud800", "\x1b[2J", "x" * 3000, "../../etc", "1970-01-01T00:00:00"),
    *([], [[]], [None], [1.0], [True, False], {}, {"": {}}, {"value": 1}, {"reason": ""}),
)
"""Values of every JSON type that a reader may not expect, and those at the ends of what it can hold."""


@st.composite
def damaged_bytes(draw: st.DrawFn, contents: bytes) -> bytes:
    """Contents after one to three accidents: cut off, bytes changed, removed, doubled or put in."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(contents)))
        end = min(len(contents), start + draw(st.integers(0, 64)))
        middle = draw(
            st.one_of(
                st.just(b""),
                st.binary(max_size=8),
                st.just(contents[start:end] * 2),
                st.sampled_from([b"0", b"-", b"e9", b'"', b"{", b"]", b",", b"\r\n", b"\xef\xbb\xbf", b"\xff\xfe"]),
            )
        )
        contents = contents[:start] + middle + (b"" if draw(st.integers(0, 5)) == 0 else contents[end:])
    return contents


@st.composite
def damaged_document(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document with one to three of its places changed: another value, or nothing there any more."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place, key = _place(draw, document)
        if place is None:
            return draw(st.sampled_from(ODD_VALUES))
        action = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
        if action == "replace":
            place[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
        elif action == "remove":
            del place[key]
        elif isinstance(place, list):
            place.append(copy.deepcopy(place[key]))
        else:
            place[f"{key}_"] = copy.deepcopy(place[key])
    return document


def _place(draw: st.DrawFn, document: Any) -> tuple[Any, Any]:
    """A container within the document and one of its keys; (None, None) where the document has none."""
    place, key = None, None
    while isinstance(document, (dict, list)) and document and (place is None or draw(st.integers(0, 5))):
        place = document
        key = draw(st.sampled_from(sorted(document))) if isinstance(document, dict) else _index(draw, len(document))
        document = place[key]
    return place, key


def _index(draw: st.DrawFn, length: int) -> int:
    return draw(st.integers(0, length - 1))
