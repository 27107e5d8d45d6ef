"""Trees of sysfs and procfs files as real boards show them, to be read instead of this machine.

A tree maps file names to contents; `write` puts it into a folder. Names, labels and layouts are the drivers' own.
`python -m tests.trees DIR` writes all, the ones that change over time too, for `edgebench --host-root DIR/NAME`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DEVICE_TREE = "proc/device-tree"
THERMAL = "sys/class/thermal"
HWMON = "sys/class/hwmon"
CPU = "sys/devices/system/cpu"
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


Content = str | int | bytes | Link
Tree = dict[str, Content]


def write(root: Path, tree: Mapping[str, Content]) -> Path:
    """Make the files; text gets the newline the kernel ends it with, bytes stay as they are."""
    for name, content in tree.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            place.symlink_to(content.target)
        elif isinstance(content, bytes):
            place.write_bytes(content)
        else:
            place.write_text(f"{content}\n", encoding="utf-8")
    return root


def below(folder: str, files: Mapping[str, Content]) -> Tree:
    """The same files under a folder."""
    return {f"{folder}/{name}": content for name, content in files.items()}


def device_tree(model: str, *compatible: str) -> Tree:
    """The identity of a board with a device tree: NUL-ended strings."""
    return {
        f"{DEVICE_TREE}/model": f"{model}\0".encode(),
        f"{DEVICE_TREE}/compatible": "".join(f"{token}\0" for token in compatible).encode(),
    }


def meminfo(gib: float) -> Tree:
    """/proc/meminfo of a machine with so much memory."""
    return {"proc/meminfo": f"MemTotal:       {int(gib * 2**20)} kB\nMemFree:        100000 kB"}


# Raspberry Pi 5 -----------------------------------------------------------------------------------------------------

_A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
_PI_THROTTLED = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
# rail: (index of the current, amperes, index of the voltage, volts); an idle board
PMIC_RAILS = {
    "3V7_WL_SW": (0, 0.07709848, 8, 3.690497),
    "3V3_SYS": (1, 0.04782057, 9, 3.299826),
    "1V8_SYS": (2, 0.11515970, 10, 1.796335),
    "DDR_VDD2": (3, 0.00780744, 11, 1.108058),
    "DDR_VDDQ": (4, 0.0, 12, 0.6032961),
    "1V1_SYS": (5, 0.17664330, 13, 1.101464),
    "0V8_SW": (6, 0.33084030, 14, 0.802197),
    "VDD_CORE": (7, 0.94657990, 15, 0.7209762),
    "3V3_DAC": (17, 0.00146520, 20, 3.304026),
    "3V3_ADC": (18, 0.00140415, 21, 3.2967),
    "0V8_AON": (16, 0.00494505, 19, 0.7994132),
    "HDMI": (22, 0.01697190, 23, 5.11612),
}
PMIC_VOLTAGES = {"EXT5V": (24, 5.11478), "BATT": (25, 0.0188034)}


def pmic(core_a: float | None = None) -> str:
    """What `vcgencmd pmic_read_adc` prints; `core_a` replaces the current of the core's rail."""
    current = {rail: (index, amperes) for rail, (index, amperes, _, _) in PMIC_RAILS.items()}
    if core_a is not None:
        current["VDD_CORE"] = (7, core_a)
    voltage = {rail: (index, volts) for rail, (_, _, index, volts) in PMIC_RAILS.items()} | PMIC_VOLTAGES
    lines = [f"{rail + '_A':>14} current({index})={amperes:.8f}A" for rail, (index, amperes) in current.items()]
    lines += [f"{rail + '_V':>14} volt({index})={volts:.8f}V" for rail, (index, volts) in voltage.items()]
    return "\n".join(lines)


def raspberry_pi_5() -> Tree:
    """A Raspberry Pi 5, idle, Raspberry Pi OS bookworm."""
    core = f"BogoMIPS\t: 108.00\nFeatures\t: {_A76}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
    core += "CPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n"
    cores = "".join(f"processor\t: {number}\n{core}\n" for number in range(4))
    clocks = " ".join(str(number * 100_000) for number in range(15, 25))
    return {
        **device_tree("Raspberry Pi 5 Model B Rev 1.0", "raspberrypi,5-model-b", "brcm,bcm2712"),
        f"{DEVICE_TREE}/chosen/power/max_current": (5000).to_bytes(4, "big"),
        "proc/cpuinfo": f"{cores}Revision\t: d04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0",
        **below(
            f"{THERMAL}/thermal_zone0",
            {"type": "cpu-thermal", "temp": 48850, "trip_point_0_type": "critical", "trip_point_0_temp": 110000},
        ),
        **below(f"{HWMON}/hwmon0", {"name": "cpu_thermal", "temp1_input": 48850, "temp1_crit": 110000}),
        **below(f"{HWMON}/hwmon1", {"name": "rp1_adc", "in1_input": 1470, "temp1_input": 54310}),
        **below(f"{HWMON}/hwmon2", {"name": "pwmfan", "pwm1": 75, "fan1_input": 3054}),
        **below(f"{HWMON}/hwmon3", {"name": "rpi_volt", "in0_lcrit_alarm": 0}),
        **below(
            f"{CPU}/cpufreq/policy0",
            {
                "affected_cpus": "0 1 2 3",
                "scaling_driver": "cpufreq-dt",
                "scaling_governor": "ondemand",
                "scaling_available_governors": "conservative ondemand userspace powersave performance schedutil ",
                "scaling_min_freq": 1500000,
                "scaling_max_freq": 2400000,
                "scaling_cur_freq": 2400000,
                "scaling_available_frequencies": clocks,
            },
        ),
        _PI_THROTTLED: "0",
        "cmd/vcgencmd/get_throttled": "throttled=0x0",
        "cmd/vcgencmd/measure_temp": "temp=48.3'C",
        "cmd/vcgencmd/pmic_read_adc": pmic(),
    }


# NVIDIA Jetson ------------------------------------------------------------------------------------------------------


def ina3221(hwmon: int, address: str, rails: Mapping[str, tuple[int, int]], *, labels: bool = True) -> Tree:
    """An INA3221 as hwmon shows it: {rail: (mV, mA)}, linked from its class folder to its place on I2C."""
    place = f"sys/devices/platform/bus@0/c240000.i2c/i2c-1/1-{address}/hwmon/hwmon{hwmon}"
    files: Tree = {"name": "ina3221", "samples": 512, "update_interval": 430}
    for number, (rail, (millivolt, milliampere)) in enumerate(rails.items(), 1):
        files |= {f"in{number}_input": millivolt, f"curr{number}_input": milliampere, f"in{number + 3}_input": 2040}
        files |= {f"in{number}_label": rail} if labels else {}
    files |= {"in7_label": "sum of shunt voltages", "in7_input": 14040, "curr4_input": 2808}
    return {**below(place, files), f"{HWMON}/hwmon{hwmon}": Link(f"../../{place.removeprefix('sys/')}")}


def _zones(temperatures: Mapping[str, int | None]) -> Tree:
    """Jetson thermal zones; one without a temperature is gated (`harness` gets EAGAIN there on a real board)."""
    tree: Tree = {}
    for number, (name, millidegrees) in enumerate(temperatures.items()):
        files: Tree = {"type": f"{name}-thermal", "trip_point_0_type": "critical", "trip_point_0_temp": 104500}
        files |= {"trip_point_1_type": "passive", "trip_point_1_temp": 99000}
        files |= {} if millidegrees is None else {"temp": millidegrees}
        tree |= below(f"{THERMAL}/thermal_zone{number}", files)
    return tree


def jetson_orin_nano(hwmon: int = 1, *, labels: bool = True) -> Tree:
    """An Orin Nano 8GB Super developer kit, JetPack 6, no jetson-stats. `hwmon` numbers the power meter."""
    tree = {
        **device_tree(
            "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",
            "nvidia,p3768-0000+p3767-0005-super",
            "nvidia,p3767-0005",
            "nvidia,tegra234",
        ),
        "etc/nv_tegra_release": "# R36 (release), REVISION: 4.7, GCID: 42132812, BOARD: generic, EABI: aarch64",
        "etc/nvpmodel.conf": "\n".join(
            f"< POWER_MODEL ID={number} NAME={name} >" for number, name in enumerate(("15W", "25W", "MAXN_SUPER", "7W"))
        ),
        "var/lib/nvpmodel/status": "pmode:0001 fmode:quiet",
        **ina3221(
            hwmon,
            "0040",
            {"VDD_IN": (4984, 1856), "VDD_CPU_GPU_CV": (4984, 408), "VDD_SOC": (4984, 544)},
            labels=labels,
        ),
        **below(f"{HWMON}/hwmon0", {"name": "pwmfan", "pwm1": 85}),
        **below(
            f"{HWMON}/hwmon5",
            {"name": "soctherm_oc", "oc1_event_cnt": 0, "oc2_event_cnt": 0, "oc3_event_cnt": 27390},
        ),
        "sys/devices/platform/gpu.0": Link("bus@0/17000000.gpu"),
        "sys/devices/platform/bus@0/17000000.gpu/load": 500,
        **below("sys/class/devfreq/17000000.gpu", {"cur_freq": 306000000, "max_freq": 1020000000}),
        **_zones({"cpu": 49312, "gpu": 50187, "cv0": None, "cv1": None, "soc0": 48843, "tj": 50187}),
    }
    for number, unit in enumerate(("cpu", "gpu", "cv0", "soc0")):
        files: Tree = {"type": f"{unit}-throttle-alert", "cur_state": 0, "max_state": 1}
        tree |= below(f"{THERMAL}/cooling_device{number}", files)
    for policy in ("policy0", "policy4"):
        tree |= below(
            f"{CPU}/cpufreq/{policy}",
            {
                "scaling_governor": "schedutil",
                "scaling_available_governors": "conservative ondemand userspace powersave performance schedutil ",
                "scaling_min_freq": 729600,
                "scaling_max_freq": 1344000,
                "scaling_cur_freq": 1344000,
            },
        )
    return tree


def jetson_agx_orin() -> Tree:
    """An AGX Orin: three inputs on the meter at 0x40, a rail fed by them on the one at 0x41."""
    return {
        **device_tree("NVIDIA Jetson AGX Orin", "nvidia,p3737-0000+p3701-0005", "nvidia,p3701-0005", "nvidia,tegra234"),
        **ina3221(3, "0040", {"VDD_GPU_SOC": (19040, 250), "VDD_CPU_CV": (19040, 50), "VIN_SYS_5V0": (5000, 900)}),
        **ina3221(4, "0041", {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 300)}),
    }


def jetson_agx_xavier() -> Tree:
    """An AGX Xavier: six rails, and no meter at the input."""
    return {
        **device_tree("Jetson-AGX", "nvidia,p2972-0000", "nvidia,p2888-0001", "nvidia,tegra194"),
        **ina3221(0, "0040", {"GPU": (19000, 100), "CPU": (19000, 200), "SOC": (19000, 300)}),
        **ina3221(1, "0041", {"CV": (19000, 10), "VDDRQ": (19000, 20), "SYS5V": (5000, 500)}),
    }


def jetson_thor() -> Tree:
    """A Thor: the carrier board's INA238 at the input counts, the module's own meter sees some rails."""
    carrier = "sys/devices/platform/bus@0/810c640000.i2c/i2c-2/2-0044/hwmon/hwmon1"
    return {
        **device_tree("NVIDIA Jetson AGX Thor Developer Kit", "nvidia,p3971-0080+p3834-0008", "nvidia,tegra264"),
        **ina3221(0, "0040", {"VDD_GPU": (12000, 500), "VDD_CPU_SOC_MSS": (12000, 400), "VIN_SYS_5V0": (5000, 800)}),
        **below(carrier, {"name": "ina238", "power1_label": "VIN", "power1_input": 38_500_000}),
        f"{HWMON}/hwmon1": Link(f"../../{carrier.removeprefix('sys/')}"),
    }


def jetson_nano() -> Tree:
    """A Nano on JetPack 4: NVIDIA's own iio driver."""
    chip = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    rails = {"POM_5V_IN": 2371, "POM_5V_GPU": 40, "POM_5V_CPU": 484}
    files: Tree = {}
    for number, (rail, milliwatt) in enumerate(rails.items()):
        files |= {f"rail_name_{number}": rail, f"in_power{number}_input": milliwatt}
    return {
        **device_tree("NVIDIA Jetson Nano Developer Kit", "nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,tegra210"),
        **below(chip, files),
    }


# x86, accelerators, virtual machines --------------------------------------------------------------------------------

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


STATIC: Mapping[str, Callable[[], Tree]] = {
    "raspberry-pi-5": raspberry_pi_5,
    "jetson-orin-nano": jetson_orin_nano,
    "jetson-agx-orin": jetson_agx_orin,
    "jetson-agx-xavier": jetson_agx_xavier,
    "jetson-thor": jetson_thor,
    "jetson-nano": jetson_nano,
    "intel-laptop": intel_laptop,
    "coral-host": coral_host,
    "virtual-machine": virtual_machine,
}

# Trees that change over time ----------------------------------------------------------------------------------------

Event = tuple[int, str, str]
"""Nanoseconds since the start, file name with a leading '/', new text."""


def write_playing(
    root: Path, tree: Mapping[str, Content], events: Iterable[Event], end_ns: int, counters: Mapping[str, int]
) -> Path:
    """A tree with a recording beside it (see harness.host.recording) that loops."""
    write(root, tree)
    lines = [json.dumps({"t_ns": t_ns, "name": name, "text": text}) for t_ns, name, text in sorted(events)]
    lines.append(json.dumps({"t_ns": end_ns, "end": True, "loop": True, "counters": dict(counters)}))
    (root / "recording.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def throttling_pi_5(root: Path, seconds: int = 60) -> Path:
    """A Raspberry Pi 5 that gets hot: half way through it is capped and throttled, and draws less."""
    events: list[Event] = []
    step_ns = SECOND_NS // 5
    for tick in range(seconds * 5):
        hot = tick >= seconds * 5 // 2
        # the core's current wanders by a few milliamperes, as every real one does
        amperes = (2.1 if hot else 3.2) + 0.001 * (tick * 7 % 11)
        temperature = min(86_000, 60_000 + 200 * tick)
        events.append((tick * step_ns, "/cmd/vcgencmd/pmic_read_adc", pmic(amperes)))
        events.append((tick * step_ns, f"/{_PI_THROTTLED}", "e0006" if hot else "0"))
        events.append((tick * step_ns, f"/{THERMAL}/thermal_zone0/temp", str(temperature)))
    return write_playing(root, raspberry_pi_5(), events, seconds * SECOND_NS, {})


def gating_jetson(root: Path, seconds: int = 60) -> Path:
    """An Orin Nano whose CPU and GPU rail is gated to 0 for some seconds, while the module's input goes on."""
    rail = f"/{HWMON}/hwmon1"
    events: list[Event] = []
    step_ns = SECOND_NS * 43 // 100
    for tick in range(seconds * SECOND_NS // step_ns):
        gated = 20 <= tick % 60 < 40
        wander = tick * 7 % 11
        events.append((tick * step_ns, f"{rail}/curr1_input", str((1400 if gated else 1856) + wander)))
        events.append((tick * step_ns, f"{rail}/curr2_input", "0" if gated else str(408 + wander)))
    return write_playing(root, jetson_orin_nano(), events, seconds * SECOND_NS, {})


def wrapping_rapl(root: Path, seconds: int = 20, power_w: int = 15, before_wrap_s: float = 5.0) -> Path:
    """An Intel laptop at a steady power whose package counter wraps some seconds after the start."""
    name = f"/{RAPL}/intel-rapl:0/energy_uj"
    steps_per_s = 200  # a real counter moves every millisecond
    step_ns = SECOND_NS // steps_per_s
    first = RAPL_WRAP_UJ - int(before_wrap_s * power_w * 1e6)
    events = [
        (tick * step_ns, name, str((first + tick * step_ns * power_w // 1000) % RAPL_WRAP_UJ))
        for tick in range(seconds * steps_per_s + 1)
    ]
    return write_playing(root, intel_laptop(), events, seconds * SECOND_NS, {name: RAPL_WRAP_UJ})


PLAYING: Mapping[str, Callable[[Path], Path]] = {
    "throttling-pi-5": throttling_pi_5,
    "gating-jetson": gating_jetson,
    "wrapping-rapl": wrapping_rapl,
}


def main(folder: Path) -> None:
    """Write every tree below a folder."""
    for name, tree in STATIC.items():
        write(folder / name, tree())
    for name, build in PLAYING.items():
        build(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
