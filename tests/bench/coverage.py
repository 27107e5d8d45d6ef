"""How often do 95 % intervals of the median hold the true median? A simulation, printed as a table.

    python tests/bench/coverage.py [--trials 2000] [--seed 1]

Noise families: independent, AR(1), bursts (20 % of the time, 40 iterations long on average, 25 % slower) and,
for several processes, processes that scatter by 1 % or fall into a slow mode (30 %, 3-8 % slower).
Beside our interval stands the one that takes all samples for independent. The figures of a run
with the defaults are kept in docs/statistics.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from harness import stats

Samples = npt.NDArray[np.float64]
SIGMA = 0.02  # spread of single inferences
LENGTH = 1000


def ar1(rng: np.random.Generator, rho: float, n: int = LENGTH) -> Samples:
    """Stationary Gaussian AR(1) of unit variance, as log latency."""
    shocks = rng.normal(size=n) * math.sqrt(1 - rho**2)
    x = np.empty(n)
    x[0] = rng.normal()
    for i in range(1, n):
        x[i] = rho * x[i - 1] + shocks[i]
    return np.exp(SIGMA * x)


def bursts(rng: np.random.Generator, n: int = LENGTH) -> Samples:
    """A two-state chain: slow 20 % of the time for 40 iterations on average."""
    slow = np.zeros(n, dtype=bool)
    state, at = rng.random() < 0.2, 0
    while at < n:
        length = rng.geometric(1 / 40 if state else 1 / 160)
        slow[at : at + length] = state
        state, at = not state, at + length
    return np.exp(SIGMA * rng.normal(size=n)) * np.where(slow, 1.25, 1.0)


def processes(rng: np.random.Generator, count: int, *, bimodal: bool) -> list[Samples]:
    """`count` processes of 200 inferences, each with its own level (sd 1 %) and perhaps the slow mode."""
    level = 0.01 * rng.normal(size=count)
    if bimodal:
        level += np.where(rng.random(count) < 0.3, np.log1p(rng.uniform(0.03, 0.08, count)), 0.0)
    return [np.exp(x + SIGMA * rng.normal(size=200)) for x in level]


def pooled(samples: list[Samples]) -> stats.Interval:
    """The interval of someone who takes every inference of every process for independent."""
    mixed = np.random.default_rng(0).permutation(np.concatenate(samples))
    return stats.median_interval([mixed])


def cover(draw: Callable[[], list[Samples]], truth: float, trials: int) -> tuple[float, float, float]:
    """Return the coverage of our interval, of the pooled one, and our median half-width."""
    ours, theirs, widths = 0, 0, []
    for _ in range(trials):
        samples = draw()
        interval, naive = stats.median_interval(samples), pooled(samples)
        ours += interval.lo <= truth <= interval.hi
        theirs += naive.lo <= truth <= naive.hi
        widths.append(interval.half_width)
    return ours / trials, theirs / trials, float(np.median(widths))


def stopped(rng: np.random.Generator, trials: int, *, bimodal: bool) -> tuple[float, float, float]:
    """Look at 5, 7, 10, 14, 20 processes until +-1 %: coverage when stopped, at plain 95 % looks, mean processes."""
    truth = true_level(bimodal=bimodal)
    ours, naive, used = 0, 0, []
    for _ in range(trials):
        samples = processes(rng, stats.LOOKS[-1], bimodal=bimodal)
        planned, count = _stop(samples, stats.look_level)
        plain, _ = _stop(samples, lambda n: 0.95)
        ours += planned.lo <= truth <= planned.hi
        naive += plain.lo <= truth <= plain.hi
        used.append(count)
    return ours / trials, naive / trials, float(np.mean(used))


def _stop(samples: list[Samples], level: Callable[[int], float]) -> tuple[stats.Interval, int]:
    for count in stats.LOOKS:
        interval = stats.median_interval(samples[:count], level(count))
        if interval.half_width <= 0.01:
            break
    return interval, count


def true_level(*, bimodal: bool) -> float:
    """The median over all processes one could start, from 400,000 of them."""
    rng = np.random.default_rng(99)
    level = 0.01 * rng.normal(size=400_000)
    if bimodal:
        level += np.where(rng.random(level.size) < 0.3, np.log1p(rng.uniform(0.03, 0.08, level.size)), 0.0)
    return float(np.exp(np.median(level)))


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng, trials = np.random.default_rng(arguments.seed), arguments.trials
    true_burst = float(np.median(bursts(np.random.default_rng(99), 4_000_000)))
    rows: list[tuple[str, Callable[[], list[Samples]], float]] = [
        ("independent", lambda: [np.exp(SIGMA * rng.normal(size=LENGTH))], 1.0),
        ("AR(1) .5", lambda: [ar1(rng, 0.5)], 1.0),
        ("AR(1) .9", lambda: [ar1(rng, 0.9)], 1.0),
        ("bursts", lambda: [bursts(rng)], true_burst),
    ]
    for bimodal in (False, True):
        truth, name = true_level(bimodal=bimodal), "bimodal" if bimodal else "scattering"
        for count in (3, 5, 6, 10, 20):
            draw = lambda count=count, bimodal=bimodal: processes(rng, count, bimodal=bimodal)  # noqa: E731
            rows.append((f"{count} {name} processes", draw, truth))
    print("| noise | coverage | all samples taken for independent | half-width % |\n|---|---|---|---|")
    for name, draw, truth in rows:
        ours, naive, width = cover(draw, truth, trials)
        print(f"| {name} | {ours:.3f} | {naive:.3f} | {100 * width:.2f} |", flush=True)
    print("\n| stop at +-1 % | coverage | at plain 95 % looks | mean processes |\n|---|---|---|---|")
    for bimodal in (False, True):
        ours, naive, used = stopped(rng, trials, bimodal=bimodal)
        print(
            f"| {'bimodal' if bimodal else 'scattering'} processes | {ours:.3f} | {naive:.3f} | {used:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
