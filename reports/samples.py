"""Raw samples of a case out of the run's blobs; a blob that is gone takes away its plot and nothing else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError

from .data import CaseView

Samples = npt.NDArray[np.float64]


def wall_ns(case: CaseView) -> Samples | None:
    """Wall times of all timed inferences over all processes, in ns; None when none can be read."""
    parts = [wall for _, wall in processes_ns(case) if wall.size]
    return np.concatenate(parts) if parts else None


def processes_ns(case: CaseView) -> list[tuple[Samples, Samples]]:
    """(warm-up, timed) wall times of every process in time order, in ns; empty arrays where they cannot be read."""
    blobs = [read_blob(case, process.blob.sha256) for process in case.record.processes]
    return [(arrays.get("warmup_ns", np.empty(0)), arrays.get("wall_ns", np.empty(0))) for arrays in blobs]


def read_blob(case: CaseView, sha256: str) -> dict[str, Samples]:
    """The arrays of a blob as floats; nothing when it is gone or damaged."""
    try:
        arrays = case.run.folder.blob(sha256)
    except RecordError:
        return {}
    return {name: array.astype(np.float64) for name, array in arrays.items()}
