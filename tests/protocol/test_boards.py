"""The promises of docs/boards.md, one test each, on trees of files that re-create boards."""

from __future__ import annotations

import dataclasses
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import pytest

import targets
from harness.cli import main
from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.host.checks import inspect_all
from harness.host.checks.thermal import inspect_temperature, inspect_throttled
from harness.host.checks.virtualization import inspect_virtual_machine
from harness.host.core_kinds import core_kinds
from harness.host.identity import identity
from harness.host.thermal import ProcessorTemperature, processor_temperature, wait_until_cool
from harness.sensors import open_sensors, read_all
from tests import trees

# --- which unit it is

SERIAL = "proc/device-tree/serial-number"
DMI = "sys/class/dmi/id"
SYSTEM = {"etc/machine-id": "1c4ad377574c4263adbb7c624b6a3429"}
OTHER_SYSTEM = {"etc/machine-id": "9d3b0a51c8cf4a0c8f8f7a5f0d1c2b3a"}


def unit(root: Path, files: trees.Tree) -> tuple[str | None, str]:
    """Return the unit's id and the file it comes from."""
    machine = identity(HostFs(trees.write(root, files)))
    return machine.unit_id, machine.unit_source


def test_copies_of_one_sd_card_are_two_units(tmp_path: Path) -> None:
    first, second = (
        identity(HostFs(trees.write(tmp_path / serial, {**SYSTEM, SERIAL: f"{serial}\0".encode()})))
        for serial in ("c1a5d9f3b2e4a601", "77aa01be3c9d4e52")
    )

    assert first.machine_id == second.machine_id
    assert first.unit_id != second.unit_id
    assert first.unit_source == second.unit_source == f"/{SERIAL}"


def test_a_new_installation_is_the_same_unit(tmp_path: Path) -> None:
    before, after = (
        identity(HostFs(trees.write(tmp_path / str(number), {**system, SERIAL: "c1a5d9f3b2e4a601"})))
        for number, system in enumerate((SYSTEM, OTHER_SYSTEM))
    )

    assert before.machine_id != after.machine_id
    assert before.unit_id == after.unit_id


@pytest.mark.parametrize(
    ("files", "source"),
    [
        ({SERIAL: b"1423920065921\0"}, SERIAL),
        ({f"{DMI}/product_serial": "PF3ABCDE"}, f"{DMI}/product_serial"),
        ({f"{DMI}/product_serial": "To be filled by O.E.M.", f"{DMI}/board_serial": "BTPF1"}, f"{DMI}/board_serial"),
        ({"sys/devices/soc0/serial_number": "0x1a2b3c4d5e"}, "sys/devices/soc0/serial_number"),
        (
            {"proc/cpuinfo": "processor : 0\n\nRevision\t: d04170\nSerial\t\t: 10000000a1b2c3d4\nModel : Pi"},
            "proc/cpuinfo",
        ),
    ],
)
def test_the_unit_id_names_the_file_it_comes_from(tmp_path: Path, files: trees.Tree, source: str) -> None:
    assert unit(tmp_path, {**SYSTEM, **files})[1] == f"/{source}"


@pytest.mark.parametrize(
    "text",
    [
        "To be filled by O.E.M.", "To Be Filled By O.E.M.", "Default string", "System Serial Number", "Not Specified",
        "Not Applicable", "None", "N/A", "0", "0000000000000000", "0123456789", "123456789", "0123456789ABCDEF",
        "xxxxxxxx", "........", "INVALID", "Unknown", "OEM", "Chassis Serial Number", "$(DEFAULT_STRING)", "\x00",
        "FFFFFFFFFFFF", "Standard", "EMPTY", "Not Available", "Fill By OEM",
    ],
)  # fmt: skip
def test_a_placeholder_is_no_serial_number(tmp_path: Path, text: str) -> None:
    files = {
        **SYSTEM,
        f"{DMI}/product_serial": text,
        SERIAL: text.encode(),
        "proc/cpuinfo": f"processor : 0\nSerial : {text}",
    }

    assert unit(tmp_path, files)[1] == "/etc/machine-id"


@pytest.mark.parametrize("system", ["uninitialized", "", "0" * 32])
def test_a_unit_that_nothing_identifies_has_a_reason(tmp_path: Path, system: str) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {"etc/machine-id": system})))

    assert (machine.unit_id, machine.unit_source) == (None, "")
    assert "holds a serial number" in machine.unknown["unit_id"]
    assert "/etc/machine-id" in machine.unknown["unit_id"]


def test_the_serial_number_is_in_no_record(tmp_path: Path) -> None:
    machine = identity(HostFs(trees.write(tmp_path, {**SYSTEM, SERIAL: b"c1a5d9f3b2e4a601\0"})))

    text = json.dumps(dataclasses.asdict(machine))
    assert "c1a5d9f3" not in text
    assert "1c4ad377" not in text


# --- which temperature is the processor's

PMIC_AT_100 = trees.below(f"{trees.THERMAL}/thermal_zone4", {"type": "PMIC-Die", "temp": 100_000})


def zone(number: int, kind: str, millidegrees: int, **files: trees.Content) -> trees.Tree:
    return trees.below(f"{trees.THERMAL}/thermal_zone{number}", {"type": kind, "temp": millidegrees, **files})


def chip(name: str, **files: trees.Content) -> trees.Tree:
    return trees.below(f"{trees.HWMON}/hwmon1", {"name": name, **files})


def hottest(root: Path, files: trees.Tree, patterns: Sequence[str] = ()) -> tuple[str, float]:
    """Return channel and temperature of the processor."""
    found = processor_temperature(HostFs(trees.write(root, files)), patterns)
    assert isinstance(found, ProcessorTemperature), found
    return found.hottest.channel, found.hottest.temperature_c


def test_the_descriptor_names_the_processors_temperature_else_the_known_types_do(tmp_path: Path) -> None:
    files = {**zone(0, "CPU-therm", 31_000), **zone(1, "cpu-of-acme", 40_000), **PMIC_AT_100}

    assert hottest(tmp_path, files, ["thermal/CPU-therm"]) == ("thermal/CPU-therm", 31.0)
    assert hottest(tmp_path, files, ["thermal/acme"]) == hottest(tmp_path, files) == ("thermal/cpu-of-acme", 40.0)
    assert hottest(tmp_path / "hwmon", {**chip("coretemp", temp1_input=55_000), **PMIC_AT_100}) == (
        "hwmon/coretemp/temp1",
        55.0,
    )


def test_of_several_sensors_the_hottest_is_the_processors(tmp_path: Path) -> None:
    files = {
        **zone(0, "soc-thermal", 61_000),
        **zone(1, "bigcore0-thermal", 84_000),
        **zone(2, "bigcore1-thermal", 83_000),
    }

    assert hottest(tmp_path, files) == ("thermal/bigcore0-thermal", 84.0)


def test_a_sensor_beside_the_processor_decides_nothing(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, {**zone(0, "CPU-therm", 31_000), **PMIC_AT_100}))

    assert inspect_temperature(fs).status == "ok"
    assert wait_until_cool(fs, 55.0, sleep=lambda seconds: pytest.fail("waited")).status == "ok"
    assert isinstance(processor_temperature(HostFs(trees.write(tmp_path / "pmic", PMIC_AT_100))), Missing)


def test_the_channel_of_the_processors_temperature_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = trees.write(tmp_path / "nano", {**trees.jetson_nano(), **zone(0, "CPU-therm", 31_000), **PMIC_AT_100})

    assert main(["--host-root", str(root), "sensors"]) == 0
    assert "\nprocessor: thermal/CPU-therm 31.0 C\n" in capsys.readouterr().out
    main(["--host-root", str(root), "sensors", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert (document["processor_temperature_channel"], document["processor_temperature_c"]) == (
        "thermal/CPU-therm",
        31.0,
    )
    assert inspect_temperature(HostFs(root)).found.startswith("thermal/CPU-therm 31.0 C")
    assert wait_until_cool(HostFs(root), 55.0).found.startswith("thermal/CPU-therm 31.0 C")


def test_a_constant_is_no_limit(tmp_path: Path) -> None:
    constant = chip("k10temp", temp1_input=71_000, temp1_max=70_000, temp1_crit=70_000)
    throttles_here = chip("coretemp", temp1_input=101_000, temp1_max=80_000, temp1_crit=100_000)
    fans_run = chip("coretemp", temp1_input=81_000, temp1_max=80_000, temp1_crit=100_000)

    found = [
        inspect_temperature(HostFs(trees.write(tmp_path / str(number), files))).status
        for number, files in enumerate((constant, throttles_here, fans_run))
    ]
    assert found == ["unknown", "fail", "ok"]


def test_a_warm_processor_without_a_known_limit_is_unknown(tmp_path: Path) -> None:
    cool, warm = (
        inspect_temperature(HostFs(trees.write(tmp_path / str(value), zone(0, "cpu-thermal", value))))
        for value in (59_000, 60_000)
    )

    assert (cool.status, warm.status) == ("ok", "unknown")
    assert "where it throttles is not known" in warm.found


# --- what a reading can be


def values(root: Path, files: trees.Tree) -> dict[str, float | Missing]:
    return {name: each.value for name, each in read_all(open_sensors(HostFs(trees.write(root, files)))).items()}


@pytest.mark.parametrize(
    ("files", "channel", "words"),
    [
        (zone(0, "x86_pkg_temp", -274_000), "thermal/x86_pkg_temp", "reads -274 C: boards are specified from -40 C"),
        (zone(0, "cpu-thermal", -650_788_984), "thermal/cpu-thermal", "reads -650,788.984 C"),
        (chip("k10temp", temp1_input=4_294_948_300), "hwmon/k10temp/temp1", "reads 4,294,948.3 C"),
        (chip("ina260", power1_input=4_294_967_295_000), "ina2xx/hwmon1/power1", "reads 4,294,967.295 W"),
        (chip("ina3221", in1_input=65_535_000, curr1_input=1), "ina3221/hwmon1/in1", "reads 65,535 V"),
        (
            {f"{trees.CPU}/cpufreq/policy0/scaling_cur_freq": 0},
            *("cpufreq/policy0", "reads 0 Hz: a CPU that runs this program has a clock between"),
        ),
        (
            trees.below(f"{trees.RAPL}/intel-rapl:0", {"name": "package-0", "energy_uj": 9, "max_energy_range_uj": 8}),
            *("powercap/package-0", "reads 9e-06 J: its counter starts again at 8e-06 J"),
        ),
    ],
)
def test_an_impossible_reading_is_missing_with_its_limit(
    tmp_path: Path, files: trees.Tree, channel: str, words: str
) -> None:
    value = values(tmp_path, files)[channel]

    assert isinstance(value, Missing)
    assert value.reason.startswith("impossible: ")
    assert words in value.reason


def test_nothing_is_derived_from_an_impossible_reading(tmp_path: Path) -> None:
    apex = {**trees.coral_host(), "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0/apex/apex_0/temp": "-89700"}
    rail = chip("ina3221", in1_input=5_000, curr1_input=2_147_483_647)

    seen = {**values(tmp_path / "apex", apex), **values(tmp_path / "rail", rail)}

    for channel in ("apex/apex_0/temperature", "apex/apex_0/over-trip", "ina3221/hwmon1/in1"):
        assert isinstance(seen[channel], Missing), channel
    word = HostFs(trees.write(tmp_path / "pi", {trees.THROTTLED: "ffffffff"}))
    assert inspect_throttled(word).status == "unknown"
    assert isinstance(read_all(open_sensors(word, ["pi-throttled"]))["pi-throttled/bits"].value, Missing)


# --- what counts as evidence


def test_absence_of_evidence_is_unknown(tmp_path: Path) -> None:
    nothing = {each.check: each for each in inspect_all(HostFs(tmp_path))}
    del nothing["emulation"]  # of this very machine, whichever tree is read

    assert {each.status for each in nothing.values()} == {"unknown"}
    assert all(each.found for each in nothing.values())
    page = (Path(__file__).parents[2] / "docs/boards.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in [*nothing, "emulation"])


@pytest.mark.parametrize(
    "files",
    [
        trees.below(DMI, {"sys_vendor": "Amazon EC2", "product_name": "c7g.xlarge"}),
        trees.below(DMI, {"sys_vendor": "Microsoft Corporation", "product_name": "Virtual Machine"}),
        trees.below(DMI, {"sys_vendor": "QEMU", "product_name": "KVM Virtual Machine"}),
        trees.below(DMI, {"sys_vendor": "Apple Inc.", "product_name": "Apple Virtualization Generic Platform"}),
        {"sys/hypervisor/type": "xen"},
        {"proc/device-tree/hypervisor/compatible": b"linux,kvm\0"},
        {"proc/device-tree/fw-cfg@9020000/compatible": b"qemu,fw-cfg-mmio\0"},
        {"proc/device-tree/compatible": b"linux,dummy-virt\0"},
        {"proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2"},
    ],
)
def test_a_guest_is_recognised_without_a_flag_of_the_cpu(tmp_path: Path, files: trees.Tree) -> None:
    cpu = "processor : 0\nFeatures : asimd\nCPU implementer : 0x41\nCPU architecture: 8\nCPU part : 0xd49\n"
    fs = HostFs(trees.write(tmp_path, {"proc/cpuinfo": cpu, **files}))

    assert inspect_virtual_machine(fs).status == "warn"
    assert identity(fs).hypervisor


def test_a_recorded_board_has_its_own_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    risc_v = {"proc/cpuinfo": "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc_zicntr\nuarch\t\t: sifive,u74-mc\n"}
    fs, silent = HostFs(trees.write(tmp_path / "risc-v", risc_v)), HostFs(tmp_path)

    assert (targets.detect(fs).target.name, identity(fs).arch) == ("riscv64", "riscv64")
    assert (targets.detect(silent).target.name, identity(silent).arch) == ("unknown", None)


# --- which cores are alike

CORE = "sys/devices/system/cpu/cpu"


def kinds(root: Path, files: trees.Tree) -> list[set[int]]:
    return [set(kind) for kind in core_kinds(range(4), HostFs(trees.write(root, files))).kinds]


def clocks(*megahertz: int) -> trees.Tree:
    return {f"{CORE}{cpu}/cpufreq/cpuinfo_max_freq": value * 1000 for cpu, value in enumerate(megahertz)}


def test_kinds_of_core_are_the_kernels(tmp_path: Path) -> None:
    hybrid: trees.Tree = {"sys/devices/cpu_core/cpus": "0-1", "sys/devices/cpu_atom/cpus": "2-3"}
    capacity: trees.Tree = {f"{CORE}{cpu}/cpu_capacity": value for cpu, value in enumerate((1024, 1024, 950, 950))}
    midr = "regs/identification/midr_el1"
    parts: trees.Tree = {f"{CORE}{cpu}/{midr}": f"0x41{'0fd0b' if cpu < 2 else '0fd05'}0" for cpu in range(4)}

    assert kinds(tmp_path / "hybrid", hybrid) == [{0, 1}, {2, 3}]
    assert kinds(tmp_path / "capacity", capacity) == [{0, 1, 2, 3}]
    assert kinds(tmp_path / "parts", {**capacity, **parts}) == [{0, 1}, {2, 3}]


def test_clocks_tell_kinds_of_core_apart_only_where_nothing_else_does(tmp_path: Path) -> None:
    close, apart = clocks(5200, 5200, 4600, 4600), clocks(5200, 5200, 4400, 4400)
    one_list: trees.Tree = {"sys/devices/cpu_core/cpus": "0-3"}

    assert kinds(tmp_path / "close", close) == [{0, 1, 2, 3}]
    assert kinds(tmp_path / "apart", apart) == [{0, 1}, {2, 3}]
    assert kinds(tmp_path / "list", {**one_list, **apart}) == [{0, 1, 2, 3}]
