"""The columns of a table of cases: chosen by name, the order of its rows, and the digits that intervals support."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from harness.core.errors import UnknownName, UsageError
from harness.core.metric import METRICS, Metric, find_metric
from harness.core.quantity import Missing
from harness.core.record import Record

from .labels import COLUMNS
from .numbers import FormattedValue, Scale, half_width, places_of, show, show_bound
from .text import clean

if TYPE_CHECKING:
    import pandas as pd

Bound = Literal["value", "lo", "hi"]

_TITLES = {"compression": "Compression", "case": "Case", "run": "Run", "driver": "Driver", "dataset": "Data set"}


@dataclass(frozen=True)
class Column:
    """A column of the rows of `harness.store.rows`.

    Attributes:
        name: Its name there.
        metric: The metric it is a number of; None for text and for parameters of the case.
        bound: Whether it is the value of the metric or an end of its interval.

    """

    name: str
    metric: Metric | None = None
    bound: Bound = "value"

    @property
    def title(self) -> str:
        """Its title for people, without a unit."""
        if self.metric is None:
            return _TITLES.get(self.name) or self.name.replace("_", " ").capitalize()
        end = {"value": "", "lo": ", lower end", "hi": ", upper end"}[self.bound]
        return self.metric.title + end

    @property
    def short_title(self) -> str:
        """Its title in the terminal."""
        return COLUMNS.get(self.name, self.title).lower()

    def cell(self, record: Record, row: Mapping[str, Any], scales: dict[str, Scale]) -> FormattedValue:
        """Return the cell of a record, whose row is `row`."""
        if self.metric is not None:
            quantity, scale = record.quantity(self.metric.name), scales[self.metric.name]
            return show(quantity, scale) if self.bound == "value" else show_bound(quantity, self.bound, scale)
        found = row[self.name]
        if found is None:
            return FormattedValue("-", "not recorded", missing=True)
        return FormattedValue(clean(str(found)))


def column(name: str) -> Column:
    """Return a column by its name in the table, or by a name of its metric such as 'p50' or 'energy_net'.

    Raises:
        UnknownName: There is none; the message names the closest one.

    """
    from harness.store.rows import columns

    known = {each: Column(each) for each in columns()}
    for metric in METRICS.values():
        bounds: tuple[Bound, ...] = ("value", "lo", "hi")
        names = (metric.name, metric.column("lo"), metric.column("hi"))
        known |= {each: Column(each, metric, bound) for each, bound in zip(names, bounds, strict=True) if each in known}
    if name in known:
        return known[name]
    with contextlib.suppress(UnknownName):
        return known[find_metric(name).name]
    raise UnknownName("column", name, known)


def chosen(names: str) -> list[Column]:
    """Return the columns that a comma-separated list names, each once.

    Raises:
        UnknownName: One of the names is no column.
        UsageError: There is no name.

    """
    found = list(dict.fromkeys(column(name.strip()) for name in names.split(",") if name.strip()))
    if not found:
        raise UsageError(f"'{names}' names no column", "--columns model,runtime,p50")
    return found


def sorted_by(records: Sequence[Record], by: Column) -> list[Record]:
    """Return the records with the best value of a metric first, then those that may not be compared, then missing ones.

    Text, and numbers without a better direction, ascend. Records that are equal keep their order.
    """
    from harness.store.rows import record_rows

    values = [row[by.name] for row in record_rows(records)]
    descending = by.metric is not None and by.metric.better == "higher"

    def place(index: int) -> tuple[bool, bool, Any]:
        value = values[index]
        if value is None:
            return True, False, 0
        untrusted = by.metric is not None and not records[index].trusts(by.metric.name)
        return False, untrusted, -value if descending else value

    return [records[index] for index in sorted(range(len(records)), key=place)]


def rounded(frame: pd.DataFrame, records: Sequence[Record]) -> pd.DataFrame:
    """Return the table of these records with every metric rounded to the digits that its interval supports.

    Numbers without an interval stay as they are.
    """
    frame = frame.copy()
    for metric in METRICS.values():
        for row, record in enumerate(records):
            quantity = record.quantity(metric.name)
            if isinstance(quantity, Missing) or not half_width(quantity):
                continue
            places = places_of(quantity)
            for name, number in zip(_names(metric), (quantity.value, quantity.lo, quantity.hi), strict=True):
                if name in frame and number is not None:
                    frame.loc[frame.index[row], name] = round(number, places) + 0.0  # no sign before a 0
    return frame


def _names(metric: Metric) -> tuple[str, str, str]:
    return metric.name, metric.column("lo"), metric.column("hi")
