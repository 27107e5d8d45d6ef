"""Checks of USB links to accelerators and of access to sensors."""

from __future__ import annotations

import os
from collections.abc import Mapping

from harness.core.hostfs import HostFs
from harness.core.sensing import RAPL_REMEDY
from harness.core.verdict import Finding
from harness.host import hardware

from . import Check

DEVICES: Mapping[str, str] = {"18d1:9302": "Coral USB Accelerator", "03e7:2485": "Neural Compute Stick 2"}
"""By 'vendor:product' while they are in use."""

ASLEEP: Mapping[str, str] = {"1a6e:089a": "Coral USB Accelerator"}
"""Before the first program loads their firmware they show another id, and a link that says nothing of the later one."""

_USB3_MBIT_PER_S = 5000


def inspect_usb_link(fs: HostFs) -> Finding:
    """Warn when an accelerator's link is slower than USB 3: /sys/bus/usb/devices/*/speed, in Mbit/s."""
    present = hardware.usb_ids(fs)
    speeds = {name: fs.read_int(f"{present[key]}/speed") for key, name in DEVICES.items() if key in present}
    unknown = [
        f"{name} is asleep: its link shows after its first use" for key, name in ASLEEP.items() if key in present
    ]
    unknown += [f"{name}: {speed.reason}" for name, speed in speeds.items() if not isinstance(speed, int)]
    known = {name: speed for name, speed in speeds.items() if isinstance(speed, int)}
    found = "; ".join([*(f"{name} at {speed} Mbit/s" for name, speed in known.items()), *unknown])
    if any(speed < _USB3_MBIT_PER_S for speed in known.values()):
        return Finding("usb_link", "warn", found, "plug it into a USB 3 (blue) port with a USB 3 cable, without a hub")
    return Finding("usb_link", "unknown" if unknown else "ok", found or "no accelerator on USB")


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


def inspect_sensor_access(fs: HostFs) -> Finding:
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


PLUGINS: tuple[Check, ...] = (
    Check("sensor_access", inspect_sensor_access),
    Check("usb_link", inspect_usb_link),
)
