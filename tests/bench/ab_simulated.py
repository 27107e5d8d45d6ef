"""What an A/B comparison decides on simulated noise: false 'different', power, and how many pairs it takes.

    python tests/bench/ab_simulated.py [--n 400]

Needs no quiet machine. The table stands in docs/ab.md.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from harness.measure.ab import PairedComparison, ProcessTiming, Side

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table

Noise = Callable[[np.random.Generator], float]

NOISES: dict[str, Noise] = {
    "normal, sd 0.8 %": lambda rng: 0.008 * rng.standard_normal(),
    "normal, sd 2 %": lambda rng: 0.02 * rng.standard_normal(),
    "30 % of processes 5 % slower": lambda rng: 0.004 * rng.standard_normal() + 0.05 * (rng.random() < 0.3),
    "heavy tails (Student's t, 2 df, 0.5 %)": lambda rng: 0.005 * rng.standard_t(2),
}
"""Log of a process's median over that of the case, by name."""

TRUTHS = ((1.0, 0.0), (1.0, 0.02), (1.01, 0.02), (1.03, 0.02), (1.05, 0.02), (1.1, 0.02))
"""True ratio and what is called the same; with 0 nothing is, which is the strictest test of false alarms."""


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=400, help="comparisons a row")
    n = parser.parse_args().n
    rows = [_row(name, noise, *truth, n) for name, noise in NOISES.items() for truth in TRUTHS]
    head = ["noise of a process", "true B/A", "same within", "faster", "same", "undecided", "slower", "pairs"]
    print_table(head, rows)


def _row(name: str, noise: Noise, ratio: float, same_within: float, n: int) -> list[str]:
    rng = np.random.default_rng(0)

    def run(side: Side, number: int) -> ProcessTiming:
        return ProcessTiming(float(np.exp(noise(rng))) * (ratio if side == "b" else 1.0), 1.0)

    verdicts: Counter[str] = Counter()
    pairs = 0
    for seed in range(n):
        duel = PairedComparison.plan(20, same_within, seed)
        pairs += max(duel.measure(run))
        verdicts[duel.comparison.verdict if duel.comparison else "none"] += 1
    shares = [f"{100 * verdicts[verdict] / n:.1f} %" for verdict in ("faster", "same", "undecided", "slower")]
    return [name, f"{ratio:g}", f"{100 * same_within:g} %", *shares, f"{pairs / n:.1f}"]


if __name__ == "__main__":
    main()
