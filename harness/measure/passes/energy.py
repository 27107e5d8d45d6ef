"""The energy pass: every case of a block in a loop of its own under the board's power sensor.

Idle, then the cases one after the other, then idle again, all on one time axis. It is a pass of its own because power
sensors need seconds where latency needs milliseconds, and because the sampler must not run beside a timed loop.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.case import Case
from harness.core.quantity import Missing, Quantity
from harness.core.record import Blob, Trace
from harness.core.sensing import Sensor
from harness.measure.prepared import BlobSink
from harness.measure.presets import Profile
from harness.measure.samples import CaseState
from harness.sensors.board_power import PowerSource
from harness.sensors.energy import EnergyMetrics, Window, case_energy, settle_ns
from harness.sensors.sampler import DEFAULT_PERIOD_NS, Sampler, Series, Traces

from .worker_process import Answer, WorkerFailure, run_worker

MIN_SAMPLES = 14
"""Samples a window must be long enough for, after the sensor has settled; fewer than 10 different ones are refused."""


@dataclass(frozen=True)
class EnergyResult:
    """One case's energy metrics, the traces behind them, and the windows they were taken over."""

    metrics: Mapping[str, Quantity]
    traces: tuple[Trace, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EnergyPass:
    """`source` says which channels make the board's power, or why there are none; then nothing is run."""

    sensors: Sequence[Sensor]
    source: PowerSource | Missing

    def measure(
        self, states: Sequence[CaseState], profile: Profile, blobs: BlobSink, scratch: Path
    ) -> dict[Case, EnergyResult]:
        """Measure the energy of every case; `states` are those whose latency is known."""
        if isinstance(self.source, Missing):
            return {state.prepared.case: _missing(self.source) for state in states}
        if not states:
            return {}
        window_ns = self._window_ns(self.source, profile)
        sampler = Sampler(self.sensors).start()
        try:
            before = _idle(window_ns)
            answers = [self._run(state, profile, window_ns, scratch) for state in states]
            after = _idle(window_ns)
        finally:
            traces = sampler.stop()
        kept = keep_traces(traces, blobs)
        return {
            state.prepared.case: self._one(answer, traces, kept, (before, after))
            for state, answer in zip(states, answers, strict=True)
        }

    def _window_ns(self, source: PowerSource, profile: Profile) -> int:
        slowest = max(DEFAULT_PERIOD_NS, *(channel.period_ns for channel in source.channels))
        return max(profile.energy_ns, settle_ns(source.channels) + MIN_SAMPLES * slowest)

    def _run(self, state: CaseState, profile: Profile, window_ns: int, scratch: Path) -> Answer | WorkerFailure:
        loop = dataclasses.replace(profile.loop, min_ns=window_ns)
        out = scratch / f"energy-{state.prepared.case.slug}"
        return run_worker(state.prepared.job("latency", out, seed=0, loop=loop), state.prepared.timeout_s)

    def _one(
        self, answer: Answer | WorkerFailure, traces: Traces, kept: tuple[Trace, ...], idle: tuple[Window, Window]
    ) -> EnergyResult:
        if isinstance(answer, WorkerFailure):
            return _missing(Missing(f"the energy pass ended as {answer.verdict.status}: {answer.verdict.reason}"))
        window = (answer.result["started_ns"], answer.result["ended_ns"])
        found = case_energy(traces, self.source, window, answer.result["inferences"], idle)
        details = {
            **found.details,
            "window_ns": window,
            "idle_windows_ns": idle,
            "phases_ns": _phases(answer.result, idle),
        }
        return EnergyResult(_metrics(found), kept, details)


def _phases(result: Mapping[str, Any], idle: tuple[Window, Window]) -> dict[str, Window]:
    """Return when each phase of the pass ran, on the time axis of the traces."""
    return {
        "idle before": idle[0],
        "load": (result["after_import"]["at_ns"], result["after_load"]["at_ns"]),
        "warm-up": (result["after_load"]["at_ns"], result["started_ns"]),
        "measure": (result["started_ns"], result["ended_ns"]),
        "idle after": idle[1],
    }


def _metrics(found: EnergyMetrics) -> dict[str, Quantity]:
    return {"energy_gross_j": found.gross, "energy_net_j": found.net}


def _missing(reason: Missing) -> EnergyResult:
    return EnergyResult(_metrics(EnergyMetrics(reason, reason)))


def _idle(window_ns: int) -> Window:
    """Sleep for the length of a window and return its start and end."""
    start = time.perf_counter_ns()
    time.sleep(window_ns / 1e9)
    return start, time.perf_counter_ns()


def keep_traces(traces: Traces, blobs: BlobSink) -> tuple[Trace, ...]:
    """Put every channel that said something into a blob."""
    return tuple(_kept(series, blobs) for series in traces.series.values() if len(series.t_ns))


def _kept(series: Series, blobs: BlobSink) -> Trace:
    channel = series.channel
    sha256, n = blobs.put_blob({"t_ns": series.t_ns, "value": series.value})
    return Trace(
        channel=channel.name,
        unit=channel.unit,
        scope=channel.scope,
        period_ns=series.achieved_period_ns,
        n_updates=series.n_updates,
        blob=Blob("trace", sha256, n, channel.unit),
    )
