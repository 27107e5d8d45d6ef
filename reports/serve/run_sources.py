"""Where `edgebench serve` finds runs: a folder of run folders, or a store."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.core.errors import EdgebenchError, RecordError, StoreError, UsageError
from harness.core.record import RunHeader
from harness.store.database.filters import Filters
from harness.store.runfolder import Contents, RunFolder
from reports.data import Reset

from .heading import Heading
from .index import Index
from .site import MOST_RUNS, RunEntry

if TYPE_CHECKING:
    from harness.store.database.store import StampedRun, Store


class FolderSource:
    """The run folders in a folder, or a single run folder. Links such as 'latest' are skipped.

    Attributes:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder; UsageError if it is none."""
        self.folder = folder
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder", "give a folder of run folders")
        self._index = Index(_entry)
        self._newest_first = NewestFirst()

    @property
    def title(self) -> str:
        """The path of the folder."""
        return str(self.folder)

    def entries(self) -> Sequence[RunEntry]:
        """Return every run whose header can be read, newest first."""
        return self._newest_first.of(self._index.listed(self._found()))

    def resets(self) -> Sequence[Reset]:
        """Return none: resets are declared in a store."""
        return ()

    def _found(self) -> Iterator[tuple[str, Hashable]]:
        """Yield each run folder with a stamp that changes whenever its header is written; no file is read."""
        is_run = (self.folder / "run.json").is_file()
        for path in [str(self.folder)] if is_run else sorted(_folders(self.folder)):
            try:
                stat = os.stat(f"{path}/run.json")  # noqa: PTH116 - thousands at each request: a Path takes thrice as long
            except OSError:
                continue  # no run, or gone
            yield path, (stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _folders(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        yield from (entry.path for entry in entries if entry.is_dir(follow_symlinks=False))


def _entry(path: str) -> RunEntry | None:
    """Return the entry of a run folder; None while it is being written, or damaged."""
    run = RunFolder(path)
    try:
        return RunEntry(run.path.resolve().name, Heading.of(run.header()), run, partial(_stamp, run.path))
    except RecordError:
        return None


def _stamp(run: Path) -> str:
    """Return a text that changes whenever a record or the header is written."""
    paths = [path for path in (run / "run.json", run / "records") if path.exists()]
    return " ".join(str(path.stat().st_mtime_ns) for path in paths)


class NewestFirst:
    """Entries by their start, sorted once for each tuple of them."""

    def __init__(self) -> None:
        self._before: tuple[tuple[RunEntry, ...], tuple[RunEntry, ...]] = ((), ())

    def of(self, entries: tuple[RunEntry, ...]) -> tuple[RunEntry, ...]:
        """Return the entries, newest first; the same tuple as before for the same entries."""
        given, ordered = self._before
        if given is not entries:
            ordered = tuple(sorted(entries, key=lambda entry: entry.header.started_utc, reverse=True))
            self._before = (entries, ordered)
        return ordered


class StoreSource:
    """The runs of a store.

    Attributes:
        store: The store.
    """

    def __init__(self, store: Store) -> None:
        """Name the store."""
        self.store = store
        self._index = Index(self._entry)

    @property
    def title(self) -> str:
        """The path of the store, or its URL without the password."""
        return str(self.store.location)

    def entries(self) -> Sequence[RunEntry]:
        """Return the runs, newest first; those whose header cannot be read are left out."""
        return self._index.listed((run, run.stamp) for run in reversed(self.store.stamps()))

    def _entry(self, run: StampedRun) -> RunEntry | None:
        try:
            header = self.store.header(run.run_id)
        except EdgebenchError:
            return None
        reader = StoredRun(self.store, run.run_id, run.sequence)
        return RunEntry(run.run_id, Heading.of(header), reader, lambda: run.stamp)

    def resets(self) -> Sequence[Reset]:
        """Return the resets declared in the store."""
        return declared_resets(self.store)


@dataclass(frozen=True)
class StoredRun:
    """Reads one run of a store; a `reports.data.RunReader`."""

    store: Store
    run_id: str
    sequence: int

    def header(self) -> RunHeader:
        """Return the header of the run."""
        return self.store.header(self.run_id)

    def contents(self) -> Contents:
        """Return its records. A store holds no damaged ones."""
        return Contents(tuple(self.store.records(self.run_id)), {})

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays stored under a hash.

        Raises:
            RecordError: The store does not keep raw samples, or not these.

        """
        try:
            return self.store.blob(sha256)
        except StoreError as error:
            raise RecordError(error.message, error.remedy) from None


def stored_runs(store: Store, filters: Filters) -> list[StoredRun]:
    """Return the runs that match the filters, oldest first.

    Raises:
        RecordError: No run matches, or more than `MOST_RUNS` do.

    """
    runs = stored(store, filters)
    if not runs:
        raise RecordError("no run in the store matches", "edgebench history lists its runs")
    if len(runs) > MOST_RUNS:
        raise RecordError(
            f"{len(runs)} runs are too many for one report", f"narrow them to {MOST_RUNS} at most: --since 90d"
        )
    return runs


def stored(store: Store, filters: Filters) -> list[StoredRun]:
    """Return the runs that match the filters, oldest first; none if there is no such run."""
    frame = store.runs(filters)
    return [StoredRun(store, name, int(number)) for name, number in zip(frame.run, frame.sequence, strict=True)]


def declared_resets(store: Store) -> list[Reset]:
    """Return the resets declared in a store, without duplicates."""
    frame = store.resets()
    rows = frame[["at_utc", "reason", "target", "case", "sequence"]].drop_duplicates().itertuples(index=False)
    return [Reset(at_utc, reason, target, case, int(number)) for at_utc, reason, target, case, number in rows]
