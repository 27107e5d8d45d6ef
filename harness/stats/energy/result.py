"""What an energy measurement says.

Readings as they come: in any order, some twice, some without a value.

What the inferences took beyond an idle machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.stats.validation import IntArray, vector, whole


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


def readings(name: str, t_ns: npt.ArrayLike, values: npt.ArrayLike) -> tuple[IntArray, npt.NDArray[Any]]:
    """Return times in rising order, each once, and the values read then: of equal times the first counts.

    A reading whose time or value is not finite is left out. Raises ValueError, with `name` and the place, for unequal
    lengths, what is no vector of numbers, and float times beyond 2^53.
    """
    times, found = vector("t_ns", t_ns), vector(name, values)
    if times.size != found.size:
        raise ValueError(f"{name}: as many as t_ns expected, got {found.size} for {times.size} times")
    good = np.isfinite(times) & np.isfinite(found)
    if not good.any():
        return np.zeros(0, np.int64), np.zeros(0)
    rising, first = np.unique(whole("t_ns", times[good]), return_index=True)
    return rising, found[good][first]


def mean_power(energy: Energy) -> tuple[float, float]:
    """Return the mean power of a window and its standard uncertainty, in watts. ValueError without a duration."""
    if energy.duration_ns <= 0:
        raise ValueError("energy: its window has no duration, so it has no mean power")
    duration_s = energy.duration_ns * 1e-9
    return energy.joules / duration_s, energy.u_joules / duration_s


def net(gross: Energy, idle: Sequence[Energy]) -> Energy:
    """Return the energy of a window less what the idle machine would have taken in the same time.

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
