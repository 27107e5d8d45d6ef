"""Prepare cases: find the adapter, artifact and labelled images of each, or the reason why it cannot run."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core import plugins
from harness.core.artifact import GIVEN_FORMATS, Artifact, Format
from harness.core.case import Case
from harness.core.errors import EdgebenchError, SetupError, UnknownName, UsageError, reason_of
from harness.core.execution import FROM_FILE
from harness.core.quality import CLASSIFICATION
from harness.core.scenario import Load
from harness.core.verdict import Verdict
from harness.host.resource_limits import ResourceLimits
from harness.measure.given_inputs import GivenInputs
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import LabelledData
from harness.runtimes.base import Adapter, Capability, Options
from suites.compression.base import Chain

_PLAIN = "fp32"
_INTENDED = {"int8-dynamic": "int8", "weight-only": _PLAIN}
"""The precision a file is meant to be computed in, where that is not the one it is stored in."""


def requested_precision(compression: str, hint: str) -> str:
    """Return the precision that a case asks its runtime to compute in: 'fp32', 'fp16', 'int8', ...

    Args:
        compression: The case's setting; for a label of the user the precision is FROM_FILE unless there is a hint.
        hint: What the adapter asks of its library; it replaces fp32 and no other precision.
    """
    try:
        stored = Chain.parse(compression).post_training.stored
    except (UnknownName, UsageError):  # a label of the user's own
        return FROM_FILE if hint in ("", _PLAIN) else hint
    intended = _INTENDED.get(stored, stored)
    return hint if hint and intended == _PLAIN else intended


REFERENCE = "fp32"
"""The setting that the others are compared with."""

OUTPUT_REFERENCES = ("onnxruntime-cpu", "litert-xnnpack", "openvino-cpu")
"""Runtimes whose fp32 outputs are taken as the reference: the first of them that can run the model."""

FindArtifact = Callable[[Case, Format], Artifact]


def fp32_parent(case: Case) -> Case | None:
    """Return the float model that a case is compared with, on the case's runtime: the same model in fp32."""
    return replace(case, compression=REFERENCE)


@dataclass(frozen=True)
class EvaluationData:
    """Labelled images of a data set.

    Attributes:
        kind: How they are opened, as the task's `open` takes it.
        path: The folder or file they are in.
        limit: The most samples to score; None means all.
        figure: What the quality on them is called; '' for the name that the task gives it.
        task: Name of the task.
    """

    kind: str
    path: Path
    limit: int | None = None
    figure: str = ""
    task: str = CLASSIFICATION


@dataclass(frozen=True)
class Preparation:
    """What became of the cases to prepare.

    Attributes:
        prepared: Cases that can run, in the order in which they were given.
        refused: Cases that cannot, with the verdict that says why.
        references: The fp32 model on the same runtime that a case's accuracy is compared with.
    """

    prepared: tuple[PreparedCase, ...] = ()
    refused: Mapping[Case, Verdict] = field(default_factory=dict)
    references: Mapping[Case, PreparedCase] = field(default_factory=dict)


@dataclass(frozen=True)
class CasePreparer:
    """Prepare the cases of a run.

    Attributes:
        find: Returns the artifact of a case in a format.
        data: Labelled images by the name of their data set.
        limits: Time, memory and CPUs of each process.
        shapes: Returns the shapes of a case's dynamic inputs, by input name.
        runtime_options: Options by runtime, in the runtime's own terms.
        parent: Returns the float model that a case is compared with; None where the case's own file is all there is.
        inputs: Arrays that the cases of the user are measured with.
        further_references: Runtimes to try for that model where no reference runtime takes its format.
    """

    find: FindArtifact
    data: Mapping[str, EvaluationData]
    limits: ResourceLimits
    shapes: Callable[[Case], Mapping[str, tuple[int, ...]]] = lambda _: {}
    runtime_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    parent: Callable[[Case], Case | None] = fp32_parent
    inputs: GivenInputs | None = None
    further_references: tuple[str, ...] = ()

    def prepare_all(self, cases: Iterable[Case]) -> Preparation:
        """Prepare every case; one that cannot run is refused with the reason and does not stop the rest."""
        prepared: dict[Case, PreparedCase] = {}
        refused: dict[Case, Verdict] = {}
        for case in cases:
            result = self.prepare(case)
            if isinstance(result, PreparedCase):
                prepared[case] = result
            else:
                refused[case] = result
        prepared = {
            case: replace(one, output_reference=self._output_reference(one, prepared)) for case, one in prepared.items()
        }
        baselines = {one.case: self._accuracy_baseline(one, prepared) for one in prepared.values()}
        references = {case: baseline for case, baseline in baselines.items() if baseline}
        return Preparation(tuple(prepared.values()), refused, references)

    def prepare(self, case: Case) -> PreparedCase | Verdict:
        """Return the case ready to run, or the verdict 'unsupported' with the reason.

        Raises:
            UnknownName: A runtime that does not exist.
            SetupError: A shipped file is damaged.
        """
        runtime: Adapter = plugins.load("runtimes", case.runtime)
        if case.driver == "loadgen" and importlib.util.find_spec("mlperf_loadgen") is None:
            return Verdict("unsupported", "LoadGen is not installed: pip install 'edgebench[loadgen]'")
        refused = Verdict("unsupported", f"{case.runtime} takes none of the formats this model is in")
        for file_format in runtime.formats:
            support = runtime.support(file_format)
            if not support.ok:
                return Verdict("unsupported", support.reason, support.remedy)
            try:
                return self._prepared(case, self.find(case, file_format), runtime.capability)
            except SetupError:
                raise
            except OSError as error:  # a cache that is read-only or full ends this case, not the run
                where = os.fsdecode(error.filename) if error.filename else "a folder of the cache"
                reason = f"its file cannot be built: {where}: {reason_of(error)}"
                return Verdict("crashed", reason, "set XDG_CACHE_HOME to a folder that can be written and has room")
            except EdgebenchError as error:
                if file_format in GIVEN_FORMATS:  # that there is none says nothing: nobody makes one
                    continue
                refused = Verdict("unsupported", error.message, error.remedy)
        return refused

    def _prepared(self, case: Case, artifact: Artifact, capability: Capability) -> PreparedCase:
        if artifact.batch not in (1, case.batch):
            raise UsageError(f"{artifact.path.name} has a fixed batch of {artifact.batch}, not {case.batch}")
        labelled, unlabelled = self._labelled(case, artifact)
        given = self.inputs if case.inputs else None
        return PreparedCase(
            case=case,
            artifact=artifact,
            runtime=plugins.reference("runtimes", case.runtime),
            options=Options(
                case.threads,
                case.batch,
                self.shapes(case),
                self.runtime_options.get(case.runtime, {}),
                signature=artifact.signature,
                fixed_batch=artifact.batch > 1,
                given=given.shapes if given else {},
            ),
            precision=requested_precision(case.compression, capability.hint),
            inputs=given.path if given else None,
            labelled=labelled,
            unlabelled=unlabelled,
            timeout_s=self.limits.timeout_s,
            memory_bytes=self.limits.memory_bytes,
            cpus=self.limits.cpus[: case.threads * (case.load.streams or 1)],
            cpu_quota=self.limits.cpu_quota,
        )

    def _labelled(self, case: Case, artifact: Artifact) -> tuple[LabelledData | None, str]:
        if artifact.weights == "synthetic":
            return None, "not available: synthetic weights"
        if case.dataset is None or artifact.preprocess is None:
            return None, "no labelled images: give some with --data"
        data = self.data[case.dataset]
        if not data.path.exists():
            return None, f"{case.dataset} is not on this machine: edgebench data fetch {case.dataset}"
        path, how = str(data.path.absolute()), artifact.preprocess
        figure = data.figure or plugins.load("tasks", data.task).quality.label
        task = plugins.reference("tasks", data.task)
        return LabelledData(data.kind, path, how, data.limit, figure, artifact.output, task, artifact.decode), ""

    def _output_reference(self, own: PreparedCase, prepared: Mapping[Case, PreparedCase]) -> PreparedCase | None:
        """Return the float parent on the first reference runtime that can run it; without a parent the file itself."""
        batch = own.case.batch if own.case.weights == "user" else 1  # a user's file may fix it
        plain = replace(own.case, threads=1, batch=batch, scenario="SingleStream", load=Load(), driver="own")
        for name in (*OUTPUT_REFERENCES, *self.further_references):
            case = replace(plain, runtime=name)
            parent = self.parent(case)
            found = self._itself(own, case) if parent is None else self._parent(parent, prepared)
            if found is not None:
                return found
        return None

    def _itself(self, own: PreparedCase, case: Case) -> PreparedCase | None:
        runtime: Adapter = plugins.load("runtimes", case.runtime)
        able = runtime.support(own.artifact.format).ok
        return self._prepared(case, own.artifact, runtime.capability) if able else None

    def _parent(self, case: Case, prepared: Mapping[Case, PreparedCase]) -> PreparedCase | None:
        found = prepared.get(case) or self.prepare(case)
        return found if isinstance(found, PreparedCase) else None

    def _accuracy_baseline(self, own: PreparedCase, prepared: Mapping[Case, PreparedCase]) -> PreparedCase | None:
        """Return the float parent on the same runtime, prepared for its outputs alone where it is not measured.

        Where that runtime does not take the parent's file, the parent on the reference runtime.
        """
        if own.labelled is None or (parent := self.parent(own.case)) is None:
            return None
        same = self._parent(parent, prepared)
        other = own.output_reference
        return same or (other if other is not None and other.labelled is not None else None)
