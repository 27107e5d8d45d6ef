"""Records as the rows of a table, one a case, without pandas; `frame` has them as pandas tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.core.metric import METRICS, Metric
from harness.core.printable import json_text
from harness.core.quality import OF_CLASSIFICATION
from harness.core.quantity import Missing
from harness.core.record import TEXT_COLUMNS, Record, display_texts
from harness.core.scenario import LOAD_PARAMETERS

# The first columns of a table, in this order, are a contract: later versions append columns and rename none.
CONTRACT = (
    *("target", "model", "compression", "runtime", "threads", "batch", "scenario", "weights", "verdict", "reason"),
    *("latency_p50_ns", "latency_p50_lo_ns", "latency_p50_hi_ns", "latency_p90_ns", "latency_p99_ns"),
    *("first_inference_ns", "load_ns", "cpu_time_p50_ns", "n_inferences", "n_processes", "throughput_per_s"),
    *("energy_gross_j", "energy_net_j", "energy_reason", "peak_rss_bytes", "artifact_bytes"),
    *("top1", "top1_lo", "top1_hi", "n_images", "agreement", "sqnr_db"),
)  # fmt: skip
_WHOLE = frozenset({"ns", "bytes"})
_COUNTS = frozenset({"threads", "batch", "streams", "samples_per_query", "parameters", "macs"})


def metric_columns(metric: Metric) -> list[str]:
    """Return the columns of a metric: its value, and its interval if the table shows it."""
    return [metric.name, metric.column("lo"), metric.column("hi")] if metric.interval else [metric.name]


_NUMBERS = tuple(name for metric in METRICS.values() for name in metric_columns(metric))
# Metrics that came after the first release: their columns stand behind all others.
_LATER = (
    *("quality", "n_samples", "quality_difference", "quality_p", "pre_p50_ns", "pipeline_infer_p50_ns", "post_p50_ns"),
    *("pipeline_p50_ns", "pipeline_throughput_per_s"),
)
_LATER_NUMBERS = tuple(column for name in _LATER for column in metric_columns(METRICS[name]))


def record_rows(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Return a row per record with the values of `columns()` by name; None where one is missing."""
    names = columns()
    return [{name: _typed(name, row[name]) for name in names} for row in map(_row, records)]


def rows_json(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as a JSON list of objects, null where a value is missing."""
    return json_text(json.dumps(list(rows), indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def columns() -> list[str]:
    """Return the columns of a row, in order: those of `CONTRACT`, then the other metrics and the ids."""
    first = [name for name in _NUMBERS if name not in _LATER_NUMBERS]
    ids = (*LOAD_PARAMETERS, "driver", "dataset", "case", "run", *TEXT_COLUMNS)
    return list(dict.fromkeys([*CONTRACT, *first, *ids, *_LATER_NUMBERS]))


def _row(record: Record) -> dict[str, Any]:
    """Return the values of a record by column name, not yet in the types of the columns."""
    case = record.case
    row: dict[str, Any] = {
        name: getattr(case, name) for name in ("model", "compression", "runtime", "threads", "batch")
    }
    row |= {"scenario": case.scenario, "weights": case.weights, "dataset": case.dataset, "target": record.target}
    row |= {"verdict": record.verdict.status, "reason": record.verdict.reason, "case": record.case_id}
    row |= {"run": record.run_id, "energy_reason": record.missing("energy_net_j") or record.missing("energy_gross_j")}
    row |= {name: getattr(case.load, name) for name in LOAD_PARAMETERS} | {"driver": case.driver}
    row |= display_texts(record)
    for metric in METRICS.values():
        row |= _cells(metric, record)
    return row


def _cells(metric: Metric, record: Record) -> dict[str, float | int | None]:
    name = metric.name if metric.name in record.metrics else OF_CLASSIFICATION.get(metric.name, metric.name)
    quantity, names = record.quantity(name), metric_columns(metric)
    if isinstance(quantity, Missing):
        return dict.fromkeys(names)
    bounds = (quantity.value, quantity.lo, quantity.hi)
    return dict(zip(names, bounds, strict=False))


def _typed(name: str, value: Any) -> Any:
    """Return a value in the type of its column."""
    kind = dtype(name)
    if value is None or kind == "object" or value != value:  # noqa: PLR0124 - NaN
        return value if kind == "object" else None
    return round(value) if kind == "Int64" else float(value)


def dtype(name: str) -> str:
    """Return the type of a column: Int64 for whole numbers, float64, or object for text."""
    if name in _COUNTS or name.startswith("n_") or name.rpartition("_")[2] in _WHOLE:
        return "Int64"
    return "float64" if name in _NUMBERS or name in LOAD_PARAMETERS else "object"
