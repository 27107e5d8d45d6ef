"""`edgebench nightly run`: measure a suite, and report what has changed since the nights before."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import run as run_command
from harness.cli._options import add_arguments as add_run_arguments
from harness.cli._options import config_of
from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED

if TYPE_CHECKING:
    from harness.nightly.report import NightlyReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `run`: those of `edgebench run`, and its own."""
    add_run_arguments(parser)
    group = parser.add_argument_group("nightly")
    group.add_argument(
        *("--artifact",), action="append", default=[], type=_replacement, metavar="CASE=FILE",
        help="measure this model file instead of the case's own; repeatable",
    )  # fmt: skip
    group.add_argument("--release", metavar="DATE", help="also report changes since that day, such as 2026-11-01")


def run(arguments: argparse.Namespace) -> int:
    """Measure, judge against the store's history, measure suspicious cases again; return the exit code."""
    from harness import store
    from harness.nightly.night import Night
    from harness.nightly.outcome import exit_code

    config = config_of(arguments)
    plan = run_command.planned(config)  # before the store is opened: an unknown suite must not create one
    with store.open(arguments.store) as kept:  # before the run: a night that cannot be kept is not measured
        bench = run_command.measure(config, plan, arguments)
        if bench.interrupted:
            print(f"not judged; go on with: --resume --out {bench.folder.path}", file=sys.stderr)
            return EXIT_INTERRUPTED
        night = Night(kept, bench.folder, bench.plan, plan.nightly_rules, arguments.release, _say)
        if run_command.exit_code(night.records) == EXIT_NOTHING_MEASURED:
            run_command.conclude(bench.folder, arguments)
            return EXIT_NOTHING_MEASURED
        paper = night.judge()
        night.write(paper)
    run_command.conclude(bench.folder, arguments)
    if not arguments.json:
        _show(paper, bench.folder.path)
    return exit_code(paper.outcomes)


def _show(paper: NightlyReport, folder: Path) -> None:
    from harness.nightly.outcome import by_weight
    from reports.text import clean

    print(f"\n{paper.headline}")
    for outcome in by_weight(paper.outcomes):
        print(clean(f"{outcome.kind}: {outcome.series}: {outcome.sentence}"))
        if outcome.command:
            print(clean(f"  {outcome.command}"))
    print(f"verdicts: {folder / 'verdicts.json'}")


def _replacement(text: str) -> tuple[str, Path]:
    """'CASE=FILE' as case id and path."""
    case, _, file = text.rpartition("=")
    if not case or not file:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form CASE=FILE")
    return case, Path(file)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
