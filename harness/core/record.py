"""The record of a measured case and the header of a run: JSON documents, written once by the measuring process.

Schema history
    1   first version
    2   RunHeader.provenance; ArtifactInfo.recipe_sha256; Record.digest;
        ProcessRun: voluntary_switches, cpu_pressure, busy_threads, gc_frozen, max_rss_bytes, run_delay, others_cpus,
        new_input_ratio, cycle_ns, control_ns, memory_control_ns, handover_ns
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .case import Case
from .execution import Execution, OperatorProfile
from .hardware.roofline import Roofline
from .metric import METRICS, metric
from .quality import CLASSIFICATION, TOP1, QualityKind
from .quantity import Missing, Quantity, Value
from .secrets import masked_words
from .verdict import Finding, Trust, Verdict, trust_of

SCHEMA = 2


@dataclass(frozen=True)
class Blob:
    """Raw samples beside the record, in the file `<sha256>.npz`.

    Attributes:
        name: What the samples are.
        sha256: Hash of the file.
        n: Length of its first array.
        unit: Unit of its arrays.

    """

    name: str
    sha256: str
    n: int
    unit: str


@dataclass(frozen=True)
class ProcessRun:
    """One fresh process of a case. Times are integer nanoseconds of the monotonic clock.

    The operating system's counters are those of the timed loop, and None where the kernel does not report them.

    Attributes:
        index: Index within the case.
        order: Position in the random order of the run.
        spawn_ns: From the parent's spawn to the worker's first line.
        import_ns: Import of the runtime's library.
        load_ns: Loading of the model.
        first_inference_ns: First inference.
        n_warmup: Inferences of the warm-up.
        n_timed: Samples of the steady state.
        median_ns: Median wall time.
        median_cpu_ns: Median CPU time.
        involuntary_switches: Context switches by which another thread or program took the core.
        peak_rss_bytes: Largest resident set.
        started_ns: Start of the inferences.
        ended_ns: End of the inferences.
        blob: Arrays 'wall_ns' and 'cpu_ns' of the steady state and 'warmup_ns' before it. Scenarios other than
            SingleStream have more arrays, see docs/scenarios.md.
        calls_per_sample: Inferences per sample; a sample of several very short ones is their mean.
        unsteady: Why there is no steady state, '' if there is one.
        control_ratio: CPU time of a fixed piece of work after the timed loop over that before it.
        same_input_ratio: Median with one input repeated over that with inputs in rotation.
        affinity: CPUs that the threads may run on.
        os_threads: All threads of the process.
        peak_rss_after_bytes: Largest resident set up to the end of 'import', 'load', 'first' and 'steady'.
        inferences: All inferences between `started_ns` and `ended_ns`, steady or not.
        voluntary_switches: Context switches by which the process waited.
        cpu_pressure: Share of the time in which some task on the machine waited for a CPU, at most the share of its
            CPUs that this process left unused.
        busy_threads: Threads of the process that computed.
        gc_frozen: Objects that the garbage collector ignored while it was off.
        cut_short: Of a loop that the time limit ended early: how many samples were 'done' of how many 'planned', the
            seconds of one of them as 'sample_s', and the limit for all of them as 'needed_s'; else empty.
        max_rss_bytes: `ru_maxrss`, which is never below that of the parent.
        resident_bytes: Inferences since the warm-up and what the process held then, several times in the timed loop;
            empty where the scenario has no such marks.
        run_delay: Share of the time in which its own threads waited for a CPU, at most the share of its CPUs that this
            process left unused.
        others_cpus: CPUs that other programs used on average, from the process's start to its end.
        new_input_ratio: Least time with inputs of the loop over that with inputs never seen before, in wall or in CPU
            time, whichever ratio is larger.
        cycle_ns: Of single inferences after the loop, the least times of 'prepare' and 'fetch', what each is allowed
            for copying ('prepare_allowed', 'fetch_allowed'), and the median of 'infer'.
        control_ns: CPU time of a fixed piece of work before the timed loop.
        memory_control_ns: CPU time of a fixed stream from memory, in the parent before and after the process; empty
            where it did not run.
        handover_ns: Slowest round trip between its CPUs, before and after the process; empty if it was not measured, as
            with one thread.

    """

    index: int
    order: int
    spawn_ns: int
    import_ns: int
    load_ns: int
    first_inference_ns: int
    n_warmup: int
    n_timed: int
    median_ns: int
    median_cpu_ns: int
    involuntary_switches: int
    peak_rss_bytes: int
    started_ns: int
    ended_ns: int
    blob: Blob
    calls_per_sample: int = 1
    unsteady: str = ""
    control_ratio: float | None = None
    same_input_ratio: float | None = None
    affinity: tuple[int, ...] = ()
    os_threads: int | None = None
    peak_rss_after_bytes: Mapping[str, int] = field(default_factory=dict)
    inferences: int = 0
    voluntary_switches: int | None = None
    cpu_pressure: float | None = None
    busy_threads: int | None = None
    gc_frozen: int | None = None
    max_rss_bytes: int | None = None
    cut_short: Mapping[str, float] = field(default_factory=dict)
    resident_bytes: tuple[tuple[int, int], ...] = ()
    run_delay: float | None = None
    others_cpus: float | None = None
    new_input_ratio: float | None = None
    cycle_ns: Mapping[str, int] = field(default_factory=dict)
    control_ns: float | None = None
    memory_control_ns: tuple[float, ...] = ()
    handover_ns: tuple[float, ...] = ()


@dataclass(frozen=True)
class Trace:
    """The readings of a sensor channel while the case ran.

    Attributes:
        channel: Name of the channel.
        unit: Unit of its values.
        scope: How much of the machine it covers.
        period_ns: Achieved sampling period.
        n_updates: Number of distinct updates of the sensor.
        blob: Arrays 't_ns' and 'value'.

    """

    channel: str
    unit: str
    scope: str
    period_ns: int
    n_updates: int
    blob: Blob


@dataclass(frozen=True)
class ArtifactInfo:
    """The artifact as recorded: enough to find it again and to know how it was made.

    Attributes:
        file: Name of the model file or folder.
        format: Its format.
        sha256: Hash of all its files.
        size_bytes: Size of all its files.
        parameters: Number of parameters, None if not counted.
        macs: Multiply-accumulates of one inference, None if not counted.
        recipe: How it was made.
        preprocess: Preprocessing of images, None for other inputs.
        recipe_sha256: Hash of the recipe's JSON with sorted keys, '' in records of older versions.

    """

    file: str
    format: str
    sha256: str
    size_bytes: int
    parameters: int | None
    macs: int | None
    recipe: Mapping[str, Any]
    preprocess: Mapping[str, Any] | None
    recipe_sha256: str = ""


ACCURACY_CHECKS = frozenset(
    {
        *("unreadable_images", "skipped_images", "unlabelled_images", "exif_orientation", "label_offset"),
        *("label_order", "constant_outputs", "one_class_predicted", "chance_level"),
    }
)
"""Names of the findings about a case's accuracy, as data sets and the accuracy pass give them."""

TIME_CHECKS = frozenset({"input_dependence", "memory_growth", "denormals"})
"""Names of the findings about what a case's time and memory depend on."""


@dataclass(frozen=True)
class Record:
    """The record of a case.

    Attributes:
        run_id: Id of the run.
        case_id: Id of the case.
        case: The case.
        target: Name of the target.
        verdict: Whether the figures can be trusted.
        metrics: A Value or a Missing for each name of `harness.core.metric.METRICS`.
        started_utc: Start of the case.
        duration_s: Time that the case took.
        artifact: The model that ran, None if there was none.
        runtime_info: What the runtime reports: version, build, provider, effective precision, threads.
        processes: Its processes.
        traces: Readings of the sensors.
        findings: Environment checks before the run.
        findings_after: Environment checks after the case's block.
        details: Facts that are not metrics: input shapes, number of classes, warm-up, seeds.
        log: End of the output of a process that failed.
        execution: What was requested of the runtime, and what it did.
        operators: Profile of the operators, or why there is none.
        schema: Version of the schema.
        digest: Hash of the document as it was written, see `digest_of`; '' in records of older versions.

    """

    run_id: str
    case_id: str
    case: Case
    target: str
    verdict: Verdict
    metrics: Mapping[str, Quantity]
    started_utc: str
    duration_s: float
    artifact: ArtifactInfo | None = None
    runtime_info: Mapping[str, Any] = field(default_factory=dict)
    processes: tuple[ProcessRun, ...] = ()
    traces: tuple[Trace, ...] = ()
    findings: tuple[Finding, ...] = ()
    findings_after: tuple[Finding, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    log: str = ""
    execution: Execution = field(default_factory=Execution)
    operators: OperatorProfile | Missing = field(default_factory=lambda: Missing("not measured: run with --deep"))
    schema: int = SCHEMA
    digest: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in self.metrics:
            metric(name)

    def value(self, name: str) -> float | None:
        """Return the number of a metric; None if it is missing, see `missing`."""
        quantity = self.quantity(name)
        return quantity.value if isinstance(quantity, Value) else None

    def missing(self, name: str) -> str | None:
        """Return why a metric is missing; None if it is not."""
        quantity = self.quantity(name)
        return quantity.reason if isinstance(quantity, Missing) else None

    def trust(self, name: str) -> Trust:
        """Return how far the verdict lets a metric be relied on: 'full', 'caution' or 'none'."""
        return trust_of(self.verdict.status, name)

    def trusts(self, name: str) -> bool:
        """Return whether the verdict lets a metric be compared with that of others."""
        return self.trust(name) != "none"

    def trusted_value(self, name: str) -> float | None:
        """Return the number of a metric that may be compared with that of others; None if it is missing or may not."""
        return self.value(name) if self.trusts(name) else None

    @property
    def quality_kind(self) -> QualityKind:
        """What its quality is."""
        kind = self.details.get("accuracy", {}).get("quality")
        return QualityKind.from_json(kind) if kind else TOP1

    @property
    def task(self) -> str:
        """Name of the task that its quality is of."""
        return str(self.details.get("accuracy", {}).get("task", CLASSIFICATION))

    @property
    def quality_name(self) -> str:
        """The metric that tables and plots show the quality by: 'top1' of a classifier, 'quality' of other tasks."""
        name = self.quality_kind.metric
        return name if name in METRICS else "quality"

    def better(self, name: str) -> Literal["lower", "higher", "none"]:
        """Return the better direction of a metric; that of the quality is the task's."""
        return self.quality_kind.better if name in ("quality", "quality_difference") else metric(name).better

    @property
    def quality(self) -> Quantity:
        """The quality, which older records have as top-1 alone."""
        return self.quantity(self.quality_name)

    @property
    def trusted_quality(self) -> float | None:
        """The quality as a number of which more is better; None where it is missing or not to be trusted."""
        value = self.trusted_value(self.quality_name)
        return None if value is None else self.quality_kind.sign * value

    @property
    def accuracy_note(self) -> str | None:
        """What must accompany the quality, None if nothing must.

        That is the name and the parts of a mini-set ('mini-set top-1: foolbox 18 of 20, stamps 111 of 126'), and how a
        pass with early stopping ended ('stopped after 1250 of 10000 images: ...').
        """
        accuracy = self.details.get("accuracy", {})
        parts = ", ".join(f"{name} {part['right']} of {part['n']}" for name, part in accuracy.get("parts", {}).items())
        name, label = accuracy.get("name", TOP1.label), self.quality_kind.label
        described = f"{name}{': ' * bool(parts)}{parts}" if parts or name != label else ""
        return "; ".join(filter(None, (described, accuracy.get("stop", {}).get("words")))) or None

    @property
    def accuracy_findings(self) -> tuple[Finding, ...]:
        """The warnings about the accuracy: images left out, labels read in one of two ways, chance level."""
        return tuple(f for f in self.execution.findings if f.check in ACCURACY_CHECKS and f.status == "warn")

    @property
    def time_findings(self) -> tuple[Finding, ...]:
        """The warnings about what time and memory depend on: the inputs, the number of inferences, tiny numbers."""
        return tuple(f for f in self.execution.findings if f.check in TIME_CHECKS and f.status == "warn")

    @property
    def input_shapes(self) -> str | None:
        """The shapes that were measured, as --shape takes them: 'ids=1x128, mask=1x128'; None where not recorded."""
        inputs = self.details.get("inputs")
        if not isinstance(inputs, list) or not all("measured" in entry for entry in inputs):
            return None
        shapes = {entry["name"]: "x".join(map(str, entry["measured"])) or "scalar" for entry in inputs}
        return ", ".join(f"{name}={shape}" for name, shape in shapes.items()) or None

    @property
    def input_values(self) -> str | None:
        """What inputs held other than random numbers: 'ids: ids 1 to 3, mask: ones'; None for nothing else."""
        values = self.details.get("input_values") or {}
        return ", ".join(f"{name}: {words}" for name, words in values.items()) or None

    @property
    def model_file(self) -> str | None:
        """The file that was measured: where it lies, as far as it was recorded; None without one."""
        return self.details.get("model_file") or (self.artifact.file if self.artifact else None)

    def quantity(self, name: str) -> Quantity:
        """Return a metric; a Missing if it was not recorded."""
        return self.metrics.get(metric(name).name, Missing("not recorded"))


@dataclass(frozen=True)
class RunHeader:
    """The header of a run, `run.json`. It is written when the run starts, and again when it ends.

    Attributes:
        run_id: Id of the run.
        suite: Name of the suite.
        target: Name of the target.
        profile: Name of the profile.
        started_utc: Start of the run.
        planned: Ids of all planned cases, which show what a killed run lacks.
        command: Command line, with every password in it masked.
        seed: Seed of all random choices.
        host: Identity of the machine, without live readings.
        versions: Versions of packages by name.
        findings: Environment checks before the run.
        sensors: Sensors by name, each with its state.
        harness_overhead_ns: Duration of the timed loop around a runtime that does nothing.
        ended_utc: End of the run, None before it.
        interrupted: Whether the user stopped the run.
        roofline: Measured peaks of the machine.
        provenance: What else the figures may depend on, by the names of `harness.runs.provenance`: a value, or
            {"reason": why it is unknown}.
        schema: Version of the schema.

    """

    run_id: str
    suite: str
    target: str
    profile: str
    started_utc: str
    planned: tuple[str, ...]
    command: tuple[str, ...]
    seed: int
    host: Mapping[str, Any]
    versions: Mapping[str, str]
    findings: tuple[Finding, ...] = ()
    sensors: Mapping[str, str] = field(default_factory=dict)
    harness_overhead_ns: Quantity = field(default_factory=lambda: Missing("not measured"))
    ended_utc: str | None = None
    interrupted: bool = False
    roofline: Roofline | Missing = field(default_factory=lambda: Missing("not measured: edgebench roofline"))
    provenance: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        """Mask what must neither be written nor shown, be it of this run or read from an older version's."""
        object.__setattr__(self, "command", masked_words(self.command))

    @property
    def unit(self) -> str:
        """Id of the piece of hardware: of its serial number, in older runs of the installed system; '' if unknown."""
        return self.host.get("unit_id") or self.host.get("machine_id") or ""


def to_json(document: Record | RunHeader) -> dict[str, Any]:
    """Convert to plain JSON types; a Value and a Missing differ in their keys."""
    return dataclasses.asdict(document)


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a record's plain JSON, whatever its layout and order; its own digest is left out.

    It shows that a record was changed after it was written; whoever means to can write a new one.
    """
    counted = {name: value for name, value in document.items() if name != "digest"}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


TEXT_COLUMNS = (
    *("precision_requested", "precision_effective", "accuracy_note", "input_shapes", "model_file"),
    "quality_metric",
)
"""Text columns of tables; a store keeps them with the case, so that its tables agree with those of run folders."""


def display_texts(record: Record) -> dict[str, str | None]:
    """Return the columns of `TEXT_COLUMNS`, None where empty.

    They are the requested and the effective precision, a note on accuracy, the measured shapes of the inputs, the
    model's file, and the metric of the quality.
    """
    effective = record.execution.effective
    texts = (
        *(record.execution.asked, effective if isinstance(effective, str) else None, record.accuracy_note),
        *(record.input_shapes, record.model_file),
        record.quality_kind.metric if isinstance(record.quality, Value) else None,
    )
    return dict(zip(TEXT_COLUMNS, texts, strict=True))
