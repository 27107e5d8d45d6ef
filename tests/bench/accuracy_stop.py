"""How often does `--accuracy-stop` err, and how many images does it save? Simulated pairs of nets.

    python tests/bench/accuracy_stop.py [--runs 2000]

Two nets are right about the same images but for a share that only fp32 gets right and one that only the other does.
`wrong` are runs that stopped with a finding that is false, `naive` the same with a plain 95 % interval at every look.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from harness.stats.proportions import Finding, decide, paired_difference, planned_looks
from tests.paired_counts import counted

sys.path.insert(0, str(Path(__file__).parent))
from _rounds import print_table

BUDGET, MARGIN = 10_000, 0.01
RATES = ((0.001, 0.001), (0.005, 0.005), (0.02, 0.02), (0.006, 0.004), (0.012, 0.002), (0.015, 0.005), (0.05, 0.02))
"""Shares of the images that only fp32, and only the other net, gets right; 1 point apart in the last but one."""


def false(finding: Finding, truth: float) -> bool:
    """Whether a finding contradicts the true difference."""
    return {
        "within": abs(truth) >= MARGIN,
        "better": truth <= 0,
        "worse": truth >= 0,
        "undecided": False,
    }[finding]


def naive(b: int, c: int, n: int) -> Finding:
    """What a 95 % interval says that knows of no other look."""
    lo, hi = paired_difference(b, c, n)
    if lo > -MARGIN and hi < MARGIN:
        return "within"
    return "better" if lo > 0 else "worse" if hi < 0 else "undecided"


def row(rates: tuple[float, float], runs: int) -> list[str]:
    """One line of the table."""
    generator = np.random.default_rng(1)
    planned, truth = planned_looks(BUDGET), rates[1] - rates[0]
    wrong = fooled = undecided = images = 0
    for _ in range(runs):
        steps = [generator.multinomial(step, (*rates, 1 - sum(rates))) for step in np.diff((0, *planned))]
        counts = [(int(b), int(c)) for b, c, _ in np.cumsum(steps, axis=0)]
        pairs = list(zip(counts, planned, strict=True))
        found = [(decide(counted(b, c, n), n, BUDGET, MARGIN).finding, n) for (b, c), n in pairs]
        finding, n = next((each for each in found if each[0] != "undecided"), ("undecided", BUDGET))
        plain = next((one for (b, c), m in pairs if (one := naive(b, c, m)) != "undecided"), "undecided")
        wrong, fooled = wrong + false(finding, truth), fooled + false(plain, truth)
        undecided, images = undecided + (finding == "undecided"), images + n
    shares = (f"{each / runs:.3f}" for each in (wrong, fooled, undecided))
    return [f"{100 * rates[0]:g}", f"{100 * rates[1]:g}", f"{100 * truth:+g}", *shares, f"{images / runs:,.0f}"]


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    head = ["only fp32 %", "only the other %", "difference, points", "wrong", "naive", "undecided", "images"]
    print_table(head, [row(rates, arguments.runs) for rates in RATES])


if __name__ == "__main__":
    main()
