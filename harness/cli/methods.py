"""`edgebench methods`: the methods of a run, for a paper."""

from __future__ import annotations

import argparse

from harness.core.errors import EXIT_OK

HELP = "describe how a run was measured, for the methods section"
GROUP = "paper"
EXAMPLE = "edgebench methods runs/before --format latex"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", metavar="RUN", help="run folder")
    parser.add_argument(
        "--format", choices=("text", "markdown", "latex"), default="text", help="print in this format (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the paragraphs and the BibTeX entry."""
    from reports.paper.methods.text import FORMATS

    from ._output import open_run

    folder = open_run(arguments.folder)
    print(FORMATS[arguments.format](folder.header(), folder.records()), end="")
    return EXIT_OK
