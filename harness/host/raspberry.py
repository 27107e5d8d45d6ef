"""What the Raspberry Pi's firmware tells of throttling and supply, outside any measured window."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.systemtext import as_hex

_SYSFS = "/sys/devices/platform/soc*/*firmware*/get_throttled"
_SUPPLY = "/proc/device-tree/chosen/power/max_current"


def throttled_bits(fs: HostFs) -> int | Missing:
    """The firmware's get_throttled word: bits 0-3 hold now, 16-19 the same since boot. From sysfs, else vcgencmd."""
    for name in fs.glob(_SYSFS):
        text = fs.read(name)
        return as_hex(name, text)
    told = fs.command("vcgencmd", "get_throttled")
    return told if isinstance(told, Missing) else as_hex("vcgencmd get_throttled", told.partition("=")[2])


def supply_ma(fs: HostFs) -> int | Missing:
    """What the supply says it can deliver (Pi 5, USB power delivery): a big-endian 32-bit number of milliamperes."""
    data = fs.read_bytes(_SUPPLY)
    if isinstance(data, Missing):
        return data
    return int.from_bytes(data, "big") if len(data) == 4 else Missing(f"not 4 bytes: {_SUPPLY}")
