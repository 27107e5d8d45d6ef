"""The 'probe' phase of a worker: its outputs against the reference's, and what the runtime really ran.

The probe of the reference keeps its outputs on disk, and is asked twice for the first of them, so that a net that draws
random numbers shows. Every other probe compares with what was kept. Only sums come back to the parent, however large
the outputs are.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.core.execution import Execution
from harness.core.quantity import Missing
from harness.measure.protocol import Job
from harness.runtimes.base import Batch, Session
from harness.runtimes.layout import Shape, in_layout, layouts, pair_shapes
from harness.runtimes.outputs import is_numeric
from harness.stats.fidelity import OutputFidelity
from harness.stats.output_comparison import NO_NUMBERS, OutputComparison

from .inputs import IncompatibleInputs, InputSignature, probe_inputs, signature
from .setup import Outcome

if TYPE_CHECKING:
    from harness.runtimes.graph_counts import Counts

MAX_KEPT_BYTES = 128 << 20
"""The most of a reference's outputs that is kept: a board's /tmp may lie in its memory."""

MIN_KEPT = 2
"""Inputs whose outputs are kept however large they are."""

N_REPEATED = 4
"""Inputs that the reference is given a second time."""

LEAST_REPEATED = 0.99
"""Least share of equal values of an integer output that the reference repeats: equal scores may change places."""

OutputSequence = Iterable[dict[str, NDArray[Any]]]


@dataclass(frozen=True)
class ReferenceOutputs:
    """Outputs of the reference in a folder.

    Attributes:
        folder: One .npz per input, with its outputs by place; `reference.json` holds the rest.
        names: The outputs, in the session's order.
        n: For how many inputs there are outputs.
        repeatable: For each output whether it was the same the second time.
        inputs: The reference's inputs; empty where they are labelled images.
        file_format: The suffix of its file.
    """

    folder: Path
    names: tuple[str, ...]
    n: int
    repeatable: tuple[bool, ...]
    inputs: tuple[InputSignature, ...]
    file_format: str

    def write(self) -> None:
        """Write `reference.json`."""
        known = {**dataclasses.asdict(self), "folder": None}
        (self.folder / "reference.json").write_text(json.dumps(known), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> ReferenceOutputs:
        """Read what `write` wrote."""
        data = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
        inputs = tuple(InputSignature(*one)._replace(shape=tuple(one[2])) for one in data["inputs"])
        names, repeatable = tuple(data["names"]), tuple(data["repeatable"])
        return cls(folder, names, data["n"], repeatable, inputs, data["file_format"])

    def outputs(self, number: int) -> dict[str, NDArray[Any]]:
        """Return the outputs for an input, by name."""
        return dict(zip(self.names, kept(self.folder, number), strict=True))


def probe(session: Session, job: Job) -> Outcome:
    """Return what the outputs are worth, the session's account of what it ran, and the counts of its file."""
    reference = ReferenceOutputs.read(Path(job.reference_outputs)) if job.reference_outputs else None
    inputs = signature(session, job)

    def infer_all() -> Iterator[dict[str, NDArray[Any]]]:
        return _infer_all(session, probe_inputs(session, job, reference.inputs if reference else ()), job.options.batch)

    try:
        found = checked(infer_all, job, inputs, reference)
    except IncompatibleInputs as error:
        found = checked(lambda: _infer_all(session, probe_inputs(session, job), job.options.batch), job, inputs)
        found = [one if one.not_finite else dataclasses.replace(one, reason=str(error)) for one in found]
    try:
        ran = session.execution().with_findings(*session.findings())
    except Exception as error:  # private interfaces of libraries: a newer version may have others
        ran = Execution(effective=Missing(f"not told: {type(error).__name__}: {error}"))
    outputs = [dataclasses.asdict(one) for one in found]
    return {
        "outputs_checked": outputs,
        "execution": dataclasses.asdict(ran),
        "counts": dataclasses.asdict(_counts(session, job)),
    }, {}


def _counts(session: Session, job: Job) -> Counts | Missing:
    """Return parameters and the MACs of one sample; a file that fixes a batch tells those of all its samples."""
    try:
        counts = session.counts()
        batch = job.options.batch
        return counts if isinstance(counts, Missing) else dataclasses.replace(counts, macs=counts.macs // batch)
    except Exception as error:  # as above
        return Missing(f"not counted: {type(error).__name__}: {error}")


def _infer_all(session: Session, batches: Iterable[tuple[Batch, int]], size: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield the outputs for each sample, from the initial state."""
    for batch, samples in batches:
        session.reset_state()
        session.prepare(batch)
        session.infer()
        outputs = {name: _comparable(array) for name, array in session.fetch().items()}
        for row in range(samples):
            yield {name: _of_sample(array, row, size) for name, array in outputs.items()}


def _of_sample(output: NDArray[Any], row: int, batch: int) -> NDArray[Any]:
    """Return the rows of a sample; an output that is not one of samples as it is."""
    if batch == 1 or output.ndim == 0 or len(output) % batch:
        return output
    rows = len(output) // batch
    return output[row * rows : (row + 1) * rows]


def _comparable(output: NDArray[Any]) -> NDArray[Any]:
    """Return an output that holds numbers; text is not compared."""
    return output if is_numeric(output) else np.array("")


def checked(
    infer_all: Callable[[], OutputSequence],
    job: Job,
    inputs: Sequence[InputSignature] = (),
    reference: ReferenceOutputs | None = None,
) -> list[OutputFidelity]:
    """Check the outputs for all inputs: by themselves, and against the reference where there is one.

    Args:
        infer_all: Runs the model anew on every input, in order.
        job: Says where outputs are kept.
        inputs: The model's inputs, kept with its outputs.
        reference: What to compare with.
    """
    if job.keep_outputs:
        return _kept_and_checked(infer_all, Path(job.keep_outputs), inputs, Path(job.model).suffix)
    if reference is None:
        return _alone(infer_all())
    pairs = Pairs(reference, Path(job.model).suffix)
    for number, outputs in enumerate(islice(infer_all(), reference.n)):
        pairs.add(outputs, reference.outputs(number))
    return pairs.results()


def _alone(answers: OutputSequence) -> list[OutputFidelity]:
    comparisons: dict[str, OutputComparison] = {}
    for outputs in answers:
        for name, values in outputs.items():
            comparisons.setdefault(name, OutputComparison(name)).add(values, None)
    return [one.result() for one in comparisons.values()]


def _kept_and_checked(
    infer_all: Callable[[], OutputSequence], folder: Path, inputs: Sequence[InputSignature], suffix: str
) -> list[OutputFidelity]:
    """Keep the outputs, and ask a second time for the first of them."""
    names: tuple[str, ...] = ()
    n = 0

    def keeping() -> Iterator[dict[str, NDArray[Any]]]:
        nonlocal n, names
        left = MAX_KEPT_BYTES
        for outputs in infer_all():
            if n >= MIN_KEPT and left < sum(values.nbytes for values in outputs.values()):
                return
            left -= keep(folder, n, list(outputs.values()))
            n, names = n + 1, tuple(outputs)
            yield outputs

    found = _alone(keeping())
    again = {name: OutputComparison(name, name) for name in names}
    for number, outputs in enumerate(islice(infer_all(), min(n, N_REPEATED))):
        for name, first in zip(names, kept(folder, number), strict=True):
            again[name].add(outputs[name], first)
    repeated = {name: _repeated(one.result()) for name, one in again.items()}
    ReferenceOutputs(folder, names, n, tuple(repeated.values()), tuple(inputs), suffix).write()
    return [dataclasses.replace(one, repeatable=repeated[one.name]) for one in found]


def keep(folder: Path, number: int, outputs: Sequence[NDArray[Any]]) -> int:
    """Write the outputs for an input; return their bytes."""
    np.savez(folder / f"{number}.npz", **{str(place): values for place, values in enumerate(outputs)})  # type: ignore[arg-type]
    return sum(values.nbytes for values in outputs)


def kept(folder: Path, number: int) -> Iterator[NDArray[Any]]:
    """Yield the outputs for an input, one at a time."""
    with np.load(folder / f"{number}.npz", allow_pickle=False) as file:
        for place in range(len(file.files)):
            yield file[str(place)]


def _repeated(second: OutputFidelity) -> bool:
    if second.n == 0:
        return second.reason == NO_NUMBERS or bool(second.not_finite)
    if second.equal is not None:
        return second.equal >= LEAST_REPEATED
    return not second.zero and not second.unlike("fp32")


class Pairs:
    """The outputs of a model, each with that of the reference which it stands for."""

    def __init__(self, reference: ReferenceOutputs, suffix: str) -> None:
        self._reference = reference
        self._same_format = suffix == reference.file_format
        self._pairs: dict[str, str] = {}
        self._layouts: dict[str, Shape] = {}
        self._comparisons: dict[str, OutputComparison] = {}

    def add(self, own: dict[str, NDArray[Any]], reference: dict[str, NDArray[Any]]) -> None:
        """Take in the outputs for the next input."""
        if not self._comparisons:
            self._begin(own, reference)
        for name, comparison in self._comparisons.items():
            other = reference[self._pairs[name]] if name in self._pairs else None
            values = own[name]
            order = self._layouts.get(name)
            if order is not None and other is not None and values.squeeze().ndim == len(order):
                values = in_layout(values, order)
            comparison.add(values, other)

    def _begin(self, own: dict[str, NDArray[Any]], reference: dict[str, NDArray[Any]]) -> None:
        self._pairs = pair_shapes(
            {name: one.shape for name, one in own.items()}, {name: one.shape for name, one in reference.items()}
        )
        repeatable = dict(zip(self._reference.names, self._reference.repeatable, strict=True))
        for name, values in own.items():
            other = self._pairs.get(name, "")
            self._comparisons[name] = OutputComparison(name, other, repeatable.get(other, True))
            if other and (order := self._layout(values, reference[other])) is not None:
                self._layouts[name] = order

    def _layout(self, own: NDArray[Any], reference: NDArray[Any]) -> Shape | None:
        """Return how the output is transposed; of several ways, between two formats, the one that fits best."""
        fitting = layouts(own.shape, reference.shape)
        if len(fitting) < 2 or self._same_format or own.dtype.kind not in "fiu":
            return fitting[0] if fitting else None
        target = reference.squeeze().astype(np.float64)
        return min(fitting, key=lambda order: float(np.nansum(np.square(in_layout(own, order) - target))))

    def results(self) -> list[OutputFidelity]:
        """Return every output's figures; an output that only the reference has is among them, with that reason."""
        found = [one.result() for one in self._comparisons.values()]
        lacking = [name for name in self._reference.names if name not in self._pairs.values()]
        missing = [OutputFidelity(name, name, reason="only the reference has it") for name in lacking]
        alone = [
            dataclasses.replace(one, reason="the reference has no such output") if not one.reference else one
            for one in found
        ]
        return alone + missing
