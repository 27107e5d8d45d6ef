"""Whether the timed part of an inference is all of it, judged by what the worker looked at after its loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from harness.core.scenario import Scenario

LEFT_OUT = 0.10
"""Work outside of the timed part may take this share of a whole inference."""

FLATTERED = 0.90
"""An input may not be faster than this for having been seen before (MLPerf's compliance test TEST04: 10 %)."""

_COPIES_WITHIN: frozenset[Scenario] = frozenset({"MultiStream", "Server"})
"""Where a query copies its input in, so that `prepare` is timed."""

REMEDY = (
    "infer() has to compute the outputs of every input anew, and to return when they are complete: "
    "docs/add-a-runtime.md"
)


def mistimed(
    cycles: Sequence[Mapping[str, int]],
    new_input_ratios: Sequence[float | None],
    same_input_ratios: Sequence[float | None],
    calls: int,
    scenario: Scenario = "SingleStream",
) -> str:
    """Return why the samples of some processes are not those of whole inferences, '' where nothing says so.

    Args:
        cycles: `cycle_ns` of each process.
        new_input_ratios: `new_input_ratio` of each.
        same_input_ratios: `same_input_ratio` of each.
        calls: Inferences per sample.
        scenario: The scenario that was timed.
    """
    phases = ("fetch",) if scenario in _COPIES_WITHIN else ("prepare", "fetch")
    found = (
        _left_out([cycle for cycle in cycles if cycle], phases),
        _remembered(median(new_input_ratios), median(same_input_ratios), calls),
    )
    return "; ".join(filter(None, found))


def median(values: Sequence[float | None]) -> float | None:
    """Return the median of those that are known, None where none is."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def _left_out(cycles: Sequence[Mapping[str, int]], phases: Sequence[str]) -> str:
    """Compare the phases around the inference with what copying would take."""
    if not cycles:
        return ""
    took = {name: float(np.median([cycle[name] for cycle in cycles])) for name in cycles[0]}
    beyond = {name: max(0.0, took[name] - took[f"{name}_allowed"]) for name in phases}
    if sum(beyond.values()) <= LEFT_OUT * (took["infer"] + sum(took[name] for name in phases)):
        return ""
    name = max(beyond, key=lambda phase: beyond[phase])
    times = f"{name} takes {took[name] / 1e6:.3g} ms beside an inference of {took['infer'] / 1e6:.3g} ms"
    return f"{times}, at most {took[f'{name}_allowed'] / 1e6:.2g} ms of it to copy: work is left out of what is timed"


def _remembered(new_input_ratio: float | None, same_input_ratio: float | None, calls: int) -> str:
    """Outputs of inputs that come again: of those in rotation, or of the one that a sample of several calls repeats."""
    if new_input_ratio is not None and new_input_ratio < FLATTERED:
        return f"inputs seen before take {new_input_ratio:.2g} times as long as new ones: outputs are remembered"
    if calls > 1 and same_input_ratio is not None and same_input_ratio < FLATTERED:
        return (
            f"one input repeated takes {same_input_ratio:.2g} times as long as others, and each sample repeats one "
            f"{calls} times"
        )
    return ""
