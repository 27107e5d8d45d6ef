"""What a model file takes and gives, found by one inference in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.core import plugins
from harness.core.artifact import Format
from harness.core.errors import ModelError, UsageError
from harness.core.hostfs import HostFs
from harness.host.resource_limits import process_limit_bytes
from harness.measure.given_inputs import GivenInputs
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.protocol import Job
from harness.runtimes.base import Options
from harness.runtimes.installed import by_preference

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Inspection:
    """The signature of a model and the shapes of one inference.

    Attributes:
        declared: Shapes of the inputs as the graph has them, by name; a dynamic dimension is a name or -1.
        inputs: Shapes of the inputs in one inference, by name.
        outputs: Shapes of the outputs of one inference, by name.
        samples: Samples in one inference, as far as the outputs tell: see `harness.measure.worker.inspection`.
        free: Inputs whose first dimension is as large as the batch.
        unclear: Those of `free` whose first dimension may be a length as well.
        values: What inputs hold other than random numbers, in words.
        n_inputs: Inferences whose inputs differ, which the timed loop takes in rotation.
    """

    declared: Mapping[str, tuple[int | str, ...]]
    inputs: Shapes
    outputs: Shapes
    samples: int = 1
    free: tuple[str, ...] = ()
    unclear: tuple[str, ...] = field(default=())
    values: Mapping[str, str] = field(default_factory=dict)
    n_inputs: int = 1

    @property
    def sample_outputs(self) -> Shapes:
        """Shapes of the outputs for one sample, by name; an output without a row per sample as it is."""
        return {
            name: (shape[0] // self.samples, *shape[1:]) if shape and shape[0] % self.samples == 0 else shape
            for name, shape in self.outputs.items()
        }


def signatures(path: Path, file_format: Format) -> tuple[str, ...]:
    """Return the names of a model's entry points, as its file tells them; empty where it has one alone."""
    fitting = (one for _, one in by_preference() if file_format in one.formats)
    return next((names for one in fitting if (names := one.signatures(path))), ())


def inspect(
    path: Path, file_format: Format, shapes: Shapes, batch: int, given: GivenInputs | None = None, signature: str = ""
) -> Inspection:
    """Run a model once on the first runtime that can, which need not be one that is measured.

    Raises:
        UsageError: The shape or the value of an input is not known, or does not fit.
        ModelError: No runtime runs it.
    """
    fitting = [name for name, one in by_preference() if one.support(file_format).ok]
    if not fitting:
        raise ModelError(f"{path}: no runtime that takes {file_format} is installed", "see edgebench runtimes")
    failures = []
    for name in fitting:
        options = Options(batch=batch, shapes=shapes, signature=signature, given=given.shapes if given else {})
        answer = _answer(path, name, options, given)
        if not isinstance(answer, WorkerFailure):
            return _inspection(answer)
        if answer.shape:
            raise UsageError(f"{path}: {answer.verdict.reason}", answer.verdict.remedy)
        failures.append(answer.verdict)
    raise ModelError(f"{path}: {failures[0].status}: {failures[0].reason}")


def _answer(path: Path, runtime: str, options: Options, given: GivenInputs | None) -> dict[str, Any] | WorkerFailure:
    """Inspect in a process of its own: what crashes there crashes nothing else."""
    with TemporaryDirectory(prefix="edgebench-") as scratch:
        job = Job(
            *("inspect", plugins.reference("runtimes", runtime), str(path.absolute()), f"{scratch}/job", options),
            inputs=str(given.path.absolute()) if given else None,
            memory_bytes=process_limit_bytes(None, HostFs()),
        )
        answer = run_worker(job, timeout_s=_TIMEOUT_S)
    return answer if isinstance(answer, WorkerFailure) else answer.result


def _inspection(result: Mapping[str, Any]) -> Inspection:
    return Inspection(
        declared={entry["name"]: tuple(entry["shape"]) for entry in result["inputs"]},
        inputs={entry["name"]: tuple(entry["measured"]) for entry in result["inputs"]},
        outputs={name: tuple(shape) for name, shape in result["outputs"].items()},
        samples=result["samples"],
        free=tuple(result["free"]),
        unclear=tuple(result["unclear"]),
        values=result["values"],
        n_inputs=result["n_inputs"],
    )
