"""`edgebench nightly run`: measure a suite and report what has changed since earlier nights."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import run as run_command
from harness.cli._given import given
from harness.cli._options import add_arguments as add_run_arguments
from harness.cli._options import config_of
from harness.core import optional
from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED

if TYPE_CHECKING:
    from harness.nightly.repeat import Request
    from harness.nightly.report import NightlyReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `nightly run`: those of `edgebench run` and one more."""
    add_run_arguments(parser)
    group = parser.add_argument_group("nightly")
    group.add_argument(
        *("--release",), type=_date, metavar="DATE", help="report changes since that day too, such as 2026-11-01"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, compare with the history, measure suspicious cases again; return the exit code."""
    from harness import store
    from harness.nightly.night import Night
    from harness.nightly.outcome import exit_code

    optional.require("store", "edgebench nightly")
    config = config_of(arguments)
    plan = run_command.planned(config)  # before the store is opened: an unknown suite must not create a store
    with store.open(arguments.store) as kept:  # before the run: a night that cannot be stored is not measured
        session = run_command.measure(config, plan, arguments)
        if session.interrupted:
            print(
                f"not compared with earlier nights; resume with: --resume --out {session.folder.path}", file=sys.stderr
            )
            return EXIT_INTERRUPTED
        request = _request(arguments, session.plan.profile.name)
        night = Night(
            kept, session.folder, session.plan, plan.nightly_rules, arguments.release, _print_progress, request
        )
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


def _date(text: str) -> str:
    """Parse a date, '2026-11-01'."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a date such as 2026-11-01") from None


_NOT_REPEATED = frozenset({"out", "resume", "json", "store", "no_report", "release"})
"""Options that change where results go, and not what is measured."""

_OF_AB = frozenset({"shape", "timeout", "memory_limit", "seed"})
_NOT_IN_AB = frozenset({"runtime_option", "inputs", "signature", "tune", "target", "targets", "host_root"})
"""Options that change how a pair is measured: those of `edgebench ab`, and those that it lacks."""


def _request(arguments: argparse.Namespace, profile: str) -> Request:
    """Return what was asked for, so that findings can name the command that repeats them."""
    from harness.nightly.repeat import Request

    options = given(arguments.words, add_arguments)
    run = [word for option in options if option.name not in _NOT_REPEATED for word in option.words]
    ab = [word for option in options if option.name in _OF_AB for word in option.words]
    paired = not any(option.name in _NOT_IN_AB for option in options)
    return Request(("edgebench", "run", *run), ("--profile", profile, *ab) if paired else None)


def _print_progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
