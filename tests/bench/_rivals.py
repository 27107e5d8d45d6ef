"""Regression rules in use elsewhere, as functions of one series of nightly means, tonight last.

Each returns the nights at which it says 'slower from here'. asv and Otava come from PyPI, with the extra `bench`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Rival = Callable[[npt.NDArray[np.float64]], list[int]]


def last_run(values: npt.NDArray[np.float64]) -> list[int]:
    """More than 5 % above the night before (github-action-benchmark, pytest-benchmark mean:5%)."""
    return [int(t) + 1 for t in np.flatnonzero(values[1:] > 1.05 * values[:-1])]


def conbench(values: npt.NDArray[np.float64], window: int = 100, least: int = 10) -> list[int]:
    """z > 5 against up to 100 nights before."""
    alarms = []
    for t in range(least, values.size):
        before = values[max(0, t - window) : t]
        if values[t] > before.mean() + 5.0 * before.std(ddof=1):
            alarms.append(t)
    return alarms


def asv_steps(values: npt.NDArray[np.float64]) -> list[int]:
    """Upward steps of 5 % of asv's piecewise constant fit."""
    from asv.step_detect import detect_steps

    steps = detect_steps(list(values))
    return [int(b[0]) for a, b in pairwise(steps) if b[2] > 1.05 * a[2]]


def otava(values: npt.NDArray[np.float64], max_pvalue: float = 0.001, min_magnitude: float = 0.0) -> list[int]:
    """Upward change points of Otava's E-divisive with its default window of 50; a list, not an array, as it needs."""
    from otava.analysis import compute_change_points

    found, _ = compute_change_points(
        [float(v) for v in values], window_len=50, max_pvalue=max_pvalue, min_magnitude=min_magnitude
    )
    return [int(p.index) for p in found if p.stats.mean_2 > p.stats.mean_1]


def otava_strict(values: npt.NDArray[np.float64]) -> list[int]:
    """Otava with p < 1e-5 and changes of at least 2 %."""
    return otava(values, 1e-5, 0.02)


RIVALS: Sequence[tuple[str, Rival, bool]] = (
    ("last run, mean +5 %", last_run, False),
    ("conbench z = 5", conbench, False),
    ("asv steps 5 %", asv_steps, True),
    ("Otava default", otava, True),
    ("Otava p 1e-5, 2 %", otava_strict, True),
)
"""(name, rule, whether it is slow and therefore gets a tenth of the series)."""
