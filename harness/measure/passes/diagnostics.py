"""What explains a case rather than measures it: operators, memory over time, how far its file deflates."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import deflated_size_of
from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Blob, Trace
from harness.measure.prepared import BlobSink, PreparedCase
from harness.measure.protocol import PHASES, Loop
from harness.measure.worker.os_counters import resident

from .worker_process import WorkerFailure, run_worker

PERIOD_NS = 20_000_000
_MS = 1_000_000
_LOOP = Loop(warmup_n=2, warmup_ns=0, min_n=10, min_ns=300 * _MS, max_n=10_000)  # few, for the loop's arrays count


@dataclass(frozen=True)
class MemoryTrace:
    """`traces` of RSS and USS, and in `ended_ns` when each phase ended, on the same clock."""

    traces: tuple[Trace, ...]
    ended_ns: dict[str, int]


@dataclass
class MemoryWatch:
    """Samples (t_ns, RSS, USS) of one process at a time."""

    period_ns: int = PERIOD_NS
    samples: list[tuple[int, int, int]] = field(default_factory=list)

    @contextmanager
    def of(self, pid: int) -> Iterator[None]:
        """Sample within the `with` block, in a thread, until the process has ended."""
        over = threading.Event()
        thread = threading.Thread(target=self._sample, args=(pid, over), name="memory-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _sample(self, pid: int, over: threading.Event) -> None:
        while not over.is_set() and (sizes := resident(pid)) is not None:
            self.samples.append((time.perf_counter_ns(), *sizes))
            over.wait(self.period_ns / 1e9)


def memory_trace(case: PreparedCase, blobs: BlobSink, scratch: Path) -> MemoryTrace | Missing:
    """Run the case once more and watch it; Missing when it failed or this kernel does not tell."""
    watch = MemoryWatch()
    job = case.job("latency", scratch / f"memory-{case.case.slug}", seed=0, loop=_LOOP)
    answer = run_worker(job, case.timeout_s, watch.of)
    if isinstance(answer, WorkerFailure):
        return Missing(f"the memory pass ended as {answer.verdict.status}: {answer.verdict.reason}")
    if not watch.samples:
        return Missing("/proc/<pid>/smaps_rollup cannot be read (it exists since Linux 4.14)")
    return MemoryTrace(_traces(watch, blobs), {name: answer.result[f"after_{name}"]["at_ns"] for name in PHASES})


def _traces(watch: MemoryWatch, blobs: BlobSink) -> tuple[Trace, ...]:
    times, *sizes = np.array(watch.samples, np.int64).T
    names = ("memory_rss", "memory_uss")
    return tuple(_trace(name, times, values, watch, blobs) for name, values in zip(names, sizes, strict=True))


def _trace(name: str, times: Any, values: Any, watch: MemoryWatch, blobs: BlobSink) -> Trace:
    sha256, n = blobs.put_blob({"t_ns": times, "value": values})
    return Trace(name, "B", "process", watch.period_ns, n, Blob("trace", sha256, n, "B"))


def operator_profile(case: PreparedCase, scratch: Path) -> OperatorProfile | Missing:
    """Profile the case's operators; Missing when the runtime has no profiler or the process failed."""
    answer = run_worker(case.job("profile", scratch / f"profile-{case.case.slug}", seed=0), case.timeout_s)
    if isinstance(answer, WorkerFailure):
        return Missing(f"the profiling pass ended as {answer.verdict.status}: {answer.verdict.reason}")
    found: dict[str, Any] = answer.result["operators"]
    return Missing(found["reason"]) if "reason" in found else OperatorProfile.from_json(found)


NOT_ASKED = Missing("not measured: run with --deep")


@dataclass(frozen=True)
class Diagnostics:
    """Each, or why there is none."""

    operators: OperatorProfile | Missing = NOT_ASKED
    memory: MemoryTrace | Missing = NOT_ASKED
    deflated_bytes: Quantity = NOT_ASKED

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Memory over time; empty where it is missing."""
        return () if isinstance(self.memory, Missing) else self.memory.traces

    @property
    def details(self) -> dict[str, Any]:
        """When each phase of the memory trace ended, or why there is no trace."""
        if isinstance(self.memory, Missing):
            return {"memory_trace": self.memory.reason}
        return {"memory_trace": {"phases_ended_ns": self.memory.ended_ns}}


def diagnose(case: PreparedCase, blobs: BlobSink, scratch: Path) -> Diagnostics:
    """Run the passes: about a second, two process starts, and a second for every 20 MB of the model."""
    size = Value(deflated_size_of(case.artifact.path))
    return Diagnostics(operator_profile(case, scratch), memory_trace(case, blobs, scratch), size)
