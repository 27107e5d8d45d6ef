"""Prometheus: a text file for node_exporter's textfile collector (*.prom), which is also valid OpenMetrics.

Metrics are in base units, with the unit as suffix of the name. There are no timestamps, since the collector skips a
file that has any; the time of the run is a metric. Values that are missing or must not be compared are left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.core.metric import METRICS, Metric
from harness.core.printable import printable
from harness.core.quantity import microseconds
from harness.core.record import Record

from . import Export, Exported

_BASE = {"ns": ("seconds", 1e-9), "j": ("joules", 1.0), "bytes": ("bytes", 1.0)}
_LABELS = ("model", "compression", "runtime", "scenario", "threads", "batch")


def render(run: Exported) -> str:
    """Return the text of the file."""
    lines = [line for metric in METRICS.values() for line in _family(run, metric)]
    ended = microseconds(run.header.ended_utc or run.header.started_utc) / 1e6
    name = "edgebench_completion_timestamp_seconds"
    lines += [f"# HELP {name} When the run ended.", f"# TYPE {name} gauge", f"# UNIT {name} seconds"]
    lines.append(f'{name}{{target="{_escape(run.header.target)}",suite="{_escape(run.header.suite)}"}} {ended!r}')
    return "\n".join([*lines, "# EOF", ""])


def _family(run: Exported, metric: Metric) -> Iterator[str]:
    """Yield the lines of a metric over all cases; none if no case has it."""
    values = [(record, value) for record in run.records if (value := record.trusted_value(metric.name)) is not None]
    if not values:
        return
    unit, factor = _BASE.get(metric.unit, ("", 1.0))
    stem = metric.name.removesuffix(f"_{metric.unit}") if unit else metric.name
    name = "_".join(part for part in ("edgebench", stem, unit) if part)
    yield f"# HELP {name} {_escape(metric.about)}"
    yield f"# TYPE {name} gauge"
    if unit:
        yield f"# UNIT {name} {unit}"
    for record, value in values:
        yield f"{name}{{{_labels(record)}}} {float(f'{value * factor:.15g}')!r}"


def _labels(record: Record) -> str:
    labels = {"case": record.case_id, "target": record.target, "verdict": record.verdict.status}
    labels |= {name: str(getattr(record.case, name)) for name in _LABELS}
    return ",".join(f'{name}="{_escape(text)}"' for name, text in labels.items())


def _escape(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


PLUGINS: tuple[Export, ...] = (Export("prometheus", render, suffix=".prom"),)
