"""Parse JSON documents into the dataclasses of `harness.core`, strictly: an unknown key is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from harness.core.case import Case
from harness.core.errors import RecordError, UnknownName
from harness.core.quantity import Missing, Quantity, microseconds, month_bounds
from harness.core.record import SCHEMA, Record, RunHeader, digest_of

from .record_details import problem_of

T = TypeVar("T", Record, RunHeader, Case)

# A one-element tuple around the dataclass: only then does pydantic apply a configuration to plain dataclasses.
_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
_RECORD = TypeAdapter(tuple[Record], config=_STRICT)
_HEADER = TypeAdapter(tuple[RunHeader], config=_STRICT)
_CASE = TypeAdapter(tuple[Case], config=_STRICT)

_ROUNDING = 1e-9
_REMEDY = "copy the file again; the other files of the run can still be read"


def parse_record(path: Path) -> Record:
    """Read a record from a file; RecordError names the file and the key at fault."""
    return record_from(_text(path), str(path))


def parse_header(path: Path) -> RunHeader:
    """Read a run header from a file; RecordError names the file and the key at fault."""
    return header_from(_text(path), str(path))


def record_from(text: str, origin: str) -> Record:
    """Parse a record from JSON; RecordError names its `origin` and the key at fault."""
    return _parse(text, origin, _RECORD)


def header_from(text: str, origin: str) -> RunHeader:
    """Parse a run header from JSON; RecordError names its `origin` and the key at fault."""
    return _parse(text, origin, _HEADER)


def case_from(parameters: Mapping[str, Any]) -> Case:
    """Return the case that parsed JSON describes; RecordError if a key is unknown or a value has another type."""
    try:
        text = json.dumps(parameters, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise _damaged("case", error) from None
    return _validated(text, "case", _CASE)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise _damaged(str(path), error) from None


def _damaged(origin: str, error: Exception) -> RecordError:
    return RecordError(f"{origin}: damaged: {error}", _REMEDY)


def _parse(text: str, origin: str, adapter: TypeAdapter[tuple[T]]) -> T:
    try:
        document = json.loads(text, parse_constant=_not_json, parse_int=_int64)
    except (ValueError, RecursionError) as error:
        raise _damaged(origin, error) from None
    _check_schema(origin, document)
    parsed = _validated(text, origin, adapter)
    for name in ("started_utc", "ended_utc"):
        _check_time(origin, name, getattr(parsed, name, None))
    for name, quantity in getattr(parsed, "metrics", {}).items():
        _check_quantity(origin, name, quantity)
    if problem := problem_of(getattr(parsed, "details", {})):
        raise RecordError(f"{origin}: {problem}", _REMEDY)
    if (digest := document.get("digest")) and digest != digest_of(document):
        raise RecordError(f"{origin}: it was changed after it was written: its digest is another", _REMEDY)
    return parsed


def _validated(text: str, origin: str, adapter: TypeAdapter[tuple[T]]) -> T:
    try:
        return adapter.validate_json(f"[{text}]")[0]
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"][1:])
        raise RecordError(f"{origin}: key '{key}': {first['msg']}", _REMEDY) from None
    except UnknownName as error:
        raise RecordError(f"{origin}: key 'metrics': {error.message}", _REMEDY) from None
    except OverflowError as error:  # a whole number beyond the range of a float
        raise _damaged(origin, error) from None


def _check_schema(origin: str, document: Any) -> None:
    if not isinstance(document, dict) or not isinstance(document.get("schema"), int):
        raise RecordError(f"{origin}: not a document of edgebench: it has no schema number", _REMEDY)
    if document["schema"] > SCHEMA:
        raise RecordError(
            f"{origin}: written by a newer edgebench (schema {document['schema']}, this one reads up to {SCHEMA})",
            "upgrade edgebench to read it",
        )


def _check_time(origin: str, name: str, text: str | None) -> None:
    """Raise RecordError for a time that is none, or so far off that no calendar has its month."""
    try:
        if text is not None:
            month_bounds(microseconds(text))
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{origin}: key '{name}': {error}", _REMEDY) from None


def _check_quantity(origin: str, name: str, quantity: Quantity) -> None:
    """Raise RecordError for a number that no table holds, or that is outside of its own interval."""
    if isinstance(quantity, Missing):
        return
    value, slack = quantity.value, abs(quantity.value) * _ROUNDING
    lo, hi = quantity.lo if quantity.lo is not None else value, quantity.hi if quantity.hi is not None else value
    if not (max(abs(value), abs(lo), abs(hi)) < 2**63 and lo - slack <= value <= hi + slack):
        raise RecordError(f"{origin}: key 'metrics.{name}': {value:g} with the interval {lo:g} to {hi:g}", _REMEDY)


def _int64(digits: str) -> int:
    """Return a whole number; ValueError beyond 64 bits, which neither a table nor a database holds."""
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{digits[:40]} has more than 64 bits")
    return number


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
