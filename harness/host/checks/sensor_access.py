"""Sensors that are there but closed to this user: energy would be missing although the machine could tell it."""

from __future__ import annotations

import os

from harness.core.hostfs import HostFs
from harness.core.sensing import RAPL_REMEDY
from harness.core.verdict import Finding

_VCIO_REMEDY = (
    'sudo usermod -aG video "$USER", then log in again; where the group is not video, in '
    '/etc/udev/rules.d/99-edgebench.rules: KERNEL=="vcio", GROUP="video", MODE="0660"'
)
_APEX_REMEDY = 'sudo usermod -aG apex "$USER", then log in again'
_WAYS = (
    ("/sys/class/powercap/*/energy_uj", os.R_OK, RAPL_REMEDY),
    ("/dev/vcio", os.R_OK | os.W_OK, _VCIO_REMEDY),
    ("/dev/apex_*", os.R_OK | os.W_OK, _APEX_REMEDY),
)


def inspect(fs: HostFs) -> Finding:
    """Warn of files that sensors and accelerators need and that this user may not use."""
    found = [(pattern, mode, remedy, list(fs.glob(pattern))) for pattern, mode, remedy in _WAYS]
    if not any(names for *_, names in found):
        return Finding(
            "sensor_access", "unknown", "no RAPL counter, Raspberry Pi firmware or Edge TPU to have access to"
        )
    closed = [
        (pattern, remedy) for pattern, mode, remedy, names in found if any(not _may(fs, name, mode) for name in names)
    ]
    if not closed:
        return Finding("sensor_access", "ok", ", ".join(pattern for pattern, *_, names in found if names))
    return Finding(
        "sensor_access",
        "warn",
        f"closed to this user: {', '.join(pattern for pattern, _ in closed)}",
        "; ".join(remedy for _, remedy in closed),
    )


def _may(fs: HostFs, name: str, mode: int) -> bool:
    return os.access(fs.path(name), mode)
