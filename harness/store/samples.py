"""The raw latencies of a record, wherever its blobs are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from harness.core.record import Blob, Record

FindBlob = Callable[[str], Mapping[str, npt.NDArray[np.generic]]]


def sample_blobs(record: Record) -> Iterator[Blob]:
    """Blobs with an array 'wall_ns': one a process, or the one that an import kept."""
    yield from (process.blob for process in record.processes)
    imported = record.details.get("samples")
    if isinstance(imported, Mapping):
        yield Blob(**imported)


def latencies_ns(record: Record, blob: FindBlob) -> npt.NDArray[np.int64]:
    """All timed latencies of a record in nanoseconds, process by process; empty where none were kept."""
    parts = [np.asarray(blob(one.sha256)["wall_ns"], dtype=np.int64) for one in sample_blobs(record)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
