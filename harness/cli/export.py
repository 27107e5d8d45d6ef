"""`edgebench export`: write a run in the format of another tool."""

from __future__ import annotations

import argparse
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import EXIT_OK, UsageError

from ._store import add_filters, add_store_option, filters_of, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.record import Record
    from harness.store.exports import Exported

HELP = "write a run in the format of another tool"
GROUP = "keep"
EXAMPLE = "edgebench export runs/before --format junit --out junit.xml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders (default: runs of the store)")
    parser.add_argument(
        *("--format",),
        required=True,
        metavar="NAME",
        help="format, such as junit, gha, csv or parquet (extra 'parquet'); an unknown name lists all",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write (default: standard output)")
    parser.add_argument(
        *("--better",),
        choices=("lower", "higher"),
        default="lower",
        help="which metrics gha gets: those where lower or higher is better (default: lower)",
    )
    add_store_option(parser, "path or URL of the store (default: $EDGEBENCH_STORE, or your own)")
    which = parser.add_argument_group(
        "runs of the store", "the newest that matches; csv and parquet take all that match"
    )
    which.add_argument("--run", dest="run_id", metavar="ID", help="this run")
    add_filters(which)


def run(arguments: argparse.Namespace) -> int:
    """Write the file, completely or not at all."""
    from harness.store.exports import export, find

    suffix = find(arguments.format).suffix
    if suffix and arguments.out and arguments.out.suffix != suffix:
        raise UsageError(
            f"readers of {arguments.format} accept *{suffix} only, not {arguments.out.name}", f"--out FILE{suffix}"
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

    where = replace(filters_of(arguments), run=arguments.run_id)
    store = open_store(arguments)
    names: list[str] = list(store.runs(where).run)
    if not names:
        raise UsageError(f"no run in {store.location} matches", "list them: edgebench history")
    chosen = names if find(arguments.format).several else names[-1:]
    runs = [(store.header(name), list(filter(where.takes_record, store.records(name))), store) for name in chosen]
    return _exported(runs, arguments)


def _exported(runs: Sequence[tuple[Any, list[Record], Any]], arguments: argparse.Namespace) -> list[Exported]:
    """Return headers and records with a function that reads their samples from the run folder or store."""
    from harness.store.exports import Exported
    from harness.store.runfolder import latencies_ns

    return [
        Exported(header, records, functools.partial(latencies_ns, blob=place.blob), arguments.better)
        for header, records, place in runs
    ]
