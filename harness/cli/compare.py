"""`edgebench compare`: what changed from one run to another."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK

HELP = "compare two runs case by case: ratios with intervals, and a verdict on each"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("before", metavar="RUN_A", help="run folder to compare with")
    parser.add_argument("after", metavar="RUN_B", help="run folder that may have changed")
    parser.add_argument("--format", choices=("terminal", "csv", "json", "markdown"), default="terminal")
    parser.add_argument("--force", action="store_true", help="compare although the machines differ")


def run(arguments: argparse.Namespace) -> int:
    """Print one row a case that both runs have."""
    import sys

    from harness.store.compare import compare_runs
    from harness.store.frame import write_table

    from ._show import open_run, show_comparison

    frame = compare_runs(open_run(arguments.before), open_run(arguments.after), force=arguments.force)
    if arguments.format == "terminal":
        show_comparison(frame)
    else:
        write_table(frame, arguments.format, sys.stdout)
    return EXIT_OK
