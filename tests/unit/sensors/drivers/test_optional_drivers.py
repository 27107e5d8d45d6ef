"""Sensors behind an extra, against fakes of their libraries, and the reason without them."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

from harness.core import plugins
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.sensors import open_sensors
from harness.sensors.drivers.jetson import Jtop
from harness.sensors.drivers.joulescope import Joulescope
from harness.sensors.drivers.nvml import Nvml
from harness.sensors.drivers.system import System


def install(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    for key, value in members.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("sensor", [Nvml, Jtop, Joulescope, System])
def test_a_library_shows_this_machine_not_a_recorded_one(tmp_path: Path, sensor: Any) -> None:
    assert sensor(HostFs(tmp_path)).absent == "not part of a recorded tree"


@pytest.mark.parametrize(
    ("sensor", "module", "extra"),
    [(Nvml, "pynvml", "nvidia"), (Jtop, "jtop", "jetson"), (Joulescope, "joulescope", "joulescope")],
)
def test_a_missing_library_has_its_install_command(
    monkeypatch: pytest.MonkeyPatch, sensor: Any, module: str, extra: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert sensor(HostFs()).absent == f"the library is not installed: pip install 'edgebench[{extra}]'"


class NvmlError(Exception):
    """As pynvml raises it."""


def not_supported(*_: Any) -> Any:
    raise NvmlError("Not Supported")


def install_nvml(monkeypatch: pytest.MonkeyPatch, **members: Any) -> None:
    basics = {
        "NVMLError": NvmlError,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetTotalEnergyConsumption": lambda card: 1_234_567,
        "nvmlDeviceGetPowerUsage": lambda card: 75_500,
        "nvmlDeviceGetTemperature": lambda card, kind: 61,
        "nvmlDeviceGetUtilizationRates": lambda card: SimpleNamespace(gpu=40),
    }
    install(monkeypatch, "pynvml", **{**basics, **members})


def test_nvml_in_the_channels_units(monkeypatch: pytest.MonkeyPatch) -> None:
    install_nvml(monkeypatch)

    readings = {reading.channel: reading.value for reading in Nvml(HostFs()).read()}

    assert readings == {
        "nvml/0/energy": 1234.567,
        "nvml/0/power": 75.5,
        "nvml/0/temperature": 61.0,
        "nvml/0/load": 0.4,
    }


def test_nvml_on_a_jetson_starts_but_knows_no_power(monkeypatch: pytest.MonkeyPatch) -> None:
    install_nvml(
        monkeypatch,
        nvmlDeviceGetTotalEnergyConsumption=not_supported,
        nvmlDeviceGetPowerUsage=not_supported,
        nvmlDeviceGetTemperature=not_supported,
    )

    assert [channel.name for channel in Nvml(HostFs()).channels] == ["nvml/0/load"]


def test_a_card_that_falls_off_the_bus_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    install_nvml(monkeypatch)
    sensor = Nvml(HostFs())
    monkeypatch.setattr(sys.modules["pynvml"], "nvmlDeviceGetCount", lambda: 0)
    sensor._queries = [not_supported for _ in sensor._queries]

    assert all(reading.value == Missing("unavailable: Not Supported") for reading in sensor.read())


def test_nvml_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    install_nvml(monkeypatch, nvmlInit=not_supported)

    assert Nvml(HostFs()).absent == "NVML does not start: Not Supported"


class JtopException(Exception):
    """As jetson-stats raises it."""


class Client:
    """jetson-stats' client with a service that answers."""

    power: ClassVar[Any] = {
        "rail": {
            "VDD_IN": {"online": True, "power": 9250, "avg": 8000},
            "VDD_SOC": {"online": False, "power": 0, "avg": 0},
        }
    }

    def __init__(self, interval: float) -> None:
        self.interval = interval

    def start(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_jtop_reads_power_not_the_smoothed_average(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "jtop", jtop=Client, JtopException=JtopException)
    sensor = Jtop(HostFs())

    assert [reading.value for reading in sensor.read()] == [9.25, Missing("unavailable: the rail is offline")]
    sensor.close()


def test_jtop_without_a_rail(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "jtop", jtop=type("NoRails", (Client,), {"power": {}}), JtopException=JtopException)

    assert Jtop(HostFs()).absent == "jtop shows no rail on this board"


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("The jtop.service is not active. Please run:\nsudo jtop --install-service", "then reboot"),
        ("I can't access jtop.service.\nPlease logout or reboot this board.", "usermod -aG jtop"),
        ("Mismatch version jtop service: [4.2] and client: [4.3]", "install the same jetson-stats"),
    ],
)
def test_jtop_gives_the_reason_why_its_service_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, message: str, remedy: str
) -> None:
    def start(_: Client) -> None:
        raise JtopException(message)

    refusing = type("Refusing", (Client,), {"start": start})
    install(monkeypatch, "jtop", jtop=refusing, JtopException=JtopException)

    sensor = Jtop(HostFs())

    assert sensor.read() == []
    assert message.split("\n", maxsplit=1)[0] in sensor.absent
    assert remedy in sensor.absent


class Instrument:
    """A Joulescope: reports come by a callback."""

    def __init__(self) -> None:
        self.settings: dict[str, str] = {}
        self.report: Any = None
        self.is_open = False

    def statistics_callback_register(self, callback: Any) -> None:
        self.report = callback

    def statistics_callback_unregister(self, callback: Any) -> None:
        assert callback == self.report
        self.report = None

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def parameter_set(self, name: str, value: str) -> None:
        self.settings[name] = value


def test_a_joulescope_counts_for_us_and_stays_switched_through(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = Instrument()
    install(monkeypatch, "joulescope", scan=lambda config: [instrument])
    sensor = Joulescope(HostFs())
    assert all(isinstance(reading.value, Missing) for reading in sensor.read())

    instrument.report({"accumulators": {"energy": {"value": 12.5}}, "signals": {"power": {"µ": {"value": 3.25}}}})
    first, second = sensor.read(), sensor.read()

    assert [reading.value for reading in first] == [12.5, 3.25]
    assert first == second
    assert instrument.settings["i_range"] == "auto"
    sensor.close()
    assert not instrument.is_open
    assert instrument.settings["i_range"] == "auto"


def test_a_meter_is_opened_only_for_a_target_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = Instrument()
    install(monkeypatch, "joulescope", scan=lambda config: [instrument])
    monkeypatch.setattr(plugins, "load_all", lambda group: {"joulescope": Joulescope})
    monkeypatch.setattr(plugins, "load", lambda group, name: Joulescope)

    (left_alone,) = open_sensors(HostFs())
    assert not instrument.is_open
    assert "power.meter = 'joulescope'" in left_alone.absent

    (opened,) = open_sensors(HostFs(), meter="joulescope")
    assert instrument.is_open
    assert [channel.name for channel in opened.channels] == ["joulescope/energy", "joulescope/power"]


def test_no_joulescope_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "joulescope", scan=lambda config: [])

    assert Joulescope(HostFs()).absent == "no Joulescope is connected"


def test_the_systems_load_needs_two_readings() -> None:
    sensor = System(HostFs())
    first = {reading.channel: reading.value for reading in sensor.read()}
    assert isinstance(first["system/cpu"], Missing)
    while isinstance(second := {r.channel: r.value for r in sensor.read()}["system/cpu"], Missing):
        sum(range(10_000))

    assert 0 <= second <= 1
    assert first["system/memory-available"] > 0  # type: ignore[operator]
