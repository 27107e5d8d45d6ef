"""How the kernel runs the CPU: clock policy, turbo, hardware threads, isolated CPUs, address layout, clock source.

The store hashes what 'governor' and 'turbo' find into the environment of a run: their wording must not change.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding

from . import Change, Check

_CPU = "/sys/devices/system/cpu"

_GOVERNORS = f"{_CPU}/cpufreq/policy*/scaling_governor"
_STEADY_GOVERNOR = "performance"

_TURBO_OFF = {
    f"{_CPU}/intel_pstate/no_turbo": "1",
    f"{_CPU}/cpufreq/boost": "0",
    f"{_CPU}/cpufreq/policy*/boost": "0",  # amd-pstate: one per CPU
}
"""Patterns of turbo switches, each with the value that turns turbo off; the first that can be read counts."""

_SMT_CONTROL = f"{_CPU}/smt/control"
_SMT_ACTIVE = f"{_CPU}/smt/active"

_ASLR_MODES = {"0": "off", "1": "conservative", "2": "full"}

_CLOCK_SOURCE = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
_FAST_CLOCK_SOURCES = {"tsc", "arch_sys_counter", "kvm-clock", "hyperv_clocksource_tsc_page"}
_SLOW_CLOCK_SOURCES = {"hpet", "acpi_pm", "pit", "jiffies", "refined-jiffies", "hyperv_clocksource_msr"}


def inspect_governor(fs: HostFs) -> Finding:
    """Warn of a governor other than 'performance': the clock follows the load, and the latency follows the clock."""
    texts = {name: fs.read(name) for name in fs.glob(_GOVERNORS)}
    governors = sorted({text for text in texts.values() if isinstance(text, str) and text})
    unread = [name for name, text in texts.items() if isinstance(text, Missing) or not text]
    if not texts:
        return Finding("governor", "unknown", "no cpufreq policy: the clock is not this system's to set")
    if unread and governors in ([], [_STEADY_GOVERNOR]):
        return Finding("governor", "unknown", f"not readable: {', '.join(unread)}")
    if governors == [_STEADY_GOVERNOR]:
        return Finding("governor", "ok", _STEADY_GOVERNOR)
    return Finding("governor", "warn", ", ".join(governors), f"echo {_STEADY_GOVERNOR} | sudo tee {_GOVERNORS}")


def tune_governor(fs: HostFs) -> Iterable[Change]:
    """Set 'performance' for every policy that offers it."""
    for name in fs.glob(_GOVERNORS):
        offered = fs.read(name.replace("scaling_governor", "scaling_available_governors"))
        if isinstance(offered, str) and _STEADY_GOVERNOR in offered.split() and fs.read(name) != _STEADY_GOVERNOR:
            yield Change(name, _STEADY_GOVERNOR)


def inspect_turbo(fs: HostFs) -> Finding:
    """Warn of turbo or boost: clocks above the nominal one last only as long as the chip stays cool."""
    for pattern, off in _TURBO_OFF.items():
        values = {name: fs.read(name) for name in fs.glob(pattern)}
        known = {value for value in values.values() if value in {"0", "1"}}
        if known - {off}:
            remedy = f"echo {off} | sudo tee {pattern}"
            return Finding("turbo", "warn", "on: the clock depends on the temperature", remedy)
        if known:
            unread = [name for name, value in values.items() if value not in known]
            return Finding("turbo", "unknown", f"not readable: {', '.join(unread)}") if unread else _TURBO_IS_OFF
    return Finding("turbo", "unknown", "no turbo switch here")


_TURBO_IS_OFF = Finding("turbo", "ok", "off")


def tune_turbo(fs: HostFs) -> Iterable[Change]:
    """Turn turbo off where there is a switch and it is on."""
    for pattern, off in _TURBO_OFF.items():
        for name in fs.glob(pattern):
            if fs.read(name) in {"0", "1"} and fs.read(name) != off:
                yield Change(name, off)


def inspect_smt(fs: HostFs) -> Finding:
    """Warn of simultaneous multithreading: two hardware threads share the execution units of one core."""
    active = fs.read(_SMT_ACTIVE)
    if active == "0":
        return Finding("smt", "ok", "off")
    if active == "1":
        return Finding("smt", "warn", "on: two threads share a core", f"echo off | sudo tee {_SMT_CONTROL}")
    return Finding("smt", "unknown", "the kernel does not report whether cores run two threads")


def tune_smt(fs: HostFs) -> Iterable[Change]:
    """Turn SMT off where it is on and may be switched ('forceoff' and 'notsupported' may not)."""
    if fs.read(_SMT_CONTROL) == "on" and fs.read(_SMT_ACTIVE) == "1":
        yield Change(_SMT_CONTROL, "off")


def inspect_isolated_cpus(fs: HostFs) -> Finding:
    """Record the CPUs that the kernel command line (isolcpus) keeps free of other programs."""
    cpus = fs.read(f"{_CPU}/isolated")
    if isinstance(cpus, Missing):
        return Finding("isolated_cpus", "unknown", cpus.reason)
    return Finding("isolated_cpus", "ok", cpus or "none")


def inspect_aslr(fs: HostFs) -> Finding:
    """Record address-space randomisation. Fresh processes differ by it, which is why a case takes several."""
    value = fs.read("/proc/sys/kernel/randomize_va_space")
    if isinstance(value, Missing):
        return Finding("aslr", "unknown", value.reason)
    mode = _ASLR_MODES.get(value)
    return Finding("aslr", "ok", mode) if mode else Finding("aslr", "unknown", value)


def inspect_timer(fs: HostFs) -> Finding:
    """Warn of a clock source that is a slow device (hpet, acpi_pm): each reading of it costs a microsecond."""
    source = fs.read(_CLOCK_SOURCE)
    resolution_ns = time.get_clock_info("perf_counter").resolution * 1e9
    resolution = f", resolution {resolution_ns:.0f} ns" if fs.live else ""
    if isinstance(source, Missing):
        return Finding("timer", "unknown", source.reason + resolution)
    if source in _FAST_CLOCK_SOURCES:
        return Finding("timer", "ok", source + resolution)
    if source not in _SLOW_CLOCK_SOURCES:
        return Finding("timer", "unknown", f"what reading the clock source '{source}' costs{resolution}")
    remedy = f"echo tsc | sudo tee {_CLOCK_SOURCE}, where tsc is among available_clocksource"
    return Finding("timer", "warn", f"{source} is slow to read{resolution}", remedy)


PLUGINS: tuple[Check, ...] = (
    Check("governor", inspect_governor, tune_governor),
    Check("turbo", inspect_turbo, tune_turbo),
    Check("smt", inspect_smt, tune_smt),
    Check("isolated_cpus", inspect_isolated_cpus),
    Check("aslr", inspect_aslr),
    Check("timer", inspect_timer),
)
