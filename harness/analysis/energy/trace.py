"""Energy from sampled power: trapezoids, and an honest account of what lies between the samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.analysis._checks import FloatArray, at_least, samples, times, window
from harness.analysis.energy.result import TIMESTAMP_S, Energy

GAP_PERIODS = 2.5
"""A pause longer than this many update periods is a gap: updates were missed, not merely late."""

MIN_UPDATES = 10
"""Fewer distinct updates do not describe a window."""


@dataclass(frozen=True)
class _Piece:
    """The trace cut to a window: seconds since its start, watts; first and last sit on the edges."""

    t_s: FloatArray
    power_w: FloatArray
    before_s: float  # head and tail of the window that no reading covers
    after_s: float
    edge_steps: tuple[tuple[float, float], ...]  # (length in s, change in W) of the intervals cut by an edge


def integrate(
    t_ns: npt.ArrayLike,
    power_w: npt.ArrayLike,
    start_ns: int,
    end_ns: int,
    period_ns: int | None = None,
    resolution_w: float | None = None,
) -> Energy:
    """Return the energy between `start_ns` and `end_ns` of the power samples, by the trapezoidal rule.

    `t_ns`: integer monotonic nanoseconds, not falling (of equal ones the first counts); `power_w`: watts
    >= 0, as many. Power at the window's edges is interpolated linearly; where the trace does not reach
    an edge, its nearest value is held. `period_ns`: the sensor's update period, default the
    median distance of the samples. `resolution_w`: its quantum, default the smallest
    difference between two readings.

    Invalid: a gap of more than 2.5 periods, fewer than 10 distinct updates, no reading in the window.
    The power between two readings of one update is not seen: a load that switches in step with
    the sensor deceives any sampler (the period is best no multiple of the load's).
    """
    times_ns, watts = _readings(t_ns, power_w)
    start, end = window(start_ns, end_ns)
    period_s = _period_s(times_ns, period_ns)
    piece = _cut(times_ns, watts, start, end)
    steps = np.diff(piece.t_s)
    joules = float(np.sum(0.5 * (piece.power_w[1:] + piece.power_w[:-1]) * steps))
    limit = GAP_PERIODS * period_s
    gaps = steps[steps > limit]
    duration_s = (end - start) * 1e-9
    unseen = float(gaps.sum()) + sum(x for x in (piece.before_s, piece.after_s) if gaps.size == 0 or x <= limit)
    inside = int(np.count_nonzero((times_ns >= start) & (times_ns <= end)))
    updates = min(inside, int(duration_s / period_s) + 1)
    reason = _objection(steps, limit, period_s, updates, inside)
    u_joules = _uncertainty(piece, gaps, period_s, resolution_w)
    return Energy(joules, u_joules, max(0.0, 1.0 - unseen / duration_s), not reason, reason, end - start, updates)
