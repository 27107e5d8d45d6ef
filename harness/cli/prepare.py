"""`edgebench prepare`: build the model files that a suite lacks."""

from __future__ import annotations

import argparse
import logging
import sys

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, EdgebenchError

HELP = "build the model files that a suite lacks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("suite", help="a built-in suite, or a suite file (.toml)")


def run(arguments: argparse.Namespace) -> int:
    """Build one file after another; what cannot be built is named and does not stop the rest."""
    import suites
    from suites import prepare

    logging.getLogger().setLevel(logging.ERROR)  # the converters warn about their own business
    failed = 0
    for case, kind in prepare.lacking(suites.expand(suites.load(arguments.suite))):
        try:
            made = prepare.build(case, kind)
            print(f"{case.model} {case.compression}: {made.path} ({made.size_bytes / 1e3:.0f} kB)")
        except EdgebenchError as error:
            failed += 1
            print(f"{case.model} {case.compression} .{kind}: {error}", file=sys.stderr)
    if not failed:
        print("nothing is lacking")
    return EXIT_SOME_FAILED if failed else EXIT_OK
