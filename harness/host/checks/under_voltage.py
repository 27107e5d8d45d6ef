"""A weak supply: the Raspberry Pi caps its clock when 5 V sags, and a supply without 5 A limits a Pi 5's USB ports."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.hardware import supply_ma, throttled_bits

_REMEDY = "use the board's own supply and a short cable"
_PI5_SUPPLY_MA = 5000


def inspect(fs: HostFs) -> Finding:
    """Fail while the voltage is low, warn when it was since boot or the supply is rated below what the board asks."""
    bits = throttled_bits(fs)
    if not isinstance(bits, int):
        return Finding("under_voltage", "unknown", f"no Raspberry Pi firmware here ({bits.reason})")
    if bits & 1 or _alarm(fs):
        return Finding("under_voltage", "fail", "under-voltage now", _REMEDY)
    if bits >> 16 & 1:
        return Finding("under_voltage", "warn", "under-voltage since boot", _REMEDY)
    rating = supply_ma(fs)
    if isinstance(rating, int) and rating < _PI5_SUPPLY_MA:
        return Finding("under_voltage", "warn", f"none, but the supply offers only {rating} mA", _REMEDY)
    told = f", the supply offers {rating} mA" if isinstance(rating, int) else ""
    return Finding("under_voltage", "ok", f"none{told}")


def _alarm(fs: HostFs) -> bool:
    return any(fs.read(name) == "1" for name in fs.glob("/sys/class/hwmon/hwmon*/in0_lcrit_alarm"))
