"""The store that a command reads or adds to."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from harness.core.errors import EdgebenchError
from reports.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.store.database.filters import Filters
    from harness.store.database.store import Store
    from harness.store.runfolder import RunFolder

_CHOICE = (
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
    """Declare `--store`; a sub-command's has argparse.SUPPRESS for a default, or it would always win."""
    parser.add_argument("--store", metavar="PATH|URL", default=default, help=what)


def add_choice(parser: argparse._ActionsContainer) -> None:
    """Declare the options that choose a part of a store."""
    parser.add_argument("--model", metavar="NAME", help="a model or a family; * and ? stand for any text, as in all")
    for name in ("compression", "runtime", "scenario", "target", "machine", "suite", "case"):
        parser.add_argument(f"--{name}", metavar="NAME")
    parser.add_argument("--metric", metavar="NAME", help="such as latency_p50_ns, energy_net_j, top1")
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--since", metavar="WHEN", help="2026-01-31, 2026-01-31T22:00 (UTC), or 30d, 12h, 2w ago")
    parser.add_argument("--until", metavar="WHEN")


def choice_of(arguments: argparse.Namespace) -> Filters:
    """The part of a store that the arguments choose."""
    from harness.store.database.filters import Filters

    return Filters(**{name: getattr(arguments, name) for name in _CHOICE}, threads=arguments.threads)


def opened(arguments: argparse.Namespace, create: bool = False) -> Store:
    """The store that the arguments name, or the configured one, or the user's own."""
    from harness import store

    return store.open(arguments.store, create=create)


def keep(folder: RunFolder, arguments: argparse.Namespace, trigger: str = "run") -> None:
    """Add a finished run to the configured store, where there is one. The run folder stays whatever happens."""
    from harness import store

    place = store.configured(arguments.store)
    if place is None:
        return
    try:
        with store.open(place) as kept:
            added = kept.append(folder, trigger=trigger)
    except EdgebenchError as error:
        remedy = f"{error.remedy}; the run is whole in {folder.path}, later: edgebench store add {folder.path}"
        raise type(error)(error.message, remedy) from error
    tell_damage(added.damaged)
    if not getattr(arguments, "json", False):
        print(f"store: {kept.location}, {counted(added.cells, 'case')} added")


def tell_damage(damaged: Mapping[str, str]) -> None:
    """Name the records that could not be read."""
    for reason in damaged.values():
        print(f"left out: {reason}", file=sys.stderr)
