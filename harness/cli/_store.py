"""The store that a command reads or adds to, and the options that select rows of it."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from harness.core import optional
from harness.core.errors import EdgebenchError
from reports.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.store.database.filters import Filters
    from harness.store.database.store import Store
    from harness.store.runfolder import RunFolder

_FILTERS = (
    "model",
    "compression",
    "runtime",
    "scenario",
    "target",
    "machine",
    "metric",
    "suite",
    "case",
    "since",
    "until",
)


def add_store_option(parser: argparse._ActionsContainer, what: str, default: str | None = None) -> None:
    """Declare `--store`. An action's has argparse.SUPPRESS as default, which leaves the command's value alone."""
    parser.add_argument("--store", metavar="PATH|URL", default=default, help=what)


def add_filters(parser: argparse._ActionsContainer) -> None:
    """Declare the options that select rows of a store."""
    for name, text in (
        ("model", "model or family; * and ? match any text, here and below"),
        ("compression", "compression setting, such as int8-static"),
        ("runtime", "runtime, such as onnxruntime-cpu"),
        ("scenario", "scenario, such as SingleStream"),
        ("target", "board, such as raspberry-pi-5"),
        ("machine", "unit, by the `unit_id` that `edgebench host show` prints"),
        ("suite", "suite, such as quick"),
        ("case", "case id, as the table shows it"),
        ("metric", "such as latency_p50_ns, energy_net_j, top1"),
    ):
        parser.add_argument(f"--{name}", metavar="NAME", help=text)
    parser.add_argument("--threads", type=int, metavar="N", help="number of intra-op threads")
    parser.add_argument("--since", metavar="WHEN", help="2026-01-31, 2026-01-31T22:00 (UTC), or 30d, 12h, 2w ago")
    parser.add_argument("--until", metavar="WHEN", help="the same, for the last run to show")


def filters_of(arguments: argparse.Namespace) -> Filters:
    """Return the filters that the arguments describe."""
    from harness.store.database.filters import Filters

    return Filters(**{name: getattr(arguments, name) for name in _FILTERS}, threads=arguments.threads)


def open_store(arguments: argparse.Namespace, create: bool = False) -> Store:
    """Open the store that the arguments name, or the configured one, or the user's own."""
    from harness import store

    return store.open(arguments.store, create=create)


def check_store(arguments: argparse.Namespace) -> None:
    """Raise SetupError, before anything is measured, if the run cannot be added to the store that is configured."""
    from harness import store

    if store.configured(arguments.store) is not None:
        optional.require("store", "--store" if arguments.store else "your store")


def add_run(folder: RunFolder, arguments: argparse.Namespace, trigger: str = "run") -> None:
    """Add a finished run to the configured store, if there is one. The run folder stays in any case."""
    from harness import store

    location = store.configured(arguments.store)
    if location is None:
        return
    try:
        with store.open(location) as opened:
            added = opened.append(folder, trigger=trigger)
    except EdgebenchError as error:
        remedy = (
            f"{error.remedy}; the run is complete in {folder.path}; add it later: edgebench store add {folder.path}"
        )
        raise type(error)(error.message, remedy) from error
    print_damaged(added.damaged)
    if not getattr(arguments, "json", False):
        print(f"store: {opened.location}, {counted(added.cells, 'case')} added")


def print_damaged(damaged: Mapping[str, str]) -> None:
    """Print which records could not be read, why, and what to do."""
    for reason in damaged.values():
        print(f"left out: {reason}", file=sys.stderr)
    if damaged:
        print("  copy the run folder again, or measure these cases again", file=sys.stderr)
