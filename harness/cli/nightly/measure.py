"""`edgesession nightly run`: measure a suite and report what has changed since earlier nights."""

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
    """Declare the arguments of `nightly run`: those of `edgesession run` and a few more."""
    add_run_arguments(parser)
    group = parser.add_argument_group("nightly")
    group.add_argument(
        *("--artifact",), action="append", default=[], type=_replacement, metavar="CASE=FILE",
        help="measure this model file instead of the case's; repeatable",
    )  # fmt: skip
    group.add_argument("--release", metavar="DATE", help="report changes since that day too, such as 2026-11-01")


def run(arguments: argparse.Namespace) -> int:
    """Measure, compare with the history, measure suspicious cases again; return the exit code."""
    from harness import store
    from harness.nightly.night import Night
    from harness.nightly.outcome import exit_code

    config = config_of(arguments)
    plan = run_command.planned(config)  # before the store is opened: an unknown suite must not create a store
    with store.open(arguments.store) as kept:  # before the run: a night that cannot be stored is not measured
        session = run_command.measure(config, plan, arguments)
        if session.interrupted:
            print(
                f"not compared with earlier nights; resume with: --resume --out {session.folder.path}", file=sys.stderr
            )
            return EXIT_INTERRUPTED
        night = Night(kept, session.folder, session.plan, plan.nightly_rules, arguments.release, _print_progress)
        if run_command.exit_code(night.records) == EXIT_NOTHING_MEASURED:
            run_command.conclude(session.folder, arguments)
            return EXIT_NOTHING_MEASURED
        report = night.evaluate()
        night.write(report)
    run_command.conclude(session.folder, arguments)
    if not arguments.json:
        _show(report, session.folder.path)
    return exit_code(report.outcomes)


def _show(report: NightlyReport, folder: Path) -> None:
    from harness.nightly.outcome import by_severity
    from reports.text import clean

    print(f"\n{report.headline}")
    for outcome in by_severity(report.outcomes):
        print(clean(f"{outcome.kind}: {outcome.series}: {outcome.sentence}"))
        if outcome.command:
            print(clean(f"  {outcome.command}"))
    print(f"verdicts: {folder / 'verdicts.json'}")


def _replacement(text: str) -> tuple[str, Path]:
    """Parse 'CASE=FILE' into case id and path."""
    case, _, file = text.rpartition("=")
    if not case or not file:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form CASE=FILE")
    return case, Path(file)


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
