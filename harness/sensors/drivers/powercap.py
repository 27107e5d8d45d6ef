"""RAPL energy counters of Intel and AMD processors in /sys/class/powercap."""

from __future__ import annotations

from collections.abc import Iterable
from posixpath import dirname

from harness.core.hardware import rapl
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Scope, Sensor
from harness.sensors.base import FileSensor, Probe, scaled

_UPDATE_NS = 1_000_000


class Powercap(FileSensor):
    """One counter in joules per zone: 'powercap/package-0', 'powercap/package-0/core', 'powercap/psys'.

    A package includes core and uncore, but not dram. 'psys' is the platform, and may exist without ever changing. The
    zones of intel-rapl-mmio mirror the packages, so they are left out where the package itself is there. Counters wrap
    at max_energy_range_uj: an Intel client's after 4.85 h at 15 W, an AMD Zen's after 31 min at 35 W.
    """

    name = "powercap"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield one channel per zone name; of two zones with one name, the mmio mirror is left out."""
        seen: set[str] = set()
        zones = [dirname(name) for name in fs.glob(rapl.COUNTERS)]
        for zone in sorted(zones, key=lambda zone: "mmio" in zone):
            name = _zone_path(fs, zone)
            if name not in seen:
                seen.add(name)
                yield _probe(fs, zone, name)

    def missing(self, fs: HostFs) -> str:
        """Return the reason, usual in a virtual machine and on most Arm boards."""
        if rapl.hidden(fs):
            return f"{rapl.HIDDEN}: {rapl.HIDDEN_REMEDY}"
        return "no zone in /sys/class/powercap: no RAPL here, or the module intel_rapl_msr is not loaded"


def _zone_path(fs: HostFs, zone: str) -> str:
    """Return 'package-0/core' for the zone intel-rapl:0:0: the names of its parents, then its own."""
    prefix, *numbers = zone.split(":")
    parents = [":".join([prefix, *numbers[: depth + 1]]) for depth in range(len(numbers))]
    names = [fs.read(f"{each}/name") for each in parents]
    return "/".join(name if isinstance(name, str) and name else "unnamed" for name in names)


def _probe(fs: HostFs, zone: str, name: str) -> Probe:
    wrap = fs.read_int(f"{zone}/max_energy_range_uj")
    scope: Scope = {"package": "package", "psys": "board"}.get(name.split("-", maxsplit=1)[0], "rail")  # type: ignore[assignment]
    if "/" in name:
        scope = "rail"
    channel = Channel(
        name=f"powercap/{name}",
        unit="J",
        scope=scope,
        kind="counter",
        period_ns=_UPDATE_NS,
        wrap=None if isinstance(wrap, Missing) else wrap / 1e6,
        resolution=1e-6,
    )
    return scaled(channel, fs.open(f"{zone}/energy_uj"), divide=1_000_000, explain=_explain)


def _explain(missing: Missing) -> Missing:
    return Missing(f"{missing.reason}: {rapl.DENIED_REMEDY}") if missing.reason.startswith("denied") else missing


PLUGINS: tuple[type[Sensor], ...] = (Powercap,)
