"""What figures say about cases that they leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.data import CaseView
from reports.numbers import counted


def left_out(cases: Sequence[CaseView]) -> list[str]:
    """Return a note on cases whose verdict forbids to compare them; none without such cases."""
    if not cases:
        return []
    statuses = Counter(case.record.verdict.status for case in cases)
    named = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    return [f"{counted(len(cases), 'case')} left out that cannot be trusted: {named}"]
