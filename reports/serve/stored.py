"""Runs out of a store, for a report over many nights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError, StoreError
from harness.core.record import RunHeader
from harness.store.database.where import Where
from harness.store.runfolder import Contents
from reports.data import Reset

if TYPE_CHECKING:
    from harness.store.database.store import Store

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


def stored_runs(store: Store, where: Where) -> list[StoredRun]:
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
