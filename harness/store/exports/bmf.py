"""Bencher Metric Format: {benchmark: {measure: {value, lower_value, upper_value}}}.

Latency is in nanoseconds under Bencher's built-in measure 'latency', samples per second under 'throughput'; the other
measures have the names of the metrics. A benchmark's name has at most 1,024 characters.
"""

from __future__ import annotations

import hashlib
import json

from harness.core.metric import METRICS
from harness.core.quantity import Value

from . import Export, Exported

_BUILT_IN = {"latency_p50_ns": "latency", "throughput_per_s": "throughput"}
_LONGEST = 1024


def render(run: Exported) -> str:
    """Return the document without missing values, as the format requires, and without untrusted ones."""
    document: dict[str, dict[str, dict[str, float]]] = {}
    for record in run.records:
        measures = {
            _BUILT_IN.get(name, name): _bounded(quantity)
            for name in METRICS
            if METRICS[name].better != "none"
            and record.trusts(name)
            and isinstance(quantity := record.quantity(name), Value)
        }
        if measures:
            document[_short(record.case_id)] = measures
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _bounded(value: Value) -> dict[str, float]:
    numbers = {"value": value.value, "lower_value": value.lo, "upper_value": value.hi}
    return {name: number for name, number in numbers.items() if number is not None}


def _short(name: str) -> str:
    """Shorten a name that is too long to its beginning and a hash, so that names stay distinct."""
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 13]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


PLUGINS: tuple[Export, ...] = (Export("bmf", render),)
