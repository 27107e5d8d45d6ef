"""Accelerators on USB: on a USB 2 port, hub or cable they wait for their data."""

from __future__ import annotations

from collections.abc import Mapping

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host import hardware

DEVICES: Mapping[str, str] = {"18d1:9302": "Coral USB Accelerator", "03e7:2485": "Neural Compute Stick 2"}
"""By 'vendor:product' while they are in use."""

ASLEEP: Mapping[str, str] = {"1a6e:089a": "Coral USB Accelerator"}
"""Before the first program loads their firmware they show another id, and a link that says nothing of the later one."""

_USB3_MBIT_PER_S = 5000


def inspect(fs: HostFs) -> Finding:
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
