"""`edgebench run`: measure a suite or a user's models."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core import optional
from harness.core.errors import EXIT_INTERRUPTED, EXIT_NOTHING_MEASURED, EXIT_OK, EXIT_SOME_FAILED, UsageError
from harness.core.files import DISK_FULL

from ._errors import reader_left
from ._options import add_arguments as add_run_arguments
from ._options import add_on_option, config_of
from ._store import add_run, check_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.record import Record
    from harness.runs.config import RunConfig
    from harness.runs.plan import Plan
    from harness.runs.session import RunSession
    from harness.store.runfolder import RunFolder
    from suites.requirements import Requirement

    from ._progress import ShowsProgress

__all__ = ["HELP", "add_arguments", "conclude", "exit_code", "measure", "measured", "name_latest", "planned", "run"]

HELP = "measure a suite or your own model, write a report"
GROUP = "measure"
EXAMPLE = "edgebench run --model my.onnx --data photos/ --preprocess imagenet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run_arguments(parser)
    add_on_option(parser)
    parser.add_argument_group("requirements").add_argument(
        "--require", type=Path, metavar="FILE", help="judge the run, as `edgebench check FILE RUN` does"
    )
    parser.add_argument_group("files of --compress").add_argument(
        "--export", type=Path, metavar="DIR", help="copy those that were built and measured to DIR, each with its note"
    )


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write the report; return the exit code."""
    config = config_of(arguments)
    check_export(arguments)
    check_store(arguments)
    requirements = required(arguments)
    plan = planned(config)
    session = measure(config, plan, arguments)
    conclude(session.folder, arguments)
    export_built(plan, session.folder, arguments)
    add_run(session.folder, arguments)
    if session.interrupted:
        return EXIT_INTERRUPTED
    records = session.folder.records()
    code = exit_code(records, named_settings(arguments.compress))
    return code if code == EXIT_NOTHING_MEASURED else judged(requirements, records, arguments.json) or code


def required(arguments: argparse.Namespace) -> tuple[Requirement, ...]:
    """Return the requirements of --require, read before anything is measured."""
    from suites.requirements import load

    return load(arguments.require) if arguments.require else ()


def judged(requirements: Sequence[Requirement], records: Sequence[Record], as_json: bool) -> int:
    """Print how the records meet the requirements; return the exit code that this calls for, 0 without any."""
    if not requirements:
        return EXIT_OK
    from harness.runs.requirements import exit_code, judge

    from .check import show

    judgements = judge(requirements, records)
    show(judgements, sys.stderr if as_json else sys.stdout)
    return exit_code(judgements)


def say(text: str) -> None:
    """Print a line on standard error at once."""
    print(text, file=sys.stderr, flush=True)


def planned(config: RunConfig, notify: Callable[[str], None] = say) -> Plan:
    """Return the plan of a run; `notify` is told of the files that are built for it."""
    from harness.runs.plan import plan

    if config.resume and not config.out:
        raise UsageError("--resume needs --out", "name the folder of the interrupted run")
    return plan(config, notify=notify)


def measure(config: RunConfig, plan: Plan, arguments: argparse.Namespace) -> RunSession:
    """Measure to the end or to an interrupt, with progress; return the closed session."""
    from ._progress import RunProgress

    return measured(config, plan, partial(RunProgress, silent=arguments.json))


def measured(
    config: RunConfig, plan: Plan, display: Callable[[Plan], ShowsProgress], notify: Callable[[str], None] = say
) -> RunSession:
    """Measure to the end or to an interrupt; return the closed session.

    Args:
        config: What was asked for.
        plan: What it comes to.
        display: Makes the display of progress from what is measured: the rest of the plan after a resumption.
        notify: Called with each finding that makes the figures worthless.
    """
    from harness.runs.session import RunSession

    with RunSession(config, plan, notify=notify) as session:
        if not config.out:
            name_latest(session.folder.path)
        _observe(session, display(session.plan))
    return session


def _observe(session: RunSession, display: ShowsProgress) -> None:
    """Show every event. An interrupt ends the run but not the program, which still writes the report."""
    from ._progress import GentleInterrupt

    try:
        with GentleInterrupt() as interrupt, display as progress:
            for event in session.run():
                progress.show(event)
                if interrupt.requested:
                    session.interrupted = True
                    break
    except KeyboardInterrupt:
        session.interrupted = True
    except BrokenPipeError:  # edgebench run | head: nobody reads on, and the finished cases are kept
        if not reader_left():
            raise
        session.interrupted = True


def name_latest(run: Path) -> None:
    """Point the link 'latest' beside a run folder to it, if the file system has links."""
    link = run.parent / "latest"
    with contextlib.suppress(OSError):
        if link.is_symlink():
            link.unlink()
        link.symlink_to(run.name)


def conclude(folder: RunFolder, arguments: argparse.Namespace) -> None:
    """Print the table and write the report."""
    from ._output import show_table

    show_table(folder, as_json=arguments.json)
    write_report(folder, arguments)


def write_report(folder: RunFolder, arguments: argparse.Namespace) -> None:
    """Write the report, or say where it can be written if its packages are not installed."""
    from ._output import show_report

    if arguments.no_report:
        return
    if words := optional.instead_of_report(folder.path):
        say(words)
        return
    try:
        show_report([folder], silent=arguments.json)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        what = f"{os.strerror(error.errno or 0)}: {error.filename or folder.path}"
        remedy = f"the run is complete in {folder.path}: free some space, then: edgebench report {folder.path}"
        raise UsageError(what, remedy) from error


def check_export(arguments: argparse.Namespace) -> None:
    """Refuse an --export that could not be done, before anything is measured.

    Raises:
        UsageError: Nothing is built, or the path is a file.
    """
    if arguments.export is None:
        return
    from harness.runs.model_export import check_folder

    if not arguments.compress:
        raise UsageError("--export without --compress: no file is built", "add --compress all, or name settings")
    check_folder(arguments.export)


def export_built(plan: Plan, folder: RunFolder, arguments: argparse.Namespace) -> None:
    """Copy the built files to the folder of --export and print where each is."""
    if arguments.export is None:
        return
    from harness.runs.model_export import export_models

    out = sys.stderr if arguments.json else sys.stdout
    copied = list(export_models(plan.prepared, folder.records(), arguments.export))
    for path in copied:
        print(f"exported: {path}", file=out)
    if not copied:
        print("nothing to export: no case of a built file was measured", file=out)


def named_settings(compress: str | None) -> tuple[str, ...]:
    """Return the settings that --compress names one by one; 'all' names none."""
    return () if compress in (None, "all") else tuple(name.strip() for name in compress.split(","))


def exit_code(records: Sequence[Record], settings: Sequence[str] = ()) -> int:
    """Return the exit code of a run.

    Args:
        records: All records of the run.
        settings: Compression settings that the user named.

    Returns:
        3 if nothing was measured; 4 if a case that was tried or a user's model gave no figures, or if no runtime
        measured one of the settings; otherwise 0.
    """
    if all(record.value("n_inferences") is None for record in records):
        return EXIT_NOTHING_MEASURED
    tried = {record.case.compression for record in records}
    measured = {record.case.compression for record in records if record.value("n_inferences") is not None}
    failed = any(_failed(record) for record in records) or not measured.issuperset(tried.intersection(settings))
    return EXIT_SOME_FAILED if failed else EXIT_OK


def _failed(record: Record) -> bool:
    """Return whether a case failed. That a runtime lacks a setting of a user's net is an answer, not a failure."""
    case = record.case
    if case.weights == "user":
        tried = case.compression == "as-is" or (case.compression == "fp32" and record.artifact is not None)
    else:
        tried = record.artifact is not None
    return record.verdict.failed or (record.verdict.status == "unsupported" and tried)
