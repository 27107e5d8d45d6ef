"""`edgebench plan`: how much must be measured to show an effect, from a pilot run."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_NOTHING_MEASURED, EXIT_OK, NothingMeasured, UsageError

from ._options import points, positive, positive_number

if TYPE_CHECKING:
    from harness.core.record import Record
    from harness.store.runfolder import RunFolder
    from reports.effect import AccuracyPlan, EffectPlan, LatencyPlan

HELP = "plan how much to measure to show an effect, from a pilot run"
GROUP = "paper"
EXAMPLE = "edgebench plan --effect 2% --from runs/pilot"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("suite", nargs="?", help="measure a pilot of this suite now, instead of --from")
    parser.add_argument("--from", dest="pilot", metavar="RUN", help="run folder of the pilot")
    parser.add_argument("--effect", type=effect, metavar="PERCENT", help="difference of two latencies, such as 2%%")
    parser.add_argument("--points", type=points, metavar="N", help="difference of two accuracies, in points of top-1")
    parser.add_argument(
        "--power", type=probability, default=0.8, metavar="PERCENT", help="probability of showing it (default: 80%%)"
    )
    parser.add_argument(
        *("--filter", "-k"), action="append", default=[], metavar="TEXT",
        help="only cases whose id contains TEXT; repeatable",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON")
    pilot = parser.add_argument_group("with a suite")
    pilot.add_argument("--profile", metavar="NAME", help="profile of the pilot (default: quick)")
    pilot.add_argument("--runtime", action="append", default=[], metavar="NAME", help="only this runtime; repeatable")
    pilot.add_argument("--threads", type=positive, metavar="N", help="intra-op threads (default: the suite's)")
    pilot.add_argument("--images", type=positive, metavar="N", help="score accuracy on the first N images")
    pilot.add_argument("--out", metavar="DIR", help="run folder of the pilot (default: runs/<time>-<suite>)")


def effect(text: str) -> float:
    """Parse '2%' or '2' into the share 0.02: a percentage above 0 and at most 1000."""
    number = positive_number(text.strip().removesuffix("%"))
    if number > 1000:
        raise argparse.ArgumentTypeError(f"'{text}' is more than 1000 %")
    return number / 100


def probability(text: str) -> float:
    """Parse '80%' or '80' into 0.8; at least 50 % and less than 100 %."""
    number = positive_number(text.strip().removesuffix("%"))
    if not 50 <= number < 100:
        raise argparse.ArgumentTypeError(f"'{text}' is not from 50 to below 100 %")
    return number / 100


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; 3 if no case can be planned."""
    from reports.effect import plan_effect

    _check(arguments)
    folder = _pilot(arguments)
    records = [record for record in folder.records() if all(text in record.case_id for text in arguments.filter)]
    if not records:
        raise NothingMeasured(
            f"{folder.path}: no case's id contains {' and '.join(arguments.filter)}", f"edgebench table {folder.path}"
        )
    share = None if arguments.points is None else arguments.points / 100
    plan = plan_effect(records, folder.blob, arguments.effect, share, arguments.power)
    if arguments.json:
        _print_json(plan, folder)
    else:
        _print(plan, folder)
    return EXIT_OK if plan.latency or plan.accuracy else EXIT_NOTHING_MEASURED


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for what is missing or excludes each other."""
    if arguments.effect is None and arguments.points is None:
        raise UsageError("no effect to plan for", "--effect 2% for latency, --points 1 for accuracy")
    if (arguments.pilot is None) == (arguments.suite is None):
        raise UsageError(
            "the spread comes from a pilot run", "--from RUN, or a suite that is measured now: quick -k TEXT"
        )
    given = [name for name in ("profile", "runtime", "threads", "images", "out") if getattr(arguments, name)]
    if arguments.pilot is not None and given:
        raise UsageError(f"--{given[0]} belongs to a pilot that is measured now", "leave it out, or give a suite")


def _pilot(arguments: argparse.Namespace) -> RunFolder:
    """Return the run that the plan rests on: the given one, or one of the suite, which is measured."""
    if arguments.pilot is not None:
        from ._output import open_run

        return open_run(arguments.pilot)
    from harness.runs.config import RunConfig
    from harness.runs.plan import plan

    from .run import measure

    config = RunConfig(
        suite=arguments.suite,
        filters=arguments.filter,
        runtimes=arguments.runtime,
        threads=arguments.threads,
        images=arguments.images,
        profile=arguments.profile or "quick",
        out=arguments.out,
        command=("edgebench", *sys.argv[1:]),
    )
    return measure(config, plan(config, notify=partial(print, file=sys.stderr)), arguments).folder


def _print(plan: EffectPlan, folder: RunFolder) -> None:
    from reports.terminal.effect_plan import effect_lines

    from ._console import console

    out = console()
    for line in effect_lines(plan, str(folder.path)):
        out.print(line)


def _print_json(plan: EffectPlan, folder: RunFolder) -> None:
    import json

    document = {
        "pilot": str(folder.path),
        "effect": plan.effect,
        "points": None if plan.points is None else 100 * plan.points,
        "power": plan.chance,
        "latency": [*map(_latency, plan.latency), *map(_reason, plan.unplanned_latency)],
        "accuracy": [*map(_accuracy, plan.accuracy), *map(_reason, plan.unplanned_accuracy)],
    }
    print(json.dumps(document, indent=1, allow_nan=False))


def _latency(plan: LatencyPlan) -> dict[str, Any]:
    variance = plan.pilot.variance
    return {
        "case": plan.pilot.record.case_id,
        "variance_within": variance.within,
        "variance_between": variance.between,
        "pilot_processes": variance.processes,
        "inferences_per_process": plan.pilot.inferences,
        "processes": plan.processes,
        "processes_safe": plan.processes_safe,
        "pairs": plan.pairs,
        "pairs_safe": plan.pairs_safe,
        "minutes": plan.minutes(plan.processes),
        "minutes_safe": plan.minutes(plan.processes_safe),
    }


def _accuracy(plan: AccuracyPlan) -> dict[str, Any]:
    return {
        "case": plan.record.case_id,
        "discordant": plan.discordant,
        "evidence": plan.evidence,
        "images": plan.images,
        "images_safe": plan.images_safe,
    }


def _reason(case: tuple[Record, str]) -> dict[str, str]:
    return {"case": case[0].case_id, "reason": case[1]}
