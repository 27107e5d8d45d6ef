"""What a board is: the frozen facts that a descriptor (`targets/<name>.toml`) gives, one dataclass per table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from .sensing import Scope


@dataclass(frozen=True)
class PowerTotal:
    """One way to the power of everything within `scope`: the sum over `channels`, then `scale` x sum + `offset_w`.

    `channels` are patterns of channel names ('ina3221/*/VDD_IN'); each must match, those in `optional` may.
    Only channels in W, or counters in J, count. `estimate` tells where a scale comes from: then the figure is an
    estimate and the raw sum is reported beside it.
    """

    scope: Scope
    channels: tuple[str, ...]
    optional: tuple[str, ...] = ()
    scale: float = 1.0
    offset_w: float = 0.0
    estimate: str = ""


@dataclass(frozen=True)
class PowerMode:
    """A named power budget of the board (nvpmodel, cTDP)."""

    name: str
    budget_w: float | None = None


@dataclass(frozen=True)
class Power:
    """How power is had: the first rule of `total` whose channels exist is used; `none` says why a board has none.

    `meter` names the sensor plug-in of an external meter, for boards without a sensor of their own: it is opened for
    this target alone.
    """

    total: tuple[PowerTotal, ...] = ()
    none: str = ""
    meter: str = ""
    modes: tuple[PowerMode, ...] = ()


TargetKind = Literal["board", "accelerator", "generic"]
Mark = Literal["spec-sparse", "spec-dense", "derived", "measured"]
"""How far a peak may be trusted: a maker's figure with or without sparsity, reckoned from clocks, or measured."""


@dataclass(frozen=True)
class Identity:
    """What tells this board from others. Patterns as in `fnmatch`; one match within a list is enough.

    `compatible` and `soc` are tokens of /proc/device-tree/compatible: the first names the very board, the second only
    its chip, so that an unlisted sister board is recognised as family. `model` is matched with the device tree's
    model, `cpu_model` with 'model name' of /proc/cpuinfo, `dmi` with 'vendor product' of /sys/class/dmi/id, `usb` and
    `pci` with 'vendor:device' in lower-case hex.
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
    """Cores of one kind: `core` is the microarchitecture ('Cortex-A76'), `max_hz` its highest stock clock."""

    core: str
    cores: int
    max_hz: int | None = None


@dataclass(frozen=True)
class Cpu:
    """The processor. `isa` holds the features that decide kernel choice, by their names in /proc/cpuinfo."""

    soc: str = ""
    clusters: tuple[Cluster, ...] = ()
    isa: tuple[str, ...] = ()

    @property
    def cores(self) -> int | None:
        """All cores, or None where the descriptor leaves them to detection."""
        return sum(cluster.cores for cluster in self.clusters) or None


@dataclass(frozen=True)
class Memory:
    """Sizes sold (GiB) and the peak bandwidth with where that figure comes from."""

    sizes_gib: tuple[float, ...] = ()
    bandwidth_bytes_per_s: float | None = None
    mark: Mark = "derived"
    source: str = ""


@dataclass(frozen=True)
class PeakPerformance:
    """Highest arithmetic rate of one unit ('cpu', 'gpu', 'edgetpu') at one precision; a multiply-add counts as two."""

    unit: str
    precision: Literal["fp32", "fp16", "int8", "fp4"]
    ops_per_s: float
    mark: Mark
    source: str


@dataclass(frozen=True)
class Accelerator:
    """Something beside the CPU that runs nets. `memory_bytes` is its own memory, None where it shares the host's."""

    name: str
    kind: Literal["gpu", "dla", "edgetpu"]
    units: int | None = None
    link: str = ""
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Thermal:
    """Patterns of channel names: the zones to watch, and where throttling shows; `throttle_c` is where it begins."""

    zones: tuple[str, ...] = ()
    throttle: tuple[str, ...] = ()
    throttle_c: float | None = None


@dataclass(frozen=True)
class RuntimeHint:
    """How a runtime gets onto this board, what to know about it there, and its options in its own words."""

    install: str = ""
    note: str = ""
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetLimits:
    """What a case may take: memory for one process, start temperature of a case, seconds before it is stopped.

    `memory_bytes` None means all but a quarter of what the machine has.
    """

    memory_bytes: int | None = None
    start_temperature_c: float | None = None
    timeout_s: float = 600.0


@dataclass(frozen=True)
class BoardVariant:
    """A version of the board under the same name, told by a device-tree token; what it gives replaces the board's."""

    compatible: tuple[str, ...]
    title: str
    cpu: Cpu | None = None
    memory: Memory | None = None
    peaks: tuple[PeakPerformance, ...] = ()
    accelerators: tuple[Accelerator, ...] = ()
    modes: tuple[PowerMode, ...] = ()


@dataclass(frozen=True)
class Target:
    """A board, an accelerator, or a generic machine; `name` is the file's name, 'host+accelerator' when composed.

    `arch` as platform.machine() says it. `threads` and `affinity` are the defaults of a case: `affinity` lists CPU
    numbers, empty means the system's choice. `memory_bytes` is what detection read, None for a board not at hand.
    `python` is the system's own Python, where it decides which wheels fit.
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
        """What one process may take: the descriptor's limit, else three quarters of the memory, else None (unknown)."""
        if self.limits.memory_bytes is not None:
            return self.limits.memory_bytes
        total = self.memory_bytes
        if total is None and self.memory.sizes_gib:
            total = int(min(self.memory.sizes_gib) * 2**30)
        return None if total is None else total * 3 // 4

    def accelerator(self, kind: str) -> Accelerator | None:
        """The first accelerator of that kind, or None."""
        return next((device for device in self.accelerators if device.kind == kind), None)
