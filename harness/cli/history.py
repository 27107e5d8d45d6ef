"""`edgebench history`: what the store knows of a case, run after run."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, UsageError

from ._store import add_choice, add_store_option, choice_of, opened

if TYPE_CHECKING:
    import pandas as pd

HELP = "show metrics over the runs of a store"
GROUP = "look"
EXAMPLE = "edgebench history --model mobilenet_v2 --since 30d"
_USUAL = "latency_p50_ns"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "action", nargs="?", choices=("show", "latest", "reset", "resets"), default="show",
        help="show every run (default); latest: the newest against the one before; reset: histories of the chosen "
        "cases count anew from now on, for a new driver, cooler or board; resets: list those",
    )  # fmt: skip
    add_store_option(parser, "path or URL (default: $EDGEBENCH_STORE, or your own)")
    add_choice(parser.add_argument_group("which", f"for people {_USUAL} unless --metric says otherwise"))
    out = parser.add_argument_group("output")
    out.add_argument("--form", choices=("tidy", "wide"), default="tidy", help="one row a metric, or one row a case")
    out.add_argument("--format", choices=("terminal", "csv", "json", "markdown"), default="terminal")
    out.add_argument("--json", action="store_const", dest="format", const="json", help="same as --format json")
    reset = parser.add_argument_group("with reset")
    reset.add_argument("--reason", metavar="TEXT", help="what changed")
    reset.add_argument("--at", metavar="WHEN", help="since when (default: now)")


def run(arguments: argparse.Namespace) -> int:
    """Print the history, or change what counts of it."""
    if arguments.action != "reset" and (arguments.reason or arguments.at):
        raise UsageError("--reason and --at belong to a reset", "edgebench history reset --reason ...")
    with opened(arguments) as store:
        if arguments.action == "reset":
            count = store.reset(arguments.reason or "", choice_of(arguments), at_utc=arguments.at)
            print(f"{count} series begin anew")
            return EXIT_OK
        where = choice_of(arguments)
        if arguments.format == "terminal" and where.metric is None and arguments.form == "tidy":
            where = dataclasses.replace(where, metric=_USUAL)
        actions = {
            "show": lambda: store.read(where, arguments.form),
            "latest": lambda: store.latest_against_previous(where),
            "resets": store.resets,
        }
        frame = actions[arguments.action]()
        if frame.empty and arguments.action != "resets":
            raise UsageError(f"nothing in {store.location} is like that", "edgebench store add RUN adds runs")
    _print(frame, arguments)
    return EXIT_OK


def _print(frame: pd.DataFrame, arguments: argparse.Namespace) -> None:
    if arguments.format == "terminal":
        from rich.console import Console

        from reports.terminal.history import history_table

        Console().print(history_table(frame))
        return
    from harness.store.frame import write_table

    write_table(frame, arguments.format, sys.stdout)
