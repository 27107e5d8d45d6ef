"""Prepare the worker: its death with the parent, its CPUs, its runtime, and the model's inputs."""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.protocol import Job
from harness.runtimes.base import Adapter, Batch, Session, SessionError, TensorSpec

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux for SIGKILL when the parent ends: a killed run leaves no process that sleeps for ever on the board."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def raise_oom_score() -> None:
    """Where memory runs out after all, the kernel is to kill this process and not the harness or the desktop."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def pin_to_cpus(cpus: Sequence[int]) -> None:
    """Run on `cpus` alone (empty: anywhere), threads started later too; SessionError when the kernel does otherwise."""
    if not cpus:
        return
    with suppress(OSError):
        os.sched_setaffinity(0, cpus)
    if (given := os.sched_getaffinity(0)) != set(cpus):
        raise SessionError(
            f"could not be pinned to CPU {', '.join(map(str, cpus))}: the kernel gave {sorted(given)}",
            "the CPUs are offline or outside of this control group: see `affinity` in the target's descriptor",
        )


Arrays = dict[str, NDArray[Any]]
Outcome = tuple[dict[str, Any], Arrays]
"""Of a phase: what goes into `result.json`, and the arrays beside it."""

N_FEEDS = 8
"""Inputs taken in rotation, so that neither a cache nor a constant input flatters."""


def adapter(job: Job) -> Adapter:
    """Return the adapter that the job names as `harness.core.plugins.reference` does, importing its module alone."""
    path, _, name = job.runtime.partition(":")
    module = importlib.import_module(path)
    declared: dict[str, Adapter] = {adapter.name: adapter for adapter in getattr(module, "PLUGINS", ())}
    return declared[name] if name in declared else attrgetter(name)(module)


def filled(samples: Sequence[NDArray[Any]], batch: int) -> NDArray[Any]:
    """Return at most `batch` samples as a whole batch, the last one repeated."""
    return np.stack([*samples, *[samples[-1]] * (batch - len(samples))])


def per_sample(output: NDArray[Any], batch: int) -> NDArray[np.float32]:
    """Return an output of a batch as one row of float32 per sample.

    Raises:
        SessionError: It has not as many rows as there are samples.
    """
    if batch > 1 and (output.ndim == 0 or len(output) % batch):
        raise SessionError(f"an output of shape {list(output.shape)} is not one of {batch} samples")
    return output.reshape(batch, -1).astype(np.float32)


def load_inputs(session: Session, job: Job) -> list[Batch]:
    """Real inputs where the parent gave some, else seeded ones of the graph's signature."""
    if job.feeds is not None:
        spec = only_input(session)
        rows = np.load(job.feeds, allow_pickle=False)
        several = (np.arange(len(rows))[:, None] + np.arange(job.options.batch)) % len(rows)
        return [{spec.name: spec.encode(rows[index])} for index in several]
    from harness.runtimes.inputs import synthetic_input

    rng = np.random.default_rng(job.seed)
    return [{spec.name: synthetic_input(spec, job.options, rng) for spec in session.inputs} for _ in range(N_FEEDS)]


def only_input(session: Session) -> TensorSpec:
    """The input that an image goes to; SessionError where the model has several."""
    if len(session.inputs) != 1:
        names = [spec.name for spec in session.inputs]
        raise SessionError(f"images need a model with one input, this one has {len(names)}: {names}")
    return session.inputs[0]
