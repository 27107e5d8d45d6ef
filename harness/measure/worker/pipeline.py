"""The pipeline phase of a worker: whole frames, from a sample in memory to a prediction, each stage timed apart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.task import Interface, Task, load_task
from harness.datasets.part import open_samples
from harness.measure.protocol import Job, Loop
from harness.runtimes.base import Session, SessionError

from .inputs import N_IMAGES, only_input
from .setup import Outcome

STAGES = ("pre", "infer", "post")
_PATIENCE = 4
"""The loop ends within a rotation once it took so often its least time: a slow net need not see every sample."""


def pipeline(session: Session, job: Job) -> Outcome:
    """Time frames of real samples in rotation: what comes after the net depends on what is in them."""
    if job.labelled is None or job.loop is None:
        raise ValueError("a pipeline job needs labelled samples and a loop")
    task = load_task(job.labelled.task)
    dataset = open_samples(task, job.labelled.kind, Path(job.labelled.path))
    samples = [sample for _, sample, _ in dataset.select(range(min(N_IMAGES, len(dataset))))]
    if not samples:
        raise SessionError(f"none of {len(dataset)} {task.samples} can be read", "see that the files are still there")
    frames = Frames(session, task, job.labelled.interface, job.options.batch)
    times = timed_frames(frames, samples, job.loop)
    arrays = {f"{stage}_ns": times[:, place] for place, stage in enumerate(STAGES)}
    return {"samples": len(samples), "frames": len(times)}, arrays


@dataclass(frozen=True)
class Frames:
    """Takes a model from a sample to its prediction.

    Attributes:
        session: The model.
        task: What it is to do.
        how: How it takes samples and gives predictions.
        batch: Samples of one inference, which the file may fix; a frame is repeated to fill it.
    """

    session: Session
    task: Task
    how: Interface
    batch: int = 1

    def time(self, sample: Any) -> tuple[int, int, int]:
        """Return how long each of `STAGES` takes, in ns.

        The first ends when the input is in its place, the last when the prediction is there. State of an earlier frame
        is reset before.
        """
        spec, clock = only_input(self.session), time.perf_counter_ns
        self.session.reset_state()
        start = clock()
        encoded = self.task.encode(sample, self.how.preprocess)
        self.session.prepare({spec.name: spec.encode(np.stack([encoded] * self.batch))})
        ready = clock()
        self.session.infer()
        done = clock()
        self.task.decode(self.session.fetch(), [sample] * self.batch, self.how)
        return ready - start, done - ready, clock() - done


def timed_frames(frames: Frames, samples: Sequence[Any], loop: Loop) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return frames x stages in ns, after the warm-up; whole rotations of the samples as far as there is time."""
    number, begun = 0, time.perf_counter_ns()
    while number < loop.warmup_n or time.perf_counter_ns() - begun < loop.warmup_ns:
        frames.time(samples[number % len(samples)])
        number += 1
    times: list[tuple[int, int, int]] = []
    begun = time.perf_counter_ns()
    while not _enough(len(times), len(samples), time.perf_counter_ns() - begun, loop):
        times.append(frames.time(samples[len(times) % len(samples)]))
    return np.array(times, np.int64)


def _enough(done: int, rotation: int, took_ns: int, loop: Loop) -> bool:
    if done < loop.min_n or took_ns < loop.min_ns:
        return False
    return done >= loop.max_n or done % rotation == 0 or took_ns > _PATIENCE * max(loop.min_ns, 1)
