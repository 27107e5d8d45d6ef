"""Times of the store are UTC in whole microseconds, whatever zone they were told in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.quantity import iso, microseconds, month_bounds, parse_time

FIRST, LAST = microseconds("1970-01-01"), microseconds("2200-01-01")


@given(st.integers(FIRST, LAST))
def test_there_and_back(time_us: int) -> None:
    assert microseconds(iso(time_us)) == time_us
    name, first, following = month_bounds(time_us)
    assert first <= time_us < following
    assert iso(first).startswith(f"{name.replace('_', '-')}-01T00:00:00")
    assert month_bounds(following)[1] == following


def test_zones() -> None:
    assert microseconds("2026-01-01T00:00:00Z") == microseconds("2026-01-01") == 1_767_225_600_000_000
    assert microseconds("2026-01-01T02:00:00+02:00") == microseconds("2026-01-01")


@pytest.mark.parametrize(
    ("text", "seconds"), [("90m", 5400), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600), ("2026-01-01", 0)]
)
def test_moments(text: str, seconds: int) -> None:
    assert parse_time(text, microseconds("2026-01-01") + seconds * 1_000_000) == microseconds("2026-01-01")


@pytest.mark.parametrize("text", ["", "yesterday", "30", "d30", "2026-13-01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time"):
        parse_time(text)
