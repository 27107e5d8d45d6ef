"""What an energy measurement says."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Energy:
    """Energy of a window in joules, with its standard uncertainty `u_joules` (joules +- 1.96 u: 95 %).

    `coverage`: share (0..1) of the window that the sensor watched without a gap. `valid`: whether the
    figure may be reported as measured; if not, `reason` says why not (else it is empty).
    `duration_ns`: length of the window. `updates`: distinct sensor updates in it.

    `u_joules` holds what the readings themselves show: quantisation, window edges, sampling. The
    gain error of the sensor is not among it; its datasheet has it, or nobody.
    """

    joules: float
    u_joules: float
    coverage: float
    valid: bool
    reason: str
    duration_ns: int = 0
    updates: int = 0


def nothing(duration_ns: int, reason: str) -> Energy:
    """A window of which nothing is known: no number of joules would be true, so they are NaN."""
    return Energy(math.nan, math.nan, 0.0, False, reason, duration_ns)
