"""Raw samples to take away: one row an inference, warm-up included."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from harness.core.record import ProcessRun

from .data import CaseView, ReportData

COLUMNS = ("target", "case", "run", "process", "warmup", "wall_ns")
"""`wall_ns`: integer nanoseconds of one inference, or the mean of a few very short ones; in the order they ran."""


def count_samples(data: ReportData) -> int:
    """Rows there are, by the records."""
    return sum(run.n_timed + run.n_warmup for case in data.cases for run in case.record.processes)


def sample_frames(data: ReportData) -> Iterator[pd.DataFrame]:
    """One table a process of a case with the columns of `COLUMNS`; of samples that cannot be read there is none."""
    for case in data.cases:
        arrays = case.blobs.processes_ns()
        for process, (warmup, wall) in zip(case.record.processes, arrays, strict=True):
            for part, is_warmup in ((warmup, True), (wall, False)):
                if part.size:
                    yield _frame(case, process, part.astype("int64"), is_warmup)


def _frame(case: CaseView, process: ProcessRun, wall_ns: object, is_warmup: bool) -> pd.DataFrame:
    record = case.record
    who = {"target": record.target, "case": record.case_id, "run": record.run_id, "process": process.index}
    return pd.DataFrame({**who, "warmup": is_warmup, "wall_ns": wall_ns}, columns=list(COLUMNS))


def write_samples(data: ReportData, folder: Path) -> Path | None:
    """Write samples.parquet, or samples.csv.gz where pyarrow is not installed; None when there are no samples."""
    tables = sample_frames(data)
    first = next(tables, None)
    if first is None:
        return None
    if importlib.util.find_spec("pyarrow"):
        return _write_parquet(first, tables, folder / "samples.parquet")
    path = folder / "samples.csv.gz"
    with path.open("wb") as file:
        write_csv_gz(data, file)
    return path


def write_csv_gz(data: ReportData, file: BinaryIO) -> None:
    """All samples as compressed CSV; the same records give the same bytes."""
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed:
        packed.write((",".join(COLUMNS) + "\n").encode())
        for table in sample_frames(data):
            packed.write(table.to_csv(index=False, header=False, lineterminator="\n").encode())


def _write_parquet(first: pd.DataFrame, rest: Iterator[pd.DataFrame], path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = pa.Table.from_pandas(first, preserve_index=False)
    with pq.ParquetWriter(path, head.schema, compression="zstd") as writer:
        writer.write_table(head)
        for table in rest:
            writer.write_table(pa.Table.from_pandas(table, schema=head.schema, preserve_index=False))
    return path
