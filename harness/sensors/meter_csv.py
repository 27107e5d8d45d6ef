"""Traces of an external meter, saved as CSV by its own program: power over time, and a trigger that marks windows.

Any meter works that way: the board raises a pin while it infers (as with EEMBC EnergyRunner), the meter records the pin
beside the power, and every high stretch is one window. Columns are identified by their headings in any spelling: a time
(`time_s`, `Timestamp(ms)`, ...), a power (`power_w`, `Power [mW]`, ...) or a current with a voltage (`current_ua`,
`voltage_v`), a trigger (`trigger`, `D0`, `D0-D7`, `gpio`, `mark`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import DataError
from harness.stats.energy import Energy, integrate, net

from .energy import Window

_TIME = {"time", "timestamp", "t"}
_TRIGGER = {"trigger", "mark", "gpio", "d0", "d0_d7"}
_QUANTITIES = {*_TIME, "power", "current", "voltage"}
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_SI = {"u": 1e-6, "m": 1e-3, "": 1.0}
Column = NDArray[np.float64]


@dataclass(frozen=True)
class MeterTrace:
    """A trace of an external meter.

    Attributes:
        t_ns: Times on the meter's own clock, shape (n,), int64.
        power_w: Power, shape (n,), float64.
        windows: Windows that the trigger marks.
    """

    t_ns: NDArray[np.int64]
    power_w: Column
    windows: tuple[Window, ...]


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


def read_trace(path: Path, volts: float | None = None) -> MeterTrace:
    """Read the trace in a CSV file.

    Args:
        path: The file.
        volts: Supply voltage, for a file with a current but no voltage.

    Raises:
        DataError: A column is missing, the time falls, or the file is no table of numbers.
    """
    columns = _columns(path)
    t_ns = np.rint(_time_s(path, columns) * 1e9).astype(np.int64)
    if t_ns.size < 2:
        raise DataError(f"{path} holds {t_ns.size} samples", "export the whole trace")
    if np.any(np.diff(t_ns) < 0):
        raise DataError(f"{path}: time falls", "sort the rows by time")
    trigger = next((columns[name] for name in columns if name in _TRIGGER), np.zeros(t_ns.size))
    return MeterTrace(t_ns, _power_w(path, columns, volts), tuple(_high_windows(t_ns, trigger)))


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


def _columns(path: Path) -> dict[str, Column]:
    """Return the columns of known quantities by normalised heading; a meter may write other columns beside them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = [_normalised(heading) for heading in next(csv.reader(file), [])]
            indices = [
                index for index, name in enumerate(names) if name in _TRIGGER or name.split("_")[0] in _QUANTITIES
            ]
            rows = np.loadtxt(file, delimiter=",", usecols=indices, ndmin=2) if indices else np.zeros((0, 0))
    except (OSError, ValueError, csv.Error) as error:
        remedy = "export the trace as comma-separated numbers under one heading line"
        raise DataError(f"{path} cannot be read as a trace: {error}", remedy) from error
    return {names[index]: rows[:, column] for column, index in enumerate(indices)}


def _normalised(heading: str) -> str:
    """Return 'timestamp_ms' for 'Timestamp(ms)', 'power_mw' for 'Power [mW]', 'd0_d7' for 'D0-D7'."""
    return re.sub(r"[^a-z0-9]+", "_", heading.lower().replace("µ", "u").replace("μ", "u")).strip("_")


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
