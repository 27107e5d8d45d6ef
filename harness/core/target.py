"""Targets: the facts of a descriptor (`targets/<name>.toml`), one dataclass per table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from .sensing import Scope


@dataclass(frozen=True)
class PowerTotal:
    """A rule for the total power within a scope: `scale` times the sum over the channels, plus `offset_w`.

    Attributes:
        scope: How much of the machine it covers.
        channels: Patterns of channel names ('ina3221/*/VDD_IN') that must match; only channels in W and counters in J
            are added.
        optional: Patterns that may match.
        scale: Factor on the sum.
        offset_w: Added to the scaled sum.
        estimate: Source of a scale that makes the figure an estimate; the raw sum is then reported as well.

    """

    scope: Scope
    channels: tuple[str, ...]
    optional: tuple[str, ...] = ()
    scale: float = 1.0
    offset_w: float = 0.0
    estimate: str = ""


@dataclass(frozen=True)
class PowerMode:
    """A named power budget of the board (nvpmodel, cTDP).

    Attributes:
        name: Name of the mode.
        budget_w: Its budget in watts, None if there is none.
    """

    name: str
    budget_w: float | None = None


@dataclass(frozen=True)
class Power:
    """How power is measured.

    Attributes:
        total: Rules for the total; the first one whose channels exist is used.
        none: Why the board has no power sensor, else ''.
        meter: Sensor plug-in of an external meter, which is opened for this target alone.
        modes: Power modes of the board.

    """

    total: tuple[PowerTotal, ...] = ()
    none: str = ""
    meter: str = ""
    modes: tuple[PowerMode, ...] = ()


TargetKind = Literal["board", "accelerator", "generic"]
Mark = Literal["spec-sparse", "spec-dense", "derived", "measured"]
"""Origin of a peak: a vendor's figure with or without sparsity, derived from clocks, or measured."""


@dataclass(frozen=True)
class Identity:
    """What identifies the board. Values are patterns of `fnmatch`; one match within a list is enough.

    Attributes:
        compatible: Tokens of /proc/device-tree/compatible that name the board.
        soc: Tokens of /proc/device-tree/compatible that name its chip, which recognise unlisted boards of a family.
        model: The device tree's model.
        cpu_model: 'model name' of /proc/cpuinfo.
        dmi: 'vendor product' of /sys/class/dmi/id.
        usb: 'vendor:device' in lower-case hex.
        pci: 'vendor:device' in lower-case hex.

    """

    compatible: tuple[str, ...] = ()
    soc: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    cpu_model: tuple[str, ...] = ()
    dmi: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    pci: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """Cores of one kind.

    Attributes:
        core: Microarchitecture ('Cortex-A76').
        cores: Number of cores.
        max_hz: Highest stock clock.

    """

    core: str
    cores: int
    max_hz: int | None = None


@dataclass(frozen=True)
class Cpu:
    """The processor.

    Attributes:
        soc: Name of the chip.
        clusters: Its clusters of cores.
        isa: Features that decide the choice of kernels, by their names in /proc/cpuinfo.

    """

    soc: str = ""
    clusters: tuple[Cluster, ...] = ()
    isa: tuple[str, ...] = ()

    @property
    def cores(self) -> int | None:
        """Number of all cores; None if the descriptor leaves it to detection."""
        return sum(cluster.cores for cluster in self.clusters) or None


@dataclass(frozen=True)
class Memory:
    """The memory.

    Attributes:
        sizes_gib: Sizes on sale.
        bandwidth_bytes_per_s: Peak bandwidth.
        mark: Origin of the bandwidth.
        source: Reference for the bandwidth.

    """

    sizes_gib: tuple[float, ...] = ()
    bandwidth_bytes_per_s: float | None = None
    mark: Mark = "derived"
    source: str = ""


@dataclass(frozen=True)
class PeakPerformance:
    """The peak arithmetic rate of a unit at a precision.

    Attributes:
        unit: 'cpu', 'gpu', 'edgetpu', ...
        precision: The precision.
        ops_per_s: Operations per second; a multiply-add counts as two.
        mark: Origin of the figure.
        source: Reference for the figure.

    """

    unit: str
    precision: Literal["fp32", "fp16", "int8", "fp4"]
    ops_per_s: float
    mark: Mark
    source: str


@dataclass(frozen=True)
class Accelerator:
    """A processor beside the CPU that runs nets.

    Attributes:
        name: Its name.
        kind: Its kind.
        units: Number of its compute units.
        link: How it is connected.
        memory_bytes: Its own memory, None if it shares that of the host.

    """

    name: str
    kind: Literal["gpu", "dla", "edgetpu"]
    units: int | None = None
    link: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Thermal:
    """Temperatures and throttling.

    Attributes:
        zones: Patterns of the processor's temperature channels ('thermal/CPU-therm'); empty where the kernel's usual
            names do.
        throttle: Patterns of the channels that show throttling.
        throttle_c: Temperature at which throttling starts.

    """

    zones: tuple[str, ...] = ()
    throttle: tuple[str, ...] = ()
    throttle_c: float | None = None


@dataclass(frozen=True)
class RuntimeHint:
    """A runtime on this board.

    Attributes:
        install: How to install it.
        note: What to know about it.
        options: Its options, by the runtime's own names.

    """

    install: str = ""
    note: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetLimits:
    """Limits of a case.

    Attributes:
        memory_bytes: Memory of one process, None for three quarters of the machine's.
        start_temperature_c: Temperature below which a case starts.
        timeout_s: Time after which it is stopped.

    """

    memory_bytes: int | None = None
    start_temperature_c: float | None = None
    timeout_s: float = 600.0


@dataclass(frozen=True)
class BoardVariant:
    """A version of the board under the same name; its fields replace the board's.

    Attributes:
        compatible: Tokens of the device tree that identify it.
        title: Name for people.
        cpu: The processor.
        memory: The memory.
        peaks: Peak performance.
        accelerators: Its accelerators.
        modes: Its power modes.
    """

    compatible: tuple[str, ...]
    title: str
    cpu: Cpu | None = None
    memory: Memory | None = None
    peaks: tuple[PeakPerformance, ...] = ()
    accelerators: tuple[Accelerator, ...] = ()
    modes: tuple[PowerMode, ...] = ()


@dataclass(frozen=True)
class Target:
    """A board, an accelerator, or a generic machine.

    Attributes:
        name: Name of the descriptor, 'host+accelerator' for a combination.
        title: Name for people.
        kind: What it is.
        arch: Values of platform.machine().
        identity: What identifies it.
        cpu: The processor.
        memory: The memory.
        memory_bytes: Memory that detection read, None for a board that is not this machine.
        peaks: Peak arithmetic rates.
        accelerators: Its accelerators.
        power: How power is measured.
        thermal: Temperatures and throttling.
        runtimes: Hints by runtime.
        threads: Numbers of threads by default.
        affinity: CPU numbers by default, empty for the system's choice.
        python: Version of the system's Python, where it decides which wheels fit.
        limits: Limits of a case.
        variants: Versions of the board under the same name.

    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}  # unknown keys in a descriptor are errors

    name: str
    title: str
    kind: TargetKind
    arch: tuple[str, ...] = ()
    identity: Identity = field(default_factory=Identity)
    cpu: Cpu = field(default_factory=Cpu)
    memory: Memory = field(default_factory=Memory)
    memory_bytes: int | None = None
    peaks: tuple[PeakPerformance, ...] = ()
    accelerators: tuple[Accelerator, ...] = ()
    power: Power = field(default_factory=Power)
    thermal: Thermal = field(default_factory=Thermal)
    runtimes: Mapping[str, RuntimeHint] = field(default_factory=dict)
    threads: tuple[int, ...] = (1,)
    affinity: tuple[int, ...] = ()
    python: str = ""
    limits: TargetLimits = field(default_factory=TargetLimits)
    variants: tuple[BoardVariant, ...] = ()

    @property
    def memory_limit_bytes(self) -> int | None:
        """Memory limit of a process: the descriptor's, else three quarters of the memory, else None (unknown)."""
        if self.limits.memory_bytes is not None:
            return self.limits.memory_bytes
        total = self.memory_bytes
        if total is None and self.memory.sizes_gib:
            total = int(min(self.memory.sizes_gib) * 2**30)
        return None if total is None else total * 3 // 4

    def accelerator(self, kind: str) -> Accelerator | None:
        """Return the first accelerator of a kind; None if there is none."""
        return next((device for device in self.accelerators if device.kind == kind), None)
