"""`edgebench serve`: serve the reports of many runs to browsers."""

from __future__ import annotations

import argparse
import contextlib
from typing import TYPE_CHECKING

from harness.core.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from reports.serve.site import RunSource

HELP = "serve the reports of many runs in the browser"
GROUP = "look"
EXAMPLE = "edgebench serve runs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", nargs="?", metavar="DIR", help="folder of run folders (default: runs)")
    parser.add_argument("--store", metavar="PATH|URL", help="serve the runs of this store instead")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1, this machine only)"
    )
    parser.add_argument(
        "--port", type=_port, default=8765, metavar="N", help="port, 0 for any free one (default: 8765)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve until interrupted. Reports are built on request and kept in memory; nothing is written."""
    if arguments.store and arguments.folder:
        raise UsageError("a folder and --store exclude each other", "leave one of them out")
    if not arguments.store:
        from pathlib import Path

        from reports.serve.run_sources import FolderSource

        return _serve(FolderSource(Path(arguments.folder or "runs")), arguments)
    from harness import store
    from reports.serve.run_sources import StoreSource

    with store.open(arguments.store, create=False) as runs:
        return _serve(StoreSource(runs), arguments)


def _serve(runs: RunSource, arguments: argparse.Namespace) -> int:
    from reports.serve.server import ReportServer
    from reports.serve.site import Site

    with ReportServer(Site(runs), arguments.host, arguments.port) as server:
        print(f"serving {runs.title} on {server.url} (Ctrl-C to stop)", flush=True)
        if not server.local:
            print("warning: everyone who can reach this address can read these runs", flush=True)
        if arguments.open:
            import webbrowser

            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    return EXIT_OK


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port: 0 to 65535")
    return int(text)
