"""What figures are called, and what they say about cases that they leave out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from reports.data import CaseView, ReportData, Unit
from reports.numbers import counted


def left_out(cases: Sequence[CaseView]) -> list[str]:
    """Return a note on cases whose verdict forbids to compare them; none without such cases."""
    if not cases:
        return []
    statuses = Counter(case.record.verdict.status for case in cases)
    named = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    return [f"{counted(len(cases), 'case')} left out that cannot be trusted: {named}"]


def name_of(stem: str, data: ReportData, unit: Unit) -> str:
    """Return the name of a figure of one piece of hardware: the stem, with the hardware's name if there are several."""
    return f"{stem}-{re.sub(r'[^A-Za-z0-9._-]+', '-', unit.name)}" if data.several_units else stem
