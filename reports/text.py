"""Times and text of unknown origin, made short and printable."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.core.printable import one_line, printable
from harness.core.quantity import Missing
from harness.core.record import Record

_LONGEST_LOG = 4_000
_LONGEST_VALUE = 400
_LONGEST_REASON = 1_000


def when(utc: str) -> str:
    """Return an ISO time in UTC to the minute, '2026-01-01 00:00 UTC', and any other text unchanged."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)", utc)
    return f"{match[1]} {match[2]} UTC" if match else utc


def to_the_second(utc: str) -> str:
    """Return an ISO time in UTC to the second, '2026-01-01 00:00:07 UTC', and any other text unchanged."""
    match = re.match(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)", utc)
    return f"{match[1]} {match[2]} UTC" if match else utc


def clean(text: str) -> str:
    """Return the text on one line, without terminal sequences and control characters, and of a readable length."""
    return one_line(brief(text))


def brief(reason: str) -> str:
    """Return a reason of a readable length: some libraries put a whole log into an error message."""
    if len(reason) <= _LONGEST_REASON:
        return reason
    return f"{reason[:_LONGEST_REASON]}… ({len(reason):,} characters; the record has all of them)"


def brief_record(record: Record) -> Record:
    """Return the record with every reason of a readable length, or the record itself if all of them are."""
    verdict, metrics = record.verdict, record.metrics
    if len(verdict.reason) + len(verdict.remedy) > _LONGEST_REASON:
        verdict = replace(verdict, reason=brief(verdict.reason), remedy=brief(verdict.remedy))
    if any(isinstance(value, Missing) and len(value.reason) > _LONGEST_REASON for value in metrics.values()):
        metrics = {
            name: Missing(brief(value.reason)) if isinstance(value, Missing) else value
            for name, value in metrics.items()
        }
    if verdict is record.verdict and metrics is record.metrics:
        return record
    return replace(record, verdict=verdict, metrics=metrics)


def tail(log: str, longest: int = _LONGEST_LOG) -> str:
    """Return the end of a log without control characters, with a note on what was cut."""
    end = printable(log[-2 * longest :])
    if len(log) <= longest:
        return end
    return f"[the last {longest:,} of {len(log):,} characters]\n{end[-longest:]}"


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested settings as ('host.os.name', 'Debian') pairs, with long values cut."""
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from flatten(value, f"{name}.")
        else:
            yield printable(name), _value_text(value)


def _value_text(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(str(item) for item in value)
    else:
        text = "none" if value is None else str(value)
    text = printable(text)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
