"""A Raspberry Pi 5."""

from __future__ import annotations

from .files import CPU, DEVICE_TREE, HWMON, THERMAL, Tree, below, device_tree

_A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
THROTTLED = "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
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
        THROTTLED: "0",
        "cmd/vcgencmd/get_throttled": "throttled=0x0",
        "cmd/vcgencmd/measure_temp": "temp=48.3'C",
        "cmd/vcgencmd/pmic_read_adc": pmic(),
    }
