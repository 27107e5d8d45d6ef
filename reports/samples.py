"""Raw samples for download: one row per inference, warm-up included."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from harness.core.record import ProcessRun
from harness.store.frame import csv_text

from .data import CaseView, ReportData, Samples

COLUMNS = ("target", "case", "run", "process", "warmup", "wall_ns")
"""`wall_ns` is the time of one inference in integer ns, or the mean of a few very short ones; in run order."""


def count_samples(data: ReportData) -> int:
    """Return the number of rows, according to the records."""
    return sum(run.n_timed + run.n_warmup for case in data.cases for run in case.record.processes)


def sample_frames(data: ReportData) -> Iterator[pd.DataFrame]:
    """Yield a table per process and phase, with the columns of `COLUMNS`. Samples that cannot be read are left out."""
    for case in data.cases:
        arrays = case.blobs.processes_ns()
        for process, (warmup, timed) in zip(case.record.processes, arrays, strict=True):
            for samples, is_warmup in ((warmup, True), (timed, False)):
                if samples.size:
                    yield _frame(case, process, samples, is_warmup)


def _frame(case: CaseView, process: ProcessRun, samples_ns: Samples, is_warmup: bool) -> pd.DataFrame:
    record = case.record
    origin = {"target": record.target, "case": record.case_id, "run": record.run_id, "process": process.index}
    columns = {**origin, "warmup": is_warmup, "wall_ns": samples_ns.astype("int64")}
    return pd.DataFrame(columns, columns=list(COLUMNS))


def write_samples(data: ReportData, folder: Path) -> Path | None:
    """Write samples.parquet, or samples.csv.gz if pyarrow is not installed; return None if there are no samples."""
    frames = sample_frames(data)
    first = next(frames, None)
    if first is None:
        return None
    if importlib.util.find_spec("pyarrow"):
        return _write_parquet(first, frames, folder / "samples.parquet")
    path = folder / "samples.csv.gz"
    with path.open("wb") as file:
        write_csv_gz(data, file)
    return path


def write_csv_gz(data: ReportData, file: BinaryIO) -> None:
    """Write all samples as compressed CSV. The same records give the same bytes."""
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as compressed:
        compressed.write((",".join(COLUMNS) + "\n").encode())
        for frame in sample_frames(data):
            compressed.write(csv_text(frame, header=False).encode())


def _write_parquet(first: pd.DataFrame, rest: Iterator[pd.DataFrame], path: Path) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(first, preserve_index=False)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        for frame in rest:
            writer.write_table(pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False))
    return path
