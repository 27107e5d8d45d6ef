"""`edgebench store`: the database of many runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, EdgebenchError
from reports.numbers import counted

from ._store import add_store_option, opened, tell_damage

HELP = "add runs to the database of runs, or check it"
GROUP = "keep"
EXAMPLE = "edgebench store add runs/before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_store_option(parser, "path or URL (default: $EDGEBENCH_STORE, or your own)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add run folders; what is in the store already is left as it is")
    add.add_argument("runs", nargs="+", metavar="RUN", help="run folders")
    checked = actions.add_parser("check", help="look for torn rows, and for raw files that are absent or damaged")
    place = actions.add_parser("path", help="print where the store is")
    for action, call in ((add, _add), (checked, _check), (place, _path)):
        add_store_option(action, "path or URL", default=argparse.SUPPRESS)
        action.set_defaults(act=call)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action; its exit code."""
    code: int = arguments.act(arguments)
    return code


def _add(arguments: argparse.Namespace) -> int:
    """One folder after another; one that cannot be read does not stop the others."""
    failed, runs = 0, _each_once(arguments.runs)
    with opened(arguments, create=True) as store:
        for path in runs:
            try:
                added = store.append(path)
            except EdgebenchError as error:
                failed += 1
                print(f"{path}: {error}", file=sys.stderr)
                continue
            tell_damage(added.damaged)
            what = f"{counted(added.cells, 'case')} with {counted(added.metrics, 'value')}"
            print(f"{path}: {what} added to {store.location}")
    return {0: EXIT_OK, len(runs): EXIT_USAGE}.get(failed, EXIT_SOME_FAILED)


def _each_once(paths: Iterable[str]) -> list[str]:
    """The folders in their order, of several names for one the first: `runs/*` holds the link `latest` too."""
    named: dict[Path, str] = {}
    for path in paths:
        named.setdefault(Path(path).resolve(), path)
    return list(named.values())


def _check(arguments: argparse.Namespace) -> int:
    with opened(arguments) as store:
        found = store.check()
        print(*found or [f"{store.location} is whole"], sep="\n")
    return EXIT_SOME_FAILED if found else EXIT_OK


def _path(arguments: argparse.Namespace) -> int:
    from harness.store.database.location import locate

    print(locate(arguments.store))
    return EXIT_OK
