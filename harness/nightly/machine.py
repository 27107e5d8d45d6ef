"""Outcomes about the machine, and not about a build: its verdicts, a night without figures, a clock that went back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.core.record import Record
from harness.core.verdict import TIMED
from reports.numbers import counted

from .outcome import Outcome

DEVICE_VERDICTS = frozenset({"throttled", "emulated"})
"""Verdicts that are about the device and not about a build."""


def has_trusted_figures(record: Record) -> bool:
    """Return whether a case has figures that say something about its build."""
    return record.trusts(TIMED) or record.verdict.status == "untimed"


def device(records: Sequence[Record]) -> list[Outcome]:
    """Report a night in which no time can be trusted, else each verdict of `DEVICE_VERDICTS` with its cases."""
    tried = [record for record in records if record.verdict.status != "unsupported"]
    if tried and not any(map(has_trusted_figures, tried)):
        counts = Counter(record.verdict.status for record in tried)
        statuses = ", ".join(f"{count} of {len(tried)} {status}" for status, count in counts.most_common())
        return [_infrastructure(f"no figures tonight: {statuses}", tried[0].verdict.reason)]
    outcomes = []
    for status in sorted(DEVICE_VERDICTS):
        affected = [record for record in records if record.verdict.status == status]
        if affected:
            outcomes.append(_infrastructure(f"{counted(len(affected), 'case')} {status}", affected[0].verdict.reason))
    return outcomes


def clock(now_utc: str, newest_utc: str, newest_run: str) -> list[Outcome]:
    """Report a clock that stands behind the newest run before on the same unit.

    Args:
        now_utc: What the clock said at the end of tonight's run.
        newest_utc: Start of the newest run of this unit that the store had before.
        newest_run: Its id.

    """
    if now_utc >= newest_utc:
        return []
    now, newest = (time[:16].replace("T", " ") for time in (now_utc, newest_utc))
    text = f"the clock says {now} UTC, and the newest run before, {newest_run}, started {newest} UTC"
    return [_infrastructure(text, "the order of the nights is that of the store")]


def _infrastructure(found: str, reason: str) -> Outcome:
    text = f"{found}: {reason}" if reason else found
    return Outcome("infrastructure", "", "", text, command="edgebench doctor")
