"""`edgebench data`: labelled images and published weights that are fetched, not shipped."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.core.errors import EXIT_OK, UnknownName

from ._parser import CommandParser, add_action

HELP = "list or fetch labelled images and published weights"
GROUP = "prepare"
EXAMPLE = "edgebench data list"


def add_arguments(parser: CommandParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add_action(actions, "list", _list, "list what is shipped, what is in the cache, and what can be fetched")
    fetch = add_action(actions, "fetch", _fetch, "download a data set or weights into the cache and verify every file")
    fetch.add_argument("name", help="a name from `edgebench data list`")
    fetch.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="use the packages in this folder, download nothing"
    )


def _list(_: argparse.Namespace) -> int:
    from suites.artifacts.catalog import datasets
    from suites.data import FETCHABLE

    for name in sorted({*datasets(), *FETCHABLE}):
        fetchable = FETCHABLE.get(name)
        state = "shipped" if fetchable is None else "fetched" if fetchable.is_fetched else "not here"
        path = datasets()[name].path if fetchable is None else fetchable.path
        print(f"{name:<18} {state:<9} {fetchable.description if fetchable else path}")
        if fetchable and fetchable.is_fetched:
            print(f"{'':<18} {'':<9} {path}")
    return EXIT_OK


def _fetch(arguments: argparse.Namespace) -> int:
    from suites.data import FETCHABLE

    if arguments.name not in FETCHABLE:
        raise UnknownName("data set or weights", arguments.name, FETCHABLE)
    path = FETCHABLE[arguments.name].fetch(arguments.folder)
    print(f"{arguments.name} is in {path}")
    return EXIT_OK
