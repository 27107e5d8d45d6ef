"""Swap and zram: a page that comes back from there costs milliseconds within a timed inference."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.quantity import Missing
from harness.core.verdict import Finding


def inspect(fs: HostFs) -> Finding:
    """Ok without swap, or while none of it is used."""
    text = fs.read("/proc/swaps")
    if isinstance(text, Missing):
        return Finding("swap", "unknown", text.reason)
    areas = [line.split() for line in text.splitlines()[1:] if line.strip()]
    if not areas:
        return Finding("swap", "ok", "none")
    try:
        used_kib = sum(int(area[3]) for area in areas)
    except (IndexError, ValueError):
        return Finding("swap", "unknown", f"/proc/swaps is not understood: {text[:80]!r}")
    names = ", ".join(f"{area[0]}{' (compressed RAM)' if 'zram' in area[0] else ''}" for area in areas)
    if used_kib == 0:
        return Finding("swap", "ok", f"{names}, unused")
    return Finding("swap", "warn", f"{names}: {used_kib / 1024:.0f} MiB used", "sudo swapoff -a")
