"""Raw samples of a case out of the run's blobs; a blob that is gone takes away its plot and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from harness.core.errors import RecordError
from harness.core.record import Record, RunHeader
from harness.store.runfolder import Contents

Samples = npt.NDArray[np.float64]


class Source(Protocol):
    """Where a run is read from: a `RunFolder`, or a run in a store (`reports.serve.run_sources`)."""

    def header(self) -> RunHeader:
        """The run's header; RecordError when it cannot be read."""

    def contents(self) -> Contents:
        """Every record that can be read, and why the others cannot."""

    def blob(self, sha256: str) -> dict[str, npt.NDArray[np.generic]]:
        """The arrays kept under that hash; RecordError when they are gone or damaged."""


@dataclass(frozen=True)
class Blobs:
    """The arrays behind one record. Several sections draw the same latencies, so that they are read once and kept."""

    source: Source
    record: Record
    _kept: dict[str, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)

    def wall_ns(self) -> Samples | None:
        """Wall times of all timed inferences over all processes, in ns; None when none can be read."""
        parts = [wall for _, wall in self.processes_ns() if wall.size]
        return np.concatenate(parts) if parts else None

    def processes_ns(self) -> list[tuple[Samples, Samples]]:
        """(warm-up, timed) wall times of every process in time order, in ns; empty where they cannot be read."""
        blobs = [self.read(process.blob.sha256) for process in self.record.processes]
        return [(arrays.get("warmup_ns", np.empty(0)), arrays.get("wall_ns", np.empty(0))) for arrays in blobs]

    def read(self, sha256: str) -> dict[str, Samples]:
        """The arrays of a blob as floats; nothing when it is gone or damaged."""
        if sha256 not in self._kept:
            try:
                self._kept[sha256] = self.source.blob(sha256)
            except RecordError:
                self._kept[sha256] = {}
        return {name: array.astype(np.float64) for name, array in self._kept[sha256].items()}
