"""A comparison of two runs for the terminal: the ratio of every case, with numbered notes on undecided ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.core.quality import TOP1
from reports.numbers import counted
from reports.text import clean

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[Hashable, Any]
_STYLES = {"faster": "green", "slower": "red", "undecided": "yellow", "same": "dim"}


def comparison_table(frame: pd.DataFrame) -> RenderableType:
    """Return the table of a comparison, in which ratios are those of run B over run A and below 1 is faster.

    Args:
        frame: The result of `harness.store.comparison.compare_runs`.

    """
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    reasons = Counter(map(_reason, rows))
    del reasons[""]
    return Group(_table(rows, list(reasons)), *_notes(reasons), *_changed_files(rows))


def _reason(row: Row) -> str:
    """Return why a row is undecided, without the figures it already shows; '' if it is decided."""
    return re.sub(r" [\d.]+ to [\d.]+", "", row["reason"] or "")


def _table(rows: Sequence[Row], reasons: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("case", overflow="fold")
    table.add_column("latency B/A", no_wrap=True)
    classified = {row["quality_metric"] for row in rows} <= {TOP1.metric}
    table.add_column("top-1 points" if classified else "quality", justify="right", no_wrap=True)
    table.add_column("change", no_wrap=True)
    last = ""
    for row in rows:
        model, *setting = row["case"].split("|")
        if model != last:
            last = model
            table.add_row(Text(clean(model), style="bold"))
        table.add_row(
            Text("  " + clean(" ".join(setting))), _ratio(row), _points(row, classified), _change(row, reasons)
        )
    return table


def _change(row: Row, reasons: Sequence[str]) -> Text:
    """Return the change, followed by the number of its note."""
    change = Text(row["change"], style=_STYLES[row["change"]])
    return change.append(f" [{reasons.index(reason) + 1}]", style="dim") if (reason := _reason(row)) else change


def _ratio(row: Row) -> Text:
    """Return the ratio with its interval."""
    ratio, lo, hi = (row[name] for name in ("latency_ratio", "latency_ratio_lo", "latency_ratio_hi"))
    if ratio is None:
        return Text("-", style="dim")
    interval = "" if lo is None or hi is None else f" {lo:.3f}\N{EN DASH}{hi:.3f}"
    return Text(f"{ratio:.3f}").append(interval, style="dim")


def _points(row: Row, classified: bool) -> Text:
    """Return the difference of the qualities, in points alone where all are classifiers; a dot if they are equal."""
    if row["top1_delta"] is None:
        return Text("-", style="dim")
    text = row["quality_change"].removesuffix(" points") if classified else row["quality_change"]
    return Text(clean(text)) if row["top1_delta"] else Text("·", style="dim")


def _notes(reasons: Mapping[str, int]) -> Iterator[Text]:
    """Yield one numbered note per reason why cases are undecided."""
    for number, (reason, count) in enumerate(reasons.items(), 1):
        yield Text(clean(f"[{number}] {counted(count, 'case')} undecided: {reason}"), style="dim")


def _changed_files(rows: Sequence[Row]) -> Iterator[Text]:
    """Yield how many cases ran another model file in run B, if any."""
    if changed := sum(bool(row["other_file"]) for row in rows):
        yield Text(f"the model file differs in {counted(changed, 'case')} of {len(rows)}", style="dim")
