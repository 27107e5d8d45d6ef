"""Statistics of latency samples: intervals, tails, proportions, planning. Pure functions on arrays.

`docs/statistics.md` has the formulas with their sources and the measured coverage.
"""

from .autocorrelation import effective_sample_size, lag1
from .intervals import Interval, median_interval
from .percentiles import Bound, Definition, Tail, TooFew, bound, discardable, percentile, required_samples, tail
from .planning import LOOKS, iterations_per_process, iterations_worth, look_level
from .proportions import benjamini_hochberg, mcnemar, wilson

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
