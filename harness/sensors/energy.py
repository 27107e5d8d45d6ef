"""Joules per inference of one case, from the traces sampled beside it and the target's power rule.

Gross energy is everything within the source's scope, E / N. Net energy subtracts the idle power, (E - P_idle T) / N,
with P_idle the mean over windows before and after. Each is Missing, with the reason, when a window is not valid. The
interval includes what the readings show (quantization, edges, sampling, drift of idle power). It does not include the
gain error of the sensor, since most boards publish none.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from harness.core.quantity import Missing, Quantity, Value
from harness.core.sensing import Channel
from harness.stats.energy import Energy, from_counter, integrate, mean_power, net

from .board_power import PowerSource
from .sampler import Series, Traces

MIN_CHANGES = 9
"""Changes of a sensor's reading within a window: with fewer it stood still, however often it was read."""

SETTLE_NS = 500_000_000
"""Least time for which a sensor of means still shows what was before a window (INA3221: 0.5 to 1 s)."""

_Z95 = 1.959964  # the normal distribution's 97.5 % point
_NO_WRAP_UJ = 1 << 62  # more than any counter reaches

Window = tuple[int, int]
"""Start and end in nanoseconds of the monotonic clock."""


@dataclass(frozen=True)
class EnergyMetrics:
    """Energy per inference of one case.

    Attributes:
        gross: Joules per inference of everything within the source's scope.
        net: Joules per inference above the idle power.
        details: Source, sensors and windows that they were computed from, for the record.
    """

    gross: Quantity
    net: Quantity
    details: Mapping[str, Any] = field(default_factory=dict)


def case_energy(
    traces: Traces,
    source: PowerSource | Missing,
    window: Window,
    n_inferences: int,
    idle_windows: Sequence[Window] = (),
) -> EnergyMetrics:
    """Return the energy per inference; without a source or a valid trace, both figures are Missing.

    Args:
        traces: Samples of all sensors.
        source: Channels and rule of the board's power, or the reason why there is none.
        window: Start and end of the measured loop.
        n_inferences: Number of inferences within the window.
        idle_windows: Windows in which the machine was idle.
    """
    if isinstance(source, Missing):
        return EnergyMetrics(source, source)
    if n_inferences < 1:
        no_inference = Missing("no inference was run within the window")
        return EnergyMetrics(no_inference, no_inference)
    total = window_energy(traces, source, window)
    idle = [window_energy(traces, source, idle_window) for idle_window in idle_windows]
    details = {
        "scope": source.scope,
        "channels": [channel.name for channel in source.channels],
        "estimate": source.rule.estimate,
        "gain_uncertainty": "unknown",
        "sensors": [_sensor_details(channel, traces) for channel in source.channels],
        "sampler": "process" if traces.separate_process else "thread",
        "sampler_cpu_ns": traces.cpu_ns,
        "sampler_cpu_share": traces.cpu_ns / traces.wall_ns if traces.wall_ns else None,
        "window": _window_details(total),
        "idle": [_window_details(energy) for energy in idle],
    }
    gross = total if isinstance(total, Missing) else _per_inference(total, n_inferences)
    return EnergyMetrics(gross, _net(total, idle, n_inferences), details)


def window_energy(traces: Traces, source: PowerSource, window: Window) -> Energy | Missing:
    """Return the energy of the rule over a window; Missing when the window is not valid.

    A sensor of means lags: its first readings in the window are those of the time before. They are left out and the
    rest stands for the whole, which is right for a loop that does the same all the time.
    """
    absent = [each.name for each in source.channels if each.name not in traces.series]
    if absent:
        return Missing(f"{absent[0]} was not sampled: it cannot be read within a measured window")
    series = [traces.series[channel.name] for channel in source.channels]
    unread = [reason for each in series if not len(each.value) for reason in each.missing]
    if unread:
        return Missing(f"the power could not be read: {unread[0]}")
    start_ns, end_ns = window
    settled = min(start_ns + settle_ns(source.channels), end_ns - 1), end_ns
    try:
        measured = _counted(series, window) if source.counters else _integrated(series, settled)
    except ValueError as error:  # for instance a counter beyond its own wrap
        return Missing(f"the power trace cannot be used: {error}")
    if not measured.valid:
        return Missing(measured.reason)
    whole = (end_ns - start_ns) / measured.duration_ns
    joules = source.rule.scale * measured.joules * whole + source.rule.offset_w * (end_ns - start_ns) * 1e-9
    u_joules = source.rule.scale * measured.u_joules * whole
    return dataclasses.replace(measured, joules=joules, u_joules=u_joules, duration_ns=end_ns - start_ns)


def settle_ns(channels: Sequence[Channel]) -> int:
    """Return for how long the first readings of a window still include the time before it.

    A mean is up to one period old and read up to one period later. It is 0 for instant values and counters.
    """
    return max((max(SETTLE_NS, 2 * each.period_ns) for each in channels if each.kind == "mean"), default=0)


def _integrated(series: Sequence[Series], window: Window) -> Energy:
    """Return the energy of channels in watts, summed at their common times (a sensor reads its channels together)."""
    t_ns = reduce(np.intersect1d, [each.t_ns for each in series])
    power_w = np.sum([each.value[np.isin(each.t_ns, t_ns)] for each in series], axis=0)
    measured = integrate(t_ns, power_w, *window, period_ns=series[0].period_ns)
    inside = power_w[(t_ns >= window[0]) & (t_ns <= window[1])]
    changes = int(np.count_nonzero(np.diff(inside)))
    if measured.valid and changes < MIN_CHANGES:
        reason = f"the sensor stood still: its reading changed {changes} times, at least {MIN_CHANGES} are needed"
        return dataclasses.replace(measured, valid=False, reason=reason)
    return measured


def _counted(series: Sequence[Series], window: Window) -> Energy:
    """Return the energy of counters in joules, each unwrapped by itself, then summed."""
    parts = [_counter_energy(each, window) for each in series]
    reasons = [f"{each.channel.name}: {part.reason}" for each, part in zip(series, parts, strict=True) if part.reason]
    return dataclasses.replace(
        parts[0],
        joules=sum(part.joules for part in parts),
        u_joules=math.hypot(*(part.u_joules for part in parts)),
        coverage=min(part.coverage for part in parts),
        valid=not reasons,
        reason="; ".join(reasons),
        updates=min(part.updates for part in parts),
    )


def _counter_energy(series: Series, window: Window) -> Energy:
    wrap = series.channel.wrap
    wrap_uj = _NO_WRAP_UJ if wrap is None else round(wrap * 1e6)
    counter_uj = np.rint(series.value * 1e6).astype(np.int64)
    return from_counter(series.t_ns, counter_uj, *window, wrap_uj=wrap_uj, update_ns=series.channel.period_ns)


def _net(total: Energy | Missing, idle: Sequence[Energy | Missing], n: int) -> Quantity:
    if isinstance(total, Missing):
        return total
    if not idle:
        return Missing("idle power was not measured")
    valid = [energy for energy in idle if not isinstance(energy, Missing)]
    if len(valid) < len(idle):
        reasons = [energy.reason for energy in idle if isinstance(energy, Missing)]
        return Missing(f"idle power: {reasons[0]}")
    return _per_inference(net(total, valid), n)


def _sensor_details(channel: Channel, traces: Traces) -> dict[str, Any]:
    """Return how a channel was read, for the record: its own period and the achieved one."""
    series = traces.series.get(channel.name)
    return {
        "channel": channel.name,
        "kind": channel.kind,
        "update_period_ns": channel.period_ns,
        "samples": channel.samples,
        "achieved_period_ns": series.achieved_period_ns if series else None,
        "n_updates": series.n_updates if series else None,
    }


def _per_inference(energy: Energy, n: int) -> Value:
    joules, half = energy.joules / n, _Z95 * energy.u_joules / n
    return Value(joules, joules - half, joules + half, n)


def _window_details(energy: Energy | Missing) -> dict[str, Any]:
    if isinstance(energy, Missing):
        return {"reason": energy.reason}
    power_w, u_power_w = mean_power(energy)
    return {**dataclasses.asdict(energy), "power_w": power_w, "u_power_w": u_power_w}
