"""Simultaneous multithreading: two hardware threads share one core's units, so a neighbour costs speed."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding

from . import Change

_CONTROL = "/sys/devices/system/cpu/smt/control"


def inspect(fs: HostFs) -> Finding:
    """Ok when no core runs two threads."""
    active = fs.read("/sys/devices/system/cpu/smt/active")
    if active == "0":
        return Finding("smt", "ok", "off")
    if active == "1":
        return Finding("smt", "warn", "on: two threads share a core", f"echo off | sudo tee {_CONTROL}")
    return Finding("smt", "unknown", "the kernel does not say whether cores run two threads")


def tune(fs: HostFs) -> Iterable[Change]:
    """Off, where it is on and may be switched ('forceoff' and 'notsupported' may not)."""
    if fs.read(_CONTROL) == "on" and fs.read("/sys/devices/system/cpu/smt/active") == "1":
        yield Change(_CONTROL, "off")
