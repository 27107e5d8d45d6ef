"""CPUs kept free of other programs by the kernel command line (isolcpus). Recorded."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding


def inspect(fs: HostFs) -> Finding:
    """Always ok when it can be read."""
    cpus = fs.read("/sys/devices/system/cpu/isolated")
    if isinstance(cpus, Missing):
        return Finding("isolated_cpus", "unknown", cpus.reason)
    return Finding("isolated_cpus", "ok", cpus or "none")
