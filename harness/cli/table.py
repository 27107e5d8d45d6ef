"""`edgebench table`: print runs as a table with one row per case."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.record import Record
    from harness.store.runfolder import RunFolder
    from reports.columns import Column

HELP = "print a run as a table"
GROUP = "look"
EXAMPLE = "edgebench table runs/before --format csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    parser.add_argument(
        "--format",
        choices=("terminal", "csv", "json", "markdown", "latex"),
        default="terminal",
        help="print in this format (default: terminal)",
    )
    parser.add_argument(
        "--columns", metavar="NAMES", help="only these columns, such as model,runtime,p50,top1; csv has all of them"
    )
    parser.add_argument("--sort", metavar="NAME", help="sort rows by this column, the best value of a metric first")
    parser.add_argument(
        "--precision",
        choices=("full", "interval"),
        help="digits: all, or those that the interval supports (default: interval for terminal and latex)",
    )
    latex = parser.add_argument_group("with --format latex")
    latex.add_argument(
        "--latex", choices=("siunitx", "plain"), help="align numbers with siunitx (default), or use booktabs alone"
    )
    latex.add_argument("--caption", metavar="TEXT", help="caption, as plain text (default: suite, target and version)")
    latex.add_argument("--label", type=_label, metavar="NAME", help="label (default: tab:SUITE)")


def run(arguments: argparse.Namespace) -> int:
    """Print every case of the runs."""
    from ._output import open_run, show_table
    from ._store import print_damaged

    _check(arguments)
    folders = [open_run(path) for path in arguments.runs]
    if arguments.format != "terminal" or arguments.columns or arguments.sort:
        for folder in folders:
            contents = folder.contents()
            contents.refuse_all_damaged()
            print_damaged(contents.damaged)
    if arguments.format == "latex":
        print(_latex(folders, arguments), end="")
    elif arguments.format != "terminal":
        _write(folders, arguments)
    elif arguments.columns or arguments.sort:
        _show(folders, arguments)
    else:
        for folder in folders:
            show_table(folder, as_json=False)
    return EXIT_OK


def _check(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that the format has no use for."""
    given = [f"--{name}" for name in ("latex", "caption", "label") if getattr(arguments, name) is not None]
    if given and arguments.format != "latex":
        raise UsageError(f"{', '.join(given)} without --format latex", "add --format latex, or leave it out")
    if arguments.precision == "full" and arguments.format in ("terminal", "latex"):
        raise UsageError(
            f"{arguments.format} shows the digits that the intervals support", "--format csv has all of them"
        )


def _label(text: str) -> str:
    """Parse a label of LaTeX."""
    if not re.fullmatch(r"[A-Za-z0-9:._/+-]+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not a label: letters, digits and :._/+- alone")
    return text


def _rows(folders: Sequence[RunFolder], sort: str | None) -> list[Record]:
    """Return the records of the runs, in the requested order."""
    from reports.columns import column, sorted_by

    records = [record for folder in folders for record in folder.records()]
    return sorted_by(records, column(sort)) if sort else records


def _chosen(arguments: argparse.Namespace) -> list[Column]:
    from reports.columns import chosen

    return chosen(arguments.columns) if arguments.columns is not None else []


def _write(folders: Sequence[RunFolder], arguments: argparse.Namespace) -> None:
    """Print the table for other programs."""
    from harness.store.frame import record_table, write_table
    from reports.columns import rounded

    columns, records = _chosen(arguments), _rows(folders, arguments.sort)
    frame = record_table(records)
    frame = rounded(frame, records) if arguments.precision == "interval" else frame
    write_table(frame[[each.name for each in columns]] if columns else frame, arguments.format, sys.stdout)


def _show(folders: Sequence[RunFolder], arguments: argparse.Namespace) -> None:
    """Print the chosen or sorted rows and columns of all runs as one table."""
    from reports.paper.table import default_columns
    from reports.terminal.chosen_columns import ChosenColumns

    from ._console import console

    records = _rows(folders, arguments.sort)
    console().print(ChosenColumns(records, _chosen(arguments) or default_columns(records)))


def _latex(folders: Sequence[RunFolder], arguments: argparse.Namespace) -> str:
    """Return the table as LaTeX code."""
    from reports.paper.table import Layout, default_caption, default_columns, latex_table

    records, headers = _rows(folders, arguments.sort), [folder.header() for folder in folders]
    columns = _chosen(arguments) or default_columns(records)
    suite = re.sub(r"[^A-Za-z0-9._-]+", "-", headers[0].suite)
    layout = Layout(
        default_caption(headers) if arguments.caption is None else arguments.caption,
        arguments.label or f"tab:{suite}",
        siunitx=arguments.latex != "plain",
        by_model=not arguments.sort and columns[0].name == "model" and len(columns) > 1,
    )
    return latex_table(records, columns, layout)
