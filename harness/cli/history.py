"""`edgebench history`: metrics of a case over the runs of a store."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, UsageError

from ._options import add_format_option
from ._store import add_filters, add_store_option, filters_of, open_store

if TYPE_CHECKING:
    import pandas as pd

HELP = "show metrics over the runs of a store"
GROUP = "look"
EXAMPLE = "edgebench history --model mobilenet_v2 --since 30d"
_DEFAULT_METRIC = "latency_p50_ns"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "action", nargs="?", choices=("show", "latest", "reset", "resets"), default="show",
        help="show every run (default); latest: compare the newest run with the one before; reset: start the histories "
        "of the selected cases again, after a new driver, cooler or board; resets: list resets",
    )  # fmt: skip
    add_store_option(parser, "path or URL (default: $EDGEBENCH_STORE, or your own)")
    add_filters(parser.add_argument_group("filters", f"the terminal shows {_DEFAULT_METRIC} without --metric"))
    out = parser.add_argument_group("output")
    out.add_argument(
        "--form", choices=("tidy", "wide"), default="tidy", help="one row per metric (tidy) or per case (wide)"
    )
    add_format_option(out)
    out.add_argument("--json", action="store_const", dest="format", const="json", help="same as --format json")
    reset = parser.add_argument_group("with reset")
    reset.add_argument("--reason", metavar="TEXT", help="what has changed (required)")
    reset.add_argument("--at", metavar="WHEN", help="time of the change (default: now)")


def run(arguments: argparse.Namespace) -> int:
    """Print the history, or reset it."""
    if arguments.action != "reset" and (arguments.reason or arguments.at):
        raise UsageError("--reason and --at belong to a reset", "edgebench history reset --reason ...")
    with open_store(arguments) as store:
        if arguments.action == "reset":
            count = store.reset(arguments.reason or "", filters_of(arguments), at_utc=arguments.at)
            print(f"{count} series reset")
            return EXIT_OK
        where = filters_of(arguments)
        if arguments.format == "terminal" and where.metric is None and arguments.form == "tidy":
            where = dataclasses.replace(where, metric=_DEFAULT_METRIC)
        actions = {
            "show": lambda: store.read(where, arguments.form),
            "latest": lambda: store.latest_against_previous(where),
            "resets": store.resets,
        }
        frame = actions[arguments.action]()
        if frame.empty and arguments.action != "resets":
            raise UsageError(
                f"nothing in {store.location} matches", "change the filters, or add runs: edgebench store add RUN"
            )
    _print(frame, arguments)
    return EXIT_OK


def _print(frame: pd.DataFrame, arguments: argparse.Namespace) -> None:
    if arguments.format == "terminal":
        from reports.terminal.history import history_table

        from ._console import console

        console().print(history_table(frame))
        return
    from harness.store.frame import write_table

    write_table(frame, arguments.format, sys.stdout)
