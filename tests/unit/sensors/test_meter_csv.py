"""Traces of external meters: headings of several makers, trigger marks, clocks, and what is wrong with a bad file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import DataError
from harness.sensors.meter_csv import align, read_trace, window_energies


def trace_csv(path: Path, heading: str, scale: float = 1.0, step_s: float = 0.01) -> Path:
    """30 s of 2 W, with 5 W from 10 s to 20 s, where the trigger is high; a little noise in the last digit."""
    rows = [heading]
    for tick in range(round(30 / step_s)):
        busy = 10 <= tick * step_s < 20
        power = (5.0 if busy else 2.0) + (tick % 7 - 3) * 1e-4
        rows.append(f"{tick * step_s * 1000:.3f},{power * scale:.6f},{int(busy)}")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize(
    ("heading", "scale", "volts"),
    [
        ("time_ms,power_w,trigger", 1.0, None),
        ("Timestamp(ms),Power [mW],D0", 1e3, None),
        ("Timestamp(ms),Current(uA),D0-D7", 1e6 / 5, 5.0),
        ("t_ms,power_uw,GPIO", 1e6, None),
    ],
)
def test_energy_of_a_marked_window(tmp_path: Path, heading: str, scale: float, volts: float | None) -> None:
    trace = read_trace(trace_csv(tmp_path / "trace.csv", heading, scale), volts)

    ((gross, net),) = window_energies(trace)

    assert gross.valid
    assert gross.joules == pytest.approx(50.0, rel=0.002)
    assert net is not None
    assert net.joules == pytest.approx(30.0, rel=0.005)


def test_voltage_times_current(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("time_s,voltage_v,current_ma,trigger,remark\n0,5,100,0,7\n1,5,200,1,7\n2,5,100,0,7\n")

    trace = read_trace(path)

    assert list(trace.power_w) == pytest.approx([0.5, 1.0, 0.5])
    assert trace.windows == ((1_000_000_000, 2_000_000_000),)


def test_a_window_cut_off_by_the_end_is_none(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("time_s,power_w,trigger\n0,1,1\n1,1,0\n2,1,1\n3,1,1\n")

    assert read_trace(path).windows == ((0, 1_000_000_000),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("power_w,trigger\n1,0\n2,0\n", "no time column"),
        ("time_s,trigger\n1,0\n2,0\n", "no power column"),
        ("time_s,current_a\n1,0\n2,0\n", "no voltage column"),
        ("time_s,power_w\n1,0\n2,watt\n", "cannot be read as a trace"),
        ("time_s,power_w\n2,1\n1,1\n", "time falls"),
        ("time_s,power_w\n2,1\n", "1 samples"),
        ("", "no time column"),
    ],
)
def test_a_bad_file_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_trace(path)


@pytest.mark.parametrize(
    ("text", "trigger", "message"),
    [
        ("time_s,power_w,D0\n0,1,0\n1,1,1\n", "D1", "no column d1\n  --trigger takes one of: time_s, power_w, d0"),
        ("time_s,power_w,D0-D7\n0,1,00000000\n1,1,02000000\n", "D1", "'02000000'"),
        ("time_s,power_w,trigger\n0,1,0\n1,1,maybe\n", "", "could not convert"),
        ("time_s;power_w\n0;1.234,5\n1;1\n", "", "could not convert"),
        ("time_s,power_w,mark,gpio\n0,1,0,1\n1,1,1,0\n", "", "changes: mark, gpio"),
    ],
)
def test_a_trigger_or_number_that_is_none_is_named(tmp_path: Path, text: str, trigger: str, message: str) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text)

    with pytest.raises(DataError) as raised:
        read_trace(path, trigger=trigger)

    assert message in str(raised.value)


def test_a_column_of_any_name_can_be_the_trigger(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("time_s,power_w,GPIO 17,note\n0,1,0,a\n1,1,1,b\n2,1,0,c\n")

    trace = read_trace(path, trigger="GPIO 17")

    assert (trace.trigger, trace.windows) == ("gpio_17", ((1_000_000_000, 2_000_000_000),))


def test_a_mark_goes_before_digital_channels(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("time_s,power_w,D0,trigger\n0,1,0,0\n1,1,1,0\n2,1,0,1\n3,1,0,0\n")

    assert read_trace(path).windows == ((2_000_000_000, 3_000_000_000),)


def test_headings_in_windows_own_encoding_are_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_bytes("time_s;current_µa;voltage_v;trigger\n0;500000;5;0\n1;500000;5;0\n".encode("cp1252"))

    assert list(read_trace(path).power_w) == pytest.approx([2.5, 2.5])


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        read_trace(tmp_path / "nowhere.csv")


def test_two_clocks_are_one_straight_line() -> None:
    meter = np.array([1_000, 2_000_000_000, 5_000_000_000, 60_000_000_000])
    host = np.rint(7_000_000_000_000 + 1.00002 * meter).astype(np.int64)

    line = align(list(meter), list(host))

    assert line.rate == pytest.approx(1.00002, abs=1e-9)
    assert np.max(np.abs(line.to_host(meter) - host)) <= 1
    assert line.residual_ns < 1


def test_one_mark_gives_the_offset_alone() -> None:
    line = align([500], [10_500])

    assert list(line.to_host(np.array([0, 1_000]))) == [10_000, 11_000]


def test_marks_that_do_not_pair_are_an_error() -> None:
    with pytest.raises(DataError, match="saw 2 marks, the host set 1"):
        align([1, 2], [1])
