"""`edgebench artifacts`: the model files at hand, and whether they are what their manifest says."""

from __future__ import annotations

import argparse
import json

from harness.core.errors import EXIT_OK, SetupError

HELP = "list the shipped model files, or verify them"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="model, setting, format, size and accuracy of each file")
    listing.add_argument("--json", action="store_true", help="print the manifest's entries as JSON")
    listing.set_defaults(act=_list)
    actions.add_parser("verify", help="hash every file").set_defaults(act=_verify)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    code: int = arguments.act(arguments)
    return code


def _list(arguments: argparse.Namespace) -> int:
    from suites import catalog

    entries = list(catalog.shipped().values())
    if arguments.json:
        print(json.dumps(entries, indent=1))
        return EXIT_OK
    for entry in entries:
        score = entry["top1_reference"]
        print(
            f"{entry['model']:<26} {entry['compression']:<40} {entry['format']:<7} {entry['bytes'] / 1e3:7.0f} kB  "
            f"top-1 {100 * score['top1']:5.2f} % of {score['n']}"
        )
    return EXIT_OK


def _verify(_: argparse.Namespace) -> int:
    """Hash all files; SetupError that names those which are missing or differ."""
    from suites import catalog

    damaged = catalog.damaged()
    if damaged:
        raise SetupError(f"missing or not the file the manifest names: {', '.join(damaged)}", "install edgebench again")
    print(f"{len(catalog.shipped())} files are what their manifest says")
    return EXIT_OK
