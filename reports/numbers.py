"""Formatting of quantities: one scale per column, and no more digits than the interval supports."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from harness.core.metric import Metric
from harness.core.quantity import Missing, Quantity, Value

TIMES = "\N{MULTIPLICATION SIGN}"
_DIGITS = 3  # significant digits of a number without an interval
_MOST_DECIMALS = 6
_WIDE = 0.1  # half-width relative to the value above which both ends are shown instead of ±

# (smallest typical magnitude in the stored unit, factor, unit shown), largest first
_SCALES: dict[str, tuple[tuple[float, float, str], ...]] = {
    "ns": ((2e9, 1e-9, "s"), (2e4, 1e-6, "ms"), (200.0, 1e-3, "µs"), (0.0, 1.0, "ns")),
    "j": ((2.0, 1.0, "J"), (5e-4, 1e3, "mJ"), (0.0, 1e6, "µJ")),
    "bytes": ((2e9, 1e-9, "GB"), (1e5, 1e-6, "MB"), (100.0, 1e-3, "kB"), (0.0, 1.0, "B")),
    "per_s": ((0.0, 1.0, "/s"),),
    "db": ((0.0, 1.0, "dB"),),
}
_SHARES = frozenset({"top1", "top5", "agreement", "fidelity_agreement"})
_DIFFERENCES = frozenset({"top1_difference"})  # of shares, so shown in points


@dataclass(frozen=True)
class Scale:
    """How values of a metric are shown.

    Attributes:
        factor: Multiplier of the stored value.
        unit: Unit of the product.

    """

    factor: float = 1.0
    unit: str = ""


@dataclass(frozen=True)
class FormattedValue:
    """A quantity as text.

    Attributes:
        text: The value, or the gist of the reason why it is missing.
        about: The interval and the number of observations, or the whole reason.
        spread: Half the width of the interval, '±0.02', or both of its ends, '0.16-0.68'; '' without an interval.
        missing: There is no value.
        sort: The stored value, to sort by.

    """

    text: str
    about: str = ""
    spread: str = ""
    missing: bool = False
    sort: float | None = None

    def words(self, unit: str = "") -> str:
        """Return it as running text: '1.90 ±0.02 ms', or '0.27 ms (0.16-0.68)'."""
        if not self.spread or self.spread.startswith("±"):
            return " ".join(part for part in (self.text, self.spread, unit) if part)
        return " ".join(part for part in (self.text, unit, f"({self.spread})") if part)


def scale_for(metric: Metric, values: Iterable[float]) -> Scale:
    """Return one scale for all values of a column, so that they can be compared at a glance.

    The unit follows the magnitude of their median.
    """
    if metric.name in _SHARES:
        return Scale(100.0, "%")
    if metric.name in _DIFFERENCES:
        return Scale(100.0, "points")
    magnitudes = [abs(value) for value in values]
    if not magnitudes:
        return Scale()
    typical = statistics.median(magnitudes)
    for smallest, factor, unit in _SCALES.get(metric.unit, ()):
        if typical >= smallest:
            return Scale(factor, unit)
    return Scale()


def show(quantity: Quantity, scale: Scale = Scale()) -> FormattedValue:
    """Return a quantity in the scale of its column.

    The spread is half the width of the interval, '±0.02'. A wide interval is rarely symmetric and '0.3 ±0.3' says
    nothing, so its ends are given instead, '0.16-0.68', to the two digits that the value then has. Intervals that
    contain 0 keep the half-width: they belong to differences that may be none.
    """
    if isinstance(quantity, Missing):
        return FormattedValue(shorten(quantity.reason), quantity.reason, missing=True)
    width = half_width(quantity)
    if not width:
        return FormattedValue(
            format_number(quantity.value * scale.factor), _observations(quantity), sort=quantity.value
        )
    places = _shown(places_of(_scaled(quantity, scale)))
    low, text, high = (
        _fixed(bound * scale.factor, places) for bound in (quantity.lo or 0.0, quantity.value, quantity.hi or 0.0)
    )
    about = f"95 % interval {low} to {high} {scale.unit}".rstrip() + _observations(quantity, "; ")
    spread = f"{low}\N{EN DASH}{high}" if _is_wide(quantity) else f"±{width * scale.factor:.{places}f}"
    return FormattedValue(text, about, spread, sort=quantity.value)


def show_bound(quantity: Quantity, bound: Literal["lo", "hi"], scale: Scale = Scale()) -> FormattedValue:
    """Return an end of an interval with the digits of `show`."""
    if isinstance(quantity, Missing):
        return show(quantity, scale)
    end = getattr(quantity, bound)
    if end is None:
        return FormattedValue("no interval", "no interval", missing=True)
    number = end * scale.factor
    text = (
        _fixed(number, _shown(places_of(_scaled(quantity, scale)))) if half_width(quantity) else format_number(number)
    )
    return FormattedValue(text, sort=end)


def places_of(value: Value) -> int:
    """Return the decimal places that the interval of a value supports, negative for tens and above.

    They show the first significant digit of its half-width, which must not be 0; of a wide interval, two digits of the
    value.
    """
    return _two_digits(value.value) if _is_wide(value) else _first_digit(half_width(value))


def _is_wide(value: Value) -> bool:
    """Return whether an interval is shown by its ends; one that contains 0 belongs to a difference that may be none."""
    return half_width(value) > _WIDE * abs(value.value) and not (value.lo or 0.0) < 0 < (value.hi or 0.0)


def _scaled(value: Value, scale: Scale) -> Value:
    lo, hi = (None if end is None else end * scale.factor for end in (value.lo, value.hi))
    return Value(value.value * scale.factor, lo, hi, value.n)


def _shown(places: int) -> int:
    """Return the decimal places to print, which are neither negative nor very many."""
    return min(max(0, places), _MOST_DECIMALS)


def _fixed(number: float, places: int) -> str:
    """Return a number with that many decimal places, and a zero without a sign."""
    return f"{round(number, places) + 0.0:,.{places}f}"


def half_width(value: Value) -> float:
    """Return half the width of the interval in the stored unit; 0 without an interval."""
    return 0.0 if value.lo is None or value.hi is None else (value.hi - value.lo) / 2


def decimals(width: float) -> int:
    """Return the decimal places that show the first significant digit of a half-width and no more."""
    return _shown(_first_digit(width))


def _first_digit(width: float) -> int:
    """Return the decimal place of the first significant digit of a half-width."""
    return -math.floor(math.log10(float(f"{width:.0e}")))  # rounded first: 0.0096 will be shown as 0.01


def _two_digits(number: float) -> int:
    """Return the decimal place of the second significant digit."""
    return 1 - math.floor(math.log10(abs(number))) if number else 0


def format_number(number: float) -> str:
    """Return a number without an interval: whole if it is integral, otherwise with three significant digits."""
    if number == round(number) and abs(number) < 1e15:
        return f"{number:,.0f}"
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(number))))
    return f"{number:,.{places}f}" if places <= _MOST_DECIMALS + _DIGITS else f"{number:.2e}"


def counted(number: int, word: str) -> str:
    """Return a number with its noun: '1 case', '12 cases'."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def format_change(ratio: float, width: float = 0.0) -> tuple[str, str]:
    """Return a ratio as a signed change and its spread: 1.048 with half-width 0.009 is ('+4.8 %', '±0.9')."""
    places = min(decimals(width * 100), 2) if width else 1
    return f"{(ratio - 1) * 100:+.{places}f} %", f"±{width * 100:.{places}f}" if width else ""


def shorten(reason: str, longest: int = 22) -> str:
    """Return the first clause of a reason, cut at a word boundary to fit a table cell."""
    clause = " ".join(reason.split())
    for mark in (": ", "; ", ", ", ". ", " ("):
        clause = clause.partition(mark)[0]
    if len(clause) <= longest:
        return clause
    start = clause[:longest]
    return (start.rpartition(" ")[0] if " " in start else start[:-1]) + "…"


def _observations(value: Value, separator: str = "") -> str:
    return f"{separator}n = {value.n:,}" if value.n is not None else ""
