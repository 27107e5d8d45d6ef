"""Latency: P fresh processes a case, processes of different cases in random order."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.accuracy.dataset import open_dataset
from harness.accuracy.preprocess import preprocess
from harness.core.record import Blob, ProcessRun
from harness.core.units import utc_now

from .job import Labelled
from .prepared import BlobSink, Prepared
from .process import Answer, Failure, run_worker
from .profile import Profile
from .worker import N_FEEDS


@dataclass
class Progress:
    """What has been measured of one case so far."""

    prepared: Prepared
    runs: list[ProcessRun] = field(default_factory=list)
    wall_ns: list[NDArray[np.int64]] = field(default_factory=list)
    cpu_ns: list[NDArray[np.int64]] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    started_utc: str = ""
    duration_s: float = 0.0


def random_order(cases: int, processes: int, rng: random.Random) -> list[int]:
    """Indices of the cases in the order of their processes: round after round, each round shuffled anew.

    So a slow drift of the machine hits all cases alike instead of the one that happened to be last.
    """
    order: list[int] = []
    for _ in range(processes):
        order += rng.sample(range(cases), cases)
    return order


@dataclass(frozen=True)
class LatencyPass:
    """Runs the processes of a block's cases in random order and keeps their samples."""

    profile: Profile
    blobs: BlobSink
    scratch: Path
    seed: int

    def measure(self, states: Sequence[Progress]) -> Iterator[int]:
        """Fill `states`; yields how many processes are done. A failed case is not tried again."""
        feeds = write_feeds([state.prepared for state in states], self.scratch)
        order = random_order(len(states), self.profile.processes, random.Random(self.seed))  # noqa: S311
        for place, index in enumerate(order):
            if states[index].failure is None:
                self._one_process(states[index], place, feeds)
            yield place + 1

    def _one_process(self, state: Progress, place: int, feeds: dict[Labelled, Path]) -> None:
        prepared = state.prepared
        inputs = feeds.get(prepared.labelled) if prepared.labelled else None
        out = self.scratch / f"latency-{place}"
        job = prepared.job("latency", out, self.seed + place, self.profile.loop, inputs)
        state.started_utc = state.started_utc or utc_now()
        before = time.monotonic()
        answer = run_worker(job, prepared.timeout_s)
        state.duration_s += time.monotonic() - before
        if isinstance(answer, Failure):
            state.failure = answer
            return
        state.result = answer.result
        state.wall_ns.append(answer.arrays["wall_ns"])
        state.cpu_ns.append(answer.arrays["cpu_ns"])
        state.runs.append(_process_run(answer, len(state.runs), place, self.blobs))


def _process_run(answer: Answer, index: int, order: int, blobs: BlobSink) -> ProcessRun:
    result, wall, cpu = answer.result, answer.arrays["wall_ns"], answer.arrays["cpu_ns"]
    sha256, n = blobs.put_blob({"wall_ns": wall, "cpu_ns": cpu, "warmup_ns": answer.arrays["warmup_ns"]})
    return ProcessRun(
        index=index,
        order=order,
        spawn_ns=result["spawn_ns"],
        import_ns=result["import_ns"],
        load_ns=result["load_ns"],
        first_inference_ns=result["first_inference_ns"],
        n_warmup=len(answer.arrays["warmup_ns"]),
        n_timed=n,
        median_ns=round(float(np.median(wall))),
        median_cpu_ns=round(float(np.median(cpu))),
        involuntary_switches=result["involuntary_switches"],
        peak_rss_bytes=result["peak_rss_bytes"],
        started_ns=result["started_ns"],
        ended_ns=result["ended_ns"],
        blob=Blob("latency", sha256, n, "ns"),
    )


def write_feeds(block: Sequence[Prepared], scratch: Path) -> dict[Labelled, Path]:
    """The first images of each labelled set, preprocessed, as .npy files: the timed loop's inputs.

    Made here, so that the measured child imports no image library and its memory is the runtime's own.
    """
    files: dict[Labelled, Path] = {}
    for labelled in {prepared.labelled for prepared in block if prepared.labelled}:
        images = open_dataset(labelled.kind, Path(labelled.path)).items(N_FEEDS)
        rows = [preprocess(image, labelled.preprocess) for image, _ in images]
        files[labelled] = scratch / f"feeds-{len(files)}.npy"
        np.save(files[labelled], np.stack(rows))
    return files
