"""`edgebench publish`: write the reports of many runs as a site for any web server."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.core.errors import EXIT_OK

HELP = "write a site of many runs for any web server, with a feed"
GROUP = "look"
EXAMPLE = "edgebench publish public/ --runs runs/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("dir", type=Path, metavar="DIR", help="folder of the site: empty, or published to before")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of run folders (default: runs)"
    )
    where.add_argument("--store", metavar="PATH|URL", help="publish the runs of this store instead")
    parser.add_argument("--title", default="", metavar="TEXT", help="title of the list and the feed")


def run(arguments: argparse.Namespace) -> int:
    """Write what has changed, and say how much that was."""
    from reports.serve.publish import INDEX, publish
    from reports.serve.run_sources import FolderSource, StoreSource

    if arguments.store:
        from harness import store

        with store.open(arguments.store, create=False) as runs:
            done = publish(StoreSource(runs), arguments.dir, arguments.title)
    else:
        done = publish(FolderSource(arguments.runs), arguments.dir, arguments.title)
    counts = f"{len(done.written)} written, {len(done.kept)} unchanged, {len(done.removed)} removed"
    print(f"site: {arguments.dir / INDEX} ({counts})")
    return EXIT_OK
