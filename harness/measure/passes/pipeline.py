"""The pipeline pass: whole frames in fresh processes, apart from the net's own latency, each stage by itself.

A frame is more than a net: pre-processing, inference and post-processing are timed on real samples in rotation, with
their sum. The net's latency stays that of the latency pass, whose inputs are already in place.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import stats
from harness.core.case import Case
from harness.core.quantity import Missing, Quantity, Value
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile

from .worker_process import WorkerFailure, run_worker

NAMES = ("pre_p50_ns", "pipeline_infer_p50_ns", "post_p50_ns", "pipeline_p50_ns", "pipeline_throughput_per_s")
STAGES = ("pre", "infer", "post")
Times = NDArray[np.int64]


@dataclass
class PipelineResult:
    """What the frames of a case took.

    Attributes:
        processes: For each process, frames x `STAGES` in ns.
        samples: Number of samples in rotation.
        failure: Why there is nothing, '' where there is.
    """

    processes: list[Times] = field(default_factory=list)
    samples: int = 0
    failure: str = ""

    @property
    def metrics(self) -> dict[str, Quantity]:
        """The medians of the stages and of the frame, each with its interval over processes, and frames per second."""
        if self.failure:
            return dict.fromkeys(NAMES, Missing(self.failure))
        stages = [[times[:, place] for times in self.processes] for place in range(len(STAGES))]
        whole = [times.sum(axis=1) for times in self.processes]
        rates = [np.array([1e9 / frames.mean()]) for frames in whole]
        medians = (*(_median(stage) for stage in stages), _median(whole), _median(rates))
        return dict(zip(NAMES, medians, strict=True))

    @property
    def details(self) -> dict[str, Any]:
        """What the record keeps beside the metrics: how many frames, and the tails of each stage."""
        if self.failure:
            return {}
        pooled = np.concatenate(self.processes)
        columns = {**{stage: pooled[:, place] for place, stage in enumerate(STAGES)}, "frame": pooled.sum(axis=1)}
        tails = {name: {"p90_ns": float(np.quantile(values, 0.9))} for name, values in columns.items()}
        return {"frames": len(pooled), "samples": self.samples, "processes": len(self.processes), **tails}


def _median(processes: Sequence[NDArray[Any]]) -> Value:
    """Return the median with its interval over processes; one process alone gives no interval."""
    n = sum(map(len, processes))
    if len(processes) == 1 or min(map(np.min, processes)) <= 0:
        return Value(float(np.median(np.concatenate(processes))), n=n)
    interval = stats.median_interval(processes)
    return Value(interval.mid, interval.lo, interval.hi, n)


def measure_frames(
    cases: Sequence[PreparedCase], profile: Profile, scratch: Path, seed: int
) -> Mapping[Case, PipelineResult]:
    """Time the frames of each case in as many fresh processes as the profile has, one after the other in random order.

    Args:
        cases: Cases with labelled samples; others get the reason.
        profile: How long a process runs, and how many there are.
        scratch: Folder for the processes' files.
        seed: Seed of the order.

    """
    results = {case.case: PipelineResult(failure=case.unlabelled) for case in cases}
    able = [case for case in cases if case.labelled]
    order = random.Random(seed)  # noqa: S311 - an order, not a secret
    for number in range(profile.processes):
        for place, case in enumerate(order.sample(able, len(able))):
            result = results[case.case]
            if result.failure:
                continue
            job = case.job("pipeline", scratch / f"pipeline-{number}-{place}", seed, profile.loop)
            answer = run_worker(job, case.timeout_s)
            if isinstance(answer, WorkerFailure):
                result.failure = f"the pipeline pass ended as {answer.verdict.status}: {answer.verdict.reason}"
                continue
            result.samples = answer.result["samples"]
            result.processes.append(np.column_stack([answer.arrays[f"{stage}_ns"] for stage in STAGES]))
    return results
