"""What explains a case rather than measures it: its operators and its memory over time, each in a pass of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.operators import OperatorProfile
from harness.core.quantity import Missing
from harness.core.record import Trace

from .memory import MemoryTrace, memory_trace
from .operators import operator_profile
from .prepared import BlobSink, Prepared

NOT_ASKED = Missing("not looked at: run with --deep")


@dataclass(frozen=True)
class Deep:
    """Both, or why there is none."""

    operators: OperatorProfile | Missing = NOT_ASKED
    memory: MemoryTrace | Missing = NOT_ASKED

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


def look_deeper(case: Prepared, blobs: BlobSink, scratch: Path) -> Deep:
    """Run both passes: about a second and two process starts."""
    return Deep(operator_profile(case, scratch), memory_trace(case, blobs, scratch))
