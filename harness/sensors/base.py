"""Building blocks of sensor drivers: sensors made of files, hwmon chips, libraries behind an extra."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from posixpath import dirname
from typing import Any, Protocol

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading, unique_names

SECOND_NS = 1_000_000_000
Explain = Callable[[Missing], Missing]


class Closable(Protocol):
    """A file or device that stays open between readings."""

    def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True)
class Probe:
    """How one channel is read.

    Attributes:
        channel: The channel.
        value: Return the value now, in the channel's unit, or the reason why there is none.
        files: What stays open between readings.
    """

    channel: Channel
    value: Callable[[], float | Missing]
    files: tuple[Closable, ...]


class FileSensor:
    """A sensor made of probes. A subclass has `name`, `probes` and `missing`."""

    name: str

    def __init__(self, fs: HostFs) -> None:
        self._probes = tuple(_unique(self.probes(fs)))
        self.channels = tuple(probe.channel for probe in self._probes)
        self.absent = "" if self._probes else self.missing(fs)

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """Return a probe for each channel that this machine has."""
        raise NotImplementedError

    def missing(self, fs: HostFs) -> str:
        """Return the reason why this machine has no channel."""
        raise NotImplementedError

    def read(self) -> list[Reading]:
        """Return one reading of every channel, all with one time: microseconds between two files do not matter."""
        t_ns = time.perf_counter_ns()
        return [Reading(probe.channel.name, t_ns, probe.value()) for probe in self._probes]

    def close(self) -> None:
        """Close the files."""
        for probe in self._probes:
            for file in probe.files:
                file.close()


def scaled(
    channel: Channel, file: OpenFile, *, multiply: int = 1, divide: int = 1, explain: Explain | None = None
) -> Probe:
    """Return a probe of a file that holds one integer.

    Args:
        channel: The channel.
        file: The file.
        multiply: Factor to the channel's unit.
        divide: Divisor to the channel's unit; the value is rounded only once.
        explain: Add a remedy to the reason of a Missing.
    """

    def value() -> float | Missing:
        number = file.read_int()
        if isinstance(number, Missing):
            return explain(number) if explain else number
        return number * multiply / divide

    return Probe(channel, value, (file,))


def hwmon_chips(fs: HostFs) -> Iterator[tuple[str, str]]:
    """Yield (folder, chip name) of every hwmon chip once, by its class or, where only that shows it, its I2C driver.

    A chip is identified by its name, since its number changes between boots.
    """
    seen: set[str] = set()
    for pattern in ("/sys/class/hwmon/hwmon*/name", "/sys/bus/i2c/drivers/*/*/hwmon/hwmon*/name"):
        for file in fs.glob(pattern):
            folder, name = dirname(file), fs.read(file)
            real = fs.resolve(folder)
            if isinstance(name, str) and real not in seen:
                seen.add(real)
                yield folder, name


def import_optional(fs: HostFs, module: str, extra: str) -> Any | Missing:
    """Import the library of a sensor.

    Args:
        fs: The machine; the library would show this machine, so it is Missing on a recorded tree.
        module: Name of the module.
        extra: The extra of edgebench that installs it.

    Returns:
        The module, or the reason why it cannot be used.
    """
    if not fs.live:
        return Missing("not part of a recorded tree")
    if importlib.util.find_spec(module) is None:
        return Missing(f"the library is not installed: pip install 'edgebench[{extra}]'")
    try:
        return importlib.import_module(module)
    except Exception as error:  # a broken third-party library must not stop a run
        return Missing(f"the library {module} does not load: {type(error).__name__}: {error}")


def _unique(probes: Iterable[Probe]) -> Iterator[Probe]:
    """Make channel names unique: two zones of the type 'acpitz' become 'acpitz' and 'acpitz#2'."""
    probes = list(probes)
    for probe, name in zip(probes, unique_names(probe.channel.name for probe in probes), strict=True):
        yield dataclasses.replace(probe, channel=dataclasses.replace(probe.channel, name=name))
