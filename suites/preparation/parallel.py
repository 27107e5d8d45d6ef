"""Build several files, one after another or in processes side by side."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from harness.core.artifact import Artifact, Format
from harness.core.case import Case
from harness.core.errors import EdgebenchError
from suites.converter_output import quiet

from . import prepare


@dataclass(frozen=True)
class Built:
    """What became of one file: the artifact, or the error in words."""

    case: Case
    format: Format
    artifact: Artifact | None = None
    error: str = ""


def build_all(wanted: Sequence[tuple[Case, Format]], jobs: int, checkpoints: Path | None = None) -> Iterator[Built]:
    """Build every file, `jobs` at a time, and tell of each as it is finished. One that fails does not stop the rest.

    A file is whole or not there: who is interrupted finds the finished ones again.
    """
    if min(jobs, len(wanted)) < 2:
        yield from (_build(case, kind, checkpoints) for case, kind in wanted)
        return
    context = multiprocessing.get_context("spawn")  # the converters' libraries have threads, which forking breaks
    pool = ProcessPoolExecutor(min(jobs, len(wanted)), context, initializer=_start_worker)
    try:
        waiting = {pool.submit(_build, case, kind, checkpoints): (case, kind) for case, kind in wanted}
        for future in as_completed(waiting):
            yield _result(future, *waiting[future])
    finally:
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Built], case: Case, kind: Format) -> Built:
    try:
        return future.result()
    except BrokenProcessPool:
        return Built(case, kind, error="the process that built it died, most likely for memory\n  take fewer --jobs")


def _build(case: Case, kind: Format, checkpoints: Path | None) -> Built:
    try:
        with quiet():
            return Built(case, kind, prepare.build(case, kind, checkpoints))
    except EdgebenchError as error:
        return Built(case, kind, error=str(error))


def _start_worker() -> None:
    """Ctrl-C reaches the parent, which ends the pool."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
