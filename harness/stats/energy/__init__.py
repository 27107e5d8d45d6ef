"""Joules of a time window, from a power trace or an energy counter, each with its uncertainty.

Every function returns an `Energy`: a number that may not be used as a result (a gap, too few
updates, a counter reset) still comes back, marked invalid and with the reason.
"""

from .counter import from_counter
from .result import Energy, mean_power, net
from .trace import integrate

__all__ = ["Energy", "from_counter", "integrate", "mean_power", "net"]
