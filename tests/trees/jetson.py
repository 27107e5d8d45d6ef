"""NVIDIA Jetsons."""

from __future__ import annotations

from collections.abc import Mapping

from .files import CPU, HWMON, THERMAL, Link, Tree, below, device_tree


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


def jetson_nano(*, labels: bool = True) -> Tree:
    """A Nano on JetPack 4: NVIDIA's own iio driver, which counts channels from 0."""
    chip = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    rails = {"POM_5V_IN": 2371, "POM_5V_GPU": 40, "POM_5V_CPU": 484}
    files: Tree = {}
    for number, (rail, milliwatt) in enumerate(rails.items()):
        files |= {f"rail_name_{number}": rail if labels else "", f"in_power{number}_input": milliwatt}
    return {
        **device_tree("NVIDIA Jetson Nano Developer Kit", "nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,tegra210"),
        **below(chip, files),
    }
