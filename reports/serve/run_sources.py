"""Where `edgebench serve` finds runs: a folder of run folders, or a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import RecordError, UsageError
from harness.store.database.where import Where
from harness.store.runfolder import RunFolder
from reports.data import Reset

from .site import Entry
from .stored import StoredRun, declared_resets

if TYPE_CHECKING:
    from harness.store.database.store import Store

_MOST = 500  # runs that are listed, newest first


@dataclass(frozen=True)
class FolderShelf:
    """The run folders in a folder, or the one that it is. Links are passed over: 'latest' is one of the others."""

    folder: Path

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise UsageError(f"{self.folder} is no folder", "give the folder that holds your run folders")

    @property
    def title(self) -> str:
        """What the list is called."""
        return str(self.folder)

    def entries(self) -> Sequence[Entry]:
        """Every run whose header can be read, newest first."""
        found = sorted(self._found(), key=lambda entry: entry.header.started_utc, reverse=True)
        return found[:_MOST]

    def resets(self) -> Sequence[Reset]:
        """None: resets are declared in a store."""
        return ()

    def _found(self) -> Iterator[Entry]:
        one = (self.folder / "run.json").is_file()
        for path in [self.folder] if one else self.folder.iterdir():
            if path.is_symlink() or not (path / "run.json").is_file():
                continue
            try:
                yield Entry(path.resolve().name, RunFolder(path).header(), RunFolder(path), _stamp(path))
            except RecordError:
                continue  # a run that is being written, or damaged: the next request looks again


def _stamp(run: Path) -> str:
    """Changes with every record and header that is written."""
    places = [place for place in (run / "run.json", run / "records") if place.exists()]
    return " ".join(str(place.stat().st_mtime_ns) for place in places)


@dataclass(frozen=True)
class StoreShelf:
    """The runs of a store."""

    store: Store

    @property
    def title(self) -> str:
        """What the list is called; a URL without its password."""
        return str(self.store.place)

    def entries(self) -> Sequence[Entry]:
        """The newest runs first."""
        names = list(self.store.runs(Where())["run"])[-_MOST:]
        return [Entry(name, self.store.header(name), StoredRun(self.store, name), "") for name in reversed(names)]

    def resets(self) -> Sequence[Reset]:
        """The store's declared resets."""
        return declared_resets(self.store)
