"""Fakes of what the protocol is made of: worker processes whose samples are written down beforehand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.measure import latency
from harness.measure.job import PHASES, Job
from harness.measure.latency import LatencyPass, Progress
from harness.measure.prepared import Prepared
from harness.measure.process import Answer, Failure
from harness.measure.profile import Profile
from harness.runtimes.base import Options

MS = 1_000_000
SECOND = 1_000 * MS


@dataclass
class Blobs:
    """Keeps the raw samples it is given, the last ones last."""

    kept: list[dict[str, NDArray[Any]]] = field(default_factory=list)

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        self.kept.append(dict(arrays))
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))


def prepared(case: Case | None = None, **changes: Any) -> Prepared:
    """A case of the runtime that does nothing, ready to run."""
    case = case or Case("m", "fp32", "null")
    artifact = Artifact(Path(f"{case.model}.onnx"), "onnx", "0" * 64, 1)
    options = Options(case.threads, case.batch)
    return Prepared(
        **{
            "case": case,
            "artifact": artifact,
            "runtime": "harness.runtimes.null:NULL",
            "options": options,
            "labelled": None,
            **changes,
        }
    )


def answer(wall_ns: Any, cpu_share: float = 1.0, warmup_ns: Any = (2 * MS,), **facts: Any) -> Answer:
    """What a process answers that measured these wall times; `facts` replace those of its result."""
    wall = np.asarray(wall_ns, np.int64)
    result: dict[str, Any] = {
        "spawn_ns": 1,
        "import_ns": 2,
        "load_ns": 3,
        "first_inference_ns": 4,
        "involuntary_switches": 0,
        "voluntary_switches": 0,
        "peak_rss_bytes": 100,
        "max_rss_bytes": 200,
        "started_ns": 0,
        "ended_ns": int(wall.sum()),
        "inferences": len(wall),
        "calls_per_sample": 1,
        "control_ratio": 1.0,
        "same_input_ratio": 1.0,
        "os_threads": 1,
        "busy_threads": 1,
        "cpu_pressure": 0.0,
        "gc_frozen": 1000,
        "affinity": [0],
        "driver_log": "",
        "runtime_info": {},
        **{f"after_{phase}": {"at_ns": 0, "peak_rss_bytes": 100} for phase in PHASES},
        **facts,
    }
    cpu = np.rint(wall * cpu_share).astype(np.int64)
    return Answer(result, {"wall_ns": wall, "cpu_ns": cpu, "warmup_ns": np.asarray(warmup_ns, np.int64)})


def steady(median_ns: float = 2 * MS, n: int = 200, seed: int = 1, spread: float = 0.005) -> NDArray[np.int64]:
    """Independent samples about a median."""
    noise = np.exp(spread * np.random.default_rng(seed).standard_normal(n))
    return np.rint(median_ns * noise / np.median(noise)).astype(np.int64)


def measure(
    monkeypatch: pytest.MonkeyPatch,
    cases: list[Prepared],
    profile: Profile,
    worker: Callable[[Job], Answer | Failure],
    seed: int = 0,
    **more: Any,
) -> tuple[list[Progress], list[Job]]:
    """Run the latency pass of `cases` with `worker` in the place of processes; what it found, and the jobs in order."""
    jobs: list[Job] = []

    def run_worker(job: Job, _timeout_s: float, _watch: object = None) -> Answer | Failure:
        jobs.append(job)
        return worker(job)

    monkeypatch.setattr(latency, "run_worker", run_worker)
    states = [Progress(each) for each in cases]
    scratch = Path("scratch")
    for _ in LatencyPass(profile, more.pop("blobs", Blobs()), scratch, seed, **more).measure(states):
        pass
    return states, jobs
