"""Energy from a counter that only rises, and wraps."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.stats.validation import FloatArray, IntArray, at_least, seconds, whole, window

from .result import TIMESTAMP_S, Energy, readings, unknown_energy
from .trace import MIN_UPDATES

UPDATE_NS = 1_000_000
"""RAPL counters are updated about every millisecond (Intel SDM vol. 3, "RAPL Interfaces")."""

RESOLUTION_UJ = 61.0
"""The usual energy unit of RAPL, 2^-14 J (same place)."""

EDGE_SHARE = 0.01
"""Up to this share of the window may lie outside the first and last reading."""


def from_counter(
    t_ns: npt.ArrayLike,
    counter_uj: npt.ArrayLike,
    start_ns: int,
    end_ns: int,
    wrap_uj: int,
    update_ns: int = UPDATE_NS,
    resolution_uj: float = RESOLUTION_UJ,
) -> Energy:
    """Return the energy of a window from a counter.

    A reading below the one before has wrapped once, so `wrap_uj` is added. Several wraps between two readings cannot be
    detected: read more often than one wrap takes. At the edges the counter is interpolated linearly, so it is best read
    at both.

    The result is invalid if more than 1 % of the window lies outside the readings, if the counter stands still or was
    reset, if a counter polled faster than it is updated moved fewer than 10 times, or with fewer than 2 readings.

    Args:
        t_ns: Times in whole monotonic nanoseconds, in any order; of equal ones the first counts.
        counter_uj: Readings in whole microjoules, 0 .. `wrap_uj`; NaN where a reading failed.
        start_ns: Start of the window.
        end_ns: End of the window.
        wrap_uj: Value at which the counter wraps (max_energy_range_uj).
        update_ns: Update period of the counter.
        resolution_uj: Step of the counter.

    Raises:
        ValueError: Values are outside 0 .. `wrap_uj` or not numbers, lengths differ, or the end is not after the start.

    """
    start, end = window(start_ns, end_ns)
    times_ns, rises = _rises(t_ns, counter_uj, wrap_uj)
    if times_ns.size < 2:
        return unknown_energy(end - start, f"a counter needs at least 2 readings, there are {times_ns.size}")
    update_s = at_least("update_ns", update_ns, 0) * 1e-9
    t_s, duration_s = seconds(times_ns, start), (end - start) * 1e-9
    total = np.concatenate(([0.0], np.cumsum(rises) * 1e-6))
    unseen_s = max(0.0, float(t_s[0])) + max(0.0, duration_s - float(t_s[-1]))
    touched = (t_s[1:] > 0.0) & (t_s[:-1] < duration_s)
    moves = int(np.count_nonzero(rises[touched]))
    reason = _objection(rises[touched], wrap_uj, unseen_s / duration_s)
    joules = _at(duration_s, t_s, total) - _at(0.0, t_s, total)
    if 0 < moves < touched.sum():  # it stood still between some readings: slower than its stated period
        update_s = max(update_s, duration_s / moves)
    quantum_j = 1e-6 * at_least("resolution_uj", resolution_uj, 0.0)
    u_joules = _uncertainty(t_s, total, duration_s, update_s, quantum_j)
    return Energy(joules, u_joules, max(0.0, 1.0 - unseen_s / duration_s), not reason, reason, end - start, moves)


def _rises(t_ns: npt.ArrayLike, counter_uj: npt.ArrayLike, wrap_uj: int) -> tuple[IntArray, IntArray]:
    """Return the times and the rise of the counter from each reading to the next, in microjoules."""
    at_least("wrap_uj", wrap_uj, 1)
    times_ns, values = readings("counter_uj", t_ns, counter_uj)
    if times_ns.size == 0:
        return times_ns, times_ns
    counter = whole("counter_uj", values)
    outside = (counter < 0) | (counter > wrap_uj)
    if outside.any():
        raise ValueError(f"counter_uj holds {counter[outside][0]}, expected 0 .. {wrap_uj} (the wrap)")
    steps = np.diff(counter)
    return times_ns, np.where(steps < 0, steps + int(wrap_uj), steps)


def _objection(rises: IntArray, wrap_uj: int, unseen_share: float) -> str:
    moves = int(np.count_nonzero(rises))
    if unseen_share >= 1.0:
        return "the window lies outside the readings"
    if unseen_share > EDGE_SHARE:
        return f"{100 * unseen_share:.2g} % of the window lies outside the readings of the counter"
    if moves == 0:
        return "the counter stood still"
    if np.any(rises > wrap_uj / 2):
        return "the counter fell back by less than half its range: it was reset, or readings are missing"
    if moves < min(rises.size, MIN_UPDATES):
        return f"the counter moved {moves} times in the window, at least {MIN_UPDATES} needed: measure longer"
    return ""


def _at(moment_s: float, t_s: FloatArray, total: FloatArray) -> float:
    """Return the unwrapped counter at a moment, continued at its first or last slope outside the readings."""
    i = int(np.clip(np.searchsorted(t_s, moment_s, side="right"), 1, t_s.size - 1))
    slope = (total[i] - total[i - 1]) / (t_s[i] - t_s[i - 1])
    return float(total[i - 1] + slope * (moment_s - t_s[i - 1]))


def _uncertainty(t_s: FloatArray, total: FloatArray, duration_s: float, period_s: float, quantum_j: float) -> float:
    """Return the edge error: when the counter was last updated, its quantum, and the power between readings.

    An edge at the share f of an interval of length h, in which power steps by d at that moment, is
    interpolated wrong by f (1 - f) h d; d is bounded by the changes to the neighbouring intervals. A window
    around a burst of work has such a step at both edges, wrong in the same direction: they add.
    """
    lengths = np.diff(t_s)
    power = np.pad(np.diff(total) / lengths, 1, mode="edge")
    mean_w = float(total[-1] - total[0]) / float(t_s[-1] - t_s[0])
    stepped, updated = 0.0, 2.0 * quantum_j**2 / 12.0
    for edge in (0.0, duration_s):
        i = int(np.clip(np.searchsorted(t_s, edge, side="right"), 1, t_s.size - 1)) - 1
        around = power[i : i + 3]  # the interval before that of the edge, its own, and the one after
        f = (edge - t_s[i]) / lengths[i]
        stepped += abs(f * (1.0 - f)) * lengths[i] * float(np.abs(np.diff(around)).sum())
        updated += max(mean_w, float(around.max())) ** 2 * (period_s**2 / 12.0 + TIMESTAMP_S**2)
    return float(np.hypot(stepped, np.sqrt(updated)))
