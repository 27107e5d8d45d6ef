"""Joules per inference of one case, from the traces sampled beside it and the target's power rule.

Gross is everything within the source's scope, E / N. Net takes the idle power off, (E - P_idle T) / N, with P_idle
the mean over windows before and after. Both are Missing, with the reason, when the window is not good enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.analysis import energy
from harness.analysis.energy import Energy
from harness.core.quantity import Missing, Quantity, Value

from .board_power import PowerSource
from .sampler import Series, Traces

MIN_UPDATES = 10
"""Fewer different readings than this within a window say too little (EEMBC and MLPerf Power sample far more often)."""

Window = tuple[int, int]
"""Start and end in nanoseconds of the monotonic clock."""


@dataclass(frozen=True)
class CaseEnergy:
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
) -> CaseEnergy:
    """Energy of `n_inferences` run within `window`. Without a source, or without a good trace, both are Missing."""
    if isinstance(source, Missing):
        return CaseEnergy(source, source)
    if n_inferences < 1:
        nothing = Missing("no inference was run within the window")
        return CaseEnergy(nothing, nothing)
    total = _window_energy(traces, source, window)
    details = {"scope": source.scope, "estimate": source.rule.estimate, "window": _described(total)}
    if isinstance(total, Missing):
        return CaseEnergy(total, total, details)
    gross = _per_inference(total.joules, total.u_joules, n_inferences)
    idle = [_window_energy(traces, source, each) for each in idle_windows]
    powers = [_mean_power(each, span) for each, span in zip(idle, idle_windows, strict=True)]
    details |= {"idle": [_described(each) for each in idle], **_idle_details(powers)}
    return CaseEnergy(gross, _net(total, window, powers, n_inferences), details)


def _window_energy(traces: Traces, source: PowerSource, window: Window) -> Energy | Missing:
    """The rule's energy over a window, scale and offset applied; Missing when the window is invalid."""
    series = [traces.series[channel.name] for channel in source.channels if channel.name in traces.series]
    if len(series) < len(source.channels):
        return Missing("a channel of the power rule was not sampled")
    unread = [reason for each in series if not len(each.value) for reason in each.missing]
    if unread:
        return Missing(f"the power could not be read: {unread[0]}")
    measured = _counted(series, window) if source.counters else _integrated(series, window)
    if isinstance(measured, Missing):
        return measured
    seconds = (window[1] - window[0]) / 1e9
    rule = source.rule
    joules = rule.scale * measured.joules + rule.offset_w * seconds
    return Energy(joules, rule.scale * measured.u_joules, measured.coverage, measured.valid, measured.reason)


def _integrated(series: Sequence[Series], window: Window) -> Energy | Missing:
    t_ns = reduce(np.intersect1d, [each.t_ns for each in series])
    power_w = np.sum([each.value[np.isin(each.t_ns, t_ns)] for each in series], axis=0)
    if not (few := _too_few(t_ns, power_w, window)):
        return _valid(energy.integrate(t_ns, power_w, *window, period_ns=series[0].period_ns))
    return few


def _counted(series: Sequence[Series], window: Window) -> Energy | Missing:
    parts: list[Energy] = []
    for each in series:
        counter_uj = np.rint(each.value * 1e6).astype(np.int64)
        if few := _too_few(each.t_ns, counter_uj, window):
            return Missing(f"{each.channel.name}: {few.reason}")
        wrap = each.channel.wrap
        wrap_uj = round(wrap * 1e6) if wrap is not None else None
        part = _valid(energy.from_counter(each.t_ns, counter_uj, *window, wrap_uj=wrap_uj))
        if isinstance(part, Missing):
            return Missing(f"{each.channel.name}: {part.reason}")
        parts.append(part)
    uncertainty = math.hypot(*(part.u_joules for part in parts))
    return Energy(sum(part.joules for part in parts), uncertainty, min(part.coverage for part in parts), True, "")


def _too_few(t_ns: NDArray[np.int64], values: NDArray[Any], window: Window) -> Missing | None:
    inside = values[(t_ns >= window[0]) & (t_ns <= window[1])]
    updates = int(np.count_nonzero(np.diff(inside))) + 1 if len(inside) else 0
    if updates >= MIN_UPDATES:
        return None
    return Missing(f"{updates} different readings within the window, at least {MIN_UPDATES} are needed")


def _valid(measured: Energy) -> Energy | Missing:
    return measured if measured.valid else Missing(measured.reason)


def _per_inference(joules: float, u_joules: float, n: int) -> Value:
    half = energy.K95 * u_joules / n
    return Value(joules / n, joules / n - half, joules / n + half, n)


def _mean_power(measured: Energy | Missing, window: Window) -> tuple[float, float] | Missing:
    """Mean power over a window and its standard uncertainty, in watts."""
    if isinstance(measured, Missing):
        return measured
    seconds = (window[1] - window[0]) / 1e9
    return measured.joules / seconds, measured.u_joules / seconds
