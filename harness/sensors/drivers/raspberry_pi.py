"""A Raspberry Pi's throttle word: bits 0 under-voltage, 1 clock capped, 2 throttled, 3 soft limit; 16-19 since boot.

Read with the other sensors because the clock that cpufreq shows is the one asked for, not the one that runs.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Sensor
from harness.core.systemtext import as_hex
from harness.sensors.base import SECOND_NS, FileSensor, Probe
from harness.sensors.raspberry_mailbox import open_firmware

_SYSFS = "/sys/devices/platform/soc*/*firmware*/get_throttled"


class PiThrottled(FileSensor):
    """'pi-throttled/bits', the word as a number, once a second."""

    name = "pi-throttled"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """From sysfs where the kernel has it, else from the firmware."""
        name = next(fs.glob(_SYSFS), None)
        if name is not None:
            file = fs.open(name)
            yield Probe(_channel(True), lambda: word(file.read()), (file,))
            return
        firmware = open_firmware(fs)
        if isinstance(firmware, Missing):
            return
        if isinstance(firmware.ask("get_throttled"), Missing):
            firmware.close()
            return
        yield Probe(_channel(firmware.in_window), lambda: word(firmware.ask("get_throttled")), (firmware,))

    def missing(self, fs: HostFs) -> str:
        """Off a Raspberry Pi."""
        return "no get_throttled in sysfs and no answer of a Raspberry Pi's firmware"


def word(text: str | Missing) -> float | Missing:
    """The number in '50005' (sysfs) or 'throttled=0x50005' (firmware)."""
    if isinstance(text, Missing):
        return text
    bits = as_hex("get_throttled", text.rpartition("=")[2])
    return bits if isinstance(bits, Missing) else float(bits)


def _channel(in_window: bool) -> Channel:
    return Channel(name="pi-throttled/bits", unit="1", period_ns=SECOND_NS, in_window=in_window)


PLUGINS: tuple[type[Sensor], ...] = (PiThrottled,)
