"""github-action-benchmark: a JSON array of {name, value, unit, range, extra}.

A file holds metrics of one direction: `customSmallerIsBetter` or `customBiggerIsBetter` in the action's settings.
"""

from __future__ import annotations

import json

from harness.core.errors import NothingMeasured
from harness.core.metric import METRICS, Metric
from harness.core.printable import json_text
from harness.core.quantity import Value
from harness.core.record import Record

from . import Export, Exported


def render(run: Exported) -> str:
    """Return the array of trusted values; NothingMeasured if it would be empty, which the action rejects."""
    entries = [
        _entry(record, metric, quantity)
        for record in run.records
        for metric in METRICS.values()
        if record.better(metric.name) == run.better
        and record.trusts(metric.name)
        and isinstance(quantity := record.quantity(metric.name), Value)
    ]
    if not entries:
        raise NothingMeasured(
            f"no metric that is better {run.better} was measured and can be trusted",
            "try the other direction: --better",
        )
    return json_text(json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _entry(record: Record, metric: Metric, value: Value) -> dict[str, object]:
    entry: dict[str, object] = {
        "name": f"{record.case_id} {metric.name}",
        "value": value.value,
        "unit": metric.unit or "1",
        "extra": f"verdict: {record.verdict.status}\n{record.verdict.reason}".strip(),
    }
    if value.lo is not None and value.hi is not None:
        entry["range"] = f"± {(value.hi - value.lo) / 2:.6g}"
    return entry


PLUGINS: tuple[Export, ...] = (Export("gha", render),)
