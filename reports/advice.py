"""A recommendation in words, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.core.metric import METRICS
from harness.core.record import Record

from .numbers import plain, scale_for, show
from .recommend import SLIDERS, Recommendation
from .words import scales_of, setting_of

# field of `Bounds`: (option of the command, what an answer calls it, the text before a bound)
_BOUNDS = {
    "latency_p50_ns": ("--max-latency", "latency p50", "at most"),
    "top1": ("--min-top1", "top-1", "at least"),
    "energy_net_j": ("--max-energy", "energy, net", "at most"),
    "artifact_bytes": ("--max-size", "model size", "at most"),
    "top1_drop": ("--max-drop", "top-1 lost to fp32", "at most"),
}


def lines(found: Recommendation, given: Mapping[str, float]) -> list[str]:
    """The best setting with its evidence, the runner-up and what binds; or what would have to give. One line each."""
    if found.best is None:
        return [f"nothing fits: 0 of {found.considered} comparable cases", *_gives(found)]
    told = [_label(found.best), *(f"  {line}" for line in _evidence(found.best, given))]
    told.append(f"{found.fitting} of {found.considered} comparable cases fit")
    told.append(f"runner-up: {_short(found.runner_up)}" if found.runner_up else "runner-up: none")
    for name, other in found.binding:
        told.append(f"{_BOUNDS[name][0]} binds: without it {_short(other)}")
    return told if found.binding or not given else [*told, "no single bound binds: without any one the choice stays"]


def _gives(found: Recommendation) -> list[str]:
    unknown = [f"{_BOUNDS[name][0]} cannot be kept: {reason}; leave it out" for name, reason in found.unknown]
    if not found.relax:
        return unknown or ["moving one bound alone is not enough: relax two"]
    return unknown + [
        f"would fit with {_BOUNDS[name][0]} {_figure(name, _outward(name, value))}: {_short(record)}"
        for name, value, record in found.relax
    ]


def _outward(name: str, value: float) -> float:
    """The value to three digits, rounded so that the case does fit under what is printed."""
    if value == 0:
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 2)
    return (math.floor if name == "top1" else math.ceil)(value / step) * step


def _evidence(record: Record, given: Mapping[str, float]) -> list[str]:
    """Each figure with its interval or the reason why there is none, and the bound it had to keep."""
    lines = [
        f"{_BOUNDS[name][1]:12} {_shown(record, name)}"
        + (f"  ({_BOUNDS[name][2]} {_figure(name, given[name])})" if name in given else "")
        for name in SLIDERS
    ]
    drop = f", top-1 at most {_figure('top1_drop', given['top1_drop'])} below fp32" if "top1_drop" in given else ""
    return [*lines, f"{'verdict':12} {record.verdict.status}{drop}"]


def _shown(record: Record, name: str) -> str:
    scale = scales_of([record])[name]
    shown = show(record.quantity(name), scale)
    if shown.missing:
        return f"unknown: {shown.about}"
    return shown.words(scale.unit)


def _figure(name: str, value: float) -> str:
    """A bound in words: '20 ms', '88 %'."""
    scale = scale_for(METRICS["top1" if name == "top1_drop" else name], [value])
    shown = plain(round(value * scale.factor, 9))
    unit = scale.unit if name != "top1_drop" else "point" if shown == "1" else "points"
    return f"{shown} {unit}"


def _label(record: Record) -> str:
    return f"{record.case.model} · {setting_of(record)}"


def _short(record: Record) -> str:
    return f"{_label(record)} ({_shown(record, 'latency_p50_ns')}, top-1 {_shown(record, 'top1')})"
