"""Answers of a Raspberry Pi's firmware, as `vcgencmd`, its device and the kernel's sysfs give them."""

from __future__ import annotations

from harness.core.hostfs import HostFs, as_hex
from harness.core.quantity import Missing

_THROTTLED_FILES = "/sys/devices/platform/soc*/*firmware*/get_throttled"
_ALL_BITS = 0xFFFFFFFF

_REMEDIES = {
    "VCHI initialization failed": "add yourself to the group 'video'; a kernel without the driver vchiq has no way",
}
"""By words of the firmware's tools."""


def throttled_file(fs: HostFs) -> str | None:
    """Return the name of the file in which the kernel shows the throttle word, None where it has none."""
    return next(fs.glob(_THROTTLED_FILES), None)


def firmware_answer(command: str, text: str | Missing) -> str | Missing:
    """Return the firmware's answer to a command; Missing with its own words where it gives none.

    An answer is one or more 'name=value'. A refusal is 'error=1 error_msg="..."', or a message of the tool.
    """
    if isinstance(text, Missing) or ("=" in text and not text.lstrip().startswith("error=")):
        return text
    words = " ".join(text.split())[:200]
    remedy = next((f": {remedy}" for known, remedy in _REMEDIES.items() if known in words), "")
    said = f"says '{words}'{remedy}" if words else "says nothing"
    return Missing(f"unavailable: the firmware, asked for {command}, {said}")


def throttle_word(text: str | Missing) -> int | Missing:
    """Return the number in '50005' (sysfs) or 'throttled=0x50005' (firmware).

    Bits 0 under-voltage, 1 clock capped, 2 throttled, 3 soft temperature limit hold now, 16-19 the same since boot.
    """
    if isinstance(text, Missing):
        return text
    bits = as_hex("get_throttled", text.rpartition("=")[2])
    if bits == _ALL_BITS:
        return Missing("impossible: get_throttled has all bits set: the firmware did not answer")
    return bits
