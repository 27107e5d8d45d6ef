"""Where `edgebench serve` finds runs: a folder of run folders, or a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError, StoreError, UsageError
from harness.core.record import RunHeader
from harness.store.database.filters import Filters
from harness.store.runfolder import Contents, RunFolder
from reports.data import Reset

from .site import RunEntry

if TYPE_CHECKING:
    from harness.store.database.store import Store


_MOST_LISTED = 500


@dataclass(frozen=True)
class FolderSource:
    """The run folders in a folder, or a single run folder. Links such as 'latest' are skipped."""

    folder: Path

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is not a folder", "give a folder of run folders")

    @property
    def title(self) -> str:
        """The path of the folder."""
        return str(self.folder)

    def entries(self) -> Sequence[RunEntry]:
        """Return every run whose header can be read, newest first."""
        entries = sorted(self._read_entries(), key=lambda entry: entry.header.started_utc, reverse=True)
        return entries[:_MOST_LISTED]

    def resets(self) -> Sequence[Reset]:
        """Return none: resets are declared in a store."""
        return ()

    def _read_entries(self) -> Iterator[RunEntry]:
        is_run = (self.folder / "run.json").is_file()
        for path in [self.folder] if is_run else self.folder.iterdir():
            if path.is_symlink() or not (path / "run.json").is_file():
                continue
            try:
                yield RunEntry(path.resolve().name, RunFolder(path).header(), RunFolder(path), _stamp(path))
            except RecordError:
                continue  # being written, or damaged: the next request tries again


def _stamp(run: Path) -> str:
    """Return a text that changes whenever a record or the header is written."""
    paths = [path for path in (run / "run.json", run / "records") if path.exists()]
    return " ".join(str(path.stat().st_mtime_ns) for path in paths)


@dataclass(frozen=True)
class StoreSource:
    """The runs of a store."""

    store: Store

    @property
    def title(self) -> str:
        """The path of the store, or its URL without the password."""
        return str(self.store.location)

    def entries(self) -> Sequence[RunEntry]:
        """Return the newest runs, newest first."""
        runs = stored(self.store, Filters())[-_MOST_LISTED:]
        return [RunEntry(run.run_id, run.header(), run, "") for run in reversed(runs)]

    def resets(self) -> Sequence[Reset]:
        """Return the resets declared in the store."""
        return declared_resets(self.store)


MOST_RUNS = 400
"""Largest number of runs in one report; a longer history is narrowed down by `since`."""


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
