"""`edgebench compare`: what changed from one run to another."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK

from ._options import add_format_option

HELP = "compare two runs case by case"
GROUP = "look"
EXAMPLE = "edgebench compare runs/before runs/after"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("before", metavar="A", help="run folder to compare with")
    parser.add_argument("after", metavar="B", help="run folder to compare")
    add_format_option(parser)
    parser.add_argument("--force", action="store_true", help="compare although the machines differ")
    parser.epilog = f"{parser.epilog}\n\n`edgebench ab A B` compares two models by measuring them in turn."


def modern(words: list[str]) -> list[str] | None:
    """Return `compare --ab A B` as `ab A B`."""
    return ["ab", *(word for word in words[1:] if word != "--ab")] if "--ab" in words else None


def run(arguments: argparse.Namespace) -> int:
    """Print one row per case that both runs have."""
    import sys

    from harness.store.comparison import compare_runs
    from harness.store.frame import write_table

    from ._output import open_run, show_comparison

    before, after = open_run(arguments.before), open_run(arguments.after)
    frame = compare_runs(before, after, force=arguments.force)
    if arguments.format == "terminal":
        show_comparison(frame, before.header(), after.header())
    else:
        write_table(frame, arguments.format, sys.stdout)
    return EXIT_OK
