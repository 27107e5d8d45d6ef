"""A case with everything a worker needs to run it, and what the record keeps of its file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.execution import FROM_FILE
from harness.core.quantity import Missing, Quantity, Value
from harness.core.record import ArtifactInfo
from harness.runtimes.base import Options
from harness.runtimes.graph_counts import Counts

from .protocol import Interpreter, Job, LabelledData, Loop, Phase

_ONE_BY_ONE: frozenset[Phase] = frozenset({"accuracy", "probe"})
_OF_SAMPLES: frozenset[Phase] = frozenset({"accuracy", "probe", "pipeline"})
"""Phases that take labelled samples, as many at once as the file fixes."""


TYPICAL_BYTES = 256 << 20
"""A runtime with a full-size net for phones stays below this."""


class BlobSink(Protocol):
    """Where raw samples go."""

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        """Store arrays; return their sha256 and the length of the first."""
        ...


@dataclass(frozen=True)
class PreparedCase:
    """A case whose artifact is at hand.

    Attributes:
        runtime: The adapter, as 'module:attribute'.
        labelled: Images and labels to score against; None where there are none.
        unlabelled: Why `labelled` is None.
        timeout_s: Seconds after which each of its processes is stopped.
        memory_bytes: What each of its processes may hold; None for no limit.
        cpus: The CPUs its measured processes run on; empty for the system's choice.
        cpu_quota: CPU time per wall time that the control group allows them, in CPUs; None where it sets no limit.
        interpreter: The Python they run under; None for the running one.
        precision: The precision the case asks its runtime to compute in.
        inputs: The user's file of inputs; None without one.
        output_reference: The float net whose outputs count as right, on the runtime that computes them; None without.
    """

    case: Case
    artifact: Artifact
    runtime: str
    options: Options
    labelled: LabelledData | None
    unlabelled: str = ""
    timeout_s: float = 300.0
    memory_bytes: int | None = None
    cpus: tuple[int, ...] = ()
    cpu_quota: float | None = None
    interpreter: Interpreter | None = None
    precision: str = FROM_FILE
    inputs: Path | None = None
    output_reference: PreparedCase | None = None

    @property
    def outputs_key(self) -> tuple[str, ...]:
        """What its outputs depend on: cases that share it have the same, whatever their threads and their load."""
        options = self.options
        chosen = repr((dict(options.settings), dict(options.shapes), options.signature, self.inputs))
        return self.artifact.sha256, self.runtime, repr(self.labelled), chosen

    @property
    def concurrency(self) -> int:
        """Threads that compute at the same time: those of all streams."""
        return self.options.threads * (self.case.load.streams or 1)

    def job(self, phase: Phase, out: Path, seed: int, loop: Loop | None = None, feeds: Path | None = None) -> Job:
        """Return a worker's job; outputs are taken on any CPU, one sample at a time or as many as the file fixes."""
        return Job(
            phase=phase,
            runtime=self.runtime,
            model=str(self.artifact.path.absolute()),
            out=str(out),
            options=replace(self.options, batch=self.artifact.batch) if phase in _OF_SAMPLES else self.options,
            loop=loop,
            feeds=str(feeds) if feeds else None,
            inputs=str(self.inputs.absolute()) if self.inputs else None,
            labelled=self.labelled if phase in _OF_SAMPLES else None,
            seed=seed,
            affinity=() if phase in _ONE_BY_ONE else self.cpus,
            memory_bytes=self.memory_bytes,
            interpreter=self.interpreter,
            scenario=self.case.scenario,
            load=self.case.load,
            driver=self.case.driver,
        )


def side_by_side(cases: Iterable[PreparedCase]) -> int:
    """Return how many untimed processes may run at once: one per core, as far as memory has room."""
    limits = [case.memory_bytes for case in cases if case.memory_bytes is not None]
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, min(limits) // TYPICAL_BYTES)) if limits else cores


NOT_COUNTED = Missing("not counted")


def artifact_info(prepared: PreparedCase, counts: Counts | Missing) -> ArtifactInfo:
    """Return what the record keeps of the artifact."""
    artifact, known = prepared.artifact, _known(prepared, counts)
    return ArtifactInfo(
        file=artifact.path.name,
        format=artifact.format,
        sha256=artifact.sha256,
        size_bytes=artifact.size_bytes,
        parameters=known.parameters if isinstance(known, Counts) else None,
        macs=known.macs if isinstance(known, Counts) else None,
        recipe=dict(artifact.recipe),
        preprocess=dataclasses.asdict(artifact.preprocess) if artifact.preprocess else None,
        recipe_sha256=hashlib.sha256(json.dumps(artifact.recipe, sort_keys=True, default=str).encode()).hexdigest(),
    )


def count_metrics(prepared: PreparedCase, counts: Counts | Missing) -> dict[str, Quantity]:
    """Return the metrics 'parameters' and 'macs'."""
    known = _known(prepared, counts)
    if isinstance(known, Missing):
        return {"parameters": known, "macs": known}
    return {"parameters": Value(known.parameters), "macs": Value(known.macs)}


def _known(prepared: PreparedCase, counts: Counts | Missing) -> Counts | Missing:
    """Return the counts; where the runtime does not expose the graph, those of the net the file was made from."""
    artifact = prepared.artifact
    if isinstance(counts, Missing) and artifact.parameters is not None and artifact.macs is not None:
        return Counts(artifact.parameters, artifact.macs)
    return counts
