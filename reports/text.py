"""Text of unknown origin (logs, settings) made short and printable; escaping is the template's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.core.quantity import Missing
from harness.core.record import Record

LONGEST_LOG = 4_000
LONGEST_VALUE = 400
LONGEST_REASON = 1_000
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Without terminal sequences and control characters, line ends included; cut where it is no longer a sentence."""
    return _CONTROL.sub("", brief(text)).replace("\n", " ")


def brief(reason: str) -> str:
    """A reason of a readable length: some libraries put a whole log into their error."""
    if len(reason) <= LONGEST_REASON:
        return reason
    return f"{reason[:LONGEST_REASON]}… ({len(reason):,} characters, whole in the record)"


def brief_record(record: Record) -> Record:
    """The record with every reason of a readable length; itself where all are."""
    verdict, metrics = record.verdict, record.metrics
    if len(verdict.reason) + len(verdict.remedy) > LONGEST_REASON:
        verdict = replace(verdict, reason=brief(verdict.reason), remedy=brief(verdict.remedy))
    if any(isinstance(one, Missing) and len(one.reason) > LONGEST_REASON for one in metrics.values()):
        metrics = {
            name: Missing(brief(one.reason)) if isinstance(one, Missing) else one for name, one in metrics.items()
        }
    if verdict is record.verdict and metrics is record.metrics:
        return record
    return replace(record, verdict=verdict, metrics=metrics)


def tail(log: str, longest: int = LONGEST_LOG) -> str:
    """The log's end without control characters, with a note on what was cut."""
    clean = _CONTROL.sub("", log[-2 * longest :])
    if len(log) <= longest:
        return clean
    return f"[the last {longest:,} of {len(log):,} characters]\n{clean[-longest:]}"


def flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested settings as ('host.os.name', 'Debian') pairs, long values cut."""
    for key, value in settings.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            yield from flat(value, f"{name}.")
        else:
            yield _CONTROL.sub("", name), _value(value)


def _value(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        text = ", ".join(str(part) for part in value)
    else:
        text = "none" if value is None else str(value)
    text = _CONTROL.sub("", text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
