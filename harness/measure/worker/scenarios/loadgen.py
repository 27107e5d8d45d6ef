"""SingleStream and Offline driven by MLPerf's official LoadGen (the extra `loadgen`), its summary kept as `log`.

LoadGen decides when and how many; the samples are ours, taken with the same two clock calls as everywhere, so that its
figures and ours stand side by side. LoadGen's own latency holds the copying of inputs and the call through its binding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from harness.measure.worker import loop
from harness.measure.worker.loop import LoopPlan, Samples
from harness.measure.worker.scenarios import ScenarioContext
from harness.runtimes.base import Batch

from .offline import at_once, open_streams

_PILOT = 20
_SPARE = 2.0
"""LoadGen makes its queries beforehand, from the latency it is told to expect; told half of it, they last."""


@dataclass
class _Sut:
    """The system under test: what LoadGen hands its queries to."""

    stage: ScenarioContext
    inputs: Iterator[Batch]
    cpu_now: Callable[[], int]
    wall_ns: list[int] = field(default_factory=list)
    cpu_ns: list[int] = field(default_factory=list)
    started_ns: int = 0
    ended_ns: int = 0
    gc_frozen: int | None = None

    def issue(self, queries: list[Any]) -> None:
        """Answer one query of SingleStream."""
        now, session = self.stage.now, self.stage.session
        if not self.started_ns:
            self.started_ns, self.gc_frozen = now(), loop.frozen()
        session.prepare(next(self.inputs))
        cpu_before = self.cpu_now()
        before = now()
        session.infer()
        self.wall_ns.append(now() - before)
        self.cpu_ns.append(self.cpu_now() - cpu_before)
        self.ended_ns = now()
        _complete(queries)


def single_stream(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run LoadGen's SingleStream: at least `plan.min_n` queries and `plan.min_ns`."""
    import mlperf_loadgen as lg

    settings = _settings(lg.TestScenario.SingleStream, plan)
    settings.single_stream_expected_latency_ns = round(_pilot_ns(stage, batches, plan) / _SPARE)
    sut = _Sut(stage, cycle(batches), loop.cpu_clock(plan.threads))
    summary = _run(sut.issue, settings, 1)
    wall, cpu = np.array(sut.wall_ns, np.int64), np.array(sut.cpu_ns, np.int64)
    return Samples(wall, cpu, sut.started_ns, sut.ended_ns, len(wall), log=summary, gc_frozen=sut.gc_frozen)


def offline(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> Samples:
    """Run LoadGen's Offline: one query with every sample, spread over the streams."""
    import mlperf_loadgen as lg

    sessions = open_streams(stage, batches)
    settings = _settings(lg.TestScenario.Offline, plan)
    settings.offline_expected_qps = len(sessions) * stage.batch * 1e9 / _pilot_ns(stage, batches, plan)
    done: list[Samples] = []

    def issue(queries: list[Any]) -> None:
        inferences = -(-len(queries) // stage.batch)
        done.append(at_once(sessions, stage, batches, plan._replace(min_n=inferences, min_ns=0, end_ns=loop.NEVER)))
        _complete(queries)

    summary = _run(issue, settings, plan.min_n * stage.batch)
    return done[0]._replace(log=summary)


def _pilot_ns(stage: ScenarioContext, batches: Sequence[Batch], plan: LoopPlan) -> float:
    """Return the median of a few inferences: what LoadGen is told to expect."""
    pilot = loop.run(stage.session, batches, LoopPlan(_PILOT, 0, _PILOT, plan.threads), stage.now)
    return float(np.median(pilot.wall_ns))


def _complete(queries: list[Any]) -> None:
    import mlperf_loadgen as lg

    lg.QuerySamplesComplete([lg.QuerySampleResponse(query.id, 0, 0) for query in queries])


def _settings(scenario: Any, plan: LoopPlan) -> Any:
    import mlperf_loadgen as lg

    settings = lg.TestSettings()
    settings.scenario, settings.mode = scenario, lg.TestMode.PerformanceOnly
    settings.min_duration_ms, settings.min_query_count = max(1, round(plan.min_ns / 1e6)), plan.min_n
    return settings


def _run(issue: Callable[[list[Any]], None], settings: Any, n_samples: int) -> str:
    """Let LoadGen run; return the text of its summary log."""
    import mlperf_loadgen as lg

    with TemporaryDirectory() as folder, _system(lg, issue, n_samples) as (system, library), loop.gc_disabled():
        logs = lg.LogSettings()
        logs.enable_trace = False
        logs.log_output.outdir = folder
        lg.StartTestWithLogSettings(system, library, settings, logs)
        return (Path(folder) / "mlperf_log_summary.txt").read_text(encoding="utf-8")


@contextmanager
def _system(lg: Any, issue: Callable[[list[Any]], None], n_samples: int) -> Iterator[tuple[Any, Any]]:
    """Yield LoadGen's handles of the system and of its samples; the inputs are ours and in memory already."""
    system = lg.ConstructSUT(issue, lambda: None)
    library = lg.ConstructQSL(n_samples, n_samples, lambda samples: None, lambda samples: None)
    try:
        yield system, library
    finally:
        lg.DestroyQSL(library)
        lg.DestroySUT(system)
