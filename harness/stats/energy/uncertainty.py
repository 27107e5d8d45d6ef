"""How wrong an energy can be: quantisation, window edges, sampling. Standard uncertainties in joules.

Combined in quadrature after the GUM (JCGM 100:2008): a bound +-a without preference inside it counts as
a / sqrt(3).
"""

from __future__ import annotations

import numpy as np

from harness.stats.validation import FloatArray, at_least

TIMESTAMP_S = 1e-6
"""How exactly a reading is dated: reading one file under /sys takes about this long."""

QUANTA_W = tuple(float(f"{digits}e{power}") for power in range(-2, -6, -1) for digits in (10, 5, 2.5, 2))
"""Quanta that are recognised in the readings, in watts: 0.1 W, 50 mW, 25 mW, 20 mW, 10 mW .. 20 uW."""


def trace_uncertainty(
    t_s: FloatArray, watts: FloatArray, duration_s: float, period_s: float, unseen_s: float, resolution_w: float | None
) -> float:
    """Return the uncertainty of a trapezoidal sum over 0 .. `duration_s` of the samples `watts` at `t_s`.

    `unseen_s`: time inside the window in gaps or beyond the trace; there the power may have been
    anything that the window shows elsewhere, so it counts with their standard deviation.
    """
    edge = _edges(t_s, watts, duration_s, period_s)
    t, p = _updates(t_s, watts, period_s)
    near = (t > -1.5 * period_s) & (t < duration_s + 1.5 * period_s)
    t, p = t[near], p[near]
    if t.size == 0:
        return edge
    unseen = unseen_s * float(p.std())
    return float(np.sqrt(edge**2 + unseen**2 + _sampling(t, p) ** 2 + _quantisation(t, p, resolution_w) ** 2))


def _updates(t_s: FloatArray, watts: FloatArray, period_s: float) -> tuple[FloatArray, FloatArray]:
    """Return one reading an update period, where the sensor was polled faster than it updates."""
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


def _quantisation(t: FloatArray, p: FloatArray, resolution_w: float | None) -> float:
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
