"""The variants of a comparison by name: a model file, or a shipped model as 'model|compression|runtime'."""

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

_FORM = (
    "write model|compression|runtime, such as 'mobilenet_v2-0.35-32|int8-static|onnxruntime-cpu', or give a model file"
)


@dataclass(frozen=True)
class Variant:
    """One of the two compared: a case ready to run, and its name in sentences."""

    name: str
    prepared: PreparedCase


@dataclass(frozen=True)
class VariantResolver:
    """Resolve variants by name.

    Attributes:
        limits: Time, memory and CPUs of their processes.
        threads: Intra-op threads; None takes those in the name, else 1.
        shapes: Shapes of dynamic inputs, by input name.
        prefer: Runtime to try first for a variant that names none.
        signature: The entry point of model files; '' for their primary one.
    """

    limits: ResourceLimits
    threads: int | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    prefer: str | None = None
    signature: str = ""

    def resolve(self, text: str, runtime: str | None = None) -> Variant:
        """Return the variant called `text`.

        Args:
            text: A model file, or a shipped model as 'model|compression|runtime'.
            runtime: Runtime to run it on; None takes the one in `text`, else the first that can run it.

        Raises:
            ModelError: A model file that is missing or cannot be used.
            UnknownName: A model or runtime that does not exist.
            UsageError: It cannot run here.
        """
        cases, find = self._user_model(text, runtime) if is_file(text) else self._shipped(text, runtime)
        prepared = self._first(text, cases, find)
        return Variant(_name(text if is_file(text) else "", prepared.case), prepared)

    def _first(self, text: str, cases: Sequence[Case], find: FindArtifact) -> PreparedCase:
        """Return the first case that can run here."""
        data = {name: EvaluationData(s.kind, s.path, figure=s.figure) for name, s in catalog.datasets().items()}
        preparer = CasePreparer(find, data, self.limits, lambda _: self.shapes)
        refusals: dict[str, str] = {}
        for case in cases:
            result = preparer.prepare(case)
            if not isinstance(result, Verdict):
                return result
            refusals[case.runtime] = result.reason
        raise UsageError(f"{text} cannot run here", "; ".join(f"{name}: {why}" for name, why in refusals.items()))

    def _user_model(self, text: str, runtime: str | None) -> tuple[list[Case], FindArtifact]:
        model = UserModel(Path(text), self.shapes, signature=self.signature)
        artifact = model.artifact(None)
        cases = model.cases([runtime] if runtime else self._runtimes(), [self.threads or 1], None)
        return cases, lambda case, file_format: artifact

    def _shipped(self, text: str, runtime: str | None) -> tuple[list[Case], FindArtifact]:
        model, compression, named, threads, batch = _parsed(text)
        if named and runtime and named != runtime:
            raise UsageError(f"'{text}' names {named}, the option names {runtime}", "give the runtime in one place")
        chosen = runtime or named
        weights = catalog.weights(model)
        dataset = _dataset(model) if weights == "trained" else None
        cases = [
            Case(model, compression, name, self.threads or threads, batch, weights=weights, dataset=dataset)
            for name in ([chosen] if chosen else self._runtimes())
        ]
        return cases, catalog.artifact

    def _runtimes(self) -> list[str]:
        """Return every runtime that is used without being named, the preferred one first."""
        return sorted((name for name, _ in by_preference()), key=lambda name: name != self.prefer)


def named_runtime(text: str) -> str | None:
    """Return the runtime in a variant's name, if it has one."""
    return None if is_file(text) else _parsed(text)[2] or None


def is_file(text: str) -> bool:
    """Whether a variant is a model file, by its name alone."""
    return format_of(Path(text)) is not None


def _parsed(text: str) -> tuple[str, str, str, int, int]:
    """Return model, compression (default fp32), runtime (may be ''), threads and batch of a name like a case id."""
    parts = text.split("|")
    model, compression, runtime = (*parts, "", "")[:3]
    sizes = {"t": 1, "b": 1}
    for part in parts[3:]:
        match = re.fullmatch(r"([tb])([1-9]\d*)", part)
        if match is None:
            raise UsageError(f"'{part}' in '{text}' is neither a thread count (t2) nor a batch size (b4)", _FORM)
        sizes[match[1]] = int(match[2])
    return model, compression or REFERENCE, runtime, sizes["t"], sizes["b"]


def _dataset(model: str) -> str | None:
    """Return the data set that the built-in suites score a shipped model on."""
    groups = (group for name in suites.names() for group in suites.load(name).groups)
    return next((group.dataset for group in groups if model in group.models and group.dataset), None)


def _name(file: str, case: Case) -> str:
    """'my.onnx on onnxruntime-cpu', 'shufflenet_v2-0.5-32 int8-static on litert-xnnpack with 2 threads'."""
    name = f"{file or f'{case.model} {case.compression}'} on {case.runtime}"
    sizes = [f"{n} {what}" for n, what in ((case.threads, "threads"), (case.batch, "inputs per batch")) if n != 1]
    return f"{name} with {' and '.join(sizes)}" if sizes else name
