"""The types of the entries of `Record.details` that tables, stores and reports read; others may be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from harness.core.record import Blob


@dataclass(frozen=True)
class _Part:
    right: int
    n: int


@dataclass(frozen=True)
class _Stop:
    words: str = ""


@dataclass(frozen=True)
class _Quality:
    metric: str
    title: str
    label: str
    better: Literal["higher", "lower"]
    unit: str


@dataclass(frozen=True)
class _Accuracy:
    name: str = ""
    task: str = ""
    quality: _Quality | None = None
    parts: Mapping[str, _Part] = field(default_factory=dict)
    stop: _Stop = field(default_factory=_Stop)


@dataclass(frozen=True)
class _Minute:
    minute: int
    p50_ns: float


@dataclass(frozen=True)
class _SameInput:
    ratio: float
    at_least: float
    held: bool


@dataclass(frozen=True)
class _Details:
    accuracy: _Accuracy = field(default_factory=_Accuracy)
    samples: Blob | None = None
    minutes: tuple[_Minute, ...] = ()
    same_input: _SameInput | None = None


_ADAPTER = TypeAdapter(tuple[_Details], config={"strict": True, "allow_inf_nan": False})


def problem_of(details: Mapping[str, Any]) -> str:
    """Return the key and what is wrong with its value, '' where every entry can be read."""
    try:
        _ADAPTER.validate_json(json.dumps([details]))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"key 'details.{'.'.join(str(part) for part in first['loc'][1:])}': {first['msg']}"
    return ""
