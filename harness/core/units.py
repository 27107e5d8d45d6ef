"""Times and units as the records write them, and as people do: '20 ms', '0.88', '88 %', '2 MB'."""

from __future__ import annotations

import re
from datetime import datetime, timezone

# unit as written: how many of the stored unit (ns, J, bytes, a share of 1) it is
TIME_NS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9}
ENERGY_J = {"uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0}
SIZE_BYTES = {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
SHARE = {"": 1.0, "%": 0.01}

_QUANTITY = re.compile(r"(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)\s*([^\d\s]*)")


def utc_now() -> str:
    """The wall clock as ISO 8601 in UTC with microseconds; for labels alone, intervals use the monotonic clock."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def quantity(text: str, units: dict[str, float]) -> float:
    """'20ms' in the stored unit; MB is 10^6, MiB 2^20. ValueError for another form or a unit not in `units`."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in units:
        known = ", ".join(filter(None, units))
        raise ValueError(f"'{text}': a number and one of {known} expected")
    return float(match[1]) * units[match[2]]
