"""Lists, ranges and counts as words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reports.numbers import counted

NOT_RECORDED = "not recorded"


def listed(names: Iterable[str]) -> str:
    """Return 'a', 'a and b' or 'a, b and c', each name once."""
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last


def ranged(numbers: Sequence[float]) -> str:
    """Return '3', or '3 to 5' if the numbers differ, as whole numbers."""
    low, high = min(numbers), max(numbers)
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def of_all(count: int, total: int, noun: str) -> str:
    """Return 'all 12 cases', '1 of 12 cases' or 'the only case'."""
    if count == total:
        return f"all {counted(total, noun)}" if total > 1 else f"the only {noun}"
    return f"{count:,} of {counted(total, noun)}"
