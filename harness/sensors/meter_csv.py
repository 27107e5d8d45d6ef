"""Traces of an external meter, saved as CSV by its own program: power over time, and a trigger that marks windows.

Any meter works that way: the board raises a pin while it infers (as with EEMBC EnergyRunner), the meter records the pin
beside the power, and every high stretch is one window. Columns are identified by their headings in any spelling: a time
(`time_s`, `Timestamp(ms)`, ...), a power (`power_w`, `Power [mW]`, ...) or a current with a voltage (`current_ua`,
`voltage_v`), a trigger (`trigger`, `gpio`, `mark`, else the one of `D0` to `D7` that changes; or any column by name).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError
from harness.stats.energy import Energy, integrate, net

from .energy import Window
from .meter_table import PACKED_CHANNELS, Column, normalised, read_columns

_TIME = {"time", "timestamp", "t"}
_MARKS = ("trigger", "mark", "gpio")
_CHANNELS = tuple(f"d{number}" for number in range(8))
_QUANTITIES = {*_TIME, "power", "current", "voltage"}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_SI = {"u": 1e-6, "m": 1e-3, "": 1.0}


@dataclass(frozen=True)
class MeterTrace:
    """A trace of an external meter.

    Attributes:
        t_ns: Times on the meter's own clock, shape (n,), int64.
        power_w: Power, shape (n,), float64.
        windows: Windows that the trigger marks.
        trigger: Normalised heading of the trigger, '' without one.
    """

    t_ns: NDArray[np.int64]
    power_w: Column
    windows: tuple[Window, ...]
    trigger: str = ""


@dataclass(frozen=True)
class Alignment:
    """The line from the meter's clock to the host's: host = offset_ns + rate x meter.

    Attributes:
        offset_ns: Offset.
        rate: Rate.
        residual_ns: Largest distance of a mark from the line.
    """

    offset_ns: float
    rate: float
    residual_ns: float

    def to_host(self, t_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return times of the meter on the host's monotonic clock."""
        return np.rint(self.offset_ns + self.rate * t_ns.astype(np.float64)).astype(np.int64)


def read_trace(path: Path, volts: float | None = None, trigger: str = "") -> MeterTrace:
    """Read the trace in a CSV file.

    Args:
        path: The file.
        volts: Supply voltage, for a file with a current but no voltage.
        trigger: Heading of the column that marks windows, 'D0' to 'D7' for a digital channel; '' for the column with a
            usual heading.

    Raises:
        DataError: A column is missing, more than one channel may be the trigger, the time falls, or the file is no
            table of numbers.
    """
    wanted = normalised(trigger)
    columns = read_columns(path, lambda name: _is_known(name) or name == wanted, {*_MARKS, *_CHANNELS, wanted})
    t_ns = np.rint(_time_s(path, columns) * 1e9).astype(np.int64)
    if t_ns.size < 2:
        raise DataError(f"{path} holds {t_ns.size} samples", "export the whole trace")
    if np.any(np.diff(t_ns) < 0):
        raise DataError(f"{path}: time falls", "sort the rows by time")
    power_w = _power_w(path, columns, volts)
    name, levels = _trigger(path, columns, wanted)
    return MeterTrace(t_ns, power_w, tuple(_high_windows(t_ns, levels)), name)


def _is_known(name: str) -> bool:
    return name in {PACKED_CHANNELS, *_MARKS, *_CHANNELS} or name.split("_", maxsplit=1)[0] in _QUANTITIES


def window_energies(trace: MeterTrace) -> list[tuple[Energy, Energy | None]]:
    """Return gross and net energy of every window; net is None where the trace has no valid idle time at its ends."""
    gross = [integrate(trace.t_ns, trace.power_w, *window) for window in trace.windows]
    idle = [integrate(trace.t_ns, trace.power_w, *window) for window in _idle_windows(trace)]
    valid = [energy for energy in idle if energy.valid]
    return [(energy, net(energy, valid) if valid else None) for energy in gross]


def align(meter_ns: Sequence[int], host_ns: Sequence[int]) -> Alignment:
    """Return the straight line between two clocks.

    Args:
        meter_ns: Times of marks on the meter's clock.
        host_ns: Times of the same marks on the host's clock. One mark gives the offset alone.

    Raises:
        DataError: The numbers of marks differ, or there are none.
    """
    if len(meter_ns) != len(host_ns) or not meter_ns:
        raise DataError(
            f"the meter saw {len(meter_ns)} marks, the host set {len(host_ns)}", "cut the trace to the run's marks"
        )
    meter, host = np.array(meter_ns, dtype=np.float64), np.array(host_ns, dtype=np.float64)
    x, y = meter - meter[0], host - host[0]  # differences first: clocks of days do not fit a float's precision
    rate = float(np.polyfit(x, y, 1)[0]) if len(meter_ns) > 1 else 1.0
    offset = float(np.mean(y - rate * x))
    residual = float(np.max(np.abs(y - rate * x - offset)))
    return Alignment(float(host[0] + offset - rate * meter[0]), rate, residual)


def _trigger(path: Path, columns: Mapping[str, Column], wanted: str) -> tuple[str, Column]:
    """Return name and levels of the trigger, ('', zeros) where the file has none."""
    if wanted:
        if wanted not in columns:
            raise DataError(f"{path} has no column {wanted}", f"--trigger takes one of: {', '.join(columns)}")
        return wanted, columns[wanted]
    for names in (_MARKS, _CHANNELS):
        present = [name for name in columns if name in names]
        moving = [name for name in present if np.any(columns[name] != 0) and np.any(columns[name] == 0)]
        if len(moving) > 1:
            channels = ", ".join(name.upper() if name in _CHANNELS else name for name in moving)
            raise DataError(
                f"{path}: more than one channel changes: {channels}", "choose the one that marks: --trigger NAME"
            )
        if chosen := next(iter(moving or present), ""):
            return chosen, columns[chosen]
    return "", np.zeros(len(next(iter(columns.values()))))


def _time_s(path: Path, columns: Mapping[str, Column]) -> Column:
    for name, values in columns.items():
        stem, _, unit = name.rpartition("_")
        if stem in _TIME and unit in _SECONDS:
            return values * _SECONDS[unit]
    raise DataError(f"{path} has no time column", f"name one time_s, time_ms or time_us; found: {', '.join(columns)}")


def _power_w(path: Path, columns: Mapping[str, Column], volts: float | None) -> Column:
    quantities = (("power", "w"), ("current", "a"), ("voltage", "v"))
    power, current, voltage = (_in_si(columns, quantity, unit) for quantity, unit in quantities)
    if power is not None:
        return power
    if current is not None and voltage is not None:
        return current * voltage
    if current is not None and volts is not None:
        return current * volts
    missing = "voltage" if current is not None else "power"
    raise DataError(f"{path} has no {missing} column", "name one power_w, or voltage_v and current_a; or give --volts")


def _in_si(columns: Mapping[str, Column], quantity: str, unit: str) -> Column | None:
    for prefix, factor in _SI.items():
        if f"{quantity}_{prefix}{unit}" in columns:
            return columns[f"{quantity}_{prefix}{unit}"] * factor
    return None


def _high_windows(t_ns: NDArray[np.int64], trigger: Column) -> Iterator[Window]:
    """Yield the windows in which the trigger is not 0, from the first high sample to the first low one after it.

    A window that the end of the trace cuts off is left out.
    """
    edges = np.diff((trigger != 0).astype(np.int8), prepend=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    yield from ((int(t_ns[start]), int(t_ns[end])) for start, end in zip(starts, ends, strict=False))


def _idle_windows(trace: MeterTrace) -> list[Window]:
    """Return the time before the first window and after the last."""
    if not trace.windows:
        return []
    spans = [(int(trace.t_ns[0]), trace.windows[0][0]), (trace.windows[-1][1], int(trace.t_ns[-1]))]
    return [span for span in spans if span[1] > span[0]]
