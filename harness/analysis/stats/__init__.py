"""Statistics of latency samples: intervals, tails, proportions, planning. Pure functions on arrays.

The formulas with their sources and the measured coverage stand in `docs/statistics.md`.
"""

from harness.analysis.stats.autocorrelation import effective_sample_size, lag1
from harness.analysis.stats.bound import Bound, bound
from harness.analysis.stats.interval import Interval, median_interval
from harness.analysis.stats.planning import LOOKS, iterations_per_process, iterations_worth, look_level
from harness.analysis.stats.proportions import benjamini_hochberg, mcnemar, wilson
from harness.analysis.stats.tail import (
    Definition,
    Tail,
    TooFew,
    discardable,
    percentile,
    required_samples,
    tail,
)

__all__ = [
    "LOOKS",
    "Bound",
    "Definition",
    "Interval",
    "Tail",
    "TooFew",
    "benjamini_hochberg",
    "bound",
    "discardable",
    "effective_sample_size",
    "iterations_per_process",
    "iterations_worth",
    "lag1",
    "look_level",
    "mcnemar",
    "median_interval",
    "percentile",
    "required_samples",
    "tail",
    "wilson",
]
