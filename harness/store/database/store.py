"""A store of many runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from harness.core.errors import RecordError, StoreError
from harness.core.npz import read_npz
from harness.core.quantity import microseconds
from harness.core.record import Record, RunHeader
from harness.store.runfolder import RunFolder

from . import schema, writer
from .blobs import BlobStore
from .engine import connect, reading, translated, writing
from .filters import Filters
from .location import locate
from .writer import Appended, BlobRow, take_files, write

if TYPE_CHECKING:
    import pandas as pd

    from .history import Nights

Form = Literal["tidy", "wide"]


@dataclass(frozen=True, slots=True)
class StampedRun:
    """A run of a store.

    Attributes:
        run_id: Its id.
        sequence: Its sequence number.
        stamp: A text that changes whenever its header or a record is added.
    """

    run_id: str
    sequence: int
    stamp: str


class Store:
    """A database of runs with their raw files, complete without the run folders.

    Each method is one transaction, and safe beside other processes that read and write. All raise StoreError, and write
    nothing, when the database or the file system fails.

    Args:
        location: Path or URL, None for the configured or default store.
        create: Whether to create a store that does not exist.

    """

    def __init__(self, location: Path | str | None = None, *, create: bool = True) -> None:
        self.location = locate(location)
        self.raw = BlobStore(self.location.raw)
        self._engine = connect(self.location, create)

    @property
    def folder(self) -> Path:
        """The folder of everything beside the database, such as the raw files."""
        return self.location.folder

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def append(self, folder: RunFolder | Path | str, *, trigger: str = "run") -> Appended:
        """Add a run folder, or what is new in it. What was added is durable when this returns.

        Args:
            folder: The run folder; it is only read.
            trigger: What started the run.

        Returns:
            What was added; it names damaged records, which are left out.

        Raises:
            RecordError: The header, every record, or a raw file cannot be read.

        """
        run = folder if isinstance(folder, RunFolder) else RunFolder(folder)
        header, contents = run.header(), run.contents()
        contents.refuse_all_damaged()
        with translated(self.location):
            files = take_files(run, contents.records, self.raw)
        added = self.add(header, contents.records, files, trigger=trigger)
        return replace(added, damaged=contents.damaged)

    def add(
        self,
        header: RunHeader,
        records: Sequence[Record],
        files: Mapping[str, Sequence[BlobRow]],
        *,
        trigger: str = "run",
    ) -> Appended:
        """Add records whose raw `files`, by case id, are already in `raw`."""
        with writing(self._engine, self.location) as connection:
            writer.make_partition(connection, writer.next_sequence(connection, microseconds(header.started_utc)))
        with writing(self._engine, self.location) as connection:
            return write(connection, header, records, files, trigger)

    def read(self, where: Filters | None = None, form: Form = "tidy") -> pd.DataFrame:
        """Return the selected metrics, oldest run first: one row per metric (tidy) or per case of a run (wide)."""
        from .query import table, tidy

        with reading(self._engine, self.location) as connection:
            return (table if form == "wide" else tidy)(connection, where or Filters())

    def runs(self, where: Filters | None = None) -> pd.DataFrame:
        """Return one row per run, oldest first.

        The columns are run, started_utc, suite, profile, trigger, git_sha, harness_version and sequence.
        """
        from .query import runs

        with reading(self._engine, self.location) as connection:
            return runs(connection, where or Filters())

    def stamps(self) -> list[StampedRun]:
        """Return every run, oldest first, each with a stamp of its header and of the number of its cases."""
        run, cell = schema.run, schema.cell
        cells = sa.select(sa.func.count()).where(cell.c.run == run.c.id).scalar_subquery()
        query = sa.select(run.c.uuid, run.c.id, run.c.env, cells).order_by(run.c.id)
        with reading(self._engine, self.location) as connection:
            rows = connection.execute(query)
            return [StampedRun(name, number, _stamp(env, count)) for name, number, env, count in rows]

    def latest_against_previous(self, where: Filters | None = None) -> pd.DataFrame:
        """Return one row per series with two values or more: the newest, the one before, their ratio, and both runs."""
        from .query import latest_against_previous

        with reading(self._engine, self.location) as connection:
            return latest_against_previous(connection, where or Filters())

    def series(
        self, metric: str, where: Filters | None = None, *, last: int | None = None, run_id: str | None = None
    ) -> Nights:
        """Return the histories of a metric as arrays, for the nightly detector.

        Args:
            metric: Name of the metric.
            where: Selects the series and runs.
            last: Number of runs, None for all.
            run_id: The run that the histories end with, None for the newest.

        """
        from .history import nights

        with reading(self._engine, self.location) as connection:
            return nights(connection, replace(where or Filters(), metric=metric), last, run_id)

    def header(self, run_id: str) -> RunHeader:
        """Return the header of a run as it was last added; StoreError if there is no such run."""
        from harness.store.documents import header_from

        with reading(self._engine, self.location) as connection:
            env = connection.execute(sa.select(schema.run.c.env).where(schema.run.c.uuid == run_id)).scalar()
        if env is None:
            raise StoreError(f"no run '{run_id}' in {self.location}", "edgebench history lists the runs")
        return header_from(env, f"run {run_id} in {self.location}")

    def records(self, run_id: str) -> list[Record]:
        """Return the records of a run."""
        from harness.store.documents import record_from

        blob, cell, run = schema.blob, schema.cell, schema.run
        query = (
            sa.select(blob.c.sha256, blob.c.codec)
            .join_from(blob, cell)
            .join(run)
            .where(run.c.uuid == run_id, blob.c.kind == "record")
            .order_by(cell.c.id)
        )
        with reading(self._engine, self.location) as connection:
            names = list(map(tuple, connection.execute(query)))
        return [record_from(self.raw.read(*name).decode(), str(self.raw.file(*name))) for name in names]

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays stored under a hash; RecordError if they are absent or damaged."""
        try:
            return read_npz(self.raw.read(sha256, "npz"))
        except ValueError as error:
            raise RecordError(f"{self.raw.file(sha256, 'npz')}: {error}", "add the run to the store again") from None

    def reset(self, reason: str, where: Filters | None = None, *, at_utc: str | None = None) -> int:
        """Declare that the selected histories start anew, now or at a time; return the number of series."""
        from .maintenance import declare_reset

        with writing(self._engine, self.location) as connection:
            return declare_reset(connection, reason, where or Filters(), at_utc)

    def resets(self) -> pd.DataFrame:
        """Return one row per reset and series: at_utc, reason, target, machine, case, metric, sequence."""
        from .maintenance import declared_resets

        with reading(self._engine, self.location) as connection:
            return declared_resets(connection)

    def check(self) -> list[str]:
        """List the defects of the store, such as torn rows and raw files that are absent or damaged."""
        from .maintenance import problems

        with reading(self._engine, self.location) as connection:
            return list(problems(connection, self.raw))


def _stamp(header: str, cases: int) -> str:
    return f"{hashlib.sha256(header.encode()).hexdigest()[:16]} {cases}"
