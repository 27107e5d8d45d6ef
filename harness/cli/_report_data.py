"""The runs that `report` and `figures` show: run folders, or runs of a store."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.core.errors import UsageError

if TYPE_CHECKING:
    from reports.data import ReportData


def add_runs(parser: argparse.ArgumentParser) -> None:
    """Declare the run folders."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders; several runs of one target make a history")


def add_stored_runs(parser: argparse.ArgumentParser) -> None:
    """Declare the options that select runs of a store."""
    stored = parser.add_argument_group("runs of a store instead of run folders")
    stored.add_argument("--store", metavar="PATH|URL", help="the runs of this store")
    stored.add_argument("--suite", metavar="NAME", help="only runs of this suite")
    stored.add_argument("--target", metavar="NAME", help="only runs on this target")
    stored.add_argument("--since", metavar="WHEN", help="only runs since a date, or since '30d' ago")


def check_runs(arguments: argparse.Namespace, what: str) -> None:
    """Raise UsageError for options that exclude each other; `what` is made of the runs."""
    if not arguments.store:
        if not arguments.runs:
            raise UsageError(f"no run for {what}", "give run folders, or --store for the runs of a store")
        if arguments.suite or arguments.target or arguments.since:
            raise UsageError("--suite, --target and --since select runs of a store", "add --store")
    elif arguments.runs or getattr(arguments, "baseline", None):
        raise UsageError("--store and run folders exclude each other", "leave one of them out")
    elif not arguments.out:
        raise UsageError(f"no default folder for {what} of a store", "name one with --out")


@contextmanager
def report_data(arguments: argparse.Namespace) -> Iterator[ReportData]:
    """Read the runs; within the `with` block their samples can be read too."""
    from reports.data import gather

    from ._output import open_run

    if not arguments.store:
        folders, baseline = [open_run(path) for path in arguments.runs], getattr(arguments, "baseline", None)
        for folder in folders:
            folder.contents().refuse_all_damaged()
        yield gather(folders, open_run(baseline) if baseline else None)
        return
    from harness import store
    from reports.serve.run_sources import declared_resets, stored_runs

    where = store.Filters(suite=arguments.suite, target=arguments.target, since=arguments.since)
    with store.open(arguments.store, create=False) as opened:
        yield gather(stored_runs(opened, where), resets=declared_resets(opened))
