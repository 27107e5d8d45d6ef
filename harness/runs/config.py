"""What a run is asked to do, as plain data: `RunConfig`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.hostfs import HostFs
from harness.core.quality import CLASSIFICATION
from harness.core.scenario import Driver, Load, Scenario
from harness.datasets.label_mapping import NO_CHOICE, LabelChoice
from harness.stats import Definition


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """A suite, or models of the user, or both, and how they are measured.

    Nothing is looked up and no file is read before `harness.runs.plan.plan`. A field that is None leaves the choice to
    the suite, the target or the default.

    Attributes:
        suite: Name of a built-in suite or path of a .toml file; None means 'quick' where `models` is empty.
        models: Model files of the user.
        data: Folder of labelled images for `models`.
        reference: The float model that all other files among `models` are compared with.
        compress: Settings for float .onnx files among `models`, as `suites.post_training.chosen` takes them.
        task: Name of what `models` are to do, a plug-in of the group `tasks`.
        decode: Convention of the outputs of `models`; None where the task is to recognise it.
        preprocess: How images become inputs, as `harness.datasets.preprocessing.parse` takes it.
        output: Name of the output of `models` that is scored.
        labels: What the user says about the labels of `data`.
        inputs: File of arrays that `models` are measured with, as `harness.measure.given_inputs` reads it.
        shapes: Shapes of dynamic inputs, by input name.
        signatures: Entry points of `models` to measure, each as a case; 'all' for all of them, empty for the primary
            one.
        filters: Texts that a case id must contain.
        runtimes: Runtimes to measure on; empty means all.
        runtime_options: Options by runtime, in the runtime's own terms; they override the target's.
        threads: Intra-op threads.
        batch: Samples per inference.
        scenario: Scenario of every case.
        load: Parameters of the scenario.
        driver: Who sends the queries: our own loop or MLPerf's LoadGen.
        replacements: Model files, by case id, that are measured instead of the case's own.
        target_name: Name of a target, or 'auto' for the board this machine is.
        descriptors: Folders with further target descriptors.
        profile: Name of a preset of `harness.measure.presets`.
        deep: Whether operators and memory over time are recorded too.
        pipeline: Whether whole frames are timed too: pre-processing, inference and post-processing of real samples.
        images: Number of images to score.
        accuracy_margin: Scoring stops once the difference to fp32 is decided within this share of the images.
        percentiles: Definition of percentiles from 90 on.
        timeout_s: Time limit of one process, in seconds.
        memory_bytes: Memory limit of one process, in bytes.
        seed: Seed of every random choice.
        out: Run folder.
        resume: Whether a run that was killed in `out` is continued.
        tune: Whether the machine is tuned for the run and restored at its end.
        strict: Whether a failed check of the machine is an error.
        wait_for_quiet_s: Longest time to wait for a quiet machine before anything is measured; None does not wait.
        power_supply: What feeds the machine, for the record.
        ambient_c: Room temperature in degrees Celsius, for the record.
        command: The command line, for the record.
        fs: The machine's files: those of this machine, or a recorded tree.

    Raises:
        UsageError: An option of own models, such as `data` or `compress`, without `models`.
        ScenarioError: `load` does not fit the scenario.
    """

    suite: str | None = None
    models: Sequence[str] = ()
    data: str | None = None
    reference: str | None = None
    compress: str | None = None
    task: str = CLASSIFICATION
    decode: str | None = None
    preprocess: str | None = None
    output: str | None = None
    labels: LabelChoice = NO_CHOICE
    inputs: str | None = None
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    signatures: Sequence[str] = ()
    filters: Sequence[str] = ()
    runtimes: Sequence[str] = ()
    runtime_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    threads: int | None = None
    batch: int | None = None
    scenario: Scenario | None = None
    load: Load = field(default_factory=Load)
    driver: Driver | None = None
    replacements: Mapping[str, Path] = field(default_factory=dict)
    target_name: str = "auto"
    descriptors: Sequence[Path] = ()
    profile: str | None = None
    deep: bool | None = None
    pipeline: bool = False
    images: int | None = None
    accuracy_margin: float | None = None
    percentiles: Definition = "numpy"
    timeout_s: float | None = None
    memory_bytes: int | None = None
    seed: int = 0
    out: str | None = None
    resume: bool = False
    tune: bool = False
    strict: bool = False
    wait_for_quiet_s: float | None = None
    power_supply: str | None = None
    ambient_c: float | None = None
    command: Sequence[str] = ()
    fs: HostFs = field(default_factory=HostFs)

    def __post_init__(self) -> None:
        if not self.models:
            self._refuse_options_of_models()
        if self.names_scenario:
            self.load.with_defaults(self.scenario or "SingleStream")

    def _refuse_options_of_models(self) -> None:
        """Raise UsageError for what only models on the command line have; a suite's own have theirs in its file."""
        given = {
            "--data": self.data,
            "--reference": self.reference,
            "--compress": self.compress,
            "--preprocess": self.preprocess,
            "--output": self.output,
            "--label-offset": self.labels.offset is not None,
            "--label-order": self.labels.order,
            "--inputs": self.inputs,
            "--shape": self.shapes and not self.replacements,
            "--signature": self.signatures,
            "--task": self.task != CLASSIFICATION,
            "--decode": self.decode,
        }
        if options := [option for option, value in given.items() if value]:
            needs = "needs" if len(options) == 1 else "need"
            raise UsageError(
                f"{' and '.join(options)} {needs} a model of your own",
                "name its file, as in: edgebench run my.onnx --data photos/; the models of a suite's file have their "
                "options there: docs/suites.md",
            )

    @property
    def names_scenario(self) -> bool:
        """Whether the scenario of every case is replaced."""
        return self.scenario is not None or bool(self.load.parameters)
