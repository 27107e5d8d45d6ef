"""`edgebench recommend`: name the best setting of a run under given bounds."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, NothingMeasured
from harness.core.quantity import ENERGY_J, SHARE, SIZE_BYTES, TIME_NS, quantity

if TYPE_CHECKING:
    from harness.core.record import Record
    from reports.recommend import Constraints, Recommendation

HELP = "name the best setting of a run under given bounds"
GROUP = "look"
EXAMPLE = "edgebench recommend runs/before --max-latency 0.2ms --min-top1 0.92"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("run_folder", metavar="RUN", help="run folder")
    parser.add_argument(
        "--max-latency", type=time_ns, metavar="20ms", help="upper bound of the median latency, with unit"
    )
    parser.add_argument(
        "--min-top1", type=share, metavar="0.88", help="lower bound of the accuracy, as a fraction or in %%"
    )
    parser.add_argument(
        "--quality",
        type=number,
        metavar="0.5",
        help="bound of the quality of the task, such as mAP: lower, or upper where less is better",
    )
    parser.add_argument(
        "--max-energy", type=energy_j, metavar="50mJ", help="upper bound of the net energy per inference, with unit"
    )
    parser.add_argument(
        "--max-size", type=size_bytes, metavar="2MB", help="upper bound of the model file's size, with unit"
    )
    parser.add_argument(
        "--max-drop", type=share, metavar="1%", help="largest loss of quality against fp32 on the same runtime"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the recommendation; return 4 if nothing fits the bounds."""
    from ._output import open_run

    bounds = bounds_of(arguments)
    recommendation = recommended(arguments.run_folder, open_run(arguments.run_folder).records(), bounds)
    _print_json(recommendation, bounds.given) if arguments.json else _print(recommendation, bounds.given)
    return EXIT_SOME_FAILED if recommendation.best is None else EXIT_OK


def bounds_of(arguments: argparse.Namespace) -> Constraints:
    """Return the bounds that the arguments describe."""
    from reports.recommend import Constraints

    return Constraints(
        latency_p50_ns=arguments.max_latency,
        top1=arguments.min_top1,
        quality=arguments.quality,
        energy_net_j=arguments.max_energy,
        artifact_bytes=arguments.max_size,
        top1_drop=arguments.max_drop,
    )


def recommended(run: str, records: Sequence[Record], bounds: Constraints) -> Recommendation:
    """Return the best of a run's records.

    Args:
        run: The run's name for messages: its folder.
        records: All records of the run.
        bounds: What the choice must meet.

    Raises:
        NothingMeasured: No case has both a latency and an accuracy, or none a value that can rank it.
    """
    from reports.recommend import comparable, recommend

    recommendation = recommend(records, bounds)
    if not recommendation.considered:
        raise _nothing_to_rank(run, comparable(records))
    return recommendation


def _nothing_to_rank(run: str, complete: Sequence[Record]) -> NothingMeasured:
    """Return why nothing can be ranked; the `complete` cases have both figures, and one that cannot be trusted."""
    if not complete:
        return NothingMeasured(
            f"{run}: no case has both a latency and an accuracy",
            "score a net on labelled images: edgebench run --model NET --data FOLDER",
        )
    statuses = Counter(record.verdict.status for record in complete)
    named = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    what = "latency" if any(record.trusts(record.quality_name) for record in complete) else "accuracy"
    return NothingMeasured(f"{run}: no {what} can be trusted: {named}", f"see why: edgebench explain {run}")


def time_ns(text: str) -> float:
    """Parse '20ms' into nanoseconds."""
    return _typed(text, "time", TIME_NS)


def energy_j(text: str) -> float:
    """Parse '50mJ' into joules."""
    return _typed(text, "energy", ENERGY_J)


def size_bytes(text: str) -> float:
    """Parse '2MB' into bytes; MB is 10^6, MiB is 2^20."""
    return _typed(text, "size", SIZE_BYTES)


def share(text: str) -> float:
    """Parse '0.88' or '88%' into a fraction from 0 to 1."""
    try:
        value = quantity(text, SHARE)
    except ValueError:
        value = math.inf
    if value > 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a fraction: write 0.88 or 88%")
    return value


def number(text: str) -> float:
    """Parse '0.5' or '50%' into a number."""
    return _typed(text, "number", SHARE)


def _typed(text: str, kind: str, units: dict[str, float]) -> float:
    try:
        return quantity(text, units)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a {kind}: write a number and one of {', '.join(units)}"
        ) from None


def _print(recommendation: Recommendation, given: Mapping[str, float]) -> None:
    from reports.terminal.recommendation import recommendation_lines
    from reports.text import clean

    for line in recommendation_lines(recommendation, given):
        print(clean(line))


def _print_json(recommendation: Recommendation, given: Mapping[str, float]) -> None:
    import json

    answer = {
        "bounds": dict(given),
        "considered": recommendation.considered,
        "fitting": recommendation.fitting,
        "best": _document(recommendation.best),
        "runner_up": _document(recommendation.runner_up),
        "binding": [{"bound": name, "otherwise": _document(record)} for name, record in recommendation.binding],
        "unknown": [{"bound": name, "reason": reason} for name, reason in recommendation.unknown],
        "relax": [
            {"bound": name, "to": value, "for": _document(record)} for name, value, record in recommendation.relax
        ],
    }
    print(json.dumps(answer, indent=1, allow_nan=False))


def _document(record: Record | None) -> dict[str, Any] | None:
    """Return the case's id, verdict and evidence; None without a case."""
    import dataclasses

    from reports.recommend import SLIDERS, sliders

    if record is None:
        return None
    evidence = {name: dataclasses.asdict(record.quantity(name)) for name in SLIDERS}
    evidence["quality"] = dataclasses.asdict(record.quality)
    trusted = [name for name in sliders([record]) if record.trusts(name)]
    return {"case": record.case_id, "verdict": record.verdict.status, **evidence, "trusted": trusted}
