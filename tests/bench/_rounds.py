"""Shared by the benchmarks run by hand: rounds in random order, and a table of ratios."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence

Contender = Callable[[], float]
"""Runs one fresh process; its median nanoseconds."""


def measure(contenders: Mapping[str, Contender], rounds: int, seed: int) -> dict[str, list[float]]:
    """Every contender once a round, in an order drawn anew; medians in nanoseconds by name."""
    rng = random.Random(seed)
    medians: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name in rng.sample(list(contenders), len(contenders)):
            medians[name].append(contenders[name]())
    return medians


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def warn_if_busy() -> None:
    """Say that the figures do not count where something else runs."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"load average {load:.2f}: something else is running, these figures do not count\n")
