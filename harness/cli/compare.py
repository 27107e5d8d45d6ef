"""`edgebench compare`: what changed from one run to another, or which of two models is faster."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK, UsageError

from . import _ab

HELP = "compare two runs case by case, or with --ab measure two models against each other now"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("before", metavar="A", help="run folder to compare with; with --ab a model")
    parser.add_argument("after", metavar="B", help="run folder, or model, that may have changed")
    parser.add_argument("--format", choices=("terminal", "csv", "json", "markdown"), default="terminal")
    parser.add_argument("--force", action="store_true", help="compare although the machines differ")
    _ab.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one row a case that both runs have; with --ab one sentence."""
    if arguments.ab:
        if arguments.force or arguments.format != "terminal":
            raise UsageError("--force and --format compare runs, --ab measures", "--ab prints JSON with --json")
        return _ab.run(arguments)
    _ab.refuse_options(arguments)
    import sys

    from harness.store.comparison import compare_runs
    from harness.store.frame import write_table

    from ._output import open_run, show_comparison

    frame = compare_runs(open_run(arguments.before), open_run(arguments.after), force=arguments.force)
    if arguments.format == "terminal":
        show_comparison(frame)
    else:
        write_table(frame, arguments.format, sys.stdout)
    return EXIT_OK
