"""Energy of a time window, from a power trace or an energy counter, with its uncertainty.

Every function returns an `Energy`. A number that must not be used as a result (a gap, too few updates, a counter reset)
is returned as invalid, with the reason.
"""

from .counter import from_counter
from .result import Energy, mean_power, net
from .trace import integrate

__all__ = ["Energy", "from_counter", "integrate", "mean_power", "net"]
