"""`edgebench report`: write the HTML report of runs in folders or in a store."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK

from ._report_data import add_runs, add_stored_runs, check_runs, report_data

if TYPE_CHECKING:
    from reports.data import ReportData

HELP = "write the HTML report of one or more runs"
GROUP = "look"
EXAMPLE = "edgebench report runs/before --open"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_runs(parser)
    parser.add_argument("--baseline", metavar="RUN", help="compare the newest run with this one")
    parser.add_argument(
        "--layout",
        choices=("file", "folder"),
        default="file",
        help="one self-contained file (default), or a folder that loads plots on demand and holds the raw samples",
    )
    parser.add_argument("--out", metavar="PATH", help="file or folder to write (default: in the first run's folder)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")
    add_stored_runs(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the report. Of an interrupted run it shows the finished cases and names the others."""
    check_runs(arguments, "a report")
    with report_data(arguments) as data:
        path = _write(data, arguments)
    if not arguments.store:
        _name_missing(arguments)
    print(f"report: {path}")
    if arguments.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return EXIT_OK


def _name_missing(arguments: argparse.Namespace) -> None:
    """Name the records that cannot be read, and the cases that have none."""
    from ._output import open_run
    from ._store import print_damaged

    for folder in map(open_run, arguments.runs):
        contents = folder.contents()
        damaged = contents.damaged
        print_damaged(damaged)
        why = "its record cannot be read, or the run ended before" if damaged else "the run ended before"
        for case_id in contents.missing(folder.header().planned):
            print(f"missing: {case_id}: {why} this case was finished")


def _write(data: ReportData, arguments: argparse.Namespace) -> Path:
    """Write the report in the requested layout; return the file to open."""
    from reports.build import build_folder, write

    from ._output import open_run

    build, name = (build_folder, "report") if arguments.layout == "folder" else (write, "report.html")
    return build(data, Path(arguments.out) if arguments.out else open_run(arguments.runs[0]).path / name)
