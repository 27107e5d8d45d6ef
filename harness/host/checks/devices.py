"""Devices that a benchmark uses: USB accelerators behind slow links, sensors that this user may not read."""

from __future__ import annotations

import os

from harness.core.hardware import rapl
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.host import hardware

from . import Check

_USB_ACCELERATORS = {"18d1:9302": "Coral USB Accelerator", "03e7:2485": "Neural Compute Stick 2"}
"""By 'vendor:product' while they are in use."""

_USB_BEFORE_FIRST_USE = {"1a6e:089a": "Coral USB Accelerator"}
"""Until a program loads their firmware they show another id, and a link speed that says nothing of the later one."""

_USB_DEVICES = "/sys/bus/usb/devices"
_USB3_MBIT_PER_S = 5000

_VCIO_REMEDY = (
    'sudo usermod -aG video "$USER", then log in again; where the group is not video, in '
    '/etc/udev/rules.d/99-edgebench.rules: KERNEL=="vcio", GROUP="video", MODE="0660"'
)
_APEX_REMEDY = 'sudo usermod -aG apex "$USER", then log in again'
_DEVICE_FILES = (
    (rapl.COUNTERS, os.R_OK, rapl.DENIED_REMEDY),
    ("/dev/vcio", os.R_OK | os.W_OK, _VCIO_REMEDY),
    ("/dev/apex_*", os.R_OK | os.W_OK, _APEX_REMEDY),
)
"""Pattern of the files, the access that they need, and what grants it."""


def inspect_usb_link(fs: HostFs) -> Finding:
    """Warn when an accelerator's link is slower than USB 3, by /sys/bus/usb/devices/*/speed in Mbit/s."""
    if not fs.exists(_USB_DEVICES):
        return Finding("usb_link", "unknown", f"absent: {_USB_DEVICES}")
    folders = hardware.usb_ids(fs)
    speeds = {name: fs.read_int(f"{folders[key]}/speed") for key, name in _USB_ACCELERATORS.items() if key in folders}
    known = {name: speed for name, speed in speeds.items() if isinstance(speed, int) and speed > 0}
    unknown = [
        f"{name} is not initialised: its link shows after its first use"
        for key, name in _USB_BEFORE_FIRST_USE.items()
        if key in folders
    ]
    unknown += [
        f"{name}: {speed.reason if isinstance(speed, Missing) else f'impossible: {speed} Mbit/s'}"
        for name, speed in speeds.items()
        if name not in known
    ]
    found = "; ".join([*(f"{name} at {speed} Mbit/s" for name, speed in known.items()), *unknown])
    if any(speed < _USB3_MBIT_PER_S for speed in known.values()):
        return Finding("usb_link", "warn", found, "plug it into a USB 3 (blue) port with a USB 3 cable, without a hub")
    return Finding("usb_link", "unknown" if unknown else "ok", found or "no accelerator on USB")


def inspect_sensor_access(fs: HostFs) -> Finding:
    """Warn of sensors and accelerators that exist but that this user may not use: energy would be missing."""
    present = [(pattern, mode, remedy, list(fs.glob(pattern))) for pattern, mode, remedy in _DEVICE_FILES]
    present = [(pattern, mode, remedy, names) for pattern, mode, remedy, names in present if names]
    hidden = rapl.hidden(fs)
    if not present and not hidden:
        found = "no RAPL counter, Raspberry Pi firmware or Edge TPU on this machine"
        return Finding("sensor_access", "unknown", found)
    denied = [
        (pattern, remedy)
        for pattern, mode, remedy, names in present
        if not all(os.access(fs.path(name), mode) for name in names)
    ]
    closed = [f"closed to this user: {', '.join(pattern for pattern, _ in denied)}"] if denied else []
    found = "; ".join([*([rapl.HIDDEN] if hidden else []), *closed])
    remedies = [*([rapl.HIDDEN_REMEDY] if hidden else []), *(remedy for _, remedy in denied)]
    if found:
        return Finding("sensor_access", "warn", found, "; ".join(remedies))
    return Finding("sensor_access", "ok", ", ".join(pattern for pattern, *_ in present))


PLUGINS: tuple[Check, ...] = (
    Check("usb_link", inspect_usb_link),
    Check("sensor_access", inspect_sensor_access),
)
