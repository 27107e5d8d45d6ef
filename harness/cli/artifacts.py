"""`edgebench artifacts`: list, verify, transfer and rebuild model files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED, SetupError

from ._parser import CommandParser, add_action

if TYPE_CHECKING:
    from harness.core.artifact import Format
    from suites.artifacts.transfer.move import Moved

HELP = "list, verify, push, pull or rebuild model files"
GROUP = "prepare"
EXAMPLE = "edgebench artifacts list"


def add_arguments(parser: CommandParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_action(actions, "list", _list, "list each file's model, setting, format, size and accuracy")
    listing.add_argument("--json", action="store_true", help="print JSON")
    add_action(actions, "verify", _verify, "verify the hash of every shipped and prepared file")
    where = "a folder, user@host:path (over SSH) or an http(s):// address"
    push = add_action(actions, "push", _push, "copy the files into a store, for other machines")
    push.add_argument("store", metavar="DEST", help=where)
    push.add_argument("--prepared", action="store_true", help="only prepared files, without the shipped ones")
    pull = add_action(actions, "pull", _pull, "copy files that are missing here from a store")
    pull.add_argument("store", metavar="SOURCE", help=where)
    for transfer in (push, pull):
        transfer.add_argument(
            "--filter", "-k", action="append", default=[], metavar="TEXT", help="only files whose name contains TEXT"
        )
    rebuild = add_action(actions, "rebuild", _rebuild, "build a shipped file again from its recipe and compare")
    rebuild.add_argument("model", help="such as mobilenet_v2-1.0-224")
    rebuild.add_argument("setting", help="such as int8-static")
    rebuild.add_argument("--format", choices=("onnx", "tflite"), help="only this format (default: both)")
    rebuild.add_argument("--checkpoints", type=Path, metavar="DIR", help="trained nets, for settings that train")


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
    """Yield each file's entry, and whether it is shipped, prepared here, or outdated: prepared from a former net."""
    import dataclasses

    from suites.artifacts import catalog, model_cache

    yield from (("shipped", dict(entry)) for entry in catalog.shipped().values())
    for entry in model_cache.entries():
        yield "prepared" if catalog.current(entry) else "outdated", dataclasses.asdict(entry)


def _accuracy(entry: dict[str, Any]) -> str:
    """Return the accuracy of a shipped file; that of a prepared file is not known yet."""
    if score := entry.get("top1_reference"):
        return f"top-1 {100 * score['top1']:5.2f} % of {score['n']}"
    return str(entry["origin"])


def _verify(_: argparse.Namespace) -> int:
    """Hash all files.

    Raises:
        SetupError: Files are missing or differ; the message names them.
    """
    from suites.artifacts import catalog, model_cache

    if damaged := catalog.damaged():
        raise SetupError(f"shipped files missing or altered: {', '.join(damaged)}", "install edgebench again")
    prepared = model_cache.entries()
    if damaged := [entry.file for entry in prepared if not entry.intact]:
        remedy = f"remove them from {model_cache.prepared_dir()} and run edgebench prepare, or pull them again"
        raise SetupError(f"prepared files missing or altered: {', '.join(damaged)}", remedy)
    print(f"{len(catalog.shipped())} shipped and {len(prepared)} prepared files are intact")
    return EXIT_OK


def _push(arguments: argparse.Namespace) -> int:
    from suites.artifacts.transfer import move
    from suites.artifacts.transfer.stores import open_store

    wanted = [
        (entry, path)
        for entry, path in move.at_hand(with_shipped=not arguments.prepared)
        if all(text in entry.name for text in arguments.filter)
    ]
    return _report_moves(move.push(open_store(arguments.store), wanted), len(wanted))


def _pull(arguments: argparse.Namespace) -> int:
    from suites.artifacts.transfer import move
    from suites.artifacts.transfer.stores import open_store

    store = open_store(arguments.store)
    offered, refused = move.offered(store)
    wanted = [entry for entry in offered if all(text in entry.name for text in arguments.filter)]
    return _report_moves((*refused, *move.pull(store, wanted)), len(refused) + len(wanted))


def _report_moves(moves: Iterable[Moved], total: int) -> int:
    """Print each move when it is done, then the totals; return the exit code."""
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
    """Compare each format; return 4 if a file is not reproduced."""
    from suites.converter_output import quiet
    from suites.preparation.rebuild import rebuild

    kinds: list[Format] = [arguments.format] if arguments.format else ["onnx", "tflite"]
    code = EXIT_OK
    for kind in kinds:
        with quiet():
            rebuilt = rebuild(arguments.model, arguments.setting, kind, arguments.checkpoints)
        code = code if rebuilt.reproduced else EXIT_SOME_FAILED
        print(f"{arguments.model} {arguments.setting} {kind}: {rebuilt}")
    return code
