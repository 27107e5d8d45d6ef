"""A case with everything a worker needs to run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.runtimes.base import Options

from .job import Job, Labelled, Loop, Phase


class BlobSink(Protocol):
    """Where raw samples go."""

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        """Keep arrays; returns their sha256 and the length of the first."""
        ...


@dataclass(frozen=True)
class Prepared:
    """A case whose artifact is at hand. `runtime` is 'module:attribute' of its adapter.

    `labelled` is None where there is nothing to score against; then `unlabelled` says why.
    """

    case: Case
    artifact: Artifact
    runtime: str
    options: Options
    labelled: Labelled | None
    unlabelled: str = ""
    timeout_s: float = 300.0

    def job(self, phase: Phase, out: Path, seed: int, loop: Loop | None = None, feeds: Path | None = None) -> Job:
        """The order for a worker of this case; accuracy is scored image by image whatever the batch."""
        return Job(
            phase=phase,
            runtime=self.runtime,
            model=str(self.artifact.path.resolve()),
            out=str(out),
            options=replace(self.options, batch=1) if phase == "accuracy" else self.options,
            loop=loop,
            feeds=str(feeds) if feeds else None,
            labelled=self.labelled if phase == "accuracy" else None,
            seed=seed,
            scenario=self.case.scenario,
            load=self.case.load,
            driver=self.case.driver,
        )
