"""What the inferences took beyond an idle machine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .result import Energy


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
