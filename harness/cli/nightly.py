"""`edgebench nightly`: measure a suite, and say what has changed since the nights before."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_OK, UsageError

from . import _nightly_service
from . import run as measuring
from ._options import add_arguments as add_request
from ._options import config_of

if TYPE_CHECKING:
    from harness.nightly.report import NightlyReport

HELP = "measure a suite and say what has changed since the nights before; `nightly install` runs it every night"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments: those of `run`, and its own."""
    add_request(parser)
    group = parser.add_argument_group("nightly")
    group.add_argument(
        *("--artifact",), action="append", default=[], type=_replacement, metavar="CASE=FILE",
        help="measure this model file in the place of the case's own; repeatable",
    )  # fmt: skip
    group.add_argument("--release", metavar="DATE", help="also what has come together since that day (2026-11-01)")
    group.add_argument("--explain", metavar="SERIES", help="only tell findings on file whose series holds this text")
    group.add_argument("--accept", metavar="CASE", help="only take the latest builds of cases with this text as good")
    group.add_argument("--reason", metavar="TEXT", help="why: kept with the reset of --accept")
    _nightly_service.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the night, or what was asked for in its place."""
    if arguments.suite == "install":
        return _nightly_service.install(arguments)
    if arguments.explain:
        return _explain(arguments)
    if arguments.accept:
        return _accept(arguments)
    return _night(arguments)


def _night(arguments: argparse.Namespace) -> int:
    from harness import store
    from harness.nightly.night import Night
    from harness.nightly.outcome import exit_code

    config = config_of(arguments)
    plan = measuring.planned(config)  # before the store is opened: an unknown suite must not create one
    with store.open(arguments.store) as kept:  # before the run: a night that cannot be kept is not measured
        bench = measuring.measure(config, plan, arguments)
        if bench.interrupted:
            print(f"not judged; go on with: --resume --out {bench.folder.path}", file=sys.stderr)
            return EXIT_INTERRUPTED
        night = Night(kept, bench.folder, bench.plan, plan.nightly_rules, arguments.release, _say)
        if measuring.exit_code(night.records) == EXIT_NOTHING_MEASURED:
            measuring.conclude(bench.folder, arguments)
            return EXIT_NOTHING_MEASURED
        paper = night.judge()
        night.write(paper)
    measuring.conclude(bench.folder, arguments)
    if not arguments.json:
        _tell(paper, bench.folder.path)
    return exit_code(paper.outcomes)


def _tell(paper: NightlyReport, folder: Path) -> None:
    from harness.nightly.outcome import by_weight
    from reports.words import clean

    print(f"\n{paper.headline}")
    for outcome in by_weight(paper.outcomes):
        print(clean(f"{outcome.kind}: {outcome.series}: {outcome.sentence}"))
        if outcome.command:
            print(clean(f"  {outcome.command}"))
    print(f"verdicts: {folder / 'verdicts.json'}")


def _explain(arguments: argparse.Namespace) -> int:
    """Print every finding on file about the series, the newest first."""
    from harness import store
    from harness.nightly.night import documents, matching
    from reports.words import clean

    with store.open(arguments.store, create=False) as kept:
        nights = [night for folder in sorted((kept.folder / "nightly").glob("*")) for night in documents(folder)]
    found = list(matching(nights, arguments.explain))
    if not found:
        raise UsageError(
            f"no finding on file about a series with '{arguments.explain}'", f"{len(nights)} nights on file"
        )
    for night, outcome in found:
        print(clean(f"{night['started_utc'][:16]} {outcome['kind']}: {outcome['series']}: {outcome['sentence']}"))
        for name, value in outcome["evidence"].items():
            print(clean(f"    {name:16} {value}"))
        if outcome["command"]:
            print(clean(f"    again with       {outcome['command']}"))
    return EXIT_OK


def _accept(arguments: argparse.Namespace) -> int:
    """Promote the latest builds, and let their histories begin anew."""
    from harness import store
    from harness.nightly.baselines import accept

    if not arguments.reason:
        raise UsageError("--accept needs --reason", "a later reader will ask why")
    with store.open(arguments.store, create=False) as kept:
        cases = accept(kept.folder / "kept", arguments.accept)
        if not cases:
            raise UsageError(f"no kept build of a case with '{arguments.accept}'", "run a night first")
        for case in cases:
            kept.reset(arguments.reason, store.Filters(case=case))
    print("accepted, histories begin anew: " + ", ".join(cases))
    return EXIT_OK


def _replacement(text: str) -> tuple[str, Path]:
    """'CASE=FILE' as case id and path."""
    case, _, file = text.rpartition("=")
    if not case or not file:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form CASE=FILE")
    return case, Path(file)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
