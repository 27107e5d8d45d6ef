"""`edgebench store`: the database of runs."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, EdgebenchError
from harness.core.quantity import microseconds
from reports.numbers import counted

from ._parser import CommandParser, add_action
from ._store import add_store_option, open_store, print_damaged

HELP = "add runs to the database of runs, or check it"
GROUP = "keep"
EXAMPLE = "edgebench store add runs/before"


def add_arguments(parser: CommandParser) -> None:
    """Declare the command's arguments."""
    add_store_option(parser, "path or URL (default: $EDGEBENCH_STORE, or your own)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = add_action(actions, "add", _add, "add run folders; runs that the store has already stay as they are")
    add.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    check = add_action(actions, "check", _check, "look for incomplete rows and for missing or damaged raw files")
    path = add_action(actions, "path", _path, "print the store's location")
    for action in (add, check, path):
        add_store_option(action, "path or URL", default=argparse.SUPPRESS)


def _add(arguments: argparse.Namespace) -> int:
    """Add one folder after another; a folder that cannot be read does not stop the others."""
    failed, runs = 0, _distinct(arguments.runs)
    with open_store(arguments, create=True) as store:
        for path in runs:
            try:
                added = store.append(path)
            except EdgebenchError as error:
                failed += 1
                print(f"{path}: {error}", file=sys.stderr)
                continue
            print_damaged(added.damaged)
            what = f"{counted(added.cells, 'case')} with {counted(added.metrics, 'value')}"
            print(f"{path}: {what} added to {store.location}")
    return {0: EXIT_OK, len(runs): EXIT_USAGE}.get(failed, EXIT_SOME_FAILED)


def _distinct(paths: Iterable[str]) -> list[str]:
    """Return the folders without repetitions (`runs/*` holds the link `latest` too), in the order of their starts.

    Nothing else tells their order, which is that of the store from then on. A folder that cannot be read is the last.
    """
    by_folder: dict[Path, str] = {}
    for path in paths:
        by_folder.setdefault(Path(path).resolve(), path)
    return sorted(by_folder.values(), key=_start_us)


def _start_us(path: str) -> float:
    from harness.store.runfolder import RunFolder

    try:
        return microseconds(RunFolder(path).header().started_utc)
    except (EdgebenchError, ValueError):
        return math.inf  # adding it will tell why


def _check(arguments: argparse.Namespace) -> int:
    with open_store(arguments) as store:
        problems = store.check()
        print(*problems or [f"{store.location} is intact"], sep="\n")
    return EXIT_SOME_FAILED if problems else EXIT_OK


def _path(arguments: argparse.Namespace) -> int:
    from harness.store.database.location import locate

    print(locate(arguments.store))
    return EXIT_OK
