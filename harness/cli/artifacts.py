"""`edgebench artifacts`: the model files at hand, whether they are what they are said to be, and their moves."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, SetupError

if TYPE_CHECKING:
    from harness.core.artifact import Format
    from suites.artifacts.transfer.move import Moved

HELP = "list, verify, push, pull or rebuild model files"
GROUP = "prepare"
EXAMPLE = "edgebench artifacts list"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="model, setting, format, size and accuracy of each file")
    listing.add_argument("--json", action="store_true", help="print what is known of each as JSON")
    listing.set_defaults(act=_list)
    actions.add_parser("verify", help="hash every file, shipped or prepared").set_defaults(act=_verify)
    where = "a folder, user@host:path (by ssh) or an http(s):// address"
    pushing = actions.add_parser("push", help="put the files into a store, for other machines")
    pushing.add_argument("store", metavar="DEST", help=where)
    pushing.add_argument("--prepared", action="store_true", help="leave out what every edgebench ships")
    pushing.set_defaults(act=_push)
    pulling = actions.add_parser("pull", help="bring the files of a store that are not here")
    pulling.add_argument("store", metavar="SOURCE", help=where)
    pulling.set_defaults(act=_pull)
    for moving in (pushing, pulling):
        moving.add_argument(
            "--filter", "-k", action="append", default=[], metavar="TEXT", help="only files whose name has TEXT"
        )
    again = actions.add_parser("rebuild", help="make a shipped file anew from its recipe and compare")
    again.add_argument("model")
    again.add_argument("setting")
    again.add_argument("--format", choices=("onnx", "tflite"), help="one of the two (default: both)")
    again.add_argument("--checkpoints", type=Path, metavar="DIR", help="trained nets, for settings that train")
    again.set_defaults(act=_rebuild)


def run(arguments: argparse.Namespace) -> int:
    """Carry out the action."""
    code: int = arguments.act(arguments)
    return code


def _list(arguments: argparse.Namespace) -> int:
    entries = [{**entry, "origin": origin} for origin, entry in _entries()]
    if arguments.json:
        print(json.dumps(entries, indent=1))
        return EXIT_OK
    for entry in entries:
        print(
            f"{entry['model']:<26} {entry['compression']:<40} {entry['format']:<7} {entry['bytes'] / 1e3:7.0f} kB  "
            f"{_accuracy(entry)}"
        )
    return EXIT_OK


def _entries() -> Iterable[tuple[str, dict[str, Any]]]:
    """What is known of each file, and whether it is shipped, prepared here, or prepared from a net of the past."""
    import dataclasses

    from suites.artifacts import catalog, model_cache

    yield from (("shipped", dict(entry)) for entry in catalog.shipped().values())
    for entry in model_cache.entries():
        yield "prepared" if catalog.current(entry) else "outdated", dataclasses.asdict(entry)


def _accuracy(entry: dict[str, Any]) -> str:
    """The accuracy of a shipped file; of a prepared one nobody has measured it yet."""
    if score := entry.get("top1_reference"):
        return f"top-1 {100 * score['top1']:5.2f} % of {score['n']}"
    return str(entry["origin"])


def _verify(_: argparse.Namespace) -> int:
    """Hash all files; SetupError that names those which are missing or differ."""
    from suites.artifacts import catalog, model_cache

    if damaged := catalog.damaged():
        raise SetupError(f"missing or not the file the manifest names: {', '.join(damaged)}", "install edgebench again")
    ours = model_cache.entries()
    if damaged := [entry.file for entry in ours if not entry.intact]:
        remedy = f"remove them from {model_cache.prepared_dir()} and run edgebench prepare, or pull them again"
        raise SetupError(f"missing or not the file their notes name: {', '.join(damaged)}", remedy)
    print(f"{len(catalog.shipped())} shipped and {len(ours)} prepared files are what they are said to be")
    return EXIT_OK


def _push(arguments: argparse.Namespace) -> int:
    from suites.artifacts.transfer import move
    from suites.artifacts.transfer.stores import open_store

    wanted = [
        (entry, path)
        for entry, path in move.at_hand(with_shipped=not arguments.prepared)
        if all(text in entry.name for text in arguments.filter)
    ]
    return _told(move.push(open_store(arguments.store), wanted), len(wanted))


def _pull(arguments: argparse.Namespace) -> int:
    from suites.artifacts.transfer import move
    from suites.artifacts.transfer.stores import open_store

    store = open_store(arguments.store)
    offered, refused = move.offered(store)
    wanted = [entry for entry in offered if all(text in entry.name for text in arguments.filter)]
    return _told((*refused, *move.pull(store, wanted)), len(refused) + len(wanted))


def _told(moves: Iterable[Moved], total: int) -> int:
    """Print each move as it is made, then the sum; the exit code."""
    from collections import Counter

    from ._progress import Tally

    counts: Counter[str] = Counter()
    with Tally(total) as tally:
        for moved in moves:
            counts[moved.state] += 1
            good = moved.state in ("moved", "there already")
            tally.done(f"{moved.name}: {moved.state}" + (f": {moved.reason}" if moved.reason else ""), good=good)
    sys.stdout.flush()
    print(", ".join(f"{number} {state}" for state, number in counts.items()) or "no file to move")
    return EXIT_SOME_FAILED if counts["failed"] or counts["refused"] else EXIT_OK


def _rebuild(arguments: argparse.Namespace) -> int:
    """Compare each format; 4 where one is not reproduced."""
    from suites.converter_output import quiet
    from suites.preparation.rebuild import rebuild

    kinds: list[Format] = [arguments.format] if arguments.format else ["onnx", "tflite"]
    code = EXIT_OK
    for kind in kinds:
        with quiet():
            again = rebuild(arguments.model, arguments.setting, kind, arguments.checkpoints)
        code = code if again.reproduced else EXIT_SOME_FAILED
        print(f"{arguments.model} {arguments.setting} {kind}: {again}")
    return code
