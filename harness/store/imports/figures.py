"""Numbers and structures of another tool's result, each checked where it is read; ValueError says what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_MAX_COUNT = 1 << 53
_MAX_SHOWN = 40
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def number(value: object, what: str) -> float:
    """Return a finite number; a truth value or a text is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{what} is {shown(value)}, not a number")
    try:
        converted = float(value)
    except OverflowError:
        converted = math.inf
    if not math.isfinite(converted):
        raise ValueError(f"{what} is {shown(value)}, not a finite number")
    return converted


def positive(value: object, what: str) -> float:
    """Return a finite number above 0."""
    converted = number(value, what)
    if converted <= 0:
        raise ValueError(f"{what} is {shown(value)}, expected a number above 0")
    return converted


def count(value: object, what: str) -> int:
    """Return a whole number from 1."""
    converted = positive(value, what)
    if converted != int(converted) or converted > _MAX_COUNT:
        raise ValueError(f"{what} is {shown(value)}, expected a count")
    return int(converted)


def parsed(text: str, what: str) -> float:
    """Return the number that a text holds, and nothing else."""
    if not _DECIMAL.fullmatch(text.strip()):
        raise ValueError(f"{what} is {shown(text)}, not a number")
    return number(float(text), what)


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is {shown(value)}, not an object")
    return value


def sequence(value: object, what: str) -> Sequence[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise ValueError(f"{what} is {shown(value)}, not a list")
    return value


def times_ns(samples: object, what: str) -> list[float]:
    """Return a list of durations in seconds as nanoseconds; each must be a number, see `ParsedCase` for the rest."""
    values = sequence(samples, what)
    return [number(value, f"{what}[{index}]") * 1e9 for index, value in enumerate(values)]


def shown(value: object) -> str:
    """Return a value for a message: short, and without its contents where it is a structure."""
    if value is None or isinstance(value, (dict, list)):
        return {type(None): "null", dict: "an object", list: "a list"}[type(value)]
    text = repr(value) if isinstance(value, (str, bool)) else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
