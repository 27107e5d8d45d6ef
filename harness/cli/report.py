"""`edgebench report`: write the HTML report of runs in folders or in a store."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.store.runfolder import RunFolder
    from reports.data import ReportData

HELP = "write the HTML report of one or more runs"
GROUP = "look"
EXAMPLE = "edgebench report runs/before --open"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders; several runs of one target make a history")
    parser.add_argument("--baseline", metavar="RUN", help="compare the newest run with this one")
    parser.add_argument(
        "--layout",
        choices=("file", "folder"),
        default="file",
        help="one self-contained file (default), or a folder that loads plots on demand and holds the raw samples",
    )
    parser.add_argument("--out", metavar="PATH", help="file or folder to write (default: in the first run's folder)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    stored = parser.add_argument_group("runs of a store instead of run folders")
    stored.add_argument("--store", metavar="PATH|URL", help="report on the runs of this store")
    stored.add_argument("--suite", metavar="NAME", help="only runs of this suite")
    stored.add_argument("--target", metavar="NAME", help="only runs on this target")
    stored.add_argument("--since", metavar="WHEN", help="only runs since a date, or since '30d' ago")


def run(arguments: argparse.Namespace) -> int:
    """Write the report. Of an interrupted run it shows the finished cases and names the others."""
    _check(arguments)
    path = _from_store(arguments) if arguments.store else _from_folders(arguments)
    print(f"report: {path}")
    if arguments.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return EXIT_OK


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that exclude each other."""
    if not arguments.store:
        if not arguments.runs:
            raise UsageError("no run to report on", "give run folders, or --store for the runs of a store")
        if arguments.suite or arguments.target or arguments.since:
            raise UsageError("--suite, --target and --since select runs of a store", "add --store")
    elif arguments.runs or arguments.baseline:
        raise UsageError("--store and run folders exclude each other", "leave one of them out")
    elif not arguments.out:
        raise UsageError("a report on a store has no default folder", "name one with --out")


def _from_folders(arguments: argparse.Namespace) -> Path:
    from reports.data import gather

    from ._output import open_run
    from ._store import print_damaged

    folders = [open_run(path) for path in arguments.runs]
    baseline = open_run(arguments.baseline) if arguments.baseline else None
    for folder in folders:
        folder.contents().refuse_all_damaged()
    path = _write(gather(folders, baseline), arguments, folders[0])
    for folder in folders:
        damaged = folder.contents().damaged
        print_damaged(damaged)
        why = "its record cannot be read, or the run ended before" if damaged else "the run ended before"
        for case_id in folder.missing():
            print(f"missing: {case_id}: {why} this case was finished")
    return path


def _from_store(arguments: argparse.Namespace) -> Path:
    from harness import store
    from reports.data import gather
    from reports.serve.run_sources import declared_resets, stored_runs

    where = store.Filters(suite=arguments.suite, target=arguments.target, since=arguments.since)
    with store.open(arguments.store, create=False) as opened:
        return _write(gather(stored_runs(opened, where), resets=declared_resets(opened)), arguments, None)


def _write(data: ReportData, arguments: argparse.Namespace, first: RunFolder | None) -> Path:
    """Write the report in the requested layout; return the file to open."""
    from pathlib import Path

    from reports.build import build_folder, write

    if arguments.layout == "folder":
        return build_folder(data, Path(arguments.out) if first is None or arguments.out else first.path / "report")
    return write(data, Path(arguments.out) if first is None or arguments.out else first.path / "report.html")
