"""Trees of sysfs and procfs files as real boards show them, to be read instead of this machine.

Names, labels and layouts are the drivers' own. `write` puts a tree into a folder; `python -m tests.trees DIR` writes
all, the ones that change over time too, for `edgebench --host-root DIR/NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .files import CPU, DEVICE_TREE, HWMON, THERMAL, Content, Link, Tree, below, device_tree, meminfo, write
from .jetson import ina3221, jetson_agx_orin, jetson_agx_xavier, jetson_nano, jetson_orin_nano, jetson_thor
from .pc import RAPL, coral_host, coral_usb, intel_laptop, rapl, virtual_machine
from .playing import PLAYING
from .raspberry import THROTTLED, pmic, raspberry_pi_5

__all__ = [
    "CPU", "DEVICE_TREE", "HWMON", "PLAYING", "RAPL", "STATIC", "THERMAL", "THROTTLED", "Content", "Link", "Tree",
    "below", "coral_host", "coral_usb", "device_tree", "ina3221", "intel_laptop", "jetson_agx_orin",
    "jetson_agx_xavier", "jetson_nano", "jetson_orin_nano", "jetson_thor", "meminfo", "pmic", "rapl",
    "raspberry_pi_5", "virtual_machine", "write",
]  # fmt: skip

STATIC: Mapping[str, Callable[[], Tree]] = {
    "raspberry-pi-5": raspberry_pi_5,
    "jetson-orin-nano": jetson_orin_nano,
    "jetson-agx-orin": jetson_agx_orin,
    "jetson-agx-xavier": jetson_agx_xavier,
    "jetson-thor": jetson_thor,
    "jetson-nano": jetson_nano,
    "intel-laptop": intel_laptop,
    "coral-host": coral_host,
    "virtual-machine": virtual_machine,
}
