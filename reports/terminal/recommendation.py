"""A recommendation as text: the choice with its evidence, or what would have to change for a case to fit."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.core.metric import METRICS
from harness.core.record import Record
from reports.labels import label_of, scales_of
from reports.numbers import format_number, scale_for, show
from reports.recommend import Recommendation, sliders

# field of `Constraints`: (command-line option, its name in the text, the words before a bound)
_BOUNDS = {
    "latency_p50_ns": ("--max-latency", "latency p50", "at most"),
    "top1": ("--min-top1", "top-1", "at least"),
    "quality": ("--quality", "quality", "at least"),
    "energy_net_j": ("--max-energy", "energy, net", "at most"),
    "artifact_bytes": ("--max-size", "model size", "at most"),
    "top1_drop": ("--max-drop", "top-1 lost to fp32", "at most"),
}


def recommendation_lines(recommendation: Recommendation, given: Mapping[str, float]) -> list[str]:
    """Return the choice with its evidence, the runner-up and the bounds that decide, or what would have to change.

    Args:
        recommendation: The recommendation.
        given: The bounds it was made under, by metric.

    """
    considered = f"{recommendation.considered} comparable cases"
    if recommendation.best is None:
        return [f"nothing fits: 0 of {considered}", *_ways_out(recommendation)]
    runner_up = _summary(recommendation.runner_up) if recommendation.runner_up else "none"
    lines = [
        label_of(recommendation.best),
        *(f"  {line}" for line in _evidence(recommendation.best, given)),
        f"{recommendation.fitting} of {considered} fit",
        f"runner-up: {runner_up}",
    ]
    for name, other in recommendation.binding:
        lines.append(f"{_BOUNDS[name][0]} limits the choice: without it {_summary(other)}")
    return lines if recommendation.binding or not given else [*lines, "no single bound limits the choice"]


def _ways_out(recommendation: Recommendation) -> list[str]:
    """Return the bounds that no case can meet, and for each other bound the value at which a case would fit."""
    unknown = [f"{_BOUNDS[name][0]} cannot be met: {reason}; leave it out" for name, reason in
               recommendation.unknown]  # fmt: skip
    if not recommendation.relax:
        return unknown or ["changing a single bound is not enough: relax two"]
    return unknown + [
        f"would fit with {_BOUNDS[name][0]} {_bound_text(record, name, _round_outward(record, name, value))}: "
        f"{_summary(record)}"
        for name, value, record in recommendation.relax
    ]


def _round_outward(record: Record, name: str, value: float) -> float:
    """Return the value to three digits, rounded so that the case still fits under the printed bound."""
    if value == 0:
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return (math.ceil if _words_of(record, name)[1] == "at most" else math.floor)(value / step) * step


def _words_of(record: Record, name: str) -> tuple[str, str]:
    """Return what a figure is called, and the words before its bound."""
    _, title, bound = _BOUNDS[name]
    if name != "quality":
        return title, bound
    kind = record.quality_kind
    return kind.label, "at least" if kind.better == "higher" else "at most"


def _evidence(record: Record, given: Mapping[str, float]) -> list[str]:
    """Return each value with its interval, or the reason why it is missing, and the bound it had to meet."""
    lines = []
    for name in sliders([record]):
        title, words = _words_of(record, name)
        bound = f"  ({words} {_bound_text(record, name, given[name])})" if name in given else ""
        lines.append(f"{title:12} {_value_text(record, name)}{bound}")
    kind, drop = record.quality_kind, ""
    if "top1_drop" in given:
        worse, most = "below" if kind.better == "higher" else "above", given["top1_drop"]
        drop = f", {kind.label} at most {_bound_text(record, 'top1_drop', most)} {worse} fp32"
    return [*lines, f"{'verdict':12} {record.verdict.status}{drop}"]


def _value_text(record: Record, name: str) -> str:
    scale = scales_of([record])[name]
    value = show(record.quantity(name), scale)
    if value.missing:
        return f"unknown: {value.about}"
    doubt = {"full": "", "caution": " (imprecise)", "none": f" (not trusted: {record.verdict.status})"}
    return value.words(scale.unit) + doubt[record.trust(name)]


def _bound_text(record: Record, name: str, value: float) -> str:
    """Return a bound with its unit: '20 ms', '88 %', '1 point'."""
    if name in ("top1", "quality", "top1_drop"):
        scale = scales_of([record])[record.quality_name]
    else:
        scale = scale_for(METRICS[name], [value])
    number, unit = format_number(round(value * scale.factor, 9)), scale.unit
    if name == "top1_drop" and record.quality_kind.unit == "share":
        unit = "point" if number == "1" else "points"
    return f"{number} {unit}".rstrip()


def _summary(record: Record) -> str:
    quality = f"{record.quality_kind.label} {_value_text(record, record.quality_name)}"
    return f"{label_of(record)} ({_value_text(record, 'latency_p50_ns')}, {quality})"
