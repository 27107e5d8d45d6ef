"""`edgebench import`: turn results of other tools into runs, to compare them with those measured here."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.core.errors import EXIT_OK, EXIT_SOME_FAILED
from reports.numbers import counted

from ._store import add_run, add_store_option

HELP = "import results of other tools as runs"
GROUP = "keep"
EXAMPLE = "edgebench import benchmark.json"
_SOURCES = ("pytest-benchmark", "pyperf", "benchmark_model", "benchmark_app")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="file that the tool wrote, or its saved output")
    parser.add_argument(
        "--from", dest="source", choices=_SOURCES, help="the tool (default: recognised from the contents)"
    )
    parser.add_argument(
        "--target", default="imported", metavar="NAME", help="board that was measured (default: imported)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="run folder (default: runs/<time>-import)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_store_option(parser, "add the run to this store (default: $EDGEBENCH_STORE, or your own if it exists)")


def run(arguments: argparse.Namespace) -> int:
    """Write the run folder, show it, and add it to the configured store; name the cases that were refused."""
    from harness.runs.plan import default_out
    from harness.store.imports import read
    from harness.store.imports.records import import_run

    from ._output import show_table

    imported = read(arguments.file, arguments.source)
    out = arguments.out or default_out("import")
    command = ("edgebench", *sys.argv[1:])
    folder = import_run(imported, arguments.file, out, arguments.target, command, number=not arguments.out)
    show_table(folder, as_json=arguments.json)
    add_run(folder, arguments, trigger="import")
    if not arguments.json:
        print(f"{counted(len(imported.cases), 'case')} of {imported.source}: {folder.path}")
    for refused in imported.refused:
        print(f"edgebench: not imported: {refused}", file=sys.stderr)
    return EXIT_SOME_FAILED if imported.refused else EXIT_OK
