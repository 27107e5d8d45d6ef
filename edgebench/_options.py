"""The keywords of `benchmark`, `run` and `ab`: types for editors and type checkers; the command's parsers check values.

A keyword that is None is as if it were not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, TypedDict, Union

from harness.core.scenario import Driver, Scenario

Path = Union[str, PathLike[str]]  # noqa: UP007 - evaluated on Python 3.10
Names = Union[str, Sequence[str]]  # noqa: UP007
Shapes = Mapping[str, Sequence[int]]


class MeasurementOptions(TypedDict, total=False):
    """How models are measured; `edgebench run --help` describes each option.

    Units are those of the command: `latency_bound` in milliseconds, `wait_for_quiet` and `timeout` in seconds,
    `memory_limit` in MiB, `accuracy_margin` in percentage points, `ambient_c` in degrees Celsius.
    """

    reference: Path | None
    data: Path | None
    compress: Names | None
    task: str | None
    decode: str | None
    preprocess: str | None
    output: str | None
    label_offset: int | None
    label_order: Literal["name", "number"] | None
    inputs: Path | None
    shapes: Shapes | None
    signatures: Names | None
    filters: Names | None
    artifacts: Mapping[str, Path] | None
    runtimes: Names | None
    runtime_options: Mapping[str, Mapping[str, object]] | None
    threads: int | None
    scenario: Scenario | None
    driver: Driver | None
    batch: int | None
    samples_per_query: int | None
    streams: int | None
    rate: float | None
    latency_bound: float | None
    minutes: float | None
    target: str | None
    profile: str | None
    deep: bool | None
    pipeline: bool | None
    tune: bool | None
    strict: bool | None
    wait_for_quiet: float | None
    timeout: float | None
    memory_limit: int | None
    power_supply: str | None
    ambient_c: float | None
    seed: int | None
    images: int | None
    accuracy_stop: bool | None
    accuracy_margin: float | None
    percentile_definition: Literal["numpy", "loadgen", "openvino", "trtexec"] | None
    out: Path | None
    resume: bool | None
    store: str | None
    export: Path | None
    targets: Path | None
    host_root: Path | None


class RunOptions(MeasurementOptions, total=False):
    """How a suite is measured: further models of your own, and `MeasurementOptions`."""

    models: Path | Sequence[Path] | None


class AbOptions(TypedDict, total=False):
    """How two models are compared; `edgebench ab --help` describes each option."""

    runtime_a: str | None
    runtime_b: str | None
    threads: int | None
    shapes: Shapes | None
    signature: str | None
    profile: str | None
    same_within: float | None
    max_pairs: int | None
    timeout: float | None
    memory_limit: int | None
    wait_for_quiet: float | None
    seed: int | None
    out: Path | None


class Bounds(TypedDict, total=False):
    """Bounds that a setting must meet, with their units: '20ms', '50mJ', '2MB', 0.88 or '88%'."""

    max_latency: str | None
    min_top1: float | str | None
    quality: float | str | None
    max_energy: str | None
    max_size: str | None
    max_drop: float | str | None
