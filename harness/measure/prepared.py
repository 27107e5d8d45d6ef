"""A case with everything a worker needs to run it.

What the record says of a case's file: identity, making, parameters and MACs.
"""

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


TYPICAL_BYTES = 256 << 20
"""A runtime with a full-size net for phones stays below this."""


class BlobSink(Protocol):
    """Where raw samples go."""

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        """Keep arrays; returns their sha256 and the length of the first."""
        ...


@dataclass(frozen=True)
class PreparedCase:
    """A case whose artifact is at hand. `runtime` is 'module:attribute' of its adapter.

    `labelled` is None where there is nothing to score against; then `unlabelled` says why. Each of its processes is
    stopped after `timeout_s` or when it holds more than `memory_bytes` (None: no limit); those that are measured run on
    `cpus` alone (empty: the system's choice), all under `interpreter` (None: the running Python). `precision` is what
    the case asks its runtime to compute in, `oracle` the fp32 net on the reference runtime, whose outputs are held to
    be right; None where there is none.
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
    interpreter: Interpreter | None = None
    precision: str = FROM_FILE
    oracle: PreparedCase | None = None

    def job(self, phase: Phase, out: Path, seed: int, loop: Loop | None = None, feeds: Path | None = None) -> Job:
        """Return the job of a worker of this case.

        Outputs are taken on any CPU, one sample at a time, or as many as the file fixes.
        """
        return Job(
            phase=phase,
            runtime=self.runtime,
            model=str(self.artifact.path.absolute()),
            out=str(out),
            options=replace(self.options, batch=self.artifact.batch) if phase in _ONE_BY_ONE else self.options,
            loop=loop,
            feeds=str(feeds) if feeds else None,
            labelled=self.labelled if phase in _ONE_BY_ONE else None,
            seed=seed,
            affinity=() if phase in _ONE_BY_ONE else self.cpus,
            memory_bytes=self.memory_bytes,
            interpreter=self.interpreter,
            scenario=self.case.scenario,
            load=self.case.load,
            driver=self.case.driver,
        )


def side_by_side(cases: Iterable[PreparedCase]) -> int:
    """How many processes of passes that are not timed may run at once: one a core, as far as memory has room."""
    limits = [case.memory_bytes for case in cases if case.memory_bytes is not None]
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, min(limits) // TYPICAL_BYTES)) if limits else cores


NOT_COUNTED = Missing("not counted")


def artifact_info(prepared: PreparedCase, counts: Counts | Missing) -> ArtifactInfo:
    """What the record keeps of the artifact."""
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
    """The metrics 'parameters' and 'macs'."""
    known = _known(prepared, counts)
    if isinstance(known, Missing):
        return {"parameters": known, "macs": known}
    return {"parameters": Value(known.parameters), "macs": Value(known.macs)}


def _known(prepared: PreparedCase, counts: Counts | Missing) -> Counts | Missing:
    """The counts; where the runtime does not tell the graph those of the net that the file was made from."""
    artifact = prepared.artifact
    if isinstance(counts, Missing) and artifact.parameters is not None and artifact.macs is not None:
        return Counts(artifact.parameters, artifact.macs)
    return counts
