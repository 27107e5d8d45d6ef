"""Small jobs for the tests."""

from __future__ import annotations

from pathlib import Path

from harness.measure.protocol import Job, Loop

TINY = Loop(warmup_n=2, warmup_ns=0, min_n=5, min_ns=0)


def null_job(out: Path, runtime: str = "harness.runtimes.null:null") -> Job:
    """Five inferences of a runtime that reads no file."""
    return Job("latency", runtime, model="none.onnx", out=str(out), loop=TINY)
