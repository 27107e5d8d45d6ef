"""Which metrics the scenarios are about: what ranks their cases, and what tables and lines show of them first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.core.record import Record

from .labels import titles_of


@dataclass(frozen=True)
class ScenarioMetrics:
    """The metrics of one scenario.

    Attributes:
        main: The metric by which cases are ranked.
        columns: Columns of a table of cases ahead of the usual ones, with their titles.
        line: The figures in the line of a finished case.

    """

    main: str = "latency_p50_ns"
    columns: Mapping[str, str] = field(default_factory=dict)
    line: tuple[str, ...] = ("latency_p50_ns",)


_BY_LATENCY = ScenarioMetrics()
_SCENARIOS = {
    "Offline": ScenarioMetrics("throughput_per_s", {"throughput_per_s": "Throughput"}, ("throughput_per_s",)),
    "Server": ScenarioMetrics(
        "latency_p99_ns", {"bound_met_share": "In bound"}, ("latency_p50_ns", "latency_p99_ns")
    ),
    "sustained": ScenarioMetrics(
        "sustained_p50_ns",
        {"sustained_p50_ns": "Sustained", "sustained_ratio": "Slowdown"},
        ("sustained_p50_ns", "sustained_ratio"),
    ),
}  # fmt: skip
"""Scenarios that are not about the median latency."""


def metrics_of(scenario: str) -> ScenarioMetrics:
    """Return the metrics of a scenario; those of a latency for any that is not known."""
    return _SCENARIOS.get(scenario, _BY_LATENCY)


def main_metric(record: Record) -> str:
    """Return the main metric of a case's scenario; the median latency if that was not measured."""
    name = metrics_of(record.case.scenario).main
    return "latency_p50_ns" if record.value(name) is None else name


def columns_of(records: Sequence[Record]) -> dict[str, str]:
    """Return the titles of a table's columns by metric, the scenarios' own first."""
    own: dict[str, str] = {}
    for record in records:
        own.update(metrics_of(record.case.scenario).columns)
    return {**own, **titles_of(records)}
