"""Times and units as the records write them."""

from __future__ import annotations

from datetime import datetime, timezone


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC with microseconds; for labels alone, intervals use the monotonic clock."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")
