"""The operator profile's pass, in the parent: a fresh process with the runtime's profiler on, apart from all timing.

What explains a case rather than measures it: its operators, its memory over time, how far its file deflates.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.artifact import deflated_size_of
from harness.core.execution import OperatorProfile
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import Trace
from harness.measure.prepared import BlobSink, PreparedCase

from .memory import MemoryTrace, memory_trace
from .worker_process import WorkerFailure, run_worker


def operator_profile(case: PreparedCase, scratch: Path) -> OperatorProfile | Missing:
    """The case's operators; Missing when the runtime has no profiler or the process failed."""
    answer = run_worker(case.job("profile", scratch / f"profile-{case.case.slug}", seed=0), case.timeout_s)
    if isinstance(answer, WorkerFailure):
        return Missing(f"the profiling pass ended as {answer.verdict.status}: {answer.verdict.reason}")
    found: dict[str, Any] = answer.result["operators"]
    return Missing(found["reason"]) if "reason" in found else OperatorProfile.from_json(found)


NOT_ASKED = Missing("not looked at: run with --deep")


@dataclass(frozen=True)
class Diagnostics:
    """Each, or why there is none."""

    operators: OperatorProfile | Missing = NOT_ASKED
    memory: MemoryTrace | Missing = NOT_ASKED
    deflated_bytes: Quantity = NOT_ASKED

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Memory over time; none where it is missing."""
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
