"""Measured quantities (a value with its interval, or the reason why it is missing), and units and times of records."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .errors import UsageError


@dataclass(frozen=True)
class Value:
    """A finite number, in the unit that the name of its field ends in.

    Attributes:
        value: The number.
        lo: Lower end of the 95 % interval, None if unknown.
        hi: Upper end of the 95 % interval, None if unknown.
        n: Number of observations behind it, None if unknown.

    """

    value: float
    lo: float | None = None
    hi: float | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        for number in (self.value, self.lo, self.hi):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"a Value must be finite, not {number}: use Missing with a reason")


@dataclass(frozen=True)
class Missing:
    """The reason why there is no number; used in place of 0 or None.

    Attributes:
        reason: Why there is none.
    """

    reason: str

    def __post_init__(self) -> None:
        if not self.reason:
            raise ValueError("Missing needs a reason")


Quantity = Value | Missing


# factors from the written unit to the stored one (ns, J, bytes, a share of 1)
TIME_NS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
ENERGY_J = {"uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0}
SIZE_BYTES = {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
SHARE = {"": 1.0, "%": 0.01}

_QUANTITY = re.compile(r"(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)\s*([^\d\s]*)")


def utc_now() -> str:
    """Return the wall clock as ISO 8601 in UTC with microseconds, for labels; intervals use the monotonic clock."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def quantity(text: str, units: dict[str, float]) -> float:
    """Parse a number with a unit ('20ms') into the stored unit; ValueError for another form or an unknown unit."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        known = ", ".join(filter(None, units))
        raise ValueError(f"'{text}': a number and one of {known} expected")
    return float(match[1]) * units[match[2]]


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_AGO = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def microseconds(iso: str) -> int:
    """Return an ISO 8601 time, UTC if it names no zone, as microseconds since 1970; ValueError if it is malformed."""
    time = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", iso))  # Python 3.10 does not know the Z
    aware = time if time.tzinfo else time.replace(tzinfo=timezone.utc)
    return (aware - _EPOCH) // _MICROSECOND


def iso(time_us: int) -> str:
    """Return microseconds since 1970 as ISO 8601 in UTC, in the form of `utc_now`."""
    return (_EPOCH + time_us * _MICROSECOND).isoformat(timespec="microseconds")


def parse_time(text: str, now_us: int | None = None) -> int:
    """Parse an ISO date or time in UTC, or an age ('30d', '12h', '2w', '90m'), into microseconds since 1970.

    Raises:
        UsageError: The text is neither.

    """
    ago = re.fullmatch(r"(\d+)\s*([mhdw])", text.strip())
    if ago:
        now = microseconds(datetime.now(timezone.utc).isoformat()) if now_us is None else now_us
        return now - timedelta(**{_AGO[ago[2]]: int(ago[1])}) // _MICROSECOND
    try:
        return microseconds(text.strip())
    except ValueError:
        raise UsageError(
            f"'{text}' is not a time", "write one such as 2026-01-31, 2026-01-31T22:00 or 30d, 12h, 2w"
        ) from None


def month_bounds(time_us: int) -> tuple[str, int, int]:
    """Return the month of a time: its name ('2026_01'), its first microsecond and that of the next month."""
    time = _EPOCH + time_us * _MICROSECOND
    first = datetime(time.year, time.month, 1, tzinfo=timezone.utc)
    following = datetime(time.year + time.month // 12, time.month % 12 + 1, 1, tzinfo=timezone.utc)
    return f"{time:%Y_%m}", (first - _EPOCH) // _MICROSECOND, (following - _EPOCH) // _MICROSECOND
