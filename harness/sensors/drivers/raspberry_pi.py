"""Raspberry Pi: throttle word, under-voltage alarm, and the power chip of the Pi 5 family."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

from harness.core.hardware.physical_limits import LIMITS, check
from harness.core.hardware.raspberry_pi import throttle_word, throttled_file
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, Sensor
from harness.sensors.base import SECOND_NS, FileSensor, Probe, hwmon_chips, scaled
from harness.sensors.raspberry_firmware import open_firmware

_PMIC_COMMAND = "pmic_read_adc"
_PMIC_LINE = re.compile(r"(\w+)_([AV]) (?:current|volt)\(\d+\)=(-?[0-9]{1,6}\.?[0-9]*)[AV]\b")
_BEFORE_PI_5 = ": a Raspberry Pi before 5 has none"
_PMIC_PERIOD_NS = 200_000_000  # the chip itself gives some 21 readings per second


class PiThrottled(FileSensor):
    """The throttle word as a number: 'pi-throttled/bits'.

    Bits 0 under-voltage, 1 clock capped, 2 throttled, 3 soft temperature limit hold now, 16-19 the same since boot. It
    is sampled because the clock that cpufreq shows is the requested one, not the one that runs.
    """

    name = "pi-throttled"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield the channel from sysfs where the kernel has the file, else from the firmware."""
        name = throttled_file(fs)
        if name is not None:
            file = fs.open(name)
            yield Probe(_throttled_channel(True), lambda: throttle_word(file.read()), (file,))
            return
        firmware = open_firmware(fs)
        answer = firmware if isinstance(firmware, Missing) else firmware.ask("get_throttled")
        if isinstance(firmware, Missing):
            self._refused = firmware.reason
        elif isinstance(answer, Missing):
            self._refused = answer.reason
            firmware.close()
        else:
            channel = _throttled_channel(firmware.in_window)
            yield Probe(channel, lambda: throttle_word(firmware.ask("get_throttled")), (firmware,))

    def missing(self, fs: HostFs) -> str:
        """Return the reason: off a Raspberry Pi, or what its firmware says instead of an answer."""
        return f"no get_throttled in sysfs; {self._refused}"


class RpiVolt(FileSensor):
    """The under-voltage alarm in hwmon: 'rpi-volt/under-voltage' is 1 while 5 V is too low.

    The driver polls the firmware every two seconds and clears its sticky bits.
    """

    name = "rpi-volt"

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Yield at most one channel."""
        for folder, chip in hwmon_chips(fs):
            if chip == "rpi_volt":
                channel = Channel(name="rpi-volt/under-voltage", unit="1", period_ns=2 * SECOND_NS)
                yield scaled(channel, fs.open(f"{folder}/in0_lcrit_alarm"))

    def missing(self, fs: HostFs) -> str:
        """Return the reason off a Raspberry Pi."""
        return "no chip called rpi_volt in /sys/class/hwmon"


class Pmic:
    """The power chip of a Raspberry Pi 5, 500 or Compute Module 5, read through the firmware.

    'pmic/VDD_CORE' is in watts for every rail with a current, 'pmic/EXT5V' in volts for one without. The chip sees its
    own rails only: whatever is supplied from 5 V directly (USB, HAT, NVMe) is not included.
    """

    name = "pmic"

    def __init__(self, fs: HostFs) -> None:
        self.channels: tuple[Channel, ...] = ()
        self.absent = ""
        self._firmware = open_firmware(fs)
        text = self._ask()
        if isinstance(text, Missing):
            self.absent = text.reason + (_BEFORE_PI_5 if "error=" in text.reason else "")
            return
        amperes, volts = parse_pmic(text)
        in_window = not isinstance(self._firmware, Missing) and self._firmware.in_window
        self.channels = tuple(
            Channel(
                name=f"pmic/{rail}",
                unit="W" if rail in amperes else "V",
                scope="rail" if rail in amperes else "none",
                period_ns=_PMIC_PERIOD_NS,
                in_window=in_window,
            )
            for rail in volts
        )
        if not self.channels:
            self.absent = f"no rail in the firmware's answer to {_PMIC_COMMAND}{_BEFORE_PI_5}"

    def read(self) -> list[Reading]:
        """Return one reading of every rail from one answer of the firmware; a rail that is not in it is Missing."""
        t_ns = time.perf_counter_ns()
        text = self._ask()
        if isinstance(text, Missing):
            return [Reading(channel.name, t_ns, text) for channel in self.channels]
        amperes, volts = parse_pmic(text)
        return [Reading(channel.name, t_ns, _pmic_value(channel, amperes, volts)) for channel in self.channels]

    def close(self) -> None:
        """Close the firmware."""
        if not isinstance(self._firmware, Missing):
            self._firmware.close()

    def _ask(self) -> str | Missing:
        return self._firmware if isinstance(self._firmware, Missing) else self._firmware.ask(_PMIC_COMMAND)


def _throttled_channel(in_window: bool) -> Channel:
    return Channel(name="pi-throttled/bits", unit="1", period_ns=SECOND_NS, in_window=in_window)


def parse_pmic(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """Return amperes and volts by rail name from lines 'NAME_A current(N)=0.1A' and 'NAME_V volt(N)=3.3V'."""
    amperes: dict[str, float] = {}
    volts: dict[str, float] = {}
    for rail, unit, number in _PMIC_LINE.findall(text):
        (amperes if unit == "A" else volts)[rail] = float(number)
    return amperes, volts


def _pmic_value(channel: Channel, amperes: dict[str, float], volts: dict[str, float]) -> float | Missing:
    rail = channel.name.removeprefix("pmic/")
    if rail not in volts or (channel.unit == "W" and rail not in amperes):
        return Missing(f"unavailable: rail {rail} is not in this answer of the firmware")
    volt = check(LIMITS["V"], volts[rail], "V", f"{rail}_V")
    if isinstance(volt, Missing) or channel.unit == "V":
        return volt
    ampere = check(LIMITS["A"], amperes[rail], "A", f"{rail}_A")
    return ampere if isinstance(ampere, Missing) else volt * ampere


PLUGINS: tuple[type[Sensor], ...] = (PiThrottled, RpiVolt, Pmic)
