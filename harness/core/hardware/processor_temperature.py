"""Which of a machine's temperatures are the processor's, by the names of their channels.

A channel is 'thermal/<type of the zone>' or 'hwmon/<chip>/<label>'. A board's descriptor may name the processor's;
without one, the names that kernels and firmwares give to processors are known here. A zone whose name is in neither is
not the processor's: power chips, radios, drives and ACPI's 'acpitz' have temperatures of their own, some of them a
constant 100 C. Docs: docs/boards.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from posixpath import basename, dirname

from harness.core.hostfs import HostFs, read_label
from harness.core.sensing import matches

_ZONES = re.compile(
    r"x86_pkg_temp|pkg-temp-\d+|b0d4|tcpu(_pci)?"  # Intel: package; DPTF's participants for the processor
    r"|(cpu|soc|tj|package|cluster|bigcore|littlecore|midcore|big|little|mid|a[357]\d)[-_]?\d*(-\d+)*([-_].*)?"
    r"|cpu(ss|top|big|little|lite|[blmp])[-_]?\d*([-_].*)?"  # Qualcomm, MediaTek, Allwinner
    r"|[abm]cpu-therm(al)?|bcm2835_thermal|core-cluster|m(pu|ain)[-_]?\d*([-_]?thermal)?|mtktscpu|imx_thermal_zone"
    r"|ap-cpu\d*([-_].*)?"
)
"""Types of thermal zones, in lower case."""

_CHIPS = re.compile(r"coretemp|k8temp|k10temp|zenpower|via_cputemp")
"""hwmon chips that sit in the processor, every input of them."""

_LABELLED_CHIPS = re.compile(
    r"sc[mp]i_sensors|apm_xgene|smpro.hwmon|dell_smm|thinkpad|cpu_hwmon|asus[-_]?(ec|wmi)[-_]?sensors|asusec"
)
"""hwmon chips of a firmware, with many inputs: the label says which is the processor's."""

_CPU_LABELS = re.compile(r"(cpu|soc|package|cluster|big|little)\b.*")

_NOT_THE_DIE = re.compile(
    r"(^|[-_ ])(pmic|fan|vr|vrm|vrd|vreg|board|ambient|skin|batt(ery)?|charger|wifi|wlan|modem|ddr|dimm|mem(ory)?|inlet"
    r"|outlet|case|nvme|usb|pcie|est)([-_ \d]|$)"
)
"""Words that say that a sensor beside the processor is meant ('soc-pmic', 'cpu_vr')."""


def zone_files(fs: HostFs) -> Iterator[tuple[str, str]]:
    """Yield channel name and file of every thermal zone's temperature, readable or not."""
    for file in fs.glob("/sys/class/thermal/thermal_zone*/type"):
        yield f"thermal/{read_label(fs, file, 'unnamed')}", f"{dirname(file)}/temp"


def hwmon_files(fs: HostFs) -> Iterator[tuple[str, str]]:
    """Yield channel name and file of every temperature of hwmon; an input without a label is 'temp1'."""
    for file in fs.glob("/sys/class/hwmon/hwmon*/temp*_input"):
        folder, stem = dirname(file), basename(file).removesuffix("_input")
        chip = read_label(fs, f"{folder}/name", "unnamed")
        yield f"hwmon/{chip}/{read_label(fs, f'{folder}/{stem}_label', stem)}", file


def processor_channels(names: Iterable[str], patterns: Sequence[str] = ()) -> list[str]:
    """Return the names of the processor's temperatures, in their order; empty where there is none.

    Args:
        names: Names of channels; a number of '#2' and so on at the end is ignored.
        patterns: The descriptor's patterns for the processor's temperatures; they go first.
    """
    thermal = [name for name in names if name.startswith(("thermal/", "hwmon/"))]
    described = [name for name in thermal if any(matches(pattern, _plain(name)) for pattern in patterns)]
    return described or _on_the_die(thermal) or [name for name in thermal if _from_firmware(*_parts(name))]


def _on_the_die(names: Sequence[str]) -> list[str]:
    """Return the names of sensors on the processor itself."""
    return _without_duplicates([name for name in names if _is_on_the_die(*_parts(name))])


def _is_on_the_die(source: str, kind: str, label: str) -> bool:
    if _NOT_THE_DIE.search(kind) or _NOT_THE_DIE.search(label):
        return False
    return bool(_ZONES.fullmatch(kind) or (source == "hwmon" and _CHIPS.fullmatch(kind)))


def _from_firmware(source: str, kind: str, label: str) -> bool:
    labelled = source == "hwmon" and _LABELLED_CHIPS.fullmatch(kind) and _CPU_LABELS.fullmatch(label)
    return bool(labelled and not _NOT_THE_DIE.search(label))


def _parts(name: str) -> tuple[str, str, str]:
    """Return source, type or chip, and label ('' of a zone) in lower case."""
    source, kind, *label = _plain(name).lower().split("/")
    return source, kind, label[0] if label else ""


def _without_duplicates(names: Sequence[str]) -> list[str]:
    """Leave out what another channel shows better.

    These are a thermal zone's copy in hwmon, which has the zone's name with '_' for '-'; and the value that AMD's fan
    control uses (Tctl), which on some processors is 10 to 27 degrees above the die's own temperature (Tdie).
    """
    copies = {f"hwmon/{name.removeprefix('thermal/').replace('-', '_')}/temp1" for name in names}
    die_known = "hwmon/k10temp/Tdie" in names
    return [name for name in names if name not in copies and not (die_known and _plain(name) == "hwmon/k10temp/Tctl")]


def _plain(name: str) -> str:
    """Return a name without the number that makes it unique: 'thermal/cpu-thermal#2' is 'thermal/cpu-thermal'."""
    return re.sub(r"#\d+$", "", name)
