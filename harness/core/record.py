"""The record of one measured case: one JSON document, written once by the measuring side, only read after that.

Schema history
    1   first version
    2   RunHeader.provenance; ArtifactInfo.recipe_sha256;
        ProcessRun: voluntary_switches, cpu_pressure, busy_threads, gc_frozen, max_rss_bytes

What the table says of a case in words, beside its metrics: kept with the cell in a store, so that both agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .case import Case
from .execution import Execution, OperatorProfile
from .metric import metric
from .quantity import Missing, Quantity, Value
from .roofline import Roofline
from .verdict import Finding, Verdict

SCHEMA = 2


@dataclass(frozen=True)
class Blob:
    """Raw samples kept beside the record: `<sha256>.npz` with one array a `name`, in `unit`."""

    name: str
    sha256: str
    n: int
    unit: str


@dataclass(frozen=True)
class ProcessRun:
    """One fresh process of a case. Times in integer nanoseconds of the monotonic clock.

    `spawn_ns` is from the parent's spawn to the worker's first line, `import_ns` the runtime library's import.
    `order` is its place in the run's random order. `blob` holds arrays 'wall_ns' and 'cpu_ns' of the inferences that
    count and 'warmup_ns' of those before; with very short ones each sample is the mean of `calls_per_sample` calls.
    `unsteady` says why no steady state was found, empty when one was. `control_ratio` is the CPU time of a fixed piece
    of work after the timed loop over that before it; `same_input_ratio` the median with one input repeated over that
    with inputs in rotation. `peak_rss_after_bytes` is the largest resident set up to the end of each phase: 'import',
    'load', 'first' inference, 'steady' state. `inferences` is how many there were in all between `started_ns` and
    `ended_ns`, steady or not; with scenarios other than SingleStream the blob holds more arrays: see docs/scenarios.md.

    Of the timed loop, read just before and after it: switches between threads (`involuntary_switches`: another program
    or thread took the core; `voluntary_switches`: this one waited), `cpu_pressure` the share of the time in which some
    task on the machine waited for a CPU, never more than the CPUs this process left unused, `busy_threads` the threads
    of this process that computed, `affinity` the CPUs they may run on, `os_threads` all threads there are, `gc_frozen`
    the objects the collector left alone while it was off. None where the kernel does not tell. `max_rss_bytes` is
    `ru_maxrss`, never below what the parent had.
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


@dataclass(frozen=True)
class Trace:
    """Sensor readings taken while the case ran: `blob` has arrays 't_ns' and 'value' (in `unit`)."""

    channel: str
    unit: str
    scope: str
    period_ns: int
    n_updates: int
    blob: Blob


@dataclass(frozen=True)
class ArtifactInfo:
    """What the record keeps of the artifact: enough to find it again and to know how it was made.

    `recipe_sha256` is the hash of the recipe's JSON with sorted keys, '' where an older version did not keep it.
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


@dataclass(frozen=True)
class Record:
    """One case, whole. `metrics` maps every name of `harness.core.metric.METRICS` to a Value or a Missing.

    `runtime_info` is what the runtime reports (version, build, provider, effective precision, threads).
    `details` holds what explains the case and is no metric (input shapes, class count, warm-up, seeds).
    `findings` are the environment checks before the run, `findings_after` those after the case's block.
    `execution` is what was asked of the runtime and what it did, read back from it.
    `log` is the tail of what the process printed when it failed.
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
    operators: OperatorProfile | Missing = field(default_factory=lambda: Missing("not looked at: run with --deep"))
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        for name in self.metrics:
            metric(name)

    def value(self, name: str) -> float | None:
        """The metric's number, or None when missing (its reason: `missing(name)`)."""
        quantity = self.quantity(name)
        return quantity.value if isinstance(quantity, Value) else None

    def missing(self, name: str) -> str | None:
        """Why the metric has no number, or None when it has one."""
        quantity = self.quantity(name)
        return quantity.reason if isinstance(quantity, Missing) else None

    @property
    def accuracy_note(self) -> str | None:
        """What must stand beside top-1, None where nothing must.

        That it is no more than a mini-set's, its parts ('mini-set top-1: foolbox 18 of 20, stamps 111 of 126'), and how
        a pass that could end early did end ('stopped after 1250 of 10000 images: ...').
        """
        accuracy = self.details.get("accuracy", {})
        parts = ", ".join(f"{name} {part['right']} of {part['n']}" for name, part in accuracy.get("parts", {}).items())
        name = accuracy.get("name", "top-1")
        called = f"{name}{': ' * bool(parts)}{parts}" if parts or name != "top-1" else ""
        return "; ".join(filter(None, (called, accuracy.get("stop", {}).get("words")))) or None

    @property
    def input_shapes(self) -> str | None:
        """The shapes that were measured, as --shape takes them: 'ids=1x128, mask=1x128'; None where not recorded."""
        inputs = self.details.get("inputs")
        if not isinstance(inputs, list) or not all("measured" in entry for entry in inputs):
            return None
        return ", ".join(f"{entry['name']}={'x'.join(map(str, entry['measured']))}" for entry in inputs) or None

    @property
    def model_file(self) -> str | None:
        """The file that was measured: where it lies, as far as it was recorded; None without one."""
        return self.details.get("model_file") or (self.artifact.file if self.artifact else None)

    def quantity(self, name: str) -> Quantity:
        """The metric, or a Missing that says nobody recorded it."""
        return self.metrics.get(metric(name).name, Missing("not recorded"))


@dataclass(frozen=True)
class RunHeader:
    """The run as a whole: `run.json`. Written when the run starts, and again when it ends (`ended_utc`).

    `planned` lists every case id, so that a killed run can say what is missing. `host` is the machine's identity
    (no live readings); `findings` are the environment checks before the run. `provenance` holds what else the figures
    may depend on, by the names of `harness.runs.provenance`: each a value, or {"reason": why it is not known}.
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


def to_json(document: Record | RunHeader) -> dict[str, Any]:
    """The document as plain JSON types; a Value and a Missing are told apart by their keys."""
    return dataclasses.asdict(document)


TEXTS = ("precision_requested", "precision_effective", "accuracy_note", "input_shapes", "model_file")


def display_texts(record: Record) -> dict[str, str | None]:
    """Return the columns of `TEXTS`, None where there is nothing to say.

    They are the precision asked for, the precision had by the runtime's account, a remark on accuracy, the measured
    shapes of the inputs, and the model's file.
    """
    effective = record.execution.effective
    values = (
        *(record.execution.asked, effective if isinstance(effective, str) else None, record.accuracy_note),
        *(record.input_shapes, record.model_file),
    )
    return dict(zip(TEXTS, values, strict=True))
