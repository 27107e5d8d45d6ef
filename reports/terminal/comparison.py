"""Two runs side by side for the terminal: the ratio of every case, and below by number why some are undecided."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reports.numbers import counted
from reports.text import clean

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[Hashable, Any]
_STYLES = {"faster": "green", "slower": "red", "undecided": "yellow", "same": "dim"}


def comparison_table(frame: pd.DataFrame) -> RenderableType:
    """`frame` of `harness.store.comparison.compare_runs`: the ratio is of run B over run A, below 1 is faster."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    reasons = Counter(map(_reason, rows))
    del reasons[""]
    return Group(_table(rows, list(reasons)), *_remarks(reasons), *_files(rows))


def _reason(row: Row) -> str:
    """Why the row is undecided, without the figures that it shows anyway; '' where it is decided."""
    return re.sub(r" [\d.]+ to [\d.]+", "", row["reason"] or "")


def _table(rows: Sequence[Row], reasons: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("case", overflow="fold")
    table.add_column("latency B/A", no_wrap=True)
    table.add_column("top-1 points", justify="right", no_wrap=True)
    table.add_column("change", no_wrap=True)
    last = ""
    for row in rows:
        model, *setting = row["case"].split("|")
        if model != last:
            last = model
            table.add_row(Text(clean(model), style="bold"))
        table.add_row(
            Text("  " + clean(" ".join(setting))), _ratio(row), _points(row["top1_delta"]), _change(row, reasons)
        )
    return table


def _change(row: Row, reasons: Sequence[str]) -> Text:
    """The verdict, with the number of its reason."""
    change = Text(row["change"], style=_STYLES[row["change"]])
    return change.append(f" [{reasons.index(reason) + 1}]", style="dim") if (reason := _reason(row)) else change


def _ratio(row: Row) -> Text:
    """The ratio and its interval."""
    ratio, lo, hi = (row[name] for name in ("latency_ratio", "latency_ratio_lo", "latency_ratio_hi"))
    if ratio is None:
        return Text("-", style="dim")
    interval = "" if lo is None or hi is None else f" {lo:.3f}\N{EN DASH}{hi:.3f}"
    return Text(f"{ratio:.3f}").append(interval, style="dim")


def _points(difference: float | None) -> Text:
    """The difference of the accuracies; a dot where both are the same."""
    if difference is None:
        return Text("-", style="dim")
    return Text(f"{100 * difference:+.2f}") if difference else Text("·", style="dim")


def _remarks(reasons: Mapping[str, int]) -> Iterator[Text]:
    """Why cases are undecided, once a reason, under the numbers that stand in their rows."""
    for number, (reason, count) in enumerate(reasons.items(), 1):
        yield Text(clean(f"[{number}] {counted(count, 'case')} undecided: {reason}"), style="dim")


def _files(rows: Sequence[Row]) -> Iterator[Text]:
    """How many cases ran another model file in run B, if any."""
    if changed := sum(bool(row["other_file"]) for row in rows):
        yield Text(f"the model file differs in {counted(changed, 'case')} of {len(rows)}", style="dim")
