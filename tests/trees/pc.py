"""PCs, a virtual machine, and Coral Edge TPUs in either."""

from __future__ import annotations

from collections.abc import Mapping

from .files import CPU, HWMON, THERMAL, Link, Tree, below, meminfo

RAPL_WRAP_UJ = 262_143_328_850
RAPL = "sys/class/powercap"
_RAPL_DEVICES = "sys/devices/virtual/powercap"
# class folder: (place under the devices, name, counter)
_RAPL_ZONES = {
    "intel-rapl:0": ("intel-rapl/intel-rapl:0", "package-0", 240_422_366_267),
    "intel-rapl:0:0": ("intel-rapl/intel-rapl:0/intel-rapl:0:0", "core", 118_821_284_256),
    "intel-rapl:0:1": ("intel-rapl/intel-rapl:0/intel-rapl:0:1", "uncore", 7_123_456_789),
    "intel-rapl:1": ("intel-rapl/intel-rapl:1", "psys", 81_234_567_890),
    "intel-rapl-mmio:0": ("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", 240_422_366_267),
}
DRAM_ZONE = {"intel-rapl:0:2": ("intel-rapl/intel-rapl:0/intel-rapl:0:2", "dram", 5_000_000_000)}


def rapl(zones: Mapping[str, tuple[str, str, int]]) -> Tree:
    """Powercap zones, each linked from the class folder to its place among the devices."""
    tree: Tree = {}
    for zone, (place, name, counter) in zones.items():
        files: Tree = {"name": name, "energy_uj": counter, "max_energy_range_uj": RAPL_WRAP_UJ}
        tree |= below(f"{_RAPL_DEVICES}/{place}", files)
        tree[f"{RAPL}/{zone}"] = Link(f"../../devices/virtual/powercap/{place}")
    return tree


def intel_laptop(*, dram: bool = False) -> Tree:
    """An Intel laptop with readable RAPL counters."""
    tree: Tree = {
        **rapl({**_RAPL_ZONES, **(DRAM_ZONE if dram else {})}),
        **below(
            f"{HWMON}/hwmon4",
            {
                "name": "coretemp",
                "temp1_label": "Package id 0",
                "temp1_input": 56000,
                "temp1_max": 100000,
                "temp2_label": "Core 0",
                "temp2_input": 55000,
            },
        ),
        **below(f"{THERMAL}/thermal_zone8", {"type": "x86_pkg_temp", "temp": 56000}),
        **below(f"{CPU}/intel_pstate", {"status": "active", "no_turbo": 0}),
        **below(f"{CPU}/smt", {"control": "on", "active": 1}),
        f"{CPU}/isolated": "",
    }
    for number in range(8):
        counts: Tree = {"core_throttle_count": 12, "package_throttle_count": 45}
        tree |= below(f"{CPU}/cpu{number}/thermal_throttle", counts)
        files: Tree = {
            "scaling_governor": "powersave",
            "scaling_available_governors": "performance powersave",
            "scaling_cur_freq": 2100000,
        }
        tree |= below(f"{CPU}/cpufreq/policy{number}", files)
    return tree


def coral_host() -> Tree:
    """A machine with a PCIe Edge TPU."""
    device = "sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.0"
    files: Tree = {"temp": 46550, "trip_point0_temp": 84800, "status": "ALIVE", "driver_version": "1.2"}
    return {
        **below(f"{device}/apex/apex_0", files),
        **below(device, {"vendor": "0x1ac1", "device": "0x089a", "class": "0x088000"}),
        "sys/class/apex/apex_0": Link(f"../../{device.removeprefix('sys/')}/apex/apex_0"),
        "sys/bus/pci/devices/0000:01:00.0": Link(f"../../../{device.removeprefix('sys/')}"),
    }


def coral_usb(*, used: bool = True) -> Tree:
    """A USB Edge TPU: it changes its id when the first program loads its firmware."""
    ids: Tree = {"idVendor": "18d1", "idProduct": "9302"} if used else {"idVendor": "1a6e", "idProduct": "089a"}
    return below("sys/bus/usb/devices/2-1", {**ids, "speed": 5000})


def virtual_machine() -> Tree:
    """A virtual machine: an empty cpufreq folder, no sensor of any kind."""
    block = "vendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Processor\nmicrocode\t: 0x1\n"
    block += "flags\t\t: fpu lm sse4_1 avx avx2 fma f16c hypervisor\n"
    return {
        "proc/cpuinfo": "".join(f"processor\t: {number}\n{block}\n" for number in range(2)),
        f"{CPU}/cpufreq/.keep": "",
        "proc/swaps": "Filename\tType\tSize\tUsed\tPriority",
        "proc/loadavg": "0.10 0.20 0.30 1/100 4242",
        "proc/pressure/cpu": "some avg10=0.00 avg60=0.10 avg300=0.20 total=1",
        "proc/sys/kernel/randomize_va_space": "2",
        **meminfo(4),
    }
