"""Times in the store: UTC in integer microseconds, since SQLite drops time zones."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .errors import UsageError

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_AGO = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def microseconds(iso: str) -> int:
    """An ISO 8601 time as microseconds since 1970; UTC where it names no zone. ValueError when it is none."""
    time = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", iso))  # Python 3.10 does not know the Z
    aware = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // _MICROSECOND


def iso(time_us: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC, as `harness.core.units.utc_now` writes it."""
    return (_EPOCH + time_us * _MICROSECOND).isoformat(timespec="microseconds")


def moment(text: str, now_us: int | None = None) -> int:
    """What `--since` takes: an ISO date or time in UTC, or so long ago: '30d', '12h', '2w', '90m'. UsageError else."""
    ago = re.fullmatch(r"(\d+)\s*([mhdw])", text.strip())
    if ago:
        now = microseconds(datetime.now(timezone.utc).isoformat()) if now_us is None else now_us
        return now - timedelta(**{_AGO[ago[2]]: int(ago[1])}) // _MICROSECOND
    try:
        return microseconds(text.strip())
    except ValueError:
        raise UsageError(f"'{text}' is no time", "such as 2026-01-31, 2026-01-31T22:00 or 30d, 12h, 2w") from None


def month_bounds(time_us: int) -> tuple[str, int, int]:
    """The month a time lies in: its name ('2026_01'), its first microsecond and the next month's."""
    time = _EPOCH + time_us * _MICROSECOND
    first = datetime(time.year, time.month, 1, tzinfo=timezone.utc)
    following = datetime(time.year + time.month // 12, time.month % 12 + 1, 1, tzinfo=timezone.utc)
    return f"{time:%Y_%m}", (first - _EPOCH) // _MICROSECOND, (following - _EPOCH) // _MICROSECOND
