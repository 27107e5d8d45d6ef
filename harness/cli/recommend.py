"""`edgebench recommend`: which of a run's settings to take under given bounds."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, NothingMeasured

if TYPE_CHECKING:
    from harness.core.record import Record
    from reports.recommend import Recommendation

HELP = "name the best setting of a run under bounds on latency, accuracy, energy and size"

# unit: how many of the stored unit it is
_UNITS: dict[str, dict[str, float]] = {
    "time": {"ns": 1.0, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9},
    "energy": {"uJ": 1e-6, "µJ": 1e-6, "mJ": 1e-3, "J": 1.0},
    "size": {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1024.0, "MiB": 1024.0**2, "GiB": 1024.0**3},
}
# field of reports.recommend.Bounds: (option, what an answer calls it, the text before a bound)
_BOUNDS = {
    "latency_p50_ns": ("--max-latency", "latency p50", "at most"),
    "top1": ("--min-top1", "top-1", "at least"),
    "energy_net_j": ("--max-energy", "energy, net", "at most"),
    "artifact_bytes": ("--max-size", "model size", "at most"),
    "top1_drop": ("--max-drop", "top-1 lost to fp32", "at most"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument("--max-latency", type=time_ns, metavar="20ms", help="median latency, with its unit")
    parser.add_argument("--min-top1", type=share, metavar="0.88", help="accuracy, as a share or in %%")
    parser.add_argument("--max-energy", type=energy_j, metavar="50mJ", help="net energy of an inference, with its unit")
    parser.add_argument("--max-size", type=size_bytes, metavar="2MB", help="of the model file, with its unit")
    parser.add_argument("--max-drop", type=share, metavar="1%", help="top-1 points lost to fp32 on the same runtime")
    parser.add_argument("--json", action="store_true", help="print the answer for programs")


def run(arguments: argparse.Namespace) -> int:
    """Print the answer; NothingMeasured when no case of the run has both a latency and an accuracy to rank by."""
    from reports.recommend import Bounds, recommend

    from ._show import open_run

    bounds = Bounds(
        latency_p50_ns=arguments.max_latency,
        top1=arguments.min_top1,
        energy_net_j=arguments.max_energy,
        artifact_bytes=arguments.max_size,
        top1_drop=arguments.max_drop,
    )
    found = recommend(open_run(arguments.run_folder).records(), bounds)
    if not found.considered:
        raise NothingMeasured(
            f"{arguments.run_folder}: no trusted case has both a latency and an accuracy",
            "edgebench table RUN shows why; score a net on labelled images: edgebench run --model NET --data FOLDER",
        )
    _print_json(found, bounds.given) if arguments.json else _print(found, bounds.given)
    return EXIT_OK


def time_ns(text: str) -> float:
    """'20ms' in nanoseconds."""
    return _with_unit(text, "time")


def energy_j(text: str) -> float:
    """'50mJ' in joules."""
    return _with_unit(text, "energy")


def size_bytes(text: str) -> float:
    """'2MB' in bytes; MB is 10^6, MiB 2^20."""
    return _with_unit(text, "size")


def share(text: str) -> float:
    """'0.88' or '88%' as a share from 0 to 1."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(%?)", text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else None
    if value is None or value > 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share: write 0.88 or 88%")
    return value


def _with_unit(text: str, kind: str) -> float:
    units = _UNITS[kind]
    match = re.fullmatch(r"(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)\s*([^\d\s]*)", text.strip())
    if match is None or match[2] not in units:
        raise argparse.ArgumentTypeError(f"'{text}' is no {kind}: write a number and one of {', '.join(units)}")
    return float(match[1]) * units[match[2]]


def _print(found: Recommendation, given: Mapping[str, float]) -> None:
    from reports.text import clean

    for line in _lines(found, given):
        print(clean(line))


def _lines(found: Recommendation, given: Mapping[str, float]) -> list[str]:
    if found.best is None:
        return [f"nothing fits: 0 of {found.considered} comparable cases", *_gives(found)]
    lines = [_label(found.best), *(f"  {line}" for line in _evidence(found.best, given))]
    lines.append(f"{found.fitting} of {found.considered} comparable cases fit")
    lines.append(f"runner-up: {_short(found.runner_up)}" if found.runner_up else "runner-up: none")
    for name, other in found.binding:
        lines.append(f"{_BOUNDS[name][0]} binds: without it {_short(other)}")
    return lines if found.binding or not given else [*lines, "no single bound binds: without any one the choice stays"]


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
    from reports.recommend import SLIDERS

    lines = [
        f"{_BOUNDS[name][1]:12} {_shown(record, name)}"
        + (f"  ({_BOUNDS[name][2]} {_figure(name, given[name])})" if name in given else "")
        for name in SLIDERS
    ]
    drop = f", top-1 at most {_figure('top1_drop', given['top1_drop'])} below fp32" if "top1_drop" in given else ""
    return [*lines, f"{'verdict':12} {record.verdict.status}{drop}"]


def _shown(record: Record, name: str) -> str:
    from reports.numbers import show
    from reports.words import scales_of

    scale = scales_of([record])[name]
    shown = show(record.quantity(name), scale)
    if shown.missing:
        return f"unknown: {shown.about}"
    return " ".join(part for part in (shown.text, shown.spread, scale.unit) if part)


def _figure(name: str, value: float) -> str:
    """A bound in words: '20 ms', '88 %'."""
    from harness.core.metric import METRICS
    from reports.numbers import plain, scale_for

    scale = scale_for(METRICS["top1" if name == "top1_drop" else name], [value])
    unit = "points" if name == "top1_drop" else scale.unit
    return f"{plain(round(value * scale.factor, 9))} {unit}"


def _label(record: Record) -> str:
    from reports.words import setting_of

    return f"{record.case.model} · {setting_of(record)}"


def _short(record: Record) -> str:
    return f"{_label(record)} ({_shown(record, 'latency_p50_ns')}, top-1 {_shown(record, 'top1')})"


def _print_json(found: Recommendation, given: Mapping[str, float]) -> None:
    import json

    answer = {
        "bounds": dict(given),
        "considered": found.considered,
        "fitting": found.fitting,
        "best": _document(found.best),
        "runner_up": _document(found.runner_up),
        "binding": [{"bound": name, "otherwise": _document(record)} for name, record in found.binding],
        "unknown": [{"bound": name, "reason": reason} for name, reason in found.unknown],
        "relax": [{"bound": name, "to": value, "for": _document(record)} for name, value, record in found.relax],
    }
    print(json.dumps(answer, indent=1, allow_nan=False))


def _document(record: Record | None) -> dict[str, Any] | None:
    """The case's id, verdict and evidence; null without a case."""
    import dataclasses

    from reports.recommend import SLIDERS

    if record is None:
        return None
    evidence = {name: dataclasses.asdict(record.quantity(name)) for name in SLIDERS}
    return {"case": record.case_id, "verdict": record.verdict.status, **evidence}
