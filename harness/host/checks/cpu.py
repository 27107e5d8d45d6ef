"""Checks of the processor: governor, turbo, hyper-threading, isolated CPUs and the clock that times everything."""

from __future__ import annotations

import time
from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding

from . import Change, Check

_POLICIES = "/sys/devices/system/cpu/cpufreq/policy*"
_WANTED = "performance"


def inspect_governor(fs: HostFs) -> Finding:
    """Ok when every policy is on 'performance'."""
    names = [fs.read(name) for name in fs.glob(f"{_POLICIES}/scaling_governor")]
    found = sorted({name for name in names if isinstance(name, str) and name})
    if not found:
        return Finding("governor", "unknown", "no cpufreq policy: the clock is not this system's to set")
    if found == [_WANTED]:
        return Finding("governor", "ok", _WANTED)
    remedy = f"echo {_WANTED} | sudo tee {_POLICIES}/scaling_governor"
    return Finding("governor", "warn", ", ".join(found), remedy)


def tune_governor(fs: HostFs) -> Iterable[Change]:
    """'performance' for every policy that offers it."""
    for name in fs.glob(f"{_POLICIES}/scaling_governor"):
        offered = fs.read(name.replace("scaling_governor", "scaling_available_governors"))
        if isinstance(offered, str) and _WANTED in offered.split() and fs.read(name) != _WANTED:
            yield Change(name, _WANTED)


# file: (value that turns turbo off)
_SWITCHES = {
    "/sys/devices/system/cpu/intel_pstate/no_turbo": "1",
    "/sys/devices/system/cpu/cpufreq/boost": "0",
}


def inspect_turbo(fs: HostFs) -> Finding:
    """Ok when turbo is off."""
    for name, off in _SWITCHES.items():
        now = fs.read(name)
        if now in {"0", "1"}:
            if now == off:
                return Finding("turbo", "ok", "off")
            return Finding("turbo", "warn", "on: the clock depends on the temperature", f"echo {off} | sudo tee {name}")
    return Finding("turbo", "unknown", "no turbo switch here")


def tune_turbo(fs: HostFs) -> Iterable[Change]:
    """Off, where there is a switch and it is on."""
    for name, off in _SWITCHES.items():
        if fs.read(name) in {"0", "1"} and fs.read(name) != off:
            yield Change(name, off)


_CONTROL = "/sys/devices/system/cpu/smt/control"


def inspect_smt(fs: HostFs) -> Finding:
    """Ok when no core runs two threads."""
    active = fs.read("/sys/devices/system/cpu/smt/active")
    if active == "0":
        return Finding("smt", "ok", "off")
    if active == "1":
        return Finding("smt", "warn", "on: two threads share a core", f"echo off | sudo tee {_CONTROL}")
    return Finding("smt", "unknown", "the kernel does not say whether cores run two threads")


def tune_smt(fs: HostFs) -> Iterable[Change]:
    """Off, where it is on and may be switched ('forceoff' and 'notsupported' may not)."""
    if fs.read(_CONTROL) == "on" and fs.read("/sys/devices/system/cpu/smt/active") == "1":
        yield Change(_CONTROL, "off")


def inspect_isolated_cpus(fs: HostFs) -> Finding:
    """Always ok when it can be read."""
    cpus = fs.read("/sys/devices/system/cpu/isolated")
    if isinstance(cpus, Missing):
        return Finding("isolated_cpus", "unknown", cpus.reason)
    return Finding("isolated_cpus", "ok", cpus or "none")


_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_GOOD = {"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"}


def inspect_timer(fs: HostFs) -> Finding:
    """Warn when reading the clock needs a slow device (hpet, acpi_pm): each reading then costs a microsecond."""
    source = fs.read(_SOURCE)
    resolution_ns = time.get_clock_info("perf_counter").resolution * 1e9
    told = f", resolution {resolution_ns:.0f} ns" if fs.live else ""
    if isinstance(source, Missing):
        return Finding("timer", "unknown", source.reason + told)
    if source in _GOOD:
        return Finding("timer", "ok", source + told)
    remedy = f"echo tsc | sudo tee {_SOURCE}, where tsc is among available_clocksource"
    return Finding("timer", "warn", f"{source} is slow to read{told}", remedy)


PLUGINS: tuple[Check, ...] = (
    Check("governor", inspect_governor, tune_governor),
    Check("isolated_cpus", inspect_isolated_cpus),
    Check("smt", inspect_smt, tune_smt),
    Check("timer", inspect_timer),
    Check("turbo", inspect_turbo, tune_turbo),
)
