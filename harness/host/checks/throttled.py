"""Did heat or power cap the clock, now or since boot? Raspberry Pi bits, Intel counters, Jetson over-current events."""

from __future__ import annotations

from harness.core.hostfs import HostFs
from harness.core.verdict import Finding
from harness.host.hardware import throttled_bits

# Bits of get_throttled (under-voltage, bits 0 and 16, is a check of its own); 16 higher: has occurred since boot.
_BITS = {1: "ARM clock capped", 2: "throttled", 3: "soft temperature limit"}
_REMEDY = "better cooling or supply; compare with the same finding after the run"


def inspect(fs: HostFs) -> Finding:
    """Fail when throttled now, warn when it has happened since boot."""
    bits = throttled_bits(fs)
    now = [word for bit, word in _BITS.items() if isinstance(bits, int) and bits >> bit & 1]
    if now:
        return Finding("throttled", "fail", f"now: {', '.join(now)}", _REMEDY)
    past = [f"{word} (since boot)" for bit, word in _BITS.items() if isinstance(bits, int) and bits >> bit + 16 & 1]
    counts = _counts(fs)
    past += [f"{name} {count} times since boot" for name, count in counts.items() if count]
    if past:
        return Finding("throttled", "warn", ", ".join(past), _REMEDY)
    if isinstance(bits, int) or counts:
        return Finding("throttled", "ok", "never since boot")
    return Finding("throttled", "unknown", "neither throttle bits nor counters on this machine")


def _counts(fs: HostFs) -> dict[str, int]:
    """Highest count over the CPUs of each Intel counter, and the Jetson's over-current events, by name."""
    counts: dict[str, int] = {}
    for kind in ("core", "package"):
        files = fs.glob(f"/sys/devices/system/cpu/cpu*/thermal_throttle/{kind}_throttle_count")
        values = [fs.read_int(name) for name in files]
        good = [value for value in values if isinstance(value, int)]
        if good:
            counts[f"{kind} throttled"] = max(good)
    for name in fs.glob("/sys/class/hwmon/hwmon*/oc*_event_cnt"):
        value = fs.read_int(name)
        if isinstance(value, int):
            counts[f"over-current {name.rsplit('/', 1)[1].split('_')[0]}"] = value
    return counts
