"""What most sensors are: channels, each worked out from files that stay open.

Libraries behind an extra: imported only when their sensor is opened on a live machine.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from harness.core.hostfs import HostFs, OpenFile
from harness.core.quantity import Missing
from harness.core.sensing import Channel, Reading

SECOND_NS = 1_000_000_000
Explain = Callable[[Missing], Missing]


class Closable(Protocol):
    """A file or device kept open between readings."""

    def close(self) -> None:
        """Release it."""
        ...


@dataclass(frozen=True)
class Probe:
    """One channel, how its value is had now, and what reading it keeps open."""

    channel: Channel
    value: Callable[[], float | Missing]
    files: tuple[Closable, ...]


class FileSensor:
    """A sensor made of probes. A subclass gives `name`, `probes(fs)` and, for when there are none, `missing(fs)`."""

    name: str

    def __init__(self, fs: HostFs) -> None:
        self._probes = tuple(_unique(self.probes(fs)))
        self.channels = tuple(probe.channel for probe in self._probes)
        self.absent = "" if self._probes else self.missing(fs)

    def probes(self, fs: HostFs) -> Iterable[Probe]:
        """The channels this machine has."""
        raise NotImplementedError

    def missing(self, fs: HostFs) -> str:
        """Why this machine has none."""
        raise NotImplementedError

    def read(self) -> list[Reading]:
        """One reading of every channel, all at one time: the few microseconds between two files do not matter."""
        t_ns = time.perf_counter_ns()
        return [Reading(probe.channel.name, t_ns, probe.value()) for probe in self._probes]

    def close(self) -> None:
        """Release the descriptors."""
        for probe in self._probes:
            for file in probe.files:
                file.close()


def scaled(
    channel: Channel, file: OpenFile, *, multiply: int = 1, divide: int = 1, explain: Explain | None = None
) -> Probe:
    """A probe of one integer file: value x `multiply` / `divide` is in the channel's unit, rounded once.

    `explain` adds a remedy to the reason of a Missing.
    """

    def value() -> float | Missing:
        number = file.read_int()
        if isinstance(number, Missing):
            return explain(number) if explain else number
        return number * multiply / divide

    return Probe(channel, value, (file,))


def read_label(fs: HostFs, label: str, otherwise: str) -> str:
    """The text of a label file, or the other name where there is no label. '/' is kept for channel paths."""
    text = fs.read(label)
    return text.replace("/", "-") if isinstance(text, str) and text else otherwise


def hwmon_chips(fs: HostFs) -> Iterator[tuple[str, str]]:
    """(folder, chip name) of every hwmon chip, once each: by its class, or below its I2C driver where only that shows.

    Numbers change between boots, so a chip is known by its name alone.
    """
    seen: set[str] = set()
    for pattern in ("/sys/class/hwmon/hwmon*/name", "/sys/bus/i2c/drivers/*/*/hwmon/hwmon*/name"):
        for file in fs.glob(pattern):
            folder, name = folder_of(file), fs.read(file)
            real = fs.resolve(folder)
            if isinstance(name, str) and real not in seen:
                seen.add(real)
                yield folder, name


def folder_of(name: str) -> str:
    """The folder a file name lies in."""
    return name.rsplit("/", 1)[0]


def base_of(name: str) -> str:
    """The last part of a name."""
    return name.rsplit("/", 1)[1]


def _unique(probes: Iterable[Probe]) -> Iterable[Probe]:
    """Two zones of one type (acpitz, say) become 'acpitz' and 'acpitz#2'."""
    seen: dict[str, int] = {}
    for probe in probes:
        name = probe.channel.name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] == 1:
            yield probe
        else:
            channel = dataclasses.replace(probe.channel, name=f"{name}#{seen[name]}")
            yield dataclasses.replace(probe, channel=channel)


def import_optional(fs: HostFs, module: str, extra: str) -> Any | Missing:
    """The imported module; Missing on a recorded tree (the library would show this machine) or when not installed."""
    if not fs.live:
        return Missing("not part of a recorded tree")
    if importlib.util.find_spec(module) is None:
        return Missing(f"the library is not installed: pip install 'edgebench[{extra}]'")
    try:
        return importlib.import_module(module)
    except Exception as error:  # a broken library of another's must not stop a run
        return Missing(f"the library {module} does not load: {type(error).__name__}: {error}")
