"""Records as pandas tables: one row per case (`table`), or one row per metric (`tidy`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TextIO, get_args

import pandas as pd

from harness.core.errors import UsageError
from harness.core.metric import METRICS
from harness.core.printable import csv_cell, markdown_text
from harness.core.quantity import Value, iso, microseconds
from harness.core.record import Record, RunHeader

from .database.filters import Filters
from .database.rows import git_sha
from .rows import columns, dtype, record_rows, rows_json
from .runfolder import RunFolder

Format = Literal["csv", "json", "markdown"]

# The columns of `tidy`, in this order, for run folders and stores alike.
TIDY = (
    *("run", "target", "case", "metric", "unit", "value", "lo", "hi", "n", "reason", "verdict", "started_utc"),
    *("model", "compression", "runtime", "threads", "batch", "scenario", "machine", "suite", "profile", "git_sha"),
)  # fmt: skip
TIDY_TYPES = {"value": "float64", "lo": "float64", "hi": "float64", "n": "Int64", "reason": "object"}


def table(runs: RunFolder | Sequence[RunFolder], where: Filters | None = None) -> pd.DataFrame:
    """Return one row per record: the columns of `rows.CONTRACT`, then the other metrics and the ids.

    Times and sizes are integers (nullable Int64). A missing number is empty; its reason is in the record.
    """
    filters = where or Filters()
    selected = [run for run in _as_list(runs) if filters.takes_run(run.header())] if where else _as_list(runs)
    return record_table([record for run in selected for record in run.records() if filters.takes_record(record)])


def record_table(records: Iterable[Record]) -> pd.DataFrame:
    """Return the table of `table` for these records."""
    rows = record_rows(records)
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=dtype(name)) for name in columns()})


def tidy(runs: RunFolder | Sequence[RunFolder], where: Filters | None = None) -> pd.DataFrame:
    """Return one row per metric with the columns of `TIDY`: value, lo, hi and n, or the reason why there is none."""
    filters = where or Filters()
    rows = [
        row
        for run in _as_list(runs)
        if filters.takes_run(header := run.header())
        for record in run.records()
        if filters.takes_record(record)
        for row in _tidy_rows(header, record, filters)
    ]
    return pd.DataFrame(rows, columns=list(TIDY)).astype(TIDY_TYPES)


def write_table(frame: pd.DataFrame, format: Format, out: TextIO) -> None:  # noqa: A002 - named as the option
    """Write a table as `csv`, `json` (a list of objects, null where empty) or `markdown`; UsageError otherwise."""
    writers: dict[str, Callable[[pd.DataFrame], str]] = {"csv": csv_text, "json": _json, "markdown": _markdown}
    if format not in writers:
        raise UsageError(f"no table format '{format}'", f"one of: {', '.join(get_args(Format))}")
    out.write(writers[format](frame))


def _as_list(runs: RunFolder | Sequence[RunFolder]) -> Sequence[RunFolder]:
    return [runs] if isinstance(runs, RunFolder) else runs


def _tidy_rows(header: RunHeader, record: Record, where: Filters) -> Iterable[tuple[Any, ...]]:
    case = record.case
    about = (
        *(record.verdict.status, iso(microseconds(header.started_utc))),
        *(case.model, case.compression, case.runtime, case.threads, case.batch, case.scenario),
        *(header.unit, header.suite, header.profile, git_sha(header)),
    )
    for metric in filter(lambda metric: where.takes_metric(metric.name), METRICS.values()):
        quantity = record.quantity(metric.name)
        key = (record.run_id, record.target, record.case_id, metric.name, metric.unit)
        if isinstance(quantity, Value):
            yield (*key, quantity.value, quantity.lo, quantity.hi, quantity.n, None, *about)
        else:
            yield (*key, None, None, None, None, quantity.reason, *about)


def csv_text(frame: pd.DataFrame, header: bool = True) -> str:
    """Return a table as CSV whose texts are printable and no formulas of a spreadsheet."""
    safe = frame.copy(deep=False)
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]):
            continue
        cells = {value: csv_cell(value) for value in frame[name].unique() if isinstance(value, str)}
        safe[name] = [cells.get(value, value) for value in frame[name]]
    return str(safe.to_csv(index=False, header=header, lineterminator="\n"))


def _json(frame: pd.DataFrame) -> str:
    rows = [{str(name): _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    return rows_json(rows)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return None
    return value.item() if hasattr(value, "item") else value


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns)]
    rows += [[_markdown_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _markdown_cell(value: Any) -> str:
    """Escape what would break the row ('|', a line end), or be read as HTML ('<'), a link, a picture or code."""
    text = "" if _plain(value) is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return markdown_text(text, "\\|[]`")
