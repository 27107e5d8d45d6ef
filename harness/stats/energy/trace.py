"""Energy from sampled power by the trapezoidal rule, and when the result is invalid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.stats.validation import FloatArray, IntArray, at_least, seconds, window

from . import result
from .result import Energy, readings, unknown_energy

GAP_PERIODS = 2.5
"""A pause of more than this many update periods is a gap: updates were missed, not only late."""

MIN_UPDATES = 10
"""Fewer distinct updates do not describe a window."""


def integrate(
    t_ns: npt.ArrayLike,
    power_w: npt.ArrayLike,
    start_ns: int,
    end_ns: int,
    period_ns: int | None = None,
    resolution_w: float | None = None,
) -> Energy:
    """Return the energy of a window from power samples.

    Power is interpolated linearly at the edges of the window; beyond the trace its nearest value is held. A reading
    that is not finite leaves a gap. A load that switches in step with the sensor cannot be detected.

    The result is invalid with a gap of more than 2.5 periods, also to an edge, or fewer than 10 updates in the window.

    Args:
        t_ns: Times in whole monotonic nanoseconds, in any order; of equal ones the first counts.
        power_w: Readings in watts, as many; a gated rail may read slightly below 0.
        start_ns: Start of the window.
        end_ns: End of the window.
        period_ns: Update period of the sensor, by default the median distance of the samples; a sensor polled faster
            than it updates needs it.
        resolution_w: Step of the sensor, by default the coarsest of 0.1 W .. 20 uW that fits all readings.

    Raises:
        ValueError: Values are not numbers, lengths differ, or the end is not after the start.

    """
    start, end = window(start_ns, end_ns)
    times_ns, values = readings("power_w", t_ns, power_w)
    watts = values.astype(np.float64)
    if times_ns.size == 0:
        return unknown_energy(end - start, "no readings")
    period_s = _period_s(times_ns, period_ns)
    t_s = seconds(times_ns, start)
    duration_s = (end - start) * 1e-9
    inside = (t_s >= 0.0) & (t_s <= duration_s)
    updates = min(int(inside.sum()), int(duration_s / period_s) + 1)
    longest_s, unseen_s = _gaps(t_s, duration_s, GAP_PERIODS * period_s)
    reason = _objection(longest_s, period_s, updates)
    if t_s[0] > duration_s or t_s[-1] < 0.0:
        reason = "the window lies outside the readings"
    joules = _trapezoid(t_s, watts, duration_s)
    u_joules = result.trace_uncertainty(t_s, watts, duration_s, period_s, unseen_s, resolution_w)
    coverage = max(0.0, 1.0 - unseen_s / duration_s)
    if updates < 3:  # too few to estimate the error
        u_joules = max(u_joules, abs(joules) / np.sqrt(3.0))
    return Energy(joules, u_joules, coverage, not reason, reason, end - start, updates)


def _period_s(times_ns: IntArray, period_ns: int | None) -> float:
    if period_ns is not None:
        return float(at_least("period_ns", period_ns, 1)) * 1e-9
    return float(np.median(np.diff(times_ns))) * 1e-9 if times_ns.size > 1 else float("inf")


def _trapezoid(t_s: FloatArray, watts: FloatArray, duration_s: float) -> float:
    within = (t_s > 0.0) & (t_s < duration_s)
    at_edges = np.interp([0.0, duration_s], t_s, watts)  # holds the end values beyond the trace
    t = np.concatenate(([0.0], t_s[within], [duration_s]))
    p = np.concatenate((at_edges[:1], watts[within], at_edges[1:]))
    return float(np.sum(0.5 * (p[1:] + p[:-1]) * np.diff(t)))


def _gaps(t_s: FloatArray, duration_s: float, limit_s: float) -> tuple[float, float]:
    """Return the longest pause that touches the window, and the time of the window in gaps."""
    lengths = np.diff(t_s)
    overlap = np.clip(t_s[1:], 0.0, duration_s) - np.clip(t_s[:-1], 0.0, duration_s)
    head, tail = np.clip(t_s[0], 0.0, duration_s), duration_s - np.clip(t_s[-1], 0.0, duration_s)
    longest = max(float(head), float(tail), float(lengths[overlap > 0.0].max(initial=0.0)))
    return longest, float(overlap[lengths > limit_s].sum() + head + tail)


def _objection(longest_s: float, period_s: float, updates: int) -> str:
    if updates < MIN_UPDATES:
        return f"{updates} sensor updates in the window, at least {MIN_UPDATES} needed: measure longer"
    if longest_s > GAP_PERIODS * period_s:
        return f"gap of {longest_s:.3g} s in the readings, more than {GAP_PERIODS} periods of {period_s:.3g} s"
    return ""
