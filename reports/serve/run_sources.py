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


_MOST = 500  # runs that are listed, newest first


@dataclass(frozen=True)
class FolderSource:
    """The run folders in a folder, or the one that it is. Links are passed over: 'latest' is one of the others."""

    folder: Path

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder", "give the folder that holds your run folders")

    @property
    def title(self) -> str:
        """What the list is called."""
        return str(self.folder)

    def entries(self) -> Sequence[RunEntry]:
        """Every run whose header can be read, newest first."""
        found = sorted(self._found(), key=lambda entry: entry.header.started_utc, reverse=True)
        return found[:_MOST]

    def resets(self) -> Sequence[Reset]:
        """None: resets are declared in a store."""
        return ()

    def _found(self) -> Iterator[RunEntry]:
        one = (self.folder / "run.json").is_file()
        for path in [self.folder] if one else self.folder.iterdir():
            if path.is_symlink() or not (path / "run.json").is_file():
                continue
            try:
                yield RunEntry(path.resolve().name, RunFolder(path).header(), RunFolder(path), _stamp(path))
            except RecordError:
                continue  # a run that is being written, or damaged: the next request looks again


def _stamp(run: Path) -> str:
    """Changes with every record and header that is written."""
    places = [place for place in (run / "run.json", run / "records") if place.exists()]
    return " ".join(str(place.stat().st_mtime_ns) for place in places)


@dataclass(frozen=True)
class StoreSource:
    """The runs of a store."""

    store: Store

    @property
    def title(self) -> str:
        """What the list is called; a URL without its password."""
        return str(self.store.place)

    def entries(self) -> Sequence[RunEntry]:
        """The newest runs first."""
        names = list(self.store.runs(Filters())["run"])[-_MOST:]
        return [RunEntry(name, self.store.header(name), StoredRun(self.store, name), "") for name in reversed(names)]

    def resets(self) -> Sequence[Reset]:
        """The store's declared resets."""
        return declared_resets(self.store)


MOST_NIGHTS = 400
"""Runs that one report is made of; a longer history is narrowed down by `since`."""


@dataclass(frozen=True)
class StoredRun:
    """One run of a store, as `reports.data.gather` reads it."""

    store: Store
    run_id: str

    def header(self) -> RunHeader:
        """The run's header."""
        return self.store.header(self.run_id)

    def contents(self) -> Contents:
        """Its records; a store holds none that is damaged."""
        return Contents(tuple(self.store.records(self.run_id)), {})

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """Raw samples; RecordError when the store does not keep them."""
        try:
            return self.store.blob(sha256)
        except StoreError as error:
            raise RecordError(error.message, error.remedy) from None


def stored_runs(store: Store, where: Filters) -> list[StoredRun]:
    """The runs that `where` chooses, oldest first; RecordError when there is none, or more than `MOST_NIGHTS`."""
    names = list(store.runs(where)["run"])
    if not names:
        raise RecordError("the store holds no such run", "edgebench history shows what it holds")
    if len(names) > MOST_NIGHTS:
        raise RecordError(f"{len(names)} runs are too many for one report", f"--since 90d; at most {MOST_NIGHTS}")
    return [StoredRun(store, name) for name in names]


def declared_resets(store: Store) -> list[Reset]:
    """The store's declared resets, one a time, reason, target and case."""
    frame = store.resets()
    rows = frame[["at_utc", "reason", "target", "case"]].drop_duplicates().itertuples(index=False)
    return [Reset(*map(str, row)) for row in rows]
