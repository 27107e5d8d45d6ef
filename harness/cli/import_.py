"""`edgebench import`: results of other tools as ordinary runs, to be compared with those measured here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.core.errors import EXIT_OK
from reports.numbers import counted

from ._store import add_store_option, keep

HELP = "import results of other tools as runs"
GROUP = "keep"
EXAMPLE = "edgebench import benchmark.json"
_SOURCES = ("pytest-benchmark", "pyperf", "benchmark_model", "benchmark_app")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what the tool wrote or printed")
    parser.add_argument("--from", dest="source", choices=_SOURCES, help="the tool (default: told by the contents)")
    parser.add_argument(
        "--target", default="imported", metavar="NAME", help="whose figures these are (default: imported)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/<time>-import)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(parser, "add the run to this store too (default: as `run` does)")


def run(arguments: argparse.Namespace) -> int:
    """Write the run folder, show it, and add it to the configured store."""
    from harness.runs.plan import default_out
    from harness.store.imports import read
    from harness.store.imports.records import import_run

    from ._output import show_table

    found = read(arguments.file, arguments.source)
    out = arguments.out or default_out("import")
    folder = import_run(found, arguments.file, out, arguments.target, ("edgebench", *sys.argv[1:]))
    show_table(folder, as_json=arguments.json)
    keep(folder, arguments, trigger="import")
    if not arguments.json:
        print(f"{counted(len(found.cases), 'case')} of {found.source}: {folder.path}")
    return EXIT_OK
