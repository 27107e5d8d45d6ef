"""What the rest of the system leaves to a measurement: CPU time, memory, disk space, limits of the control group."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.core.errors import reason_of
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import cgroup, hardware

from . import Check

# Shares of the last ten seconds in which some task waited for a CPU. A run is affected by a few per cent.
_PRESSURE_WARN_PERCENT, _PRESSURE_FAIL_PERCENT = 5.0, 50.0
_LOAD_PER_CORE_WARN = 0.5
_LOAD_REMEDY = "stop other programs: `top` shows which; then wait ten seconds"

_DISK_WARN_BYTES = 500 * 2**20
_DISK_FAIL_BYTES = 50 * 2**20


def inspect_load(fs: HostFs) -> Finding:
    """Warn or fail when tasks wait for a CPU: by pressure stall information, else by the load average."""
    pressure_percent = _cpu_pressure_percent(fs)
    load = _load_per_core(fs)
    average = "" if isinstance(load, Missing) else f"load average {load:.2f} per core"
    if isinstance(pressure_percent, Missing):
        if isinstance(load, Missing):
            return Finding("load", "unknown", f"{pressure_percent.reason}; {load.reason}")
        if load <= _LOAD_PER_CORE_WARN:
            return Finding("load", "ok", average)
        return Finding("load", "warn", average, _LOAD_REMEDY)
    found = f"tasks waited for a CPU {pressure_percent:.1f} % of the last 10 s" + (f", {average}" if average else "")
    if pressure_percent < _PRESSURE_WARN_PERCENT:
        return Finding("load", "ok", found)
    return Finding("load", "fail" if pressure_percent >= _PRESSURE_FAIL_PERCENT else "warn", found, _LOAD_REMEDY)


def _cpu_pressure_percent(fs: HostFs) -> float | Missing:
    """Return 'some avg10' of /proc/pressure/cpu."""
    text = fs.read("/proc/pressure/cpu")
    if isinstance(text, Missing):
        return text
    match = re.search(r"^some avg10=(100|\d{1,2})(\.\d+)?\b", text, re.MULTILINE)
    return (
        float(match[1] + (match[2] or "")) if match else Missing(f"not understood: /proc/pressure/cpu: {text[:60]!r}")
    )


def _load_per_core(fs: HostFs) -> float | Missing:
    text = fs.read("/proc/loadavg")
    cpu = hardware.cpu(fs)
    if isinstance(text, Missing):
        return text
    if isinstance(cpu, Missing):
        return cpu
    match = re.match(r"\d+\.?\d*", text)
    return float(match[0]) / cpu.cores if match else Missing(f"not understood: /proc/loadavg: {text[:60]!r}")


def inspect_swap(fs: HostFs) -> Finding:
    """Warn of swap or zram in use: a page that comes back from it costs milliseconds within a timed inference."""
    text = fs.read("/proc/swaps")
    if isinstance(text, Missing):
        return Finding("swap", "unknown", text.reason)
    head, *lines = text.splitlines() or [""]
    if not head.startswith("Filename"):
        return Finding("swap", "unknown", f"/proc/swaps is not understood: {text[:80]!r}")
    areas = [line.split() for line in lines if line.strip()]
    if not areas:
        return Finding("swap", "ok", "none")
    used = [area[3] if len(area) > 3 else "" for area in areas]
    if not all(word.isdecimal() for word in used):
        return Finding("swap", "unknown", f"/proc/swaps is not understood: {text[:80]!r}")
    used_kib = sum(map(int, used))
    names = ", ".join(f"{area[0]}{' (compressed RAM)' if 'zram' in area[0] else ''}" for area in areas)
    if used_kib == 0:
        return Finding("swap", "ok", f"{names}, unused")
    return Finding("swap", "warn", f"{names}: {used_kib / 1024:.0f} MiB used", "sudo swapoff -a")


def inspect_disk(fs: HostFs) -> Finding:
    """Warn under 500 MiB free in the working folder, fail under 50 MiB: records and downloads need space."""
    if not fs.live:
        return Finding("disk", "unknown", "a recorded tree shows no disk")
    folder = Path.cwd()
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("disk", "unknown", f"{folder}: {reason_of(error)}")
    found = f"{free_bytes / 2**30:.1f} GiB free in {folder}"
    if free_bytes >= _DISK_WARN_BYTES:
        return Finding("disk", "ok", found)
    remedy = "free some space, or write elsewhere with --out"
    return Finding("disk", "fail" if free_bytes < _DISK_FAIL_BYTES else "warn", found, remedy)


def inspect_cgroup(fs: HostFs) -> Finding:
    """Warn of a CPU quota below all CPUs: it stops a process in the middle of a loop. Record the memory limit."""
    quota_cores = cgroup.cpu_quota_cores(fs)
    memory_bytes = cgroup.memory_limit_bytes(fs)
    memory = f"memory limit {memory_bytes / 2**20:.0f} MiB" if memory_bytes is not None else ""
    if isinstance(quota_cores, Missing):
        return Finding("cgroup", "unknown", ", ".join(filter(None, [f"CPU quota: {quota_cores.reason}", memory])))
    quota = f"CPU quota {quota_cores:.2f} cores" if quota_cores is not None else ""
    limits = ", ".join(filter(None, [quota, memory]))
    cpu = hardware.cpu(fs)
    if quota_cores is not None and (isinstance(cpu, Missing) or quota_cores < cpu.cores):
        remedy = "run outside the container, or pin CPUs instead of a quota (docker run --cpuset-cpus, not --cpus)"
        return Finding("cgroup", "warn", limits, remedy)
    return Finding("cgroup", "ok", limits or "no limit")


PLUGINS: tuple[Check, ...] = (
    Check("load", inspect_load),
    Check("swap", inspect_swap),
    Check("disk", inspect_disk),
    Check("cgroup", inspect_cgroup),
)
