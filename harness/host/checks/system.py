"""Checks of the system around the measurement: load, swap, control group, disk and address-space randomisation."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware

from . import Check

# Shares of the last ten seconds in which some task waited for a CPU. A run notices a few per cent.
_WARN_PERCENT, _FAIL_PERCENT = 5.0, 50.0
_WARN_LOAD_PER_CORE = 0.5
_REMEDY = "stop other programs: `top` shows which; then wait ten seconds"


def inspect_load(fs: HostFs) -> Finding:
    """Ok when tasks hardly wait for a CPU."""
    pressure = _cpu_pressure(fs)
    load = _load_per_core(fs)
    told = "" if isinstance(load, Missing) else f"load average {load:.2f} a core"
    if isinstance(pressure, Missing):
        if isinstance(load, Missing):
            return Finding("load", "unknown", f"{pressure.reason}; {load.reason}")
        return Finding("load", "ok", told) if load <= _WARN_LOAD_PER_CORE else Finding("load", "warn", told, _REMEDY)
    found = f"tasks waited for a CPU {pressure:.1f} % of the last 10 s" + (f", {told}" if told else "")
    if pressure < _WARN_PERCENT:
        return Finding("load", "ok", found)
    return Finding("load", "fail" if pressure >= _FAIL_PERCENT else "warn", found, _REMEDY)


def _cpu_pressure(fs: HostFs) -> float | Missing:
    """'some avg10' of /proc/pressure/cpu, in per cent."""
    text = fs.read("/proc/pressure/cpu")
    if isinstance(text, Missing):
        return text
    found = re.search(r"^some avg10=(\d+\.?\d*)", text, re.MULTILINE)
    return float(found[1]) if found else Missing(f"not understood: /proc/pressure/cpu: {text[:60]!r}")


def _load_per_core(fs: HostFs) -> float | Missing:
    text = fs.read("/proc/loadavg")
    cpu = hardware.cpu(fs)
    if isinstance(text, Missing):
        return text
    if isinstance(cpu, Missing):
        return cpu
    found = re.match(r"\d+\.?\d*", text)
    return float(found[0]) / cpu.cores if found else Missing(f"not understood: /proc/loadavg: {text[:60]!r}")


def inspect_swap(fs: HostFs) -> Finding:
    """Ok without swap, or while none of it is used."""
    text = fs.read("/proc/swaps")
    if isinstance(text, Missing):
        return Finding("swap", "unknown", text.reason)
    areas = [line.split() for line in text.splitlines()[1:] if line.strip()]
    if not areas:
        return Finding("swap", "ok", "none")
    try:
        used_kib = sum(int(area[3]) for area in areas)
    except (IndexError, ValueError):
        return Finding("swap", "unknown", f"/proc/swaps is not understood: {text[:80]!r}")
    names = ", ".join(f"{area[0]}{' (compressed RAM)' if 'zram' in area[0] else ''}" for area in areas)
    if used_kib == 0:
        return Finding("swap", "ok", f"{names}, unused")
    return Finding("swap", "warn", f"{names}: {used_kib / 1024:.0f} MiB used", "sudo swapoff -a")


_ROOT = "/sys/fs/cgroup"


def inspect_cgroup(fs: HostFs) -> Finding:
    """Warn when a quota leaves less than all CPUs; a memory limit below the machine's is told."""
    text = fs.read("/proc/self/cgroup")
    if isinstance(text, Missing):
        return Finding("cgroup", "unknown", text.reason)
    cpus = min(_cpu_limits(fs, text), default=None)
    memory = memory_limit_bytes(fs)
    found = [f"CPU quota {cpus:.2f} cores"] if cpus is not None else []
    found += [f"memory limit {memory / 2**20:.0f} MiB"] if memory is not None else []
    cpu = hardware.cpu(fs)
    if cpus is not None and not (not isinstance(cpu, Missing) and cpus >= cpu.cores):
        remedy = "run outside the container, or pin CPUs instead of a quota (docker run --cpuset-cpus, not --cpus)"
        return Finding("cgroup", "warn", ", ".join(found), remedy)
    return Finding("cgroup", "ok", ", ".join(found) or "no limit")


def memory_limit_bytes(fs: HostFs) -> int | None:
    """The tightest memory limit on this process below the machine's own memory, None when there is none."""
    text = fs.read("/proc/self/cgroup")
    total = hardware.memory_bytes(fs)
    if isinstance(text, Missing):
        return None
    files = [f"{folder}/memory.max" for folder in _folders(text, "")]
    files += [f"{folder}/memory.limit_in_bytes" for folder in _folders(text, "memory")]
    limits = [limit for name in files if isinstance(limit := fs.read_int(name), int)]
    lowest = min(limits, default=None)
    return lowest if lowest is not None and (isinstance(total, Missing) or lowest < total) else None


def _cpu_limits(fs: HostFs, membership: str) -> Iterator[float]:
    """CPU quotas in cores, of version 2 ('max 100000' is none) and version 1 (-1 is none)."""
    for folder in _folders(membership, ""):
        words = str(fs.read(f"{folder}/cpu.max")).split()
        if len(words) == 2 and all(word.isdecimal() for word in words):
            yield int(words[0]) / int(words[1])
    for folder in _folders(membership, "cpu"):
        quota, period = fs.read_int(f"{folder}/cpu.cfs_quota_us"), fs.read_int(f"{folder}/cpu.cfs_period_us")
        if isinstance(quota, int) and isinstance(period, int) and quota > 0 < period:
            yield quota / period


def _folders(membership: str, controller: str) -> Iterator[str]:
    """The group's folder and all above it: the tightest limit on the way up holds. '' is version 2's one tree."""
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controller in controllers.split(","):
            base = f"{_ROOT}/{controllers}" if controller else _ROOT
            parts = [part for part in path.split("/") if part]
            yield from ("/".join([base, *parts[:depth]]) for depth in range(len(parts), -1, -1))


_WARN_BYTES = 500 * 2**20
_FAIL_BYTES = 50 * 2**20


def inspect_disk(fs: HostFs) -> Finding:
    """Warn under 500 MiB free in the working folder, fail under 50 MiB. A recorded tree shows no disk."""
    if not fs.live:
        return Finding("disk", "unknown", "a recorded tree shows no disk")
    folder = Path.cwd()
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Finding("disk", "unknown", f"{folder}: {error.strerror}")
    found = f"{free / 2**30:.1f} GiB free in {folder}"
    if free >= _WARN_BYTES:
        return Finding("disk", "ok", found)
    return Finding("disk", "fail" if free < _FAIL_BYTES else "warn", found, "free some space, or use --out elsewhere")


_MEANING = {"0": "off", "1": "conservative", "2": "full"}


def inspect_aslr(fs: HostFs) -> Finding:
    """Always ok when it can be read."""
    value = fs.read("/proc/sys/kernel/randomize_va_space")
    if not isinstance(value, str) or value not in _MEANING:
        return Finding("aslr", "unknown", value if isinstance(value, str) else value.reason)
    return Finding("aslr", "ok", _MEANING[value])


PLUGINS: tuple[Check, ...] = (
    Check("aslr", inspect_aslr),
    Check("cgroup", inspect_cgroup),
    Check("disk", inspect_disk),
    Check("load", inspect_load),
    Check("swap", inspect_swap),
)
