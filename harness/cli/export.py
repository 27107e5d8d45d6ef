"""`edgebench export`: a run in the format of another tool."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, UsageError

from ._store import add_choice, add_store_option, choice_of, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.record import Record
    from harness.store.exports import Exported

HELP = "write a run in the format of another tool"
GROUP = "keep"
EXAMPLE = "edgebench export runs/before --format junit --out junit.xml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders; without any, runs of the store")
    parser.add_argument(
        *("--format",),
        required=True,
        metavar="NAME",
        help="one of these, or a plug-in's; parquet needs the extra 'parquet'",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to (default: standard output)")
    parser.add_argument(
        *("--better",),
        choices=("lower", "higher"),
        default="lower",
        help="of gha, which holds metrics of one direction",
    )
    add_store_option(parser, "path or URL of the store (default: $EDGEBENCH_STORE, or your own)")
    which = parser.add_argument_group("of the store", "the newest run that is meant; for csv and parquet all of them")
    which.add_argument("--run", dest="run_id", metavar="ID", help="this one")
    add_choice(which)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; whole or not at all."""
    from harness.store.exports import export, find

    suffix = find(arguments.format).suffix
    if suffix and arguments.out and arguments.out.suffix != suffix:
        raise UsageError(
            f"{arguments.format} is read from *{suffix} alone, not from {arguments.out.name}", f"--out FILE{suffix}"
        )
    runs = _of_folders(arguments) if arguments.runs else _of_store(arguments)
    data = export(runs, arguments.format)
    if arguments.out:
        from harness.core.files import write_atomic

        write_atomic(arguments.out, data)
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return EXIT_OK


def _of_folders(arguments: argparse.Namespace) -> list[Exported]:
    from ._output import open_run

    folders = [open_run(path) for path in arguments.runs]
    return _exported([(folder.header(), folder.records(), folder) for folder in folders], arguments)


def _of_store(arguments: argparse.Namespace) -> list[Exported]:
    from dataclasses import replace

    from harness.store.exports import find

    where = replace(choice_of(arguments), run=arguments.run_id)
    store = opened(arguments)
    names: list[str] = list(store.runs(where).run)
    if not names:
        raise UsageError(f"no run in {store.location} is like that", "edgebench history lists what there is")
    chosen = names if find(arguments.format).several else names[-1:]
    found = [(store.header(name), list(filter(where.takes_record, store.records(name))), store) for name in chosen]
    return _exported(found, arguments)


def _exported(found: Sequence[tuple[Any, list[Record], Any]], arguments: argparse.Namespace) -> list[Exported]:
    """Headers and records with the way to their samples: `blob` of their run folder or store."""
    from harness.store.exports import Exported
    from harness.store.runfolder import latencies_ns

    return [
        Exported(header, records, functools.partial(latencies_ns, blob=place.blob), arguments.better)
        for header, records, place in found
    ]
