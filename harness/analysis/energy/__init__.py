"""Joules of a time window, from a power trace or an energy counter, each with its uncertainty.

Every function returns an `Energy`: a number that may not be used as a result (a gap, too few
updates, a counter reset) still comes back, marked invalid and with the reason.
"""

from harness.analysis.energy.counter import from_counter
from harness.analysis.energy.net import mean_power, net
from harness.analysis.energy.result import Energy
from harness.analysis.energy.trace import integrate

__all__ = ["Energy", "from_counter", "integrate", "mean_power", "net"]
