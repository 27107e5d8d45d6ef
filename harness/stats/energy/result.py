"""Energy of a window, net energy, and the uncertainty of a trace.

The parts of an uncertainty (quantization, window edges, sampling) are standard uncertainties in joules, combined in
quadrature after the GUM (JCGM 100:2008); a bound +-a counts as a / sqrt(3).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.stats.validation import FloatArray, IntArray, at_least, vector, whole


@dataclass(frozen=True)
class Energy:
    """Energy of a window.

    Attributes:
        joules: The energy.
        u_joules: Its standard uncertainty from quantization, window edges and sampling; joules +- 1.96 u covers 95 %.
            The gain error of the sensor is not included.
        coverage: Share (0..1) of the window without a gap in the readings.
        valid: Whether the figure may be reported as measured.
        reason: Why not, else ''.
        duration_ns: Length of the window.
        updates: Distinct updates of the sensor in it.

    """

    joules: float
    u_joules: float
    coverage: float
    valid: bool
    reason: str
    duration_ns: int = 0
    updates: int = 0


def unknown_energy(duration_ns: int, reason: str) -> Energy:
    """Return an invalid energy of NaN joules, for a window about which nothing is known."""
    return Energy(math.nan, math.nan, 0.0, False, reason, duration_ns)


def readings(name: str, t_ns: npt.ArrayLike, values: npt.ArrayLike) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return the times in ascending order, each once, and their values; of equal times the first counts.

    A reading whose time or value is not finite is left out.

    Raises:
        ValueError: The lengths differ, or an argument is not a vector of numbers or has float times beyond 2^53.

    """
    times, read = vector("t_ns", t_ns), vector(name, values)
    if times.size != read.size:
        raise ValueError(f"{name}: as many as t_ns expected, got {read.size} for {times.size} times")
    good = np.isfinite(times) & np.isfinite(read)
    if not good.any():
        return np.zeros(0, np.int64), np.zeros(0)
    rising, first = np.unique(whole("t_ns", times[good]), return_index=True)
    return rising, read[good][first]


def mean_power(energy: Energy) -> tuple[float, float]:
    """Return the mean power of a window and its standard uncertainty, in watts. ValueError without a duration."""
    if energy.duration_ns <= 0:
        raise ValueError("energy: its window has no duration, so it has no mean power")
    duration_s = energy.duration_ns * 1e-9
    return energy.joules / duration_s, energy.u_joules / duration_s


def net(gross: Energy, idle: Sequence[Energy]) -> Energy:
    """Return the energy of a window less that of the idle machine in the same time.

    E_net = E - P_idle T, with P_idle the mean of the idle windows (before and after), and
    u^2 = u(E)^2 + T^2 u(P_idle)^2. u(P_idle) holds the readings' part and the drift between the idle
    windows: half their spread, as a bound on where idle power lay in between. Net energy may be
    negative; then `valid` still holds, since idle as uncertain as the difference is a finding.

    Invalid with the reason if any of the windows is. Raises ValueError without an idle window.
    """
    if len(idle) == 0:
        raise ValueError("idle: at least one idle window needed, got none")
    powers, uncertainties = (np.array(x) for x in zip(*(mean_power(e) for e in idle), strict=True))
    duration_s = gross.duration_ns * 1e-9
    u_idle_w = np.hypot(np.sqrt(np.sum(uncertainties**2)) / len(idle), np.ptp(powers) / 2 / np.sqrt(3.0))
    named = [("measured", gross), *((f"idle[{i}]", e) for i, e in enumerate(idle))]
    reason = "; ".join(f"{name} window: {e.reason}" for name, e in named if not e.valid)
    return Energy(
        joules=gross.joules - float(powers.mean()) * duration_s,
        u_joules=float(np.hypot(gross.u_joules, duration_s * u_idle_w)),
        coverage=min(e.coverage for _, e in named),
        valid=not reason,
        reason=reason,
        duration_ns=gross.duration_ns,
        updates=min(e.updates for _, e in named),
    )


TIMESTAMP_S = 1e-6
"""Uncertainty of the time of a reading: reading a file under /sys takes about this long."""

QUANTA_W = tuple(float(f"{digits}e{power}") for power in range(-2, -6, -1) for digits in (10, 5, 2.5, 2))
"""Quanta that are recognised in the readings, in watts: 0.1 W, 50 mW, 25 mW, 20 mW, 10 mW .. 20 uW."""


def trace_uncertainty(
    t_s: FloatArray, watts: FloatArray, duration_s: float, period_s: float, unseen_s: float, resolution_w: float | None
) -> float:
    """Return the uncertainty of a trapezoidal sum over 0 .. `duration_s` of the samples `watts` at `t_s`.

    `unseen_s`: time inside the window in gaps or beyond the trace; there the power may have been
    any value that occurs elsewhere in the window, so it counts with their standard deviation.
    """
    edge = _edges(t_s, watts, duration_s, period_s)
    t, p = _updates(t_s, watts, period_s)
    near = (t > -1.5 * period_s) & (t < duration_s + 1.5 * period_s)
    t, p = t[near], p[near]
    if t.size == 0:
        return edge
    unseen = unseen_s * float(p.std())
    return float(np.sqrt(edge**2 + unseen**2 + _sampling(t, p) ** 2 + _quantization(t, p, resolution_w) ** 2))


def _updates(t_s: FloatArray, watts: FloatArray, period_s: float) -> tuple[FloatArray, FloatArray]:
    """Return one reading per update period, where the sensor was polled faster than it updates."""
    if t_s.size < 2 or float(np.median(np.diff(t_s))) > 0.75 * period_s:
        return t_s, watts
    _, first = np.unique(np.floor(t_s / period_s), return_index=True)
    return t_s[first], watts[first]


def _sampling(t: FloatArray, p: FloatArray) -> float:
    """Return the error from not seeing the power between the samples.

    Each sample is compared with the line through its neighbours: r_i. Fluctuation without memory of
    standard deviation s has var(r) = 3/2 s^2 and, with weights w_i = (t_{i+1} - t_{i-1}) / 2, an error
    of sum(w_i^2 s^2) -> sum(w_i^2 r_i^2) / 1.5. A lone step of height d between two samples h apart
    gives r = d/2 twice, hence d h / sqrt(3): twice its true d h / sqrt(12). For a smooth curve the
    trapezoid errs by sum(h^3 P'' / 12) = sum(w_i r_i) / 6, which is added.
    """
    if t.size < 3:
        return 0.0
    weights = 0.5 * (t[2:] - t[:-2])
    share = (t[1:-1] - t[:-2]) / (t[2:] - t[:-2])
    r = p[1:-1] - (p[:-2] + share * (p[2:] - p[:-2]))
    return float(np.hypot(np.sqrt(np.sum((weights * r) ** 2) / 1.5), np.sum(weights * r) / 6.0))


def _quantization(t: FloatArray, p: FloatArray, resolution_w: float | None) -> float:
    """Return the error of rounding to a quantum q: q / sqrt(12), the same for as long as the reading stays."""
    quantum = _quantum(p) if resolution_w is None else float(at_least("resolution_w", resolution_w, 0.0))
    weights = np.gradient(t) if t.size > 1 else np.zeros(1)
    runs = np.cumsum(np.concatenate(([0], np.diff(p) != 0.0)))
    return quantum * float(np.sqrt(np.sum(np.bincount(runs, weights) ** 2) / 12.0))


def _quantum(p: FloatArray) -> float:
    """Return the coarsest of `QUANTA_W` that all readings are multiples of; 0 if there is none."""
    for quantum in QUANTA_W:
        steps = p / quantum
        if np.all(np.abs(steps - np.round(steps)) < 1e-6):
            return quantum
    return 0.0


def _edges(t_s: FloatArray, watts: FloatArray, duration_s: float, period_s: float) -> float:
    """Return the error from not knowing when, within a period, the sensor took the power at an edge.

    Half a period times the change of power across the edge, as a bound; and the dating itself.
    """
    total = 0.0
    for edge in (0.0, duration_s):
        after = int(np.clip(np.searchsorted(t_s, edge, side="right"), 1, max(1, t_s.size - 1)))
        change = float(watts[min(after, watts.size - 1)] - watts[after - 1])
        reach = min(period_s, duration_s)
        total += (0.5 * reach * change) ** 2 / 3.0 + (TIMESTAMP_S * float(watts[after - 1])) ** 2
    return float(np.sqrt(total))
