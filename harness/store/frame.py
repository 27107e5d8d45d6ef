"""Records as pandas tables: one row a case (`table`), or one row a metric (`tidy`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TextIO, get_args

import pandas as pd

from harness.core.errors import UsageError
from harness.core.metric import METRICS, Metric
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.core.scenario import PARAMETERS

from .runfolder import RunFolder

Format = Literal["csv", "json", "markdown"]

# The first columns of `table`, in this order, are a contract: later versions add columns behind, none renames.
CONTRACT = (
    *("target", "model", "compression", "runtime", "threads", "batch", "scenario", "weights", "verdict", "reason"),
    *("latency_p50_ns", "latency_p50_lo_ns", "latency_p50_hi_ns", "latency_p90_ns", "latency_p99_ns"),
    *("first_inference_ns", "load_ns", "cpu_time_p50_ns", "n_inferences", "n_processes", "throughput_per_s"),
    *("energy_gross_j", "energy_net_j", "energy_reason", "peak_rss_bytes", "artifact_bytes"),
    *("top1", "top1_lo", "top1_hi", "n_images", "agreement", "sqnr_db"),
)  # fmt: skip
_WHOLE = frozenset({"ns", "bytes"})
_COUNTS = frozenset({"threads", "batch", "streams", "samples_per_query"})


def _metric_columns(metric: Metric) -> list[str]:
    return [metric.name, metric.column("lo"), metric.column("hi")] if metric.interval else [metric.name]


_NUMBERS = tuple(name for metric in METRICS.values() for name in _metric_columns(metric))


def table(runs: RunFolder | Sequence[RunFolder]) -> pd.DataFrame:
    """One row a case that has a record: the columns of `CONTRACT` first, then every other metric and the ids.

    Times and sizes are integers (nullable Int64); a missing number is empty, its reason stands in the record.
    """
    return record_table([record for run in _several(runs) for record in run.records()])


def record_table(records: Iterable[Record]) -> pd.DataFrame:
    """The same table from records at hand."""
    rows = [_row(record) for record in records]
    columns = {name: pd.Series([row[name] for row in rows], dtype=_dtype(name)) for name in _columns()}
    return pd.DataFrame(columns)


def tidy(runs: RunFolder | Sequence[RunFolder]) -> pd.DataFrame:
    """One row a metric: run, target, case, metric, unit, value, lo, hi, n and, where there is no value, the reason."""
    rows = [row for run in _several(runs) for record in run.records() for row in _tidy_rows(record)]
    names = ("run", "target", "case", "metric", "unit", "value", "lo", "hi", "n", "reason")
    frame = pd.DataFrame(rows, columns=list(names))
    return frame.astype({"value": "float64", "lo": "float64", "hi": "float64", "n": "Int64"})


def write_table(frame: pd.DataFrame, format: Format, out: TextIO) -> None:  # noqa: A002 - the command's own word
    """Write a table as `csv`, `json` (a list of objects, null where empty) or `markdown`; UsageError otherwise."""
    writers: dict[str, Callable[[pd.DataFrame], str]] = {"csv": _csv, "json": _json, "markdown": _markdown}
    if format not in writers:
        raise UsageError(f"no table format '{format}'", f"one of: {', '.join(get_args(Format))}")
    out.write(writers[format](frame))


def _several(runs: RunFolder | Sequence[RunFolder]) -> Sequence[RunFolder]:
    return [runs] if isinstance(runs, RunFolder) else runs


def _columns() -> list[str]:
    return list(dict.fromkeys([*CONTRACT, *_NUMBERS, *PARAMETERS, "driver", "dataset", "case", "run"]))


def _row(record: Record) -> dict[str, Any]:
    """Keys are those of `_columns`; None where missing."""
    case = record.case
    row: dict[str, Any] = {
        name: getattr(case, name) for name in ("model", "compression", "runtime", "threads", "batch")
    }
    row |= {"scenario": case.scenario, "weights": case.weights, "dataset": case.dataset, "target": record.target}
    row |= {"verdict": record.verdict.status, "reason": record.verdict.reason, "case": record.case_id}
    row |= {"run": record.run_id, "energy_reason": record.missing("energy_net_j") or record.missing("energy_gross_j")}
    row |= {name: getattr(case.load, name) for name in PARAMETERS} | {"driver": case.driver}
    for metric in METRICS.values():
        row |= _cells(metric, record)
    return row


def _cells(metric: Metric, record: Record) -> dict[str, float | int | None]:
    quantity = record.quantity(metric.name)
    names = _metric_columns(metric)
    if isinstance(quantity, Missing):
        return dict.fromkeys(names)
    bounds = (quantity.value, quantity.lo, quantity.hi)
    return {name: _cell(name, number) for name, number in zip(names, bounds, strict=False)}


def _cell(name: str, number: float | None) -> float | int | None:
    return round(number) if number is not None and _dtype(name) == "Int64" else number


def _dtype(name: str) -> str:
    if name in _COUNTS or name.startswith("n_") or name.rpartition("_")[2] in _WHOLE:
        return "Int64"
    return "float64" if name in _NUMBERS or name in PARAMETERS else "object"


def _tidy_rows(record: Record) -> Iterable[tuple[Any, ...]]:
    for metric in METRICS.values():
        quantity = record.quantity(metric.name)
        who = (record.run_id, record.target, record.case_id, metric.name, metric.unit)
        if isinstance(quantity, Value):
            yield (*who, quantity.value, quantity.lo, quantity.hi, quantity.n, None)
        else:
            yield (*who, None, None, None, None, quantity.reason)


def _csv(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))


def _json(frame: pd.DataFrame) -> str:
    rows = [{name: _plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return None
    return value.item() if hasattr(value, "item") else value


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(frame.columns), ["---"] * len(frame.columns)]
    rows += [[_markdown_cell(value) for value in row] for row in frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _markdown_cell(value: Any) -> str:
    """A '|' or a line end would break the row, a '<' would become HTML where it is shown."""
    text = "" if _plain(value) is None else f"{value:.6g}" if isinstance(value, float) else str(value)
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
