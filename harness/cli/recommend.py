"""`edgebench recommend`: which of a run's settings to take under given bounds."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, NothingMeasured
from harness.core.quantity import ENERGY_J, SHARE, SIZE_BYTES, TIME_NS, quantity

if TYPE_CHECKING:
    from harness.core.record import Record
    from reports.recommend import Recommendation

HELP = "name the best setting of a run under given bounds"
GROUP = "look"
EXAMPLE = "edgebench recommend runs/before --max-latency 0.2ms --min-top1 0.92"


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
    from reports.recommend import Constraints, comparable, recommend

    from ._output import open_run

    bounds = Constraints(
        latency_p50_ns=arguments.max_latency,
        top1=arguments.min_top1,
        energy_net_j=arguments.max_energy,
        artifact_bytes=arguments.max_size,
        top1_drop=arguments.max_drop,
    )
    records = list(open_run(arguments.run_folder).records())
    found = recommend(records, bounds)
    if not found.considered:
        raise _nothing(arguments.run_folder, comparable(records))
    _print_json(found, bounds.given) if arguments.json else _print(found, bounds.given)
    return EXIT_OK


def _nothing(run: str, able: Sequence[Record]) -> NothingMeasured:
    """Why nothing can be ranked: `able` cases have both figures, but are not to be trusted."""
    if not able:
        return NothingMeasured(
            f"{run}: no case has both a latency and an accuracy",
            "score a net on labelled images: edgebench run --model NET --data FOLDER",
        )
    doubts = Counter(record.verdict.status for record in able)
    named = ", ".join(f"{count} {status}" for status, count in doubts.most_common())
    return NothingMeasured(f"{run}: no case can be trusted: {named}", "edgebench explain RUN says what to do")


def time_ns(text: str) -> float:
    """'20ms' in nanoseconds."""
    return _typed(text, "time", TIME_NS)


def energy_j(text: str) -> float:
    """'50mJ' in joules."""
    return _typed(text, "energy", ENERGY_J)


def size_bytes(text: str) -> float:
    """'2MB' in bytes; MB is 10^6, MiB 2^20."""
    return _typed(text, "size", SIZE_BYTES)


def share(text: str) -> float:
    """'0.88' or '88%' as a share from 0 to 1."""
    try:
        value = quantity(text, SHARE)
    except ValueError:
        value = math.inf
    if value > 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no share: write 0.88 or 88%")
    return value


def _typed(text: str, kind: str, units: dict[str, float]) -> float:
    try:
        return quantity(text, units)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is no {kind}: write a number and one of {', '.join(units)}"
        ) from None


def _print(found: Recommendation, given: Mapping[str, float]) -> None:
    from reports.terminal.recommendation import recommendation_lines
    from reports.text import clean

    for line in recommendation_lines(found, given):
        print(clean(line))


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
