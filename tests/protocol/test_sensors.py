"""The promises of docs/sensors.md, one test each: made-up traces, boards' files, energy passes on scripted clocks."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import targets
from harness.cli import main
from harness.core import plugins
from harness.core.errors import DataError
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing, Quantity, Value
from harness.core.scenario import Load
from harness.core.sensing import Channel, Reading
from harness.core.target import PowerTotal
from harness.core.verdict import Verdict
from harness.host.checks import virtualization
from harness.host.checks.devices import inspect_sensor_access
from harness.host.checks.power import inspect_under_voltage
from harness.host.checks.thermal import inspect_throttled
from harness.host.recording import JOURNAL
from harness.host.replay import ReplayFs
from harness.measure.metrics import latency_metrics
from harness.measure.passes.energy import EnergyPass, EnergyResult
from harness.measure.passes.worker_process import WorkerFailure
from harness.measure.presets import PROFILES, profile
from harness.measure.protocol import Job
from harness.measure.verdicts import verdict
from harness.measure.worker.loop import Samples
from harness.runs.session import machine_verdict
from harness.sensors import open_sensors, read_all
from harness.sensors.board_power import BoardPower, PowerSource, board_power, power_source
from harness.sensors.drivers.joulescope import Joulescope
from harness.sensors.energy import EnergyMetrics, Window, case_energy
from harness.sensors.meter_csv import align, read_trace, window_energies
from harness.sensors.registry import overview
from harness.sensors.sampler import Sampler, Series, Traces
from harness.stats.energy import from_counter, integrate
from tests import trees
from tests.fakes.powered import Board, Meter
from tests.fakes.scripted import MS, SECOND, Blobs, answer, started

STANDARD, QUICK = profile("standard"), profile("quick")
Z = 1.959964

RAPL = Channel("meter/package", "J", "package", "counter", MS)
PMIC = Channel("meter/rails", "W", "board", "instant", 200 * MS)
INA = Channel("meter/input", "W", "module", "mean", 430 * MS, samples=512)
WRAPPING = dataclasses.replace(RAPL, wrap=60.0)  # every 12 s at 5 W


def value(quantity: Quantity) -> Value:
    assert isinstance(quantity, Value), quantity
    return quantity


def number(quantity: Quantity) -> float:
    return value(quantity).value


def half(quantity: Quantity) -> float:
    """Half the width of the interval."""
    found = value(quantity)
    assert found.lo is not None
    assert found.hi is not None
    assert found.hi - found.value == pytest.approx(found.value - found.lo, rel=1e-6)
    return (found.hi - found.lo) / 2


def reason(quantity: Quantity) -> str:
    assert isinstance(quantity, Missing), quantity
    return quantity.reason


# --- channels

BOARDS = {name: tree for name, tree in trees.STATIC.items() if name not in ("virtual-machine",)}


@pytest.mark.parametrize("board", BOARDS)
def test_every_channel_tells_its_unit_scope_and_update_period(tmp_path: Path, board: str) -> None:
    sensors = open_sensors(HostFs(trees.write(tmp_path, BOARDS[board]())))
    channels = [channel for sensor in sensors for channel in sensor.channels]
    assert channels
    assert len({channel.name for channel in channels}) == len(channels)
    periods = {"pmic": 200 * MS, "powercap": MS, "ina3221": 430 * MS}
    for channel in channels:
        sensor = channel.name.split("/")[0]
        assert channel.period_ns == periods.get(sensor, channel.period_ns) > 0
        assert (channel.scope == "none") is (channel.unit not in ("W", "J"))
        assert (channel.kind == "counter") is (channel.unit == "J") or channel.unit == "1"
        assert (channel.kind == "mean") is (sensor in ("ina3221", "ina2xx", "ina3221x")) or channel.unit != "W"


FILES = {
    "thermal": f"{trees.THERMAL}/thermal_zone0/temp",
    "cpufreq": f"{trees.CPU}/cpufreq/policy0/scaling_cur_freq",
    "ina3221": "sys/devices/platform/bus@0/c240000.i2c/i2c-1/1-0040/hwmon/hwmon9/curr1_input",
    "powercap": "sys/devices/virtual/powercap/intel-rapl/intel-rapl:0/energy_uj",
    "pmic": "cmd/vcgencmd/pmic_read_adc",
}
WHY: dict[str, int | bytes | None] = {
    "absent": None,
    "denied": errno.EACCES,
    "unavailable": errno.EAGAIN,
    "not a number": b"12x4\n",
}


def failing(number: int) -> Any:
    """A system call that fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("sensor_name", FILES)
@pytest.mark.parametrize("why", WHY)
def test_a_reading_is_a_number_or_a_reason_and_never_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sensor_name: str, why: str
) -> None:
    tree = {**trees.raspberry_pi_5(), **trees.ina3221(9, "0040", {"VDD_IN": (5000, 1000)}), **trees.intel_laptop()}
    root = trees.write(tmp_path, tree)
    (sensor,) = open_sensors(HostFs(root), [sensor_name])
    whole = {each.channel: each.value for each in sensor.read()}
    assert not any(isinstance(each, Missing) for each in whole.values())
    file, how = root / FILES[sensor_name], WHY[why]
    if isinstance(how, bytes):
        file.write_bytes(how)
    elif how is None:
        file.unlink()
        sensor.close()  # what is open stays readable
    elif how == errno.EACCES:
        sensor.close()
        monkeypatch.setattr(os, "open", failing(how))
    else:  # a gated file opens, and every read of it fails
        monkeypatch.setattr(os, "pread", failing(how))
        monkeypatch.setattr(os, "read", failing(how))

    broken = {each.channel: each.value for each in sensor.read() if each.value != whole[each.channel]}

    assert broken
    for each in broken.values():
        assert isinstance(each, Missing)
        assert each.reason.startswith("unavailable" if (sensor_name, why) == ("pmic", "not a number") else why)


@pytest.mark.parametrize("hwmon", [1, 7])
@pytest.mark.parametrize("zone", [0, 5])
def test_chips_and_zones_are_found_by_name(tmp_path: Path, hwmon: int, zone: int) -> None:
    tree = {
        **trees.ina3221(hwmon, "0040", {"VDD_IN": (4984, 1856)}),
        **trees.below(f"{trees.THERMAL}/thermal_zone{zone}", {"type": "cpu-thermal", "temp": 49312}),
        **trees.below(f"{trees.THERMAL}/thermal_zone{zone + 1}", {"type": "gpu-thermal", "temp": 50187}),
    }
    now = read_all(open_sensors(HostFs(trees.write(tmp_path, tree)), ["ina3221", "thermal"]))
    assert {name: reading.value for name, reading in now.items()} == {
        "ina3221/1-0040/VDD_IN": pytest.approx(4.984 * 1.856),
        "thermal/cpu-thermal": 49.312,
        "thermal/gpu-thermal": 50.187,
    }


def test_a_denied_rapl_counter_says_how_to_grant_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = trees.write(tmp_path, trees.intel_laptop())
    real = os.open

    def refuse(path: Any, *rest: Any, **named: Any) -> int:
        if str(path).endswith("energy_uj"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *rest, **named)

    monkeypatch.setattr(os, "open", refuse)
    found = read_all(open_sensors(HostFs(root), ["powercap"]))["powercap/package-0"].value
    assert isinstance(found, Missing)
    assert found.reason.startswith("denied")
    page = (Path(__file__).parents[2] / "docs/sensors.md").read_text(encoding="utf-8")
    for grant in ("sudo chmod a+r /sys/class/powercap/*/energy_uj", "z /sys/class/powercap/*/energy_uj 0444 - - -"):
        assert grant in found.reason
        assert grant in page


def test_rapl_hidden_by_a_container_says_how_to_show_it(tmp_path: Path) -> None:
    zones = ("intel-rapl", "intel-rapl:0", "intel-rapl:0:0")
    links: trees.Tree = {f"{trees.RAPL}/{zone}": trees.Link(f"../../devices/virtual/powercap/{zone}") for zone in zones}
    fs = HostFs(trees.write(tmp_path, {**links, "sys/devices/virtual/powercap/.keep": ""}))

    (sensor,) = open_sensors(fs, ["powercap"])
    for text in (sensor.absent, inspect_sensor_access(fs).remedy):
        assert "--security-opt systempaths=unconfined" in text
        assert "-v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro" in text
    assert "this container hides /sys/devices/virtual/powercap" in sensor.absent


@pytest.mark.parametrize(
    "words", ["VCHI initialization failed", "Can't open device file: /dev/vcio_gencmd", 'error=1 error_msg="unknown"']
)
def test_the_words_of_a_firmware_that_refuses_are_shown(tmp_path: Path, words: str) -> None:
    answers: trees.Tree = {f"cmd/vcgencmd/{command}": words for command in ("get_throttled", "pmic_read_adc")}
    fs = HostFs(trees.write(tmp_path, answers))

    absent = {sensor.name: sensor.absent for sensor in open_sensors(fs, ["pi-throttled", "pmic"])}
    for text in (*absent.values(), inspect_throttled(fs).found, inspect_under_voltage(fs).found):
        assert f"says '{words}'" in text


# --- the board's power


def total(root: Path, target: str) -> tuple[list[str], BoardPower | Missing]:
    """The channels of the target's rule on a board's files, and the power by it."""
    sensors = open_sensors(HostFs(root))
    source = power_source(targets.load(target).power, sensors)
    if isinstance(source, Missing):
        return [], source
    now = read_all(sensors)
    return [channel.name for channel in source.channels], board_power(source, now, now)


def totals(tmp_path: Path, tree: Mapping[str, trees.Content], target: str) -> tuple[list[str], tuple[Any, str]]:
    """Channels; watts and scope."""
    channels, power = total(trees.write(tmp_path / "board", tree), target)
    assert isinstance(power, BoardPower)
    assert power.estimate == ""
    return channels, (power.power_w, power.scope)


def test_a_total_needs_every_channel_of_its_rule(tmp_path: Path) -> None:
    root = trees.write(tmp_path / "xavier", trees.jetson_agx_xavier())
    (root / trees.HWMON / "hwmon1/curr2_input").write_text("\n")
    _, unread = total(root, "jetson-agx-xavier")
    assert isinstance(unread, Missing)
    assert "not a number" in unread.reason

    rails = {"GPU": (19000, 100), "CPU": (19000, 200), "SOC": (19000, 300)}
    tree = {**trees.ina3221(0, "0040", rails), **trees.ina3221(1, "0041", {"CV": (1, 1), "VDDRQ": (1, 1)})}
    _, absent = total(trees.write(tmp_path / "five", tree), "jetson-agx-xavier")
    assert isinstance(absent, Missing)
    assert "no channel" in absent.reason

    _, none = total(trees.write(tmp_path / "none", trees.virtual_machine()), "x86-64")
    assert isinstance(none, Missing)
    assert "no zone in /sys/class/powercap" in none.reason


@pytest.mark.parametrize("labels", [True, False])
def test_total_of_jetson_nano(tmp_path: Path, labels: bool) -> None:
    channels, found = totals(tmp_path, trees.jetson_nano(labels=labels), "jetson-nano")
    assert (len(channels), found) == (1, (pytest.approx(2.371), "module"))


VDD_IN = {"VDD_IN": (4984, 1856), "VDD_CPU_GPU_CV": (4984, 408), "VDD_SOC": (4984, 544)}


@pytest.mark.parametrize(
    ("target", "place"),
    [("jetson-tx2", "0041"), ("jetson-xavier-nx", "0040"), ("jetson-orin-nano", "0040"), ("jetson-orin-nx", "0040")],
)
@pytest.mark.parametrize("labels", [True, False])
def test_total_of_the_jetsons_with_vdd_in(tmp_path: Path, target: str, place: str, labels: bool) -> None:
    channels, found = totals(tmp_path, trees.ina3221(3, place, VDD_IN, labels=labels), target)
    assert channels == [f"ina3221/1-{place}/{'VDD_IN' if labels else 'in1'}"]
    assert found == (pytest.approx(4.984 * 1.856), "module")


def test_total_of_jetson_agx_xavier(tmp_path: Path) -> None:
    channels, found = totals(tmp_path, trees.jetson_agx_xavier(), "jetson-agx-xavier")
    assert sorted(name.rsplit("/", 1)[1] for name in channels) == ["CPU", "CV", "GPU", "SOC", "SYS5V", "VDDRQ"]
    assert found == (pytest.approx(19 * (0.1 + 0.2 + 0.3 + 0.01 + 0.02) + 5 * 0.5), "module")


def test_total_of_jetson_agx_orin(tmp_path: Path) -> None:
    channels, found = totals(tmp_path, trees.jetson_agx_orin(), "jetson-agx-orin")
    assert len(channels) == 3
    assert all("/1-0040/" in name for name in channels)
    assert found == (pytest.approx(19.04 * 0.25 + 19.04 * 0.05 + 5.0 * 0.9), "module")


def test_total_of_jetson_thor(tmp_path: Path) -> None:
    channels, found = totals(tmp_path, trees.jetson_thor(), "jetson-thor")
    assert [name.rsplit("/", 1)[1] for name in channels] == ["VIN"]
    assert found == (38.5, "board")


def test_total_of_raspberry_pi_5(tmp_path: Path) -> None:
    channels, power = total(trees.write(tmp_path, trees.raspberry_pi_5()), "raspberry-pi-5")
    assert isinstance(power, BoardPower)
    now = read_all(open_sensors(HostFs(tmp_path), ["pmic"]))
    rails = [number(Value(now[name].value)) for name in channels]  # type: ignore[arg-type]
    assert len(channels) == 12
    assert "pmic/EXT5V" in now  # volts without amperes: what hangs on 5 V
    assert "pmic/EXT5V" not in channels
    assert power.sum_w == pytest.approx(sum(rails))
    assert power.power_w == pytest.approx(1.1451 * sum(rails) + 0.5879)
    assert power.estimate
    assert power.scope == "board"
    seen = overview(open_sensors(HostFs(tmp_path), ["pmic"]), targets.load("raspberry-pi-5").power)
    assert isinstance(seen.power, BoardPower)
    assert (seen.power.power_w, seen.power.sum_w) == (power.power_w, power.sum_w)


@pytest.mark.parametrize("dram", [False, True])
@pytest.mark.parametrize("target", ["x86-64", "intel-n100"])
def test_total_of_intel_and_amd(tmp_path: Path, dram: bool, target: str) -> None:
    root = trees.write(tmp_path, trees.intel_laptop(dram=dram))
    sensors = open_sensors(HostFs(root), ["powercap"])
    source = power_source(targets.load(target).power, sensors)
    assert isinstance(source, PowerSource)
    names = [channel.name for channel in source.channels]
    assert names == ["powercap/package-0", *(["powercap/package-0/dram"] if dram else [])]
    assert source.scope == "package"
    before = {name: Reading(name, 0, joules) for name, joules in zip(names, (262_140.0, 7.0), strict=False)}
    now = {name: Reading(name, 2 * SECOND, joules) for name, joules in zip(names, (26.67115, 9.0), strict=False)}
    power = board_power(source, now, before)
    assert isinstance(power, BoardPower)
    assert power.power_w == pytest.approx((30.0 + 2.0 * dram) / 2)  # the package wrapped at 262143.328850 J


@pytest.mark.parametrize(
    "target",
    ["raspberry-pi-3b-plus", "raspberry-pi-4b", "raspberry-pi-zero-2-w", "coral-dev-board", "coral-dev-board-mini"],
)
def test_boards_without_a_sensor_have_no_total(tmp_path: Path, target: str) -> None:
    # even where something on the board tells watts: a HAT, say
    _, power = total(trees.write(tmp_path, trees.ina3221(2, "0040", VDD_IN)), target)
    assert isinstance(power, Missing)
    assert "attach an external meter" in power.reason
    state = started("SingleStream", Load())
    (found,) = EnergyPass((), power).measure([state], QUICK, Blobs(), Path("scratch")).values()
    assert found.metrics == {"energy_gross_j": power, "energy_net_j": power}


@pytest.mark.parametrize("scope", ["board", "module", "package"])
def test_the_scope_is_recorded(scope: Any) -> None:
    rail = dataclasses.replace(steady(), channel=Channel("a", "W", scope))
    source = PowerSource(PowerTotal(scope, ("a",)), (rail.channel,))
    assert case_energy(traces(rail), source, MEASURED, 10, IDLE).details["scope"] == scope
    (kept,) = kept_traces(rail)
    assert kept.scope == scope


# --- made-up traces

BEFORE, MEASURED, AFTER = (1 * SECOND, 9 * SECOND), (10 * SECOND, 30 * SECOND), (31 * SECOND, 41 * SECOND)
IDLE: tuple[Window, Window] = (BEFORE, AFTER)
STEP = SECOND // 10
AXIS = np.arange(0, 42 * SECOND + 1, STEP, dtype=np.int64)


def watts(power: Any, t_ns: NDArray[np.int64] = AXIS, **channel: Any) -> Series:
    """A channel in watts, read at these times."""
    made = Channel(**{"name": "a", "unit": "W", "scope": "board", "period_ns": STEP, **channel})
    return Series(made, t_ns, np.broadcast_to(np.asarray(power, float), t_ns.shape).copy(), made.period_ns)


def wander(t_ns: NDArray[np.int64] = AXIS) -> NDArray[np.float64]:
    """Some milliwatts of mean 0: no real reading stands still."""
    return 0.004 * np.sin(2 * np.pi * 3 * t_ns / SECOND + 0.1)


def steady(idle: float = 2.0, busy: float = 5.0, after: float | None = None, **channel: Any) -> Series:
    """Idle, busy within the measured window, idle again."""
    level = np.where(MEASURED[0] > AXIS, idle, np.where(MEASURED[1] > AXIS, busy, idle if after is None else after))
    return watts(level + wander(), **channel)


def joules(power_w: Any, first: float = 0.0, wrap: float | None = None, name: str = "c", **channel: Any) -> Series:
    """A counter at these watts from reading to reading."""
    rises = np.broadcast_to(np.asarray(power_w, float), (AXIS.size - 1,)) * STEP / SECOND
    total_j = first + np.concatenate(([0.0], np.cumsum(rises)))
    made = Channel(**{"name": name, "unit": "J", "kind": "counter", "period_ns": MS, "wrap": wrap, **channel})
    return Series(made, AXIS, np.round(total_j if wrap is None else np.mod(total_j, wrap), 6), STEP)


def traces(*series: Series) -> Traces:
    return Traces({each.channel.name: each for each in series}, 0, 40 * SECOND)


def energy(*series: Series, n: int = 1000, window: Window = MEASURED, idle: Any = IDLE, **rule: Any) -> EnergyMetrics:
    """What the power rule makes of these channels."""
    channels = tuple(each.channel for each in series)
    source = PowerSource(PowerTotal("board", tuple(each.name for each in channels), **rule), channels)
    return case_energy(traces(*series), source, window, n, idle)


def passed(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, length: str = "standard", cases: int = 1, **power: float
) -> tuple[Board, list[EnergyResult]]:
    """An energy pass on a board with this meter; idle, load, warm-up and loop draw what `power` says."""
    board = Board(**power)
    states = [started("SingleStream", Load(), batch=1 + place) for place in range(cases)]
    found = board.measure(monkeypatch, states, PROFILES[length], [Meter(board, channel)])
    assert list(found) == [state.prepared.case for state in states]
    return board, list(found.values())


METERS = pytest.mark.parametrize("channel", [RAPL, WRAPPING, PMIC, INA], ids=["rapl", "wrapping", "pmic", "ina3221"])


# --- energy: the pass


@METERS
def test_idle_cases_idle_in_one_sampling(monkeypatch: pytest.MonkeyPatch, channel: Channel) -> None:
    board, found = passed(monkeypatch, channel, cases=2)
    assert board.happened == ["sampling", "idle", "case 1", "case 2", "idle", "sampled"]
    assert len(board.sampled) == 1
    phases = [each.details["phases_ns"] for each in found]
    assert phases[0]["idle before"] == phases[1]["idle before"] == (5 * SECOND, 15 * SECOND)
    assert phases[0]["idle after"] == phases[1]["idle after"] == (39 * SECOND, 49 * SECOND)
    assert [each["load"] for each in phases] == [(15 * SECOND, 16 * SECOND), (27 * SECOND, 28 * SECOND)]
    assert [each["measure"] for each in phases] == [(17 * SECOND, 27 * SECOND), (29 * SECOND, 39 * SECOND)]
    assert [each.details["window_ns"] for each in found] == [each["measure"] for each in phases]
    assert found[0].details["idle_windows_ns"] == (phases[0]["idle before"], phases[0]["idle after"])
    (kept,) = board.blobs.kept
    assert kept["t_ns"][0] == 5 * SECOND
    assert kept["t_ns"][-1] == 49 * SECOND


@pytest.mark.parametrize(("period_ms", "every_ms"), [(1, 100), (100, 100), (200, 200), (430, 430), (1000, 1000)])
def test_a_sensor_is_read_at_its_own_period_at_most_ten_times_a_second(
    monkeypatch: pytest.MonkeyPatch, period_ms: int, every_ms: int
) -> None:
    board, _ = passed(monkeypatch, dataclasses.replace(PMIC, period_ns=period_ms * MS), length="full")
    (kept,) = board.blobs.kept
    steps = np.diff(kept["t_ns"])
    assert set(steps[:-1].tolist()) == {every_ms * MS}  # one last reading ends the trace
    assert 0 < steps[-1] <= every_ms * MS


@pytest.mark.parametrize(("cores", "apart"), [({0}, True), ({0, 1}, False)])
def test_on_a_single_core_a_forked_process_samples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: set[int], apart: bool
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: cores)
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.raspberry_pi_5())), ["thermal"])
    seen = Sampler(sensors).start().stop()
    assert seen.separate_process is apart
    assert set(seen.series["thermal/cpu-thermal"].value) == {48.85}
    source = PowerSource(PowerTotal("board", ("a",)), (steady().channel,))
    told = case_energy(dataclasses.replace(traces(steady()), separate_process=apart), source, MEASURED, 1, IDLE)
    assert told.details["sampler"] == ("process" if apart else "thread")


def test_the_job_is_that_of_a_latency_process(monkeypatch: pytest.MonkeyPatch) -> None:
    board, _ = passed(monkeypatch, RAPL)
    (job,) = board.jobs
    loop = dataclasses.replace(STANDARD.loop, min_ns=10 * SECOND)
    asked = started("SingleStream", Load()).prepared
    assert job == asked.job("latency", Path(job.out), 0, loop)


def test_a_channel_too_costly_for_the_window_is_not_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    meter = Meter(board, dataclasses.replace(PMIC, in_window=False))
    state = started("SingleStream", Load())
    (found,) = board.measure(monkeypatch, [state], STANDARD, [meter]).values()
    assert meter.reads == 0
    for quantity in found.metrics.values():
        assert reason(quantity) == "meter/rails was not sampled: it cannot be read within a measured window"


# --- energy: gross and net


@METERS
@pytest.mark.parametrize("busy", [5.0, 12.5])
def test_gross_is_the_integral_over_the_loop_per_inference(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, busy: float
) -> None:
    _, (found,) = passed(monkeypatch, channel, measure=busy, after=3.0)
    gross = value(found.metrics["energy_gross_j"])
    assert gross.value == pytest.approx(busy * 0.010, rel=0.01)  # 10 ms an inference; the edges of the loop blur
    assert gross.n == 1000


def irregular(seed: int) -> Series:
    """A random walk read at uneven times, some of them on the windows' edges."""
    rng = np.random.default_rng(seed)
    t_ns = np.cumsum(rng.integers(STEP // 3, 2 * STEP, 700))
    t_ns = np.unique(np.concatenate((t_ns[t_ns < 42 * SECOND], [MEASURED[0], AFTER[1]])))
    return watts(5.0 + np.cumsum(rng.normal(0, 0.3, t_ns.size)), t_ns.astype(np.int64))


def by_hand(series: Series, window: Window) -> Any:
    """Joules of the straight lines between the readings, one after the other."""
    start, end = window
    at = [start, *(t for t in series.t_ns.tolist() if start < t < end), end]
    power = np.interp(at, series.t_ns, series.value)
    return sum((power[i] + power[i + 1]) / 2 * (at[i + 1] - at[i]) / 1e9 for i in range(len(at) - 1))


@pytest.mark.parametrize("seed", range(4))
def test_watts_are_integrated_by_the_trapezoidal_rule(seed: int) -> None:
    trace = irregular(seed)
    found = energy(trace, n=7)
    idle_w = np.mean([by_hand(trace, each) / ((each[1] - each[0]) / 1e9) for each in IDLE])
    assert number(found.gross) == pytest.approx(by_hand(trace, MEASURED) / 7, rel=1e-9)
    assert number(found.net) == pytest.approx((by_hand(trace, MEASURED) - idle_w * 20) / 7, rel=1e-9)


def test_counters_that_wrap_are_continued() -> None:
    wrap = 262_143.328850
    # the package wraps within the measured window, core twice and in the idle windows too
    package = joules(15.0, first=wrap - 300.0, wrap=wrap, name="package-0")
    core = joules(np.where(AXIS[1:] <= MEASURED[1], 9.0, 6.0), first=70.0, wrap=75.0, name="core")
    found = energy(package, core, n=100)
    assert number(found.gross) == pytest.approx((15.0 + 9.0) * 20 / 100, rel=1e-6)
    assert number(found.net) == pytest.approx((24.0 - (24.0 + 21.0) / 2) * 20 / 100, rel=1e-5)
    # between the edges, wherever they lie between two readings
    burst = joules(np.where((AXIS[1:] > MEASURED[0]) & (AXIS[1:] <= MEASURED[1]), 11.0, 1.0), first=60.0, wrap=75.0)
    inside = energy(burst, n=1, window=(12 * SECOND + 30 * MS, 28 * SECOND + 70 * MS), idle=())
    assert number(inside.gross) == pytest.approx(11.0 * 16.04, rel=1e-6)
    across = energy(burst, n=1, window=(10 * SECOND - 50 * MS, 30 * SECOND), idle=())
    assert number(across.gross) == pytest.approx(11.0 * 20 + 1.0 * 0.05, rel=1e-6)


def test_rails_are_summed_before_scale_and_offset() -> None:
    one, two = steady(1.0, 3.0), steady(0.5, 1.0, name="b")
    found = energy(one, two, n=1, scale=1.1451, offset_w=0.5879)
    assert number(found.gross) == pytest.approx((1.1451 * 4.0 + 0.5879) * 20, rel=0.005)
    assert number(found.net) == pytest.approx(1.1451 * 2.5 * 20, rel=0.005)  # the offset is in idle power too
    counted = energy(joules(3.0, name="x"), joules(1.0, name="y"), n=1, scale=2.0, offset_w=0.5)
    assert number(counted.gross) == pytest.approx((2.0 * 4.0 + 0.5) * 20, rel=1e-6)


@METERS
def test_net_takes_off_the_mean_idle_power_of_before_and_after_once(
    monkeypatch: pytest.MonkeyPatch, channel: Channel
) -> None:
    for before, after in ((2.0, 2.0), (2.0, 3.0), (1.0, 4.0)):
        _, (found,) = passed(monkeypatch, channel, before=before, after=after)
        gross, net = number(found.metrics["energy_gross_j"]), number(found.metrics["energy_net_j"])
        # the steps of power at the edges blur by half a reading
        assert net == pytest.approx((5.0 - (before + after) / 2) * 0.010, rel=0.04)
        assert gross - net == pytest.approx((before + after) / 2 * 0.010, rel=0.04)
        assert [each["power_w"] for each in found.details["idle"]] == pytest.approx([before, after], rel=0.08)
    # the mean of the two powers, however long each was watched
    level = np.where(AXIS[1:] <= 9 * SECOND, 2.0, np.where(AXIS[1:] <= MEASURED[1], 7.0, 4.0))
    exact = energy(joules(level), n=10)
    assert number(exact.gross) == pytest.approx(7.0 * 20 / 10, rel=1e-6)
    assert number(exact.net) == pytest.approx((7.0 - 3.0) * 20 / 10, rel=1e-6)


def test_net_may_be_negative() -> None:
    found = energy(steady(idle=5.0, busy=4.0), n=10)
    assert number(found.net) == pytest.approx(-1.0 * 20 / 10, rel=0.01)
    assert number(found.gross) > 0


# --- energy: windows


@pytest.mark.parametrize(("period_ns", "settle_ns"), [(100 * MS, 500 * MS), (200 * MS, 500 * MS), (430 * MS, 860 * MS)])
def test_the_lag_of_a_sensor_of_means_is_left_out(
    monkeypatch: pytest.MonkeyPatch, period_ns: int, settle_ns: int
) -> None:
    starts = [start for start, _ in (MEASURED, *IDLE)]
    lag = np.any([(start <= AXIS) & (start + settle_ns // STEP * STEP > AXIS) for start in starts], axis=0)
    level = np.where((MEASURED[0] <= AXIS) & (MEASURED[1] + STEP > AXIS), 5.0, 2.0) + wander()
    # what is read before the sensor has settled does not count, whatever it is
    kind: dict[str, Any] = {"kind": "mean", "period_ns": period_ns}
    first = -(-settle_ns // STEP) * STEP  # its first reading afterwards
    for extra in (0.0, 900.0):
        found = energy(watts(np.where(lag, level + extra, level), **kind))
        assert number(found.gross) == pytest.approx(5.0 * 20 / 1000, rel=0.002)
        assert found.details["window"]["duration_ns"] == 20 * SECOND
        assert found.details["idle"][0]["power_w"] == pytest.approx(2.0, rel=0.01)
    # what is read from then on does
    late = energy(watts(np.where(MEASURED[0] + first == AXIS, level + 900.0, level), **kind))
    assert number(late.gross) > 1.2 * 5.0 * 20 / 1000
    # a sensor of instants has no lag
    instant = energy(watts(np.where(MEASURED[0] + STEP == AXIS, level + 900.0, level)))
    assert number(instant.gross) == pytest.approx((5.0 * 20 + 900.0 * 0.1) / 1000, rel=0.01)

    channel = dataclasses.replace(INA, period_ns=period_ns)
    _, (passed_,) = passed(monkeypatch, channel, load=30.0, warm_up=30.0)
    assert number(passed_.metrics["energy_gross_j"]) == pytest.approx(0.050, rel=0.004)
    assert number(passed_.metrics["energy_net_j"]) == pytest.approx(0.030, rel=0.01)


@pytest.mark.parametrize(
    ("channel", "shortest_s"),
    [(RAPL, 1.4), (PMIC, 2.8), (INA, 6.88), (dataclasses.replace(INA, period_ns=2 * SECOND), 32.0)],
    ids=["rapl", "pmic", "ina3221", "slow"],
)
@pytest.mark.parametrize(("length", "least_s"), [("quick", 0.0), ("standard", 10.0), ("full", 30.0)])
def test_windows_of_the_profiles(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, shortest_s: float, length: str, least_s: float
) -> None:
    board, (found,) = passed(monkeypatch, channel, length)
    (job,) = board.jobs
    assert job.loop is not None
    assert job.loop.min_ns == round(max(shortest_s, least_s) * SECOND)
    assert isinstance(found.metrics["energy_net_j"], Value)  # the shortest window can be valid


@METERS
@pytest.mark.parametrize("length", ["quick", "full"])
def test_idle_windows_are_as_long_as_those_of_the_cases(
    monkeypatch: pytest.MonkeyPatch, channel: Channel, length: str
) -> None:
    board, (found,) = passed(monkeypatch, channel, length)
    assert board.jobs[0].loop is not None
    for start, end in found.details["idle_windows_ns"]:
        assert end - start == board.jobs[0].loop.min_ns


# --- energy: no figure


def at(times_ns: Sequence[int]) -> Series:
    """Readings at these times alone, no two alike."""
    t_ns = np.array(sorted(set(times_ns)), np.int64)
    return watts(5.0 + 0.001 * np.sin(np.arange(t_ns.size)), t_ns)


@pytest.mark.parametrize("pause_ns", [250 * MS, 251 * MS])
@pytest.mark.parametrize("where", ["within", "to the end", "from the start", "elsewhere"])
def test_no_figure_over_a_pause_of_more_than_2_5_periods(pause_ns: int, where: str) -> None:
    start, end = MEASURED
    if where == "within":
        times = [t for t in AXIS.tolist() if t <= 20 * SECOND] + [20 * SECOND + pause_ns + t for t in AXIS.tolist()]
    elif where == "to the end":
        times = [t for t in AXIS.tolist() if t < end - pause_ns] + [end - pause_ns]
    elif where == "from the start":
        times = [start + pause_ns] + [t for t in AXIS.tolist() if t > start + pause_ns]
    else:
        times = [t for t in AXIS.tolist() if not 5 * SECOND < t < 7 * SECOND]
    found = energy(at(times), idle=()).gross
    if pause_ns > 250 * MS and where != "elsewhere":
        assert reason(found).startswith("gap of 0.251 s in the readings, more than 2.5 periods of 0.1 s")
    else:
        assert number(found) == pytest.approx(5.0 * 20 / 1000, rel=0.001)


@pytest.mark.parametrize(("updates", "given"), [(9, False), (10, True)])
def test_no_figure_from_fewer_than_10_updates(updates: int, given: bool) -> None:
    window = (10 * SECOND, 10 * SECOND + (updates - 1) * STEP)
    found = energy(at(AXIS.tolist()), window=window, idle=()).gross
    assert isinstance(found, Value) is given
    if not given:
        assert "9 sensor updates in the window, at least 10 needed" in reason(found)
    # asked five times as often as it updates, it has not more to say
    often = np.arange(0, 42 * SECOND, STEP // 5, dtype=np.int64)
    slow = watts(5.0 + 0.001 * np.sin(np.arange(often.size)), often)
    assert isinstance(energy(slow, window=window, idle=()).gross, Value) is given


@pytest.mark.parametrize(("readings", "given"), [(1, False), (9, False), (10, True)])
def test_no_figure_from_a_sensor_that_stands_still(readings: int, given: bool) -> None:
    """However often it was asked, and whatever it said outside of the window."""
    place = np.clip((AXIS - MEASURED[0]) * readings // (MEASURED[1] - MEASURED[0] + 1), -1, readings)
    outside = (MEASURED[0] > AXIS) | (MEASURED[1] < AXIS)
    found = energy(watts(5.0 + 0.01 * (place % 2) + np.where(outside, wander(), 0.0)), idle=()).gross
    assert isinstance(found, Value) is given
    if not given:
        assert f"the sensor stood still: its reading changed {readings - 1} times" in reason(found)


@pytest.mark.parametrize(("moves", "given"), [(0, False), (9, False), (10, True), (200, True)])
def test_no_figure_from_a_counter_that_stands_still(moves: int, given: bool) -> None:
    inside = (AXIS[1:] > MEASURED[0]) & (AXIS[1:] <= MEASURED[1])
    place = np.cumsum(inside)
    moved = inside & (np.diff(place * moves // 200, prepend=0) > 0)
    found = energy(joules(np.where(inside, 50.0 * moved, 5.0)), idle=()).gross
    assert isinstance(found, Value) is given
    if moves == 0:
        assert reason(found) == "c: the counter stood still"
    elif not given:
        assert "the counter moved 9 times in the window, at least 10 needed" in reason(found)


@pytest.mark.parametrize("wrap", [262_143.328850, None])
def test_no_figure_from_a_counter_that_was_reset(wrap: float | None) -> None:
    whole = joules(5.0, first=1000.0, wrap=wrap)
    fallen = np.where(AXIS > 20 * SECOND, whole.value - 1100.0, whole.value)
    assert isinstance(energy(whole).net, Value)
    found = energy(dataclasses.replace(whole, value=fallen))
    for quantity in (found.gross, found.net):
        assert "the counter fell back by less than half its range: it was reset" in reason(quantity)


@pytest.mark.parametrize(("unseen_ns", "given"), [(200 * MS, True), (201 * MS, False)])
@pytest.mark.parametrize("where", ["start", "end", "both"])
def test_no_figure_where_a_counter_does_not_reach_the_edges(unseen_ns: int, given: bool, where: str) -> None:
    start, end = MEASURED
    first = start + {"start": unseen_ns, "end": 0, "both": unseen_ns // 2}[where]
    last = end - {"start": 0, "end": unseen_ns, "both": unseen_ns - unseen_ns // 2}[where]
    t_ns = np.unique(np.concatenate((AXIS[(first < AXIS) & (last > AXIS)], [first, last])))
    series = dataclasses.replace(joules(5.0), t_ns=t_ns, value=5.0 * t_ns / SECOND)
    found = energy(series, idle=()).gross
    if given:
        assert number(found) == pytest.approx(5.0 * 20 / 1000, rel=1e-6)
    else:
        assert "of the window lies outside the readings of the counter" in reason(found)


@pytest.mark.parametrize("channel", [RAPL, PMIC], ids=["rapl", "pmic"])
@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_reading_that_fails_leaves_a_pause(monkeypatch: pytest.MonkeyPatch, channel: Channel, lost: int) -> None:
    board = Board()
    middle = (22 - 5) * SECOND // max(channel.period_ns, 100 * MS)  # the reading in the middle of the loop
    rails = [
        Meter(board, dataclasses.replace(channel, name=name), 0.5, failing)
        for name, failing in (("meter/one", range(middle, middle + lost)), ("meter/two", ()))
    ]
    (found,) = board.measure(monkeypatch, [started("SingleStream", Load())], STANDARD, rails).values()
    for name, watts_ in (("energy_gross_j", 5.0), ("energy_net_j", 3.0)):
        quantity = found.metrics[name]
        if channel is PMIC and lost == 2:  # 0.6 s are three periods
            assert reason(quantity).startswith("gap of 0.6 s in the readings")
        else:
            assert number(quantity) == pytest.approx(watts_ * 0.010, rel=0.03)

    board = Board()
    dead = Meter(board, channel, failing=range(10_000))
    (found,) = board.measure(monkeypatch, [started("SingleStream", Load())], STANDARD, [dead]).values()
    for quantity in found.metrics.values():
        assert reason(quantity) == "the power could not be read: unavailable: gated"


@pytest.mark.parametrize("bad", [0, 1])
@pytest.mark.parametrize("counter", [True, False])
def test_net_needs_both_idle_windows(bad: int, counter: bool) -> None:
    start, end = IDLE[bad]
    series = joules(5.0) if counter else steady()
    still = (start <= series.t_ns) & (end >= series.t_ns)
    broken = dataclasses.replace(series, value=np.where(still, series.value[still][0], series.value))
    if counter:  # what it did not tell meanwhile is all there at once
        broken = dataclasses.replace(broken, value=np.maximum.accumulate(broken.value))
    found = energy(broken)
    assert number(found.gross) == pytest.approx(5.0 * 20 / 1000, rel=0.01)
    assert reason(found.net).startswith("idle power: ")
    assert "stood still" in reason(found.net)
    assert reason(energy(series, idle=()).net) == "idle power was not measured"


def test_no_figure_without_inferences(monkeypatch: pytest.MonkeyPatch) -> None:
    found = energy(steady(), n=0)
    assert reason(found.gross) == reason(found.net) == "no inference was run within the window"

    board = Board()

    def crash(job: Job, timeout_s: float) -> WorkerFailure:
        board.ns += SECOND
        return WorkerFailure(Verdict("crashed", "SIGSEGV"), "")

    state = started("SingleStream", Load())
    (measured,) = board.measure(monkeypatch, [state], STANDARD, [Meter(board, RAPL)], crash).values()
    for quantity in measured.metrics.values():
        assert reason(quantity) == "the energy pass ended as crashed: SIGSEGV"


# --- energy: the interval


def test_the_interval_covers_95_percent() -> None:
    """Of white noise, for which the standard uncertainty is exact: too narrow ones would miss, too wide never."""
    rng = np.random.default_rng(7)
    trials, covered = 400, 0
    for _ in range(trials):
        found = energy(watts(5.0 + rng.normal(0, 0.37, AXIS.size)), n=1, idle=())
        gross = value(found.gross)
        assert gross.lo is not None
        assert gross.hi is not None
        assert half(gross) == pytest.approx(Z * found.details["window"]["u_joules"], rel=1e-6)
        covered += gross.lo <= 100.0 <= gross.hi
    assert 0.92 < covered / trials < 0.985
    many = energy(watts(5.0 + rng.normal(0, 0.37, AXIS.size)), n=50)
    for quantity, u_joules in ((many.gross, many.details["window"]["u_joules"]), (many.net, None)):
        assert half(quantity) > 0
        assert u_joules is None or half(quantity) == pytest.approx(Z * u_joules / 50, rel=1e-6)


ODD = 1.000137  # no reading is a multiple of a round quantum


def ramp(watts_per_s: float) -> NDArray[np.float64]:
    """Straight, so that nothing is missed between samples."""
    return 5.0 + watts_per_s * AXIS / SECOND


def squared(*parts: Quantity | float) -> float:
    """The square of half an interval of one inference, in standard uncertainties."""
    return sum((half(each) / Z if isinstance(each, (Value, Missing)) else each) ** 2 for each in parts)


def test_the_interval_holds_quantization() -> None:
    # steps of 0.1 W, a new one with every reading: each is off by 0.1 W / sqrt(12) on its own
    rounded = energy(watts(np.round(ramp(1.0), 1)), n=1, idle=()).gross
    exact = energy(watts(ramp(1.0) * ODD), n=1, idle=()).gross
    readings = 201 + 2  # those in the window and one beyond each edge
    assert squared(rounded) - squared(exact) == pytest.approx(0.1**2 / 12 * readings * 0.1**2, rel=0.002)
    # a reading that stays the same is off by the same
    t_ns = np.arange(201) * STEP
    still = integrate(t_ns, np.full(201, 5.0), 0, 20 * SECOND, STEP, resolution_w=0.5)
    assert still.u_joules == pytest.approx(0.5 / np.sqrt(12) * 20.0, rel=0.01)
    # a counter of 2^-14 J at both edges: at 1 mW nothing else is left
    counter = energy(joules(0.001), n=1, idle=()).gross
    assert squared(counter) == pytest.approx(2 * 61e-6**2 / 12, rel=0.01)


def test_the_interval_holds_the_edges_of_the_window() -> None:
    # watts: half a period times the change across each edge, as a bound
    steep = energy(watts(ramp(3.0) * ODD), n=1, idle=()).gross
    assert squared(steep) == pytest.approx(2 * (0.5 * 0.1 * 0.3) ** 2 / 3, rel=0.002)
    # joules: when within a period it was updated last, at both edges
    counter = energy(joules(50.0), n=1, idle=()).gross
    assert squared(counter) == pytest.approx(2 * (50.0 * 0.001) ** 2 / 12, rel=0.01)
    # one that is seen to move every second time alone is as much later
    slower = energy(joules(100.0 * (np.arange(AXIS.size - 1) % 2)), n=1, idle=()).gross
    assert squared(slower) == pytest.approx(2 * (100.0 * 0.2) ** 2 / 12, rel=0.01)
    # joules: a step of 7 W halfway between two readings at both edges, wrong in the same direction
    burst = (AXIS[1:] > MEASURED[0]) & (AXIS[1:] <= MEASURED[1])
    halfway = np.roll(burst, 1) & burst  # the interval of each edge holds half of the step
    level = np.where(halfway, 10.0, np.where(burst | np.roll(burst, 1), 6.5, 3.0))
    window = (MEASURED[0] + 50 * MS, MEASURED[1] + 50 * MS)
    stepped = energy(joules(level), n=1, window=window, idle=()).gross
    assert number(stepped) == pytest.approx(200.0, abs=0.36)
    assert half(stepped) / Z == pytest.approx(2 * 0.25 * 0.1 * 7.0, rel=0.01)


def test_the_interval_holds_what_happens_between_samples() -> None:
    to_and_fro = 5.0013 + 0.0137 * (-1.0) ** np.arange(AXIS.size)
    found = energy(watts(to_and_fro), n=1, idle=()).gross
    edges = 2 * (0.5 * 0.1 * 2 * 0.0137) ** 2 / 3
    # each reading is 2 x 13.7 mW off the line through its neighbours: 201 of them, 1.5 times too much
    assert squared(found) - edges == pytest.approx(201 * (0.1 * 2 * 0.0137) ** 2 / 1.5, rel=0.01)
    noise = np.random.default_rng(3).normal(0, 0.1, AXIS.size)
    noisy = energy(watts(5.0013 + noise), n=1, idle=()).gross
    assert half(noisy) / Z == pytest.approx(0.1 * 0.1 * np.sqrt(201), rel=0.2)


@pytest.mark.parametrize(("before", "after"), [(2.0, 4.0), (4.0, 2.0), (2.0, 2.0)])
def test_the_interval_of_net_holds_the_drift_of_idle_power(before: float, after: float) -> None:
    level = np.where(AXIS[1:] <= 9 * SECOND, before, np.where(AXIS[1:] <= MEASURED[1], 7.0, after))
    found = energy(joules(level), n=1)
    drift = 20.0 * abs(before - after) / 2 / np.sqrt(3)
    idle_w = [each["u_power_w"] for each in found.details["idle"]]
    readings = 20.0 * np.hypot(*idle_w) / 2
    assert squared(found.net) == pytest.approx(squared(found.gross, drift, readings), rel=1e-3)
    assert half(found.net) > half(found.gross)


@pytest.mark.parametrize("gain", [1.1, 3.0])
def test_the_interval_leaves_the_gain_out(gain: float) -> None:
    base = 5.0013 + np.random.default_rng(2).normal(0, 0.1, AXIS.size)
    true, read_high, scaled = energy(watts(base)), energy(watts(base * gain)), energy(watts(base), scale=gain)
    for one in (read_high, scaled):
        assert number(one.gross) == pytest.approx(gain * number(true.gross), rel=1e-6)
        assert half(one.gross) == pytest.approx(gain * half(true.gross), rel=1e-3)
        assert one.details["gain_uncertainty"] == "unknown"


# --- energy: the record


def kept_traces(*series: Series) -> Any:
    from harness.measure.passes.energy import keep_traces

    return keep_traces(traces(*series), Blobs())


def test_the_record_keeps_traces_phases_and_the_cost_of_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    board, (found,) = passed(monkeypatch, INA)
    (trace,), (blob,) = found.traces, board.blobs.kept
    assert (trace.channel, trace.unit, trace.scope, trace.period_ns) == ("meter/input", "W", "module", 430 * MS)
    assert trace.n_updates == np.count_nonzero(np.diff(blob["value"])) + 1
    assert trace.blob.n == len(blob["t_ns"])
    (sensor,) = found.details["sensors"]
    assert (sensor["update_period_ns"], sensor["achieved_period_ns"], sensor["samples"]) == (430 * MS, 430 * MS, 512)
    assert (sensor["kind"], sensor["n_updates"]) == ("mean", trace.n_updates)
    assert list(found.details["phases_ns"]) == ["idle before", "load", "warm-up", "measure", "idle after"]
    assert found.details["sampler_cpu_ns"] > 0
    wall_ns = found.details["idle_windows_ns"][1][1] - found.details["idle_windows_ns"][0][0]
    assert found.details["sampler_cpu_share"] == pytest.approx(found.details["sampler_cpu_ns"] / wall_ns)
    # a sensor that repeats itself tells nothing new, and one that is late is seen to be
    repeated = Series(steady().channel, AXIS[:9:2], np.array([1.0, 1.0, 2.0, 2.0, 1.0]), STEP)
    (kept,) = kept_traces(repeated)
    assert (kept.n_updates, kept.period_ns) == (3, 2 * STEP)


def test_coverage_is_the_share_of_the_window_without_a_gap() -> None:
    full = energy(at(AXIS.tolist()))
    assert [each["coverage"] for each in (full.details["window"], *full.details["idle"])] == [1.0, 1.0, 1.0]
    t_ns = AXIS[MEASURED[1] - 150 * MS >= AXIS]
    short = dataclasses.replace(joules(5.0), t_ns=t_ns, value=5.0 * t_ns / SECOND)
    assert energy(short, idle=()).details["window"]["coverage"] == pytest.approx(1 - 0.2 / 20)
    gap = [t for t in AXIS.tolist() if not 12 * SECOND < t < 17 * SECOND]
    assert integrate(gap, np.sin(gap), *MEASURED, period_ns=STEP).coverage == pytest.approx(1 - 5.0 / 20)
    assert from_counter(gap, gap, *MEASURED, wrap_uj=1 << 62).coverage == 1.0  # a counter sees it all


# --- external meters


def meter_csv(path: Path, columns: Mapping[str, Any], step_s: float = 0.01) -> Path:
    """A trace of these columns, a row each 10 ms."""
    rows = [",".join(columns)]
    length = len(next(iter(columns.values())))
    rows += [",".join(f"{column[row]:.9g}" for column in columns.values()) for row in range(length)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


TIME = np.arange(0, 40, 0.01)


def marked(*windows_s: tuple[float, float]) -> NDArray[np.float64]:
    """A pin that is high in these windows."""
    high: NDArray[np.bool_] = np.any([(start <= TIME) & (end > TIME) for start, end in windows_s], axis=0)
    return high.astype(float)


NOISE = 1e-3 * np.sin(50 * TIME)


@pytest.mark.parametrize(
    ("time", "power", "trigger"),
    [
        (("time_s", 1.0), [("power_w", 1.0)], "trigger"),
        (("Timestamp(ms)", 1e3), [("Power [mW]", 1e3)], "D0"),
        (("t_us", 1e6), [("power_uw", 1e6)], "GPIO"),
        (("time_ms", 1e3), [("current_ma", 1e3 / 5), ("voltage_v", 0.0)], "mark"),
        (("Timestamp(ms)", 1e3), [("Current(uA)", 1e6 / 5)], "D0-D7"),
    ],
)
def test_columns_of_a_meter_are_known_by_their_headings(
    tmp_path: Path, time: tuple[str, float], power: list[tuple[str, float]], trigger: str
) -> None:
    pin = marked((10, 20))
    level = 2.0 + 3.0 * pin + NOISE
    columns = {"remark": TIME * 0, trigger: pin}
    columns |= {name: level * scale if scale else TIME * 0 + 5.0 for name, scale in power}
    columns[time[0]] = TIME * time[1]
    trace = read_trace(meter_csv(tmp_path / "t.csv", columns), 5.0 if power[0][0].startswith("Current") else None)
    assert trace.windows == ((10 * SECOND, 20 * SECOND),)
    assert trace.power_w == pytest.approx(level, rel=1e-6)
    assert trace.t_ns == pytest.approx(TIME * 1e9, abs=10)


PPK2 = "Timestamp(ms),Current(uA),D0-D7\n0,400000.0,01000000\n1,400000.0,11000000\n2,400000.0,10000000\n"
PPK2 += "3,400000.0,0-0000X0\n4,400000.0,00000000\n"


@pytest.mark.parametrize(
    ("trigger", "windows_ms"),
    [("D0", ((1, 3),)), ("d1", ((0, 2),)), ("D6", ((3, 4),)), ("D2", ()), ("Timestamp(ms)", ())],
)
def test_the_column_of_the_trigger_can_be_chosen(
    tmp_path: Path, trigger: str, windows_ms: tuple[tuple[int, int], ...]
) -> None:
    path = tmp_path / "ppk2.csv"
    path.write_text(PPK2)
    windows = read_trace(path, 5.0, trigger).windows
    assert windows == tuple((start * MS, end * MS) for start, end in windows_ms)


def test_of_several_channels_that_change_none_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "ppk2.csv"
    path.write_text(PPK2)
    with pytest.raises(DataError, match="more than one channel changes: D0, D1, D6"):
        read_trace(path, 5.0)
    path.write_text("Timestamp(ms),Current(uA),D0,D1,D2\n0,400,1,0,0\n1,400,1,1,0\n2,400,1,0,0\n")
    assert read_trace(path, 5.0).trigger == "d1"


@pytest.mark.parametrize(
    "text",
    [
        "time_s;power_w;trigger\n0,5;1,25;0\n1,5;2,25;1\n2,5;1,25;0\n",
        "time_s\tpower_w\ttrigger\n0,5\t1,25\t0\n1,5\t2,25\t1\n2,5\t1,25\t0\n",
        "sep=;\ntime_s;power_w;trigger\n0.5;1.25;0\n1.5;2.25;1\n2.5;1.25;0\n",
        'time_s,power_w,trigger\n"0,5","1,25",0\n"1,5","2,25",1\n"2,5","1,25",0\n',
        "time_s,power_w,trigger\n0.5,1.25,low\n1.5,2.25,high\n2.5,1.25,low\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiter_and_decimal_comma_of_a_meter_are_recognised(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    trace = read_trace(path)
    assert list(trace.t_ns) == [500 * MS, 1500 * MS, 2500 * MS]
    assert list(trace.power_w) == [1.25, 2.25, 1.25]
    assert trace.windows == ((1500 * MS, 2500 * MS),)


def metered(tmp_path: Path, pin: NDArray[np.float64], keep: Any = slice(None), level: Any = None) -> Path:
    """2 W, and 5 W where the pin is high."""
    power = (2.0 + 3.0 * pin if level is None else level) + NOISE
    return meter_csv(tmp_path / "t.csv", {"time_s": TIME[keep], "power_w": power[keep], "trigger": pin[keep]})


def test_every_marked_window_is_a_line_and_valid_ones_make_the_median(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pin = marked((5, 6), (10, 12), (15, 16), (20, 24))
    level = 2.0 + 3.0 * marked((5, 6), (10, 12)) + 8.0 * marked((15, 16), (20, 24))
    path = metered(tmp_path, pin, ~((TIME > 21) & (TIME < 22)), level)  # the last window has a gap
    assert main(["meter", str(path), "--inferences", "10"]) == 0
    *lines, median = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"window {place}" for place in (1, 2, 3, 4)]
    assert lines[3].startswith("window 4: not valid: gap of 1")
    # 5 J, 10 J and 10 J, by 10 inferences; the broken window of 40 J does not count
    assert float(median.split()[1]) == pytest.approx(1.0, rel=0.02)
    assert main(["meter", str(path), "--inferences", "10", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["windows"]
    assert [row["energy_gross_j"] for row in rows[:3]] == pytest.approx([0.5, 1.0, 1.0], rel=0.03)
    assert [row["valid"] for row in rows] == [True, True, True, False]
    assert [row["energy_net_j"] is None for row in rows] == [False, False, False, True]
    assert main(["meter", str(metered(tmp_path, TIME * 0)), "--inferences", "10"]) == 3


def test_a_window_that_the_trace_cuts_off_is_none(tmp_path: Path) -> None:
    path = metered(tmp_path, marked((10, 20), (35, 50)))
    assert read_trace(path).windows == ((10 * SECOND, 20 * SECOND),)


def test_idle_of_a_meter_is_before_the_first_mark_and_after_the_last(tmp_path: Path) -> None:
    pin = marked((10, 15), (20, 25))
    level = np.where(TIME < 10, 1.0, np.where(TIME >= 25, 3.0, np.where(pin > 0, 7.0, 99.0)))
    for _, net in window_energies(read_trace(metered(tmp_path, pin, level=level))):
        assert net is not None
        assert net.joules == pytest.approx((7.0 - (1.0 + 3.0) / 2) * 5, rel=0.05)
    early = read_trace(metered(tmp_path, pin, ~((TIME > 2) & (TIME < 9)), level))  # a gap before: after alone counts
    assert [net.joules for _, net in window_energies(early) if net] == pytest.approx([4.0 * 5] * 2, rel=0.05)
    bare = read_trace(metered(tmp_path, pin, (TIME >= 10) & (TIME <= 25.0), level))
    assert [net for _, net in window_energies(bare)] == [None, None]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("power_w,trigger\n1,0\n2,0\n", "no time column"),
        ("time_s,trigger\n1,0\n2,0\n", "no power column"),
        ("time_s,current_a\n1,0\n2,0\n", "no voltage column"),
        ("time_s,power_w\n2,1\n1,1\n", "time falls"),
        ("time_s,power_w\n2,1\n", "1 samples"),
        ("time_s,power_w\n1,0\n2,watt\n", "cannot be read"),
    ],
)
def test_a_bad_trace_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_trace(path)
    assert main(["meter", str(path), "--inferences", "10"]) == 2


def test_align_puts_the_clock_of_the_meter_on_that_of_the_host() -> None:
    meter = np.array([1_000, 2 * SECOND, 5 * SECOND, 60 * SECOND])
    host = np.rint(7000 * SECOND + 1.00002 * meter).astype(np.int64)
    line = align(meter.tolist(), host.tolist())
    between = np.array([30 * SECOND, 59 * SECOND])
    assert np.max(np.abs(line.to_host(meter) - host)) <= 1
    assert line.to_host(between).tolist() == pytest.approx((7000 * SECOND + 1.00002 * between).tolist(), abs=2)
    shifted = host + np.array([0, 0, 500, 0])
    assert align(meter.tolist(), shifted.tolist()).residual_ns == pytest.approx(350, abs=150)


class Instrument:
    """A Joulescope that nobody has opened yet."""

    opened = False

    def statistics_callback_register(self, callback: Any) -> None:
        self.report = callback

    def statistics_callback_unregister(self, callback: Any) -> None:
        pass

    def parameter_set(self, name: str, value: str) -> None:
        pass

    def open(self) -> None:
        self.opened = True

    def close(self) -> None:
        self.opened = False


@pytest.fixture
def joulescope(monkeypatch: pytest.MonkeyPatch) -> Instrument:
    """One is connected, and the plug-in is installed."""
    instrument = Instrument()
    library = SimpleNamespace(scan=lambda config: [instrument], __spec__=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "joulescope", library)
    monkeypatch.setattr(plugins, "load_all", lambda group: {"joulescope": Joulescope})
    return instrument


PI_ON_JOULESCOPE = """
extends = "raspberry-pi-4b"
[power]
meter = "joulescope"
[[power.total]]
scope = "board"
channels = ["joulescope/energy"]
"""


def test_an_external_meter_is_opened_only_for_a_target_that_names_it(tmp_path: Path, joulescope: Instrument) -> None:
    (tmp_path / "pi-on-joulescope.toml").write_text(PI_ON_JOULESCOPE)
    for target in (targets.load("raspberry-pi-4b"), targets.load("pi-on-joulescope", [tmp_path])):
        sensors = open_sensors(HostFs(), meter=target.power.meter)
        assert joulescope.opened is (target.name == "pi-on-joulescope")
    source = power_source(target.power, sensors)
    assert isinstance(source, PowerSource)
    assert [channel.name for channel in source.channels] == ["joulescope/energy"]


def test_nothing_is_lost_between_readings_of_a_counter(joulescope: Instrument) -> None:
    """Bursts that fall between two readings, and seconds in which none came."""
    meter = Joulescope(HostFs())
    (channel, *_) = meter.channels
    assert (channel.name, channel.unit, channel.kind) == ("joulescope/energy", "J", "counter")
    readings = []
    bursts = 3.0 * np.arange(42) + 40.0 * (np.arange(42) > 20)
    for counted in bursts.tolist():
        joulescope.report({"accumulators": {"energy": {"value": counted}}, "signals": {"power": {"µ": {"value": 0.0}}}})
        readings.append(meter.read()[0].value)
    seconds = [t for t in range(42) if not 12 < t < 19]
    series = Series(
        channel, np.array(seconds, np.int64) * SECOND, np.array([readings[t] for t in seconds], float), STEP
    )
    assert number(energy(series, n=1, idle=()).gross) == pytest.approx(3.0 * 20 + 40.0)


# --- recordings and emulation


class Clock:
    """A clock that stands where the test puts it."""

    ns = 5_000 * SECOND

    def __call__(self) -> int:
        return self.ns

    def at(self, seconds: float) -> None:
        self.ns = 5_000 * SECOND + round(seconds * SECOND)


TEMP = "/sys/class/thermal/thermal_zone0/temp"
COUNTER = "/sys/class/powercap/intel-rapl:0/energy_uj"


@pytest.mark.parametrize("loops", [False, True])
def test_a_recording_that_is_over_gives_no_numbers_unless_it_loops(tmp_path: Path, loops: bool) -> None:
    events: list[dict[str, Any]] = [
        {"t_ns": 2 * n * SECOND, "name": name, "text": text}
        for n in range(3)
        for name, text in ((TEMP, f"{40 + 10 * n}000\n"), (COUNTER, f"{(900 + 100 * n) % 1000}\n"))
    ]
    end = {"t_ns": 6 * SECOND, "end": True, "counters": {COUNTER: 1000}, **({"loop": True} if loops else {})}
    still = "sys/class/thermal/thermal_zone0/type"
    trees.write(tmp_path, {JOURNAL: "\n".join(map(json.dumps, [*events, end])), still: "cpu-thermal"})
    clock = Clock()
    fs = ReplayFs(tmp_path, clock)
    clock.at(5)
    assert (fs.read_int(TEMP), fs.read_int(COUNTER)) == (60000, 100)
    for seconds, temperature, count in ((6.5, 40000, 100), (8.5, 50000, 200), (14.5, 50000, 400)):
        clock.at(seconds)
        assert fs.read(f"/{still}") == "cpu-thermal"
        if loops:
            assert (fs.read_int(TEMP), fs.read_int(COUNTER)) == (temperature, count)
        else:
            for name in (TEMP, COUNTER):
                assert fs.read_int(name) == Missing(f"unavailable: the recording ended after 6.0 s: {name}")


@pytest.mark.parametrize(
    ("board", "target"),
    [
        ("raspberry-pi-5", "raspberry-pi-5"),
        ("jetson-orin-nano", "jetson-orin-nano"),
        ("jetson-agx-xavier", "jetson-agx-xavier"),
        ("intel-laptop", "x86-64"),
    ],
)
def test_a_still_board_has_no_energy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: str, target: str) -> None:
    sensors = open_sensors(HostFs(trees.write(tmp_path, trees.STATIC[board]())), ["pmic", "ina3221", "powercap"])
    source = power_source(targets.load(target).power, sensors)
    assert isinstance(source, PowerSource)
    played = Board()
    clock = SimpleNamespace(perf_counter_ns=played.now)
    monkeypatch.setattr("harness.sensors.base.time", clock)
    monkeypatch.setattr("harness.sensors.drivers.raspberry_pi.time", clock)
    rule = dataclasses.asdict(source.rule)
    del rule["scope"], rule["channels"]
    names = {channel.name for channel in source.channels}
    chosen = [sensor for sensor in sensors if names & {channel.name for channel in sensor.channels}]
    (found,) = played.measure(monkeypatch, [started("SingleStream", Load())], QUICK, chosen, source=source).values()
    for quantity in found.metrics.values():
        assert "stood still" in reason(quantity)


def test_on_an_emulated_machine_every_case_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtualization, "emulated", lambda fs: "the kernel runs on x86_64, this program is for aarch64")
    machine = machine_verdict([virtualization.inspect_emulation(HostFs())])
    wall = np.full(200, 2 * MS)
    state = started("SingleStream", Load())
    for place in range(3):
        state.add(answer(Samples(wall, wall, 0, 400 * MS, 200)), place, Blobs(), QUICK)
    assert verdict(state, latency_metrics(state, QUICK), QUICK, None).status == "precise"
    state.throttled = "cooling"
    assert verdict(state, latency_metrics(state, QUICK), QUICK, machine).status == "emulated"
    monkeypatch.setattr(virtualization, "emulated", lambda fs: "")
    assert machine_verdict([virtualization.inspect_emulation(HostFs())]) is None
