"""How wrong is an integrated energy, and does its interval say so? Power traces whose joules are known.

    python tests/bench/energy_coverage.py [--windows 1000] [--seed 1]

Traces of 40 s at 10 Hz between 2 and 10 W; windows of 10 to 32 s at random. The figures of a run with the defaults
are kept in docs/statistics.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness.stats import energy

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table

Array = npt.NDArray[np.float64]
FINE_S, LENGTH_S, PERIOD_S = 0.001, 40.0, 0.1
KINDS = (
    "steps",
    "ramps",
    "sine",
    "jittered steps",
    "jittered ramps",
    "one reading missed",
    "gap of 0.5 s",
    "rounded and noisy",
)


def power(kind: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return a fine grid in seconds and the true watts on it."""
    fine = np.arange(0.0, LENGTH_S, FINE_S)
    knots = np.sort(np.concatenate(([0.0, LENGTH_S], rng.uniform(0, LENGTH_S, rng.integers(2, 8)))))
    levels = rng.uniform(2, 10, knots.size)
    if "ramps" in kind:
        return fine, np.interp(fine, knots, levels)
    if kind == "sine":
        return fine, 6 + 3 * np.sin(2 * np.pi * fine / rng.uniform(1, 30) + rng.uniform(0, 6))
    return fine, levels[np.searchsorted(knots, fine, side="right") - 1]


def window(kind: str, rng: np.random.Generator) -> tuple[energy.Energy, float]:
    """Return the energy of a random window as measured, and as it is."""
    fine, watts = power(kind, rng)
    t = np.arange(rng.uniform(0, PERIOD_S), LENGTH_S - 0.2, PERIOD_S)
    if "jittered" in kind:
        t = t + rng.uniform(-0.4, 0.4, t.size) * PERIOD_S
    missed = {"one reading missed": 1, "gap of 0.5 s": 4}.get(kind, 0)
    first = int(rng.integers(120, 190))
    t = np.delete(np.maximum(t, 0.0), slice(first, first + missed))
    seen = watts[np.minimum((t / FINE_S).astype(int), watts.size - 1)]
    if kind == "rounded and noisy":
        seen = np.round(np.maximum(seen + 0.05 * rng.normal(size=t.size), 0) / 0.025) * 0.025
    start, end = rng.uniform(2, 10), rng.uniform(20, 34)
    joules = np.concatenate(([0.0], np.cumsum(watts[:-1]) * FINE_S))
    truth = float(np.interp(end, fine, joules) - np.interp(start, fine, joules))
    return energy.integrate((t * 1e9).astype(np.int64), seen, int(start * 1e9), int(end * 1e9)), truth


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--windows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, rows = np.random.default_rng(arguments.seed), []
    for kind in KINDS:
        pairs = [window(kind, rng) for _ in range(arguments.windows)]
        errors = np.array([e.joules / truth - 1 for e, truth in pairs])
        stated = np.array([e.u_joules / truth for e, truth in pairs])
        figures = [100 * np.sqrt(np.mean(errors**2)), 100 * np.quantile(np.abs(errors), 0.99), 100 * np.median(stated)]
        covered = np.mean(np.abs(errors) <= 1.96 * stated)
        valid = np.mean([e.valid for e, _ in pairs])
        rows.append([kind, f"{covered:.3f}", *(f"{x:.3f}" for x in figures), f"{100 * valid:.0f} %"])
    print_table(["power", "covered", "rms error %", "99 % of errors below %", "median u %", "valid"], rows)


if __name__ == "__main__":
    main()
