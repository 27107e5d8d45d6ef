"""`edgebench table`: print runs as a table with one row per case."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK

from ._options import add_format_option

HELP = "print a run as a table"
GROUP = "look"
EXAMPLE = "edgebench table runs/before --format csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    add_format_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print every case of the runs."""
    import sys

    from ._output import open_run, show_table
    from ._store import print_damaged

    folders = [open_run(path) for path in arguments.runs]
    if arguments.format == "terminal":
        for folder in folders:
            show_table(folder, as_json=False)
        return EXIT_OK
    from harness.store.frame import table, write_table

    for folder in folders:
        contents = folder.contents()
        contents.refuse_all_damaged()
        print_damaged(contents.damaged)
    write_table(table(folders), arguments.format, sys.stdout)
    return EXIT_OK
