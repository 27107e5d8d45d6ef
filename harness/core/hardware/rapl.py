"""Access to RAPL, the energy counters of x86 processors in /sys/class/powercap: what withholds and what grants it."""

from __future__ import annotations

from harness.core.hostfs import HostFs

COUNTERS = "/sys/class/powercap/*/energy_uj"

DENIED_REMEDY = (
    "root alone may read it since kernel 5.10 (CVE-2020-8694); grant it until the next boot: "
    f"sudo chmod a+r {COUNTERS}; for good, in /etc/tmpfiles.d/edgebench.conf: z {COUNTERS} 0444 - - -"
)

HIDDEN = "the links in /sys/class/powercap lead nowhere: this container hides /sys/devices/virtual/powercap"

HIDDEN_REMEDY = (
    "start the container with --security-opt systempaths=unconfined (Docker), "
    "--security-opt unmask=/sys/devices/virtual/powercap (Podman) or procMount: Unmasked (Kubernetes); where the "
    "folder is only not mounted, with -v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro"
)


def hidden(fs: HostFs) -> bool:
    """Return whether the kernel lists zones that this container does not show."""
    zones = list(fs.glob("/sys/class/powercap/*"))
    return bool(zones) and not any(map(fs.exists, zones))
