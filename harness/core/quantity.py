"""A measured quantity: a value with its interval, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """A number in the unit its field's name carries.

    `lo` and `hi` bound the 95 % interval where one is known; `n` is the number of observations behind it.
    """

    value: float
    lo: float | None = None
    hi: float | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        for number in (self.value, self.lo, self.hi):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"a Value must be finite, not {number}: use Missing with a reason")


@dataclass(frozen=True)
class Missing:
    """No number, and why. Never 0, never silent."""

    reason: str

    def __post_init__(self) -> None:
        if not self.reason:
            raise ValueError("Missing needs a reason")


Quantity = Value | Missing
