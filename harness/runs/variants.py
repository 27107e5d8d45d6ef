"""The two sides of a comparison by name: a model file, or a shipped net as 'model|compression|runtime'."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import suites
from harness.core.artifact import Artifact, Format, format_of
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.verdict import Verdict
from harness.host.resource_limits import ResourceLimits
from harness.measure.prepared import PreparedCase
from harness.runtimes.installed import by_preference
from suites.artifacts import catalog
from suites.user_model import UserModel

from .preparation import REFERENCE, CasePreparer, EvaluationData

FindArtifact = Callable[[Case, Format], Artifact]

_FORM = "write model|compression|runtime, such as 'mobilenet_v2-0.35-32|int8-static|onnxruntime-cpu', or a model file"


@dataclass(frozen=True)
class Variant:
    """One side: the case ready to run, and the `name` it goes by in sentences."""

    name: str
    prepared: PreparedCase


@dataclass(frozen=True)
class VariantResolver:
    """Finds sides. `threads` replaces what a name says (default 1), `shapes` are for dynamic inputs.

    `room` is what their processes get, `prefer` the runtime to try first where a side names none.
    """

    room: ResourceLimits
    threads: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    prefer: str | None = None

    def find(self, text: str, runtime: str | None = None) -> Variant:
        """The side called `text` on `runtime`; where that is None on the one in `text`, else the first that can.

        Raises ModelError and UnknownName for what is not there, UsageError for what cannot run here.
        """
        cases, find = self._own(text, runtime) if is_file(text) else self._shipped(text, runtime)
        prepared = self._first(text, cases, find)
        return Variant(_name(text if is_file(text) else "", prepared.case), prepared)

    def _first(self, text: str, cases: Sequence[Case], find: FindArtifact) -> PreparedCase:
        """The first case that can run here."""
        data = {name: EvaluationData(s.kind, s.path, figure=s.figure) for name, s in catalog.datasets().items()}
        preparer = CasePreparer(find, data, self.room, self.shapes)
        refusals: dict[str, str] = {}
        for case in cases:
            result = preparer.prepare(case)
            if not isinstance(result, Verdict):
                return result
            refusals[case.runtime] = result.reason
        raise UsageError(f"{text} cannot run here", "; ".join(f"{name}: {why}" for name, why in refusals.items()))

    def _own(self, text: str, runtime: str | None) -> tuple[list[Case], FindArtifact]:
        model = UserModel(Path(text))
        found = model.artifact(None)
        cases = model.cases([runtime] if runtime else self._runtimes(), [self.threads or 1], None)
        return cases, lambda case, file_format: found

    def _shipped(self, text: str, runtime: str | None) -> tuple[list[Case], FindArtifact]:
        model, compression, named, threads, batch = _parts(text)
        if named and runtime and named != runtime:
            raise UsageError(f"'{text}' names {named}, the option {runtime}", "give the runtime in one place")
        chosen = runtime or named
        weights = catalog.weights(model)
        dataset = _dataset(model) if weights == "trained" else None
        cases = [
            Case(model, compression, name, self.threads or threads, batch, weights=weights, dataset=dataset)
            for name in ([chosen] if chosen else self._runtimes())
        ]
        return cases, catalog.artifact

    def _runtimes(self) -> list[str]:
        """Every runtime that need not be named, the preferred one first."""
        return sorted((name for name, _ in by_preference()), key=lambda name: name != self.prefer)


def named_runtime(text: str) -> str | None:
    """The runtime that stands in a side's name, if one does."""
    return None if is_file(text) else _parts(text)[2] or None


def is_file(text: str) -> bool:
    """Whether a side is a model file, by its name alone."""
    return format_of(Path(text)) is not None


def _parts(text: str) -> tuple[str, str, str, int, int]:
    """Model, compression (default fp32), runtime (may be ''), threads and batch of a name like a case id."""
    parts = text.split("|")
    model, compression, runtime = (*parts, "", "")[:3]
    sizes = {"t": 1, "b": 1}
    for part in parts[3:]:
        match = re.fullmatch(r"([tb])([1-9]\d*)", part)
        if match is None:
            raise UsageError(f"'{part}' in '{text}' is no thread count (t2) or batch size (b4)", _FORM)
        sizes[match[1]] = int(match[2])
    return model, compression or REFERENCE, runtime, sizes["t"], sizes["b"]


def _dataset(model: str) -> str | None:
    """What a shipped net is fed and scored with, by the built-in suites."""
    groups = (group for name in suites.names() for group in suites.load(name).groups)
    return next((group.dataset for group in groups if model in group.models and group.dataset), None)


def _name(file: str, case: Case) -> str:
    """'my.onnx on onnxruntime-cpu', 'shufflenet_v2-0.5-32 int8-static on litert-xnnpack with 2 threads'."""
    name = f"{file or f'{case.model} {case.compression}'} on {case.runtime}"
    sizes = [f"{n} {what}" for n, what in ((case.threads, "threads"), (case.batch, "inputs a batch")) if n != 1]
    return f"{name} with {' and '.join(sizes)}" if sizes else name
