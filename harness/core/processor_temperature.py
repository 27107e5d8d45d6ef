"""Which of a machine's temperatures are the processor's.

Temperatures have the names of their channels: 'thermal/<type of the zone>' and 'hwmon/<chip>/<label>'. A board's
descriptor may name them; without one, the names that kernels and firmwares give to processors are known here. A zone
whose name is in neither is not the processor's: power chips, radios, drives, ACPI's 'acpitz' and the like stay at
temperatures of their own, some of them at a constant 100 C. Docs: docs/boards.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .sensing import matches

_ZONES = re.compile(
    r"x86_pkg_temp|pkg-temp-\d+|b0d4|tcpu(_pci)?"  # Intel: package; DPTF's participants for the processor
    r"|(cpu|soc|tj|package|cluster|bigcore|littlecore|midcore|big|little|mid|a[357]\d)[-_]?\d*(-\d+)*([-_].*)?"
    r"|cpu(ss|top|big|little|lite)[-_]?\d*([-_].*)?"  # Qualcomm, MediaTek
    r"|[abm]cpu-therm(al)?|bcm2835_thermal|core-cluster|mpu[-_]?\d*([-_]?thermal)?|mtktscpu|imx_thermal_zone|ap-cpu\d*([-_].*)?"
)
"""Types of thermal zones, in lower case."""

_CHIPS = re.compile(r"coretemp|k8temp|k10temp|zenpower|via_cputemp")
"""hwmon chips that sit in the processor, every input of them; a thermal zone's copy in hwmon has the zone's name."""

_LABELLED_CHIPS = re.compile(r"sc[mp]i_sensors|apm_xgene|dell_smm|thinkpad")
"""hwmon chips with many inputs: the label says which is the processor's."""

_CPU_LABELS = re.compile(r"(cpu|soc|package|cluster|big|little)\b.*")

_NOT_THE_DIE = re.compile(
    r"(^|[-_ ])(pmic|fan|vr|vrm|vrd|vreg|board|ambient|skin|batt(ery)?|charger|wifi|wlan|modem|ddr|dimm|mem(ory)?|inlet"
    r"|outlet|case|nvme|usb|pcie|est)([-_ \d]|$)"
)
"""Words that say that a sensor beside the processor is meant ('soc-pmic', 'cpu_vr')."""


def processor_channels(names: Iterable[str], patterns: Sequence[str] = ()) -> list[str]:
    """Return the names of the processor's temperatures, in their order; empty where there is none.

    Args:
        names: Names of temperature channels; a number of '#2' and so on at the end is ignored.
        patterns: The descriptor's patterns for the processor's temperatures; they go first.
    """
    thermal = [name for name in names if name.startswith(("thermal/", "hwmon/"))]
    described = [name for name in thermal if any(matches(pattern, _plain(name)) for pattern in patterns)]
    return described or [name for name in thermal if is_processor(name)]


def is_processor(name: str) -> bool:
    """Return whether a channel's name is that of a processor's temperature."""
    source, kind, *label = _plain(name).lower().split("/")
    if _NOT_THE_DIE.search(kind) or any(map(_NOT_THE_DIE.search, label)):
        return False
    if source == "thermal" or not label:
        return bool(_ZONES.fullmatch(kind))
    if _LABELLED_CHIPS.fullmatch(kind):
        return bool(_CPU_LABELS.fullmatch(label[0]))
    return bool(_CHIPS.fullmatch(kind) or _ZONES.fullmatch(kind))


def _plain(name: str) -> str:
    """Return a name without the number that makes it unique: 'thermal/cpu-thermal#2' is 'thermal/cpu-thermal'."""
    return re.sub(r"#\d+$", "", name)
