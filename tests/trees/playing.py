"""Trees that change over time: recordings (see harness.host.recording) that loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from .files import HWMON, THERMAL, Content, write
from .jetson import jetson_orin_nano
from .pc import RAPL, RAPL_WRAP_UJ, intel_laptop
from .raspberry import THROTTLED, pmic, raspberry_pi_5

SECOND_NS = 1_000_000_000
Event = tuple[int, str, str]
"""Nanoseconds since the start, file name with a leading '/', new text."""


def write_playing(
    root: Path, tree: Mapping[str, Content], events: Iterable[Event], end_ns: int, counters: Mapping[str, int]
) -> Path:
    """A tree with a recording beside it."""
    write(root, tree)
    lines = [json.dumps({"t_ns": t_ns, "name": name, "text": text}) for t_ns, name, text in sorted(events)]
    lines.append(json.dumps({"t_ns": end_ns, "end": True, "loop": True, "counters": dict(counters)}))
    (root / "recording.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def throttling_pi_5(root: Path, seconds: int = 20) -> Path:
    """A Raspberry Pi 5 without a fan, its heat in quick motion.

    A quarter of the time it gets warm, then it is capped and throttled at 82 degrees and draws less, in the last third
    it cools; that it happened stays in its bits 16 to 19. It begins as cool as its target wants it for a case.
    """
    events: list[Event] = []
    ticks = seconds * 5
    for tick in range(ticks):
        hot, cooling = ticks // 4 <= tick < ticks * 2 // 3, tick >= ticks * 2 // 3
        bits = "e0006" if hot else "e0000" if cooling else "0"
        celsius = 82 if hot else 65 - 20 * (tick - ticks * 2 // 3) * 3 // ticks if cooling else 45 + 56 * tick // ticks
        # the core's current wanders by a few milliamperes, as every real one does
        amperes = (2.1 if hot else 3.2) + 0.001 * (tick * 7 % 11)
        at_ns = tick * SECOND_NS // 5
        events.append((at_ns, "/cmd/vcgencmd/pmic_read_adc", pmic(amperes)))
        events.append((at_ns, f"/{THROTTLED}", bits))
        events.append((at_ns, f"/{THERMAL}/thermal_zone0/temp", str(1000 * celsius + 100 * (tick % 5))))
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
