"""Power traces of a known function of time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

S = 1_000_000_000
Power = Callable[[np.ndarray], np.ndarray]


def trace(power: Power, period_s: float = 0.1, jitter: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sample `power` (a function of seconds) from -2 s to 22 s; times in ns on a large offset."""
    t = np.arange(-2.0, 22.0, period_s)
    t = t + np.random.default_rng(seed).uniform(-jitter, jitter, t.size) * period_s
    return (t * S).astype(np.int64) + ORIGIN, power(t)


ORIGIN = 9_007_199_254_740_993  # 2^53 + 1 ns, 104 days after boot: no float holds it
