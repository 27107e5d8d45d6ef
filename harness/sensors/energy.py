"""Joules per inference of one case, from the traces sampled beside it and the target's power rule.

Gross is everything within the source's scope, E / N. Net takes the idle power off, (E - P_idle T) / N, with P_idle
the mean over windows before and after. Each is Missing, with the reason, when its windows are not good enough.
The interval holds what the readings show (quantisation, edges, sampling, drift of idle); the gain error of the sensor
is not in it, since most boards publish none.
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
"""Ten different readings in a row; a sensor that says less stood still, however often it was asked."""

SETTLE_NS = 500_000_000
"""At least so long a sensor that tells means still shows what was before a window (INA3221: 0.5 to 1 s)."""

_Z95 = 1.959964  # the normal distribution's 97.5 % point
_NO_WRAP_UJ = 1 << 62  # a counter without a wrap never gets there

Window = tuple[int, int]
"""Start and end in nanoseconds of the monotonic clock."""


@dataclass(frozen=True)
class EnergyMetrics:
    """Joules per inference, gross and net, and what they were worked out from."""

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
    """Energy of `n_inferences` run within `window`. Without a source, or without a good trace, both are Missing."""
    if isinstance(source, Missing):
        return EnergyMetrics(source, source)
    if n_inferences < 1:
        nothing = Missing("no inference was run within the window")
        return EnergyMetrics(nothing, nothing)
    total = window_energy(traces, source, window)
    idle = [window_energy(traces, source, each) for each in idle_windows]
    details = {
        "scope": source.scope,
        "channels": [channel.name for channel in source.channels],
        "estimate": source.rule.estimate,
        "gain_uncertainty": "unknown",
        "sensors": [_sensor(channel, traces) for channel in source.channels],
        "sampler": "process" if traces.separate_process else "thread",
        "sampler_cpu_ns": traces.cpu_ns,
        "sampler_cpu_share": traces.cpu_ns / traces.wall_ns if traces.wall_ns else None,
        "window": _described(total),
        "idle": [_described(each) for each in idle],
    }
    gross = total if isinstance(total, Missing) else _per_inference(total, n_inferences)
    return EnergyMetrics(gross, _net(total, idle, n_inferences), details)


def window_energy(traces: Traces, source: PowerSource, window: Window) -> Energy | Missing:
    """The rule's energy over a window, scale and offset applied; Missing when the window is not valid.

    A sensor of means lags: what it says first in the window is of before. That part is left out and the rest taken for
    the whole, which holds for a loop that does the same all the time.
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
    except ValueError as error:  # a counter beyond its own wrap, say: the mathematics refuses
        return Missing(f"the power trace cannot be used: {error}")
    if not measured.valid:
        return Missing(measured.reason)
    whole = (end_ns - start_ns) / measured.duration_ns
    joules = source.rule.scale * measured.joules * whole + source.rule.offset_w * (end_ns - start_ns) * 1e-9
    u_joules = source.rule.scale * measured.u_joules * whole
    return dataclasses.replace(measured, joules=joules, u_joules=u_joules, duration_ns=end_ns - start_ns)


def settle_ns(channels: Sequence[Channel]) -> int:
    """How long the readings of a window still hold what was before it: a mean is a period old, and read up to a later.

    0 for instant values and counters.
    """
    return max((max(SETTLE_NS, 2 * each.period_ns) for each in channels if each.kind == "mean"), default=0)


def _integrated(series: Sequence[Series], window: Window) -> Energy:
    """Channels in watts: summed at the times that all of them have (one sensor reads its channels together)."""
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
    """Counters in joules: each unwrapped by itself, then summed."""
    parts = [_one_counter(each, window) for each in series]
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


def _one_counter(series: Series, window: Window) -> Energy:
    wrap = series.channel.wrap
    wrap_uj = _NO_WRAP_UJ if wrap is None else round(wrap * 1e6)
    counter_uj = np.rint(series.value * 1e6).astype(np.int64)
    return from_counter(series.t_ns, counter_uj, *window, wrap_uj=wrap_uj, update_ns=series.channel.period_ns)


def _net(total: Energy | Missing, idle: Sequence[Energy | Missing], n: int) -> Quantity:
    if isinstance(total, Missing):
        return total
    if not idle:
        return Missing("idle power was not measured")
    good = [each for each in idle if not isinstance(each, Missing)]
    if len(good) < len(idle):
        reasons = [each.reason for each in idle if isinstance(each, Missing)]
        return Missing(f"idle power: {reasons[0]}")
    return _per_inference(net(total, good), n)


def _sensor(channel: Channel, traces: Traces) -> dict[str, Any]:
    """How a channel was read: what it promises, and what came of it."""
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
    each, half = energy.joules / n, _Z95 * energy.u_joules / n
    return Value(each, each - half, each + half, n)


def _described(energy: Energy | Missing) -> dict[str, Any]:
    if isinstance(energy, Missing):
        return {"reason": energy.reason}
    power_w, u_power_w = mean_power(energy)
    return {**dataclasses.asdict(energy), "power_w": power_w, "u_power_w": u_power_w}
