"""`edgebench report`: the HTML report of one run or several."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK

HELP = "write the HTML report of one or more runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    parser.add_argument("--baseline", metavar="RUN", help="compare the newest of the runs with this one")
    parser.add_argument("--out", metavar="FILE", help="where to write it (default: report.html in the first run)")
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> int:
    """Build the report; finished cases of a killed run are shown, the others named."""
    from pathlib import Path

    from reports.build import build

    from ._show import open_run

    folders = [open_run(path) for path in arguments.runs]
    baseline = open_run(arguments.baseline) if arguments.baseline else None
    path = build(folders, Path(arguments.out) if arguments.out else folders[0].path / "report.html", baseline)
    print(f"report: {path}")
    for folder in folders:
        for case_id in folder.missing():
            print(f"missing: {case_id}: the run ended before this case did")
    if arguments.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return EXIT_OK
