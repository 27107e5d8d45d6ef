"""Each environment check on trees: what is ok, what is a warning or failure, and what is unknown."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host import checks
from harness.host.checks import clock, virtualization
from harness.host.recording import RecordingFs
from tests import trees

CPU = trees.CPU
ZONE = f"{trees.THERMAL}/thermal_zone0"


def finding(root: Path, name: str, files: dict[str, Any]) -> Finding:
    found = checks.registered()[name].inspect(HostFs(trees.write(root, files)))
    assert found.check == name
    return found


def zone(temp: int, passive: int | None = 90_000, kind: str = "cpu-thermal") -> trees.Tree:
    files: trees.Tree = {"type": kind, "temp": temp}
    if passive is not None:
        files |= {"trip_point_0_type": "passive", "trip_point_0_temp": passive}
    return trees.below(ZONE, files)


def cpuinfo(flags: str) -> str:
    return f"processor\t: 0\nmodel name\t: X\nflags\t\t: {flags}\n\nprocessor\t: 1\nflags\t\t: {flags}\n"


def cooling(kind: str, state: int | str) -> trees.Tree:
    return trees.below(f"{trees.THERMAL}/cooling_device0", {"type": kind, "cur_state": state})


def battery(**files: trees.Content) -> trees.Tree:
    return trees.below(f"{SUPPLIES}/BAT0", {"type": "Battery", **files})


def mains(online: int) -> trees.Tree:
    return trees.below(f"{SUPPLIES}/AC", {"type": "Mains", "online": online})


def boosts(*values: str) -> trees.Tree:
    return {f"{CPU}/cpufreq/policy{number}/boost": value for number, value in enumerate(values)}


def chip(name: str, temp: int = 51_250, **files: trees.Content) -> trees.Tree:
    return trees.below(f"{trees.HWMON}/hwmon1", {"name": name, "temp1_input": temp, **files})


def supply(milliampere: int) -> trees.Tree:
    return {THROTTLED: "0", "proc/device-tree/chosen/power/max_current": milliampere.to_bytes(4, "big")}


def alarm(state: int, name: str = "rpi_volt") -> trees.Tree:
    return trees.below(f"{trees.HWMON}/hwmon3", {"name": name, "in0_lcrit_alarm": state})


SUPPLIES = "sys/class/power_supply"
CLOCK_SOURCE = "sys/devices/system/clocksource/clocksource0/current_clocksource"
GARBAGE = ("unknown", "not understood")
CLOCK_LIMITS = (f"{CPU}/cpufreq/policy0/scaling_min_freq", f"{CPU}/cpufreq/policy0/scaling_max_freq")
HELD: trees.Tree = {
    "var/lib/nvpmodel/status": "pmode:0000",
    "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >",
    **dict.fromkeys(CLOCK_LIMITS, 9),
}
HIDDEN_RAPL: trees.Tree = {f"{trees.RAPL}/intel-rapl:0": trees.Link("../../devices/virtual/powercap/intel-rapl:0")}
VCHI = {"cmd/vcgencmd/get_throttled": "VCHI initialization failed"}
QUIET = "some avg10=0.30 avg60=9.0 avg300=9.0 total=1"
BUSY = "some avg10=12.00 avg60=9.0 avg300=9.0 total=1"
FULL = "some avg10=88.00 avg60=9.0 avg300=9.0 total=1"
SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"
THROTTLED = "sys/devices/platform/soc@1/soc@1:firmware/get_throttled"

USB = "sys/bus/usb/devices/2-1"
ADJTIMEX = "cmd/adjtimex/status"

CASES: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("usb_link", "none", {"sys/bus/usb/devices/.keep": ""}, "ok", "no accelerator on USB"),
    ("usb_link", "no-bus", {}, "unknown", "absent: /sys/bus/usb/devices"),
    ("usb_link", "usb 3", trees.coral_usb(), "ok", "Coral USB Accelerator at 5000 Mbit/s"),
    ("usb_link", "usb 2", {**trees.coral_usb(), f"{USB}/speed": 480}, "warn", "at 480 Mbit/s"),
    ("usb_link", "asleep", trees.coral_usb(used=False), "unknown", "shows after its first use"),
    ("usb_link", "impossible", {**trees.coral_usb(), f"{USB}/speed": -1}, "unknown", "impossible: -1 Mbit/s"),
    ("usb_link", "silent", {f"{USB}/idVendor": "18d1", f"{USB}/idProduct": "9302"}, "unknown", "absent"),
    ("governor", "performance", {f"{CPU}/cpufreq/policy0/scaling_governor": "performance"}, "ok", "performance"),
    (
        "governor",
        "mixed",
        {f"{CPU}/cpufreq/policy{n}/scaling_governor": g for n, g in enumerate(("performance", "ondemand"))},
        "warn",
        "ondemand, performance",
    ),
    ("governor", "none", {}, "unknown", "no cpufreq policy"),
    (
        "governor",
        "one-unread",
        {f"{CPU}/cpufreq/policy{n}/scaling_governor": g for n, g in enumerate(("performance", ""))},
        "unknown",
        "not readable: /sys/devices/system/cpu/cpufreq/policy1/scaling_governor",
    ),
    ("turbo", "none", {}, "unknown", "no turbo switch"),
    ("turbo", "by-policy-off", boosts("0", "0"), "ok", "off"),
    ("turbo", "by-policy-on", boosts("0", "1"), "warn", "on"),
    ("turbo", "by-policy-unread", boosts("0", "?"), "unknown", "not readable"),
    ("turbo", "intel-off", {f"{CPU}/intel_pstate/no_turbo": 1}, "ok", "off"),
    ("turbo", "intel-on", {f"{CPU}/intel_pstate/no_turbo": 0}, "warn", "on"),
    ("turbo", "boost-off", {f"{CPU}/cpufreq/boost": 0}, "ok", "off"),
    ("turbo", "boost-on", {f"{CPU}/cpufreq/boost": 1}, "warn", "on"),
    ("turbo", "garbage", {f"{CPU}/cpufreq/boost": "?"}, "unknown", "no turbo switch"),
    ("smt", "on", {f"{CPU}/smt/active": 1}, "warn", "on"),
    ("smt", "off", {f"{CPU}/smt/active": 0}, "ok", "off"),
    ("smt", "silent", {}, "unknown", "does not report"),
    ("swap", "none", {"proc/swaps": SWAPS}, "ok", "none"),
    ("swap", "no-file", {}, "unknown", "absent"),
    ("swap", "empty", {"proc/swaps": ""}, "unknown", "not understood"),
    ("swap", "unused", {"proc/swaps": f"{SWAPS}/dev/sda2 partition 2097148 0 -2"}, "ok", "unused"),
    (
        "swap",
        "zram",
        {"proc/swaps": f"{SWAPS}/dev/zram0 partition 2097148 20480 -2"},
        "warn",
        "(compressed RAM): 20 MiB used",
    ),
    ("swap", "impossible", {"proc/swaps": f"{SWAPS}/dev/sda2 partition 8 -4 -2"}, *GARBAGE),
    ("swap", "garbage", {"proc/swaps": f"{SWAPS}/dev/sda2 partition"}, "unknown", "not understood"),
    ("aslr", "full", {"proc/sys/kernel/randomize_va_space": 2}, "ok", "full"),
    ("aslr", "off", {"proc/sys/kernel/randomize_va_space": 0}, "ok", "off"),
    ("aslr", "new-mode", {"proc/sys/kernel/randomize_va_space": 7}, "unknown", "7"),
    ("aslr", "no-file", {}, "unknown", "absent"),
    ("load", "impossible", {"proc/pressure/cpu": "some avg10=429496.00 avg60=0"}, *GARBAGE),
    ("load", "no-file", {}, "unknown", "absent: /proc/pressure/cpu; absent: /proc/loadavg"),
    ("load", "garbage", {"proc/pressure/cpu": "?", "proc/loadavg": "?", "proc/cpuinfo": cpuinfo("lm")}, *GARBAGE),
    ("load", "quiet", {"proc/pressure/cpu": QUIET}, "ok", "0.3 %"),
    ("load", "busy", {"proc/pressure/cpu": BUSY}, "warn", "12.0 %"),
    ("load", "full", {"proc/pressure/cpu": FULL}, "fail", "88.0 %"),
    ("load", "no-psi-quiet", {"proc/loadavg": "0.20 1 1 1/9 9", "proc/cpuinfo": cpuinfo("lm")}, "ok", "0.10 per core"),
    ("load", "no-psi-busy", {"proc/loadavg": "3.00 1 1 1/9 9", "proc/cpuinfo": cpuinfo("lm")}, "warn", "1.50 per core"),
    ("clock", "kept", {ADJTIMEX: 0x2001}, "ok", "synchronised"),
    ("clock", "free", {ADJTIMEX: 0x2041}, "warn", "not synchronised"),
    ("clock", "set-once", {ADJTIMEX: 0x40, "run/systemd/timesync/synchronized": ""}, "ok", "since the system started"),
    ("clock", "untold", {}, "unknown", "adjtimex"),
    ("clock", "garbled", {ADJTIMEX: "yes"}, "unknown", "not a number"),
    ("throttled", "now", {THROTTLED: "e0006"}, "fail", "now: ARM clock capped, throttled"),
    ("throttled", "since-boot", {THROTTLED: "80000"}, "warn", "soft temperature limit (since boot)"),
    ("throttled", "never", {THROTTLED: "0"}, "ok", "never"),
    ("throttled", "by-firmware", {"cmd/vcgencmd/get_throttled": "throttled=0x4"}, "fail", "throttled"),
    (
        "throttled",
        "intel",
        {f"{CPU}/cpu{n}/thermal_throttle/core_throttle_count": n * 3 for n in (0, 1)},
        "warn",
        "core throttled 3",
    ),
    ("throttled", "intel-never", {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": 0}, "ok", "never"),
    ("throttled", "all-bits-set", {THROTTLED: "ffffffff"}, "unknown", "all bits set"),
    ("throttled", "firmware-refuses", VCHI, "unknown", "says 'VCHI initialization failed'"),
    ("throttled", "impossible-count", {f"{CPU}/cpu0/thermal_throttle/core_throttle_count": -1}, "unknown", "neither"),
    ("throttled", "jetson-current", {f"{trees.HWMON}/hwmon5/oc3_event_cnt": 0}, "unknown", "by heat is not counted"),
    ("throttled", "nothing", {}, "unknown", "neither throttle bits nor counters"),
    ("throttled", "jetson", {f"{trees.HWMON}/hwmon5/oc3_event_cnt": 7}, "warn", "over-current oc3 7 times"),
    ("under_voltage", "now", {THROTTLED: "1"}, "fail", "now"),
    ("under_voltage", "alarm", {THROTTLED: "0", **alarm(1)}, "fail", "now"),
    ("under_voltage", "alarm-alone", alarm(1), "fail", "now"),
    ("under_voltage", "no-alarm-now", alarm(0), "unknown", "not now, but since boot is not known"),
    ("under_voltage", "another-chip's-alarm", {THROTTLED: "0", **alarm(1, "lm75")}, "ok", "none"),
    ("under_voltage", "all-bits-set", {THROTTLED: "ffffffff"}, "unknown", "all bits set"),
    ("under_voltage", "firmware-refuses", VCHI, "unknown", "says 'VCHI initialization failed'"),
    ("under_voltage", "no-pi", {}, "unknown", "no Raspberry Pi's firmware"),
    ("under_voltage", "since-boot", {THROTTLED: "10000"}, "warn", "since boot"),
    ("under_voltage", "weak", supply(3000), "warn", "only 3000 mA"),
    ("under_voltage", "impossible-supply", supply(2**32 - 1), "ok", "none"),
    ("under_voltage", "fine", supply(5000), "ok", "5000 mA"),
    ("temperature", "cool", zone(50_000), "ok", "50.0 C"),
    ("temperature", "warm", zone(80_000), "warn", "throttles at 90 C"),
    ("temperature", "hot", zone(90_000), "fail", "throttles at 90 C"),
    ("temperature", "cool-without-trip", zone(50_000, passive=None), "ok", "where it throttles is not known"),
    ("temperature", "warm-without-trip", zone(80_000, passive=None), "unknown", "where it throttles is not known"),
    ("temperature", "chip", chip("k10temp"), "ok", "hwmon/k10temp/temp1 51.2 C"),
    ("temperature", "constant-limit", chip("k10temp", 71_000, temp1_max=70_000, temp1_crit=70_000), "unknown", "71.0"),
    ("temperature", "coretemp", chip("coretemp", 90_000, temp1_crit=100_000), "warn", "throttles at 100 C"),
    ("temperature", "impossible", zone(-274_000), "unknown", "impossible: thermal/cpu-thermal reads -274 C"),
    ("temperature", "impossible-trip", zone(50_000, passive=-274_000), "ok", "where it throttles is not known"),
    ("temperature", "trip-in-a-cold-room", zone(50_000, passive=1_000), "ok", "where it throttles is not known"),
    ("temperature", "drive", chip("nvme"), "unknown", "not the processor's: hwmon/nvme/temp1"),
    ("temperature", "nothing", {}, "unknown", "no temperature of the processor can be read"),
    (
        "power_mode",
        "follows",
        {"var/lib/nvpmodel/status": "pmode:0001 fmode:quiet", "etc/nvpmodel.conf": "< POWER_MODEL ID=1 NAME=25W >"},
        "warn",
        "mode 1 25W",
    ),
    (
        "power_mode",
        "held",
        HELD,
        "ok",
        "mode 0 MAXN, clocks held",
    ),
    ("power_mode", "no-clock", {**HELD, **dict.fromkeys(CLOCK_LIMITS, 0)}, "warn", "follow the load"),
    ("power_mode", "garbage", {"var/lib/nvpmodel/status": "?"}, "unknown", "not understood"),
    ("power_mode", "no-jetson", {}, "unknown", "no nvpmodel here"),
    ("power_mode", "gpu-follows", {**HELD, "sys/class/devfreq/17000000.gpu/min_freq": 1}, "warn", "follow the load"),
    ("power_supply", "none", {f"{SUPPLIES}/.keep": ""}, "ok", "no battery"),
    ("power_supply", "no-class", {}, "unknown", "absent: /sys/class/power_supply"),
    ("power_supply", "usb-c-alone", trees.below(f"{SUPPLIES}/ucsi", {"type": "USB", "online": 1}), "ok", "no battery"),
    ("power_supply", "full", battery(status="Not charging"), "ok", "mains, with a battery"),
    ("power_supply", "unknown-state", battery(status="Unknown"), "unknown", "(BAT0: 'Unknown')"),
    ("power_supply", "no-state", battery(), "unknown", "BAT0: absent"),
    ("power_supply", "unknown-state-on-mains", {**battery(status="Unknown"), **mains(1)}, "ok", "mains"),
    ("power_supply", "unknown-state-off-mains", {**battery(status="Unknown"), **mains(0)}, "unknown", "discharges"),
    ("power_supply", "ups", battery(type="UPS", status="Discharging"), "warn", "on battery"),
    ("power_supply", "draining", battery(status="Discharging", capacity=71), "warn", "on battery at 71 %"),
    ("power_supply", "charging", battery(status="Charging"), "ok", "mains"),
    ("power_supply", "mouse", battery(scope="Device", status="Discharging"), "ok", "no battery"),
    ("cooling", "idle", cooling("cpu-throttle-alert", 0), "ok", "none of 1"),
    ("cooling", "active", cooling("Processor", 3), "fail", "Processor at 3"),
    ("cooling", "unread", cooling("Processor", "?"), "unknown", "Processor: not a number"),
    ("cooling", "impossible", cooling("Processor", -4), "unknown", "Processor: impossible: its state is -4"),
    ("cooling", "none", {}, "unknown", "no cooling device"),
    ("cooling", "fan", cooling("pwm-fan", 3), "unknown", "no cooling device"),
    ("cooling", "powerclamp", cooling("intel_powerclamp", -1), "ok", "none"),
    (
        "cgroup",
        "v2-quota",
        {"proc/self/cgroup": "0::/app/x", "sys/fs/cgroup/app/cpu.max": "150000 100000", "proc/cpuinfo": cpuinfo("lm")},
        "warn",
        "CPU quota 1.50 cores",
    ),
    ("cgroup", "no-file", {}, "unknown", "absent: /proc/self/cgroup"),
    ("cgroup", "hidden", {"proc/self/cgroup": "0::/app"}, "unknown", "absent: /sys/fs/cgroup/app"),
    ("cgroup", "garbage", {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "?"}, *GARBAGE),
    ("cgroup", "root", {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cgroup.procs": ""}, "ok", "no limit"),
    (
        "cgroup",
        "v1-of-a-container",
        {
            "proc/self/cgroup": "4:cpu:/docker/a",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": -1,
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": 100000,
        },
        "ok",
        "no limit",
    ),
    ("cgroup", "v2-none", {"proc/self/cgroup": "0::/app", "sys/fs/cgroup/app/cpu.max": "max 100000"}, "ok", "no limit"),
    (
        "cgroup",
        "v2-roomy",
        {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "400000 100000", "proc/cpuinfo": cpuinfo("lm")},
        "ok",
        "4.00 cores",
    ),
    (
        "cgroup",
        "v1-quota",
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/a",
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us": 50000,
            "sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us": 100000,
        },
        "warn",
        "CPU quota 0.50 cores",
    ),
    (
        "cgroup",
        "memory",
        {"proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/memory.max": 536870912, **trees.meminfo(4)},
        "ok",
        "memory limit 512 MiB",
    ),
    (
        "virtual_machine",
        "kvm",
        {"proc/cpuinfo": cpuinfo("lm hypervisor"), "sys/class/dmi/id/sys_vendor": "QEMU"},
        "warn",
        "under QEMU",
    ),
    ("virtual_machine", "unnamed", {"proc/cpuinfo": cpuinfo("lm hypervisor")}, "warn", "under a hypervisor"),
    (
        "virtual_machine",
        "metal",
        {"proc/cpuinfo": cpuinfo("lm"), "sys/class/dmi/id/sys_vendor": "Microsoft Corporation"},
        "ok",
        "no hypervisor",
    ),
    (
        "virtual_machine",
        "container",
        {"proc/cpuinfo": cpuinfo("lm"), ".dockerenv": ""},
        "ok",
        "in a container (docker)",
    ),
    ("virtual_machine", "silent", {}, "unknown", "absent: /proc/cpuinfo"),
    ("emulation", "none", {}, "ok", "none"),
    ("sensor_access", "nothing", {}, "unknown", "no RAPL"),
    ("sensor_access", "open", trees.intel_laptop(), "ok", "energy_uj"),
    ("sensor_access", "hidden", HIDDEN_RAPL, "warn", "this container hides /sys/devices/virtual/powercap"),
    ("isolated_cpus", "some", {f"{CPU}/isolated": "2-3"}, "ok", "2-3"),
    ("isolated_cpus", "no-file", {}, "unknown", "absent"),
    ("isolated_cpus", "none", {f"{CPU}/isolated": ""}, "ok", "none"),
    ("timer", "tsc", {CLOCK_SOURCE: "tsc"}, "ok", "tsc"),
    (
        "timer",
        "hpet",
        {CLOCK_SOURCE: "hpet"},
        "warn",
        "hpet is slow",
    ),
    ("timer", "other", {CLOCK_SOURCE: "riscv_clocksource"}, "unknown", "'riscv_clocksource' costs"),
    ("timer", "no-file", {}, "unknown", "absent"),
    ("disk", "recorded", {}, "unknown", "recorded tree"),
]


@pytest.mark.parametrize(
    ("name", "files", "status", "expected"),
    [(name, files, status, expected) for name, _, files, status, expected in CASES],
    ids=[f"{name}-{case}" for name, case, *_ in CASES],
)
def test_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, Any], status: str, expected: str
) -> None:
    monkeypatch.setattr(virtualization, "emulated", lambda fs: "")  # wherever these tests run
    found = finding(tmp_path, name, files)

    assert (found.status, expected in found.found) == (status, True), found
    assert bool(found.remedy) == (status in {"warn", "fail"})


TRIED_ELSEWHERE = {
    "disk": "ok, warn and fail need a live machine: test_this_very_machine_can_be_inspected",
    "emulation": "fail and unknown are of this very machine: test_virtualization",
}
NEVER_A_WARNING = {"aslr", "isolated_cpus"}


def test_every_check_is_tried_with_evidence_for_and_against_and_with_none() -> None:
    statuses: dict[str, set[str]] = {name: set() for name in checks.registered()}
    for name, _, _, status, _ in CASES:
        statuses[name].add("bad" if status in {"warn", "fail"} else status)

    for name in statuses.keys() - TRIED_ELSEWHERE:
        assert statuses[name] == {"ok", "unknown", *([] if name in NEVER_A_WARNING else ["bad"])}, name


@pytest.mark.parametrize(
    ("returned", "word", "status", "told"),
    [
        (0, 0x2001, "ok", "synchronised"),
        (5, 0x40, "warn", "not synchronised"),
        (5, 0x2001, "ok", "synchronised"),
        (-1, 0, "unknown", "not permitted"),
    ],
)
def test_the_clock_of_this_machine_is_the_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returned: int, word: int, status: str, told: str
) -> None:
    def adjtimex(buffer: Any) -> int:
        assert buffer._obj.modes == 0, "it only reads"
        buffer._obj.status = word
        ctypes.set_errno(1)
        return returned

    class Live(HostFs):
        live = True

    monkeypatch.setattr(clock.ctypes, "CDLL", lambda *_, **__: SimpleNamespace(adjtimex=adjtimex))
    found = clock.inspect_clock(Live(tmp_path))
    assert (found.status, told in found.found) == (status, True), found


def test_a_recording_keeps_what_the_kernel_said(tmp_path: Path) -> None:
    recording = RecordingFs(tmp_path / "recording")
    found = clock.inspect_clock(recording)
    recording.close()
    assert clock.inspect_clock(HostFs(tmp_path / "recording")).status == found.status


def test_every_check_is_tried_above() -> None:
    assert {name for name, *_ in CASES} == set(checks.registered())


def test_an_empty_machine_knows_nothing_and_nothing_fails(tmp_path: Path) -> None:
    found = {each.check: each for each in checks.inspect_all(HostFs(tmp_path))}

    assert set(found) == set(checks.registered())
    assert {each.status for each in found.values() if each.check != "emulation"} == {"unknown"}
    assert all(each.found for each in found.values())


def test_emulation_is_this_machines_whichever_board_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        virtualization, "emulated", lambda fs: "qemu" if fs.live else pytest.fail("read from the recording")
    )

    assert finding(tmp_path, "emulation", trees.raspberry_pi_5()).status == "fail"


def test_closed_sensors_are_named_with_the_command_that_opens_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    found = finding(tmp_path, "sensor_access", {**trees.intel_laptop(), "dev/vcio": "", "dev/apex_0": ""})

    assert found.status == "warn"
    assert "z /sys/class/powercap/*/energy_uj 0444 - - -" in found.remedy
    assert 'KERNEL=="vcio", GROUP="video"' in found.remedy
    assert "usermod -aG apex" in found.remedy


def test_a_check_that_raises_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def inspect(self, fs: HostFs) -> Finding:
            raise ZeroDivisionError("oh")

    monkeypatch.setattr(checks, "registered", lambda: {"broken": Broken()})

    assert checks.inspect_all(HostFs(tmp_path)) == [
        Finding("broken", "unknown", "the check itself failed: ZeroDivisionError: oh")
    ]


def test_this_very_machine_can_be_inspected() -> None:
    found = {each.check: each for each in checks.inspect_all(HostFs())}

    assert found["disk"].status != "unknown"
    assert found["emulation"].status in {"ok", "fail"}


def test_what_would_be_tuned(tmp_path: Path) -> None:
    fs = HostFs(trees.write(tmp_path, trees.intel_laptop()))

    wanted = {change.name: change.value for change in checks.changes(fs)}

    assert wanted[f"/{CPU}/intel_pstate/no_turbo"] == "1"
    assert wanted[f"/{CPU}/smt/control"] == "off"
    assert [value for name, value in wanted.items() if name.endswith("scaling_governor")] == ["performance"] * 8


def test_nothing_is_tuned_twice(tmp_path: Path) -> None:
    files = {f"{CPU}/intel_pstate/no_turbo": 1, f"{CPU}/smt/control": "notsupported", f"{CPU}/smt/active": 0}

    assert checks.changes(HostFs(trees.write(tmp_path, files))) == []
