"""False alarms, power and cost of the nightly detector on simulated nights, beside rules in use elsewhere.

    python tests/bench/detector_simulation.py [--series 200] [--nights 365] [--seed 1] [--rivals]

`--series` is the number a noise family. Quiet series give the false alarms; then series with a step of 3, 5 or 10 % in
the middle of quiet ones give the share that is called a regression in its first night, or within three.
The table stands in docs/statistics.md. `--rivals` needs the extra `bench`.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.stats.nightly import Detector, Settings, Verdict

sys.path.insert(0, str(Path(__file__).parent))
from _nights import BASE_S, FAMILIES, PROCESSES, Array, Nights
from _rivals import RIVALS, Rival
from _rounds import print_table

STEPS = (0.03, 0.05, 0.10)
FIRST_NIGHT = 30
"""Nights before it are history only."""


@dataclass
class Run:
    """One way to confirm, and what it did: the series-nights it measured again, however often."""

    means: str
    detector: Detector
    again: set[tuple[int, int]] = field(default_factory=set)
    steps: dict[int, float] = field(default_factory=dict)
    """Log step of the series that have one tonight."""

    def night(self, nights: Nights, history: Array, today: Array, t: int) -> list[Verdict]:
        """Let the detector judge night `t`, and count what it measures again."""

        def rerun(series: int) -> Array:
            self.again.add((series, t))
            return nights.session(np.array([series]), t, self.steps.get(series, 0.0))[0]

        def ab(series: int, pairs: int) -> tuple[Array, Array]:
            self.again.add((series, t))
            return nights.pairs(series, t, pairs, self.steps.get(series, 0.0))

        offered = {"ab": ab} if self.means == "ab" else {"rerun": rerun} if self.means == "rerun" else {}
        return self.detector.night(history, today, **offered)  # type: ignore[arg-type]


def simulate(nights: Nights, count: int) -> Array:
    """Return quiet process medians (series, nights, processes) in seconds."""
    rows = np.arange(nights.family.size)
    result = np.empty((rows.size, count, PROCESSES))
    for t in range(count):
        result[:, t] = nights.session(rows, t)
    return result


def regressions(verdicts: list[Verdict]) -> list[int]:
    """Return the series that were called a regression."""
    return [v.series for v in verdicts if v.kind == "regression" and v.series is not None]


def false_alarms(run: Run, nights: Nights, quiet: Array) -> tuple[float, float, list[float]]:
    """Return false alarms per 1,000 series-nights, the share of nights measured again, alarms by family."""
    run.again, run.steps = set(), {}
    by_family = np.zeros(len(FAMILIES))
    judged = range(FIRST_NIGHT, quiet.shape[1])
    for t in judged:
        for series in regressions(run.night(nights, quiet[:, :t], quiet[:, t], t)):
            by_family[nights.family[series]] += 1
    total = len(quiet) * len(judged)
    return 1000 * by_family.sum() / total, len(run.again) / total, list(1000 * len(FAMILIES) * by_family / total)


def power(run: Run, nights: Nights, quiet: Array, step: float, starts: int) -> tuple[float, float]:
    """Return the share of steps called a regression in their first night, and within three nights.

    At each of `starts` nights every tenth series gets the step, another tenth each time, so that the
    others stay what the common mode is taken from.
    """
    first, third, total = 0, 0, 0
    chosen = np.linspace(60, quiet.shape[1] - 3, starts).astype(int)
    for i, start in enumerate(chosen):
        rows = np.arange(i % 10, len(quiet), 10)
        shifted = quiet[:, : start + 3].copy()
        shifted[rows, start:] *= 1 + step
        run.steps = dict.fromkeys(rows.tolist(), float(np.log1p(step)))
        caught: set[int] = set()
        for d in range(3):
            caught |= set(regressions(run.night(nights, shifted[:, : start + d], shifted[:, start + d], start + d)))
            first += len(caught & set(rows)) if d == 0 else 0
        third += len(caught & set(rows))
        total += rows.size
    return first / total, third / total


def ours(nights: Nights, quiet: Array, starts: int) -> list[list[str]]:
    """Return the rows of the detector: A/B, re-run, and history alone."""
    rows = []
    for means, name in (("ab", "A/B of 20 pairs"), ("rerun", "re-run of the same build"), ("history", "history alone")):
        run = Run(means, Detector())
        began = time.perf_counter()
        alarms, again, by_family = false_alarms(run, nights, quiet)
        seconds = time.perf_counter() - began
        powers = [power(run, nights, quiet, step, starts) for step in STEPS]
        rows.append([f"screen, then {name}", f"{alarms:.2f}", *(f"{a:.2f}/{b:.2f}" for a, b in powers)])
        rows[-1] += [f"{100 * again:.1f} %", f"{seconds:.0f} s"]
        print(
            f"  {name}: by family", dict(zip(FAMILIES, np.round(by_family, 2).tolist(), strict=True)), file=sys.stderr
        )
    return rows


def rival(name: str, rule: Rival, quiet: Array, starts: int) -> list[str]:
    """Return the row of a rule that sees nightly means: all its alarms on quiet series, and the steps it finds."""
    values = quiet.mean(axis=-1)
    began = time.perf_counter()
    alarms = sum(sum(t >= FIRST_NIGHT for t in rule(row)) for row in values)
    seconds = time.perf_counter() - began
    cells = [f"{1000 * alarms / (len(values) * (values.shape[1] - FIRST_NIGHT)):.2f}"]
    chosen = np.linspace(60, quiet.shape[1] - 3, starts).astype(int)
    for step in STEPS:
        hits = np.zeros(2)
        for i, start in enumerate(chosen):
            for row in values[i % 10 :: 10]:
                hits += [
                    any(abs(t - start) <= 2 for t in rule(_stepped(row[: start + d], start, step))) for d in (1, 3)
                ]
        share = hits / sum(len(values[i % 10 :: 10]) for i in range(starts))
        cells.append(f"{share[0]:.2f}/{share[1]:.2f}")
    return [name, *cells, "-", f"{seconds:.0f} s"]


def _stepped(row: Array, start: int, step: float) -> Array:
    result = row.copy()
    result[start:] *= 1 + step
    return result


def screen_time(nights: int = 365, series: int = 1000) -> float:
    """Return the seconds that the screen alone takes over 1,000 series, night after night."""
    draw = Nights.draw(7, series // len(FAMILIES), nights)
    quiet, detector = simulate(draw, nights), Detector(Settings())
    began = time.perf_counter()
    for t in range(1, nights):
        detector.night(quiet[:, :t], quiet[:, t])
    return time.perf_counter() - began


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--series", type=int, default=200, help="series a noise family")
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--starts", type=int, default=20, help="nights at which steps are tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rivals", action="store_true", help="also the rules in use elsewhere")
    arguments = parser.parse_args()
    nights = Nights.draw(arguments.seed, arguments.series, arguments.nights)
    quiet = simulate(nights, arguments.nights)
    print(f"{len(quiet)} series x {arguments.nights} nights around {1000 * BASE_S:.1f} ms, seed {arguments.seed}\n")
    rows = ours(nights, quiet, arguments.starts)
    if arguments.rivals:
        for name, rule, slow in RIVALS:
            rows.append(rival(name, rule, quiet[::10] if slow else quiet, arguments.starts))
    head = ["detector", "false alarms a 1,000", *(f"{100 * s:.0f} %" for s in STEPS), "measured again", "time"]
    print_table(head, rows)
    print(f"\nthe screen alone, 1,000 series x 365 nights: {screen_time():.1f} s")


if __name__ == "__main__":
    main()
