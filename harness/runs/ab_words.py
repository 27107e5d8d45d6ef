"""The outcome of an A/B comparison in words."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from harness.measure.ab import Duel, Side, Timing
from harness.measure.verdicts import CONTENDED
from harness.stats.comparison import Comparison

FEWEST = 6
"""Pairs that can be called faster or slower at 95 %: that all agree has p = 2 / 2^n by chance."""


def sentence(duel: Duel, names: Mapping[Side, str]) -> str:
    """What came out, with ratio and interval; `names` of the two sides."""
    a, b = f"A ({names['a']})", f"B ({names['b']})"
    if duel.failure is not None:
        side, failure = duel.failure
        reason = f"{failure.verdict.status}: {failure.verdict.reason}"
        return f"No answer: {a if side == 'a' else b} ended in pair {len(duel.a) + 1} as {reason}"
    if duel.comparison is None:
        return f"No answer: {len(duel.a)} pairs, the first look is after {duel.looks[0]}"
    return f"{_claim(duel, duel.comparison, a, b)}: {_figures(duel, duel.comparison)}"


def _claim(duel: Duel, found: Comparison, a: str, b: str) -> str:
    after = f"after {found.pairs} pairs"
    if found.verdict == "same":
        return f"{b} is the same as {a} within {100 * duel.same_within:g} %, decided {after}"
    if found.verdict == "undecided":
        return f"Undecided {after} whether {b} is faster or slower than {a}"
    return f"{b} is {found.verdict} than {a}, decided {after}"


def _figures(duel: Duel, found: Comparison) -> str:
    medians = " and ".join(f"{name} {_ms(side)}" for name, side in (("A", duel.a), ("B", duel.b)))
    slower = f"B took longer in {found.pairs_slower} of {found.pairs}"
    interval = f"{found.lo:.4g} to {found.hi:.4g} at 95 % over all looks"
    return f"latency ratio B/A {found.ratio:.4g}, {interval}; {medians}; {slower}"


def _ms(timings: list[Timing]) -> str:
    return f"{statistics.median(timing.median_ns for timing in timings) / 1e6:.4g} ms"


def warnings(duel: Duel, lone: bool) -> list[str]:
    """What speaks against trusting the outcome; `lone` when both sides run on one thread."""
    every = [*duel.a, *duel.b]
    contended = sum(timing.median_ns > CONTENDED * timing.median_cpu_ns for timing in every) if lone else 0
    unsteady = sum(bool(timing.unsteady) for timing in every)
    told = []
    if contended:
        told.append(
            f"in {contended} of {len(every)} processes another program held the core (wall time above {CONTENDED} "
            "times CPU time): stop other programs and compare again"
        )
    if unsteady:
        told.append(f"{unsteady} of {len(every)} processes never settled: let the machine cool down and idle")
    if not duel.decided and max(duel.looks) < FEWEST:
        told.append(f"{max(duel.looks)} pairs can never tell faster from slower: --max-pairs {FEWEST} or more")
    return told
