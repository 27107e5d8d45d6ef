"""A pytest session's run: records in a run folder, the same samples in pytest-benchmark's statistics."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

import suites
from harness.core.case import Case
from harness.core.printable import printable
from harness.core.record import Record
from harness.store.exports.pytest_benchmark import extra_info

from .config import RunConfig
from .plan import plan
from .session import RunSession


class ReplayTimer:
    """A timer for `benchmark.pedantic` that replays recorded durations: 0 and then the next duration, in seconds.

    pytest-benchmark takes the timer from a marker, before the test runs; the durations are known only after it.
    """

    __name__ = "edgebench_replay"

    def __init__(self) -> None:
        self._ticks: Iterator[float] = iter(())

    def load(self, durations_ns: Sequence[int]) -> None:
        """Set the durations to replay."""
        self._ticks = (tick for duration in durations_ns for tick in (0.0, duration / 1e9))

    def __call__(self) -> float:
        """Return the next tick in seconds."""
        return next(self._ticks)


def parameters(suite: str) -> list[Any]:
    """Return the suite's cases as pytest parameters, each with its id, a timer, and its model as benchmark group."""
    return [
        pytest.param(case, id=case.id, marks=pytest.mark.benchmark(group=case.model, timer=ReplayTimer()))
        for case in suites.expand(suites.load(suite))
    ]


class DeviceSession:
    """The run of one pytest session over the `chosen` cases, as a context manager.

    Attributes:
        report: Path of the report, once the session is closed.
    """

    def __init__(self, config: pytest.Config, chosen: Sequence[Case]) -> None:
        run_config = _run_config(config)
        self._plan = plan(run_config, chosen)
        writer = config.get_terminal_writer()
        self._session = RunSession(run_config, self._plan, notify=lambda text: writer.line(f"\n{printable(text)}"))
        self._prepared = {prepared.case: prepared for prepared in self._plan.prepared}
        self.report: Path | None = None

    def __enter__(self) -> DeviceSession:
        self._session.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.__exit__(kind, error, trace)
        from reports.build import build

        self.report = build([self._session.folder], self._session.folder.path / "report.html")

    def measure(self, case: Case, benchmark: Any, timer: ReplayTimer) -> Record:
        """Measure one case and fill the `benchmark` fixture; skip or fail the test where there are no figures."""
        if case in self._plan.refused:
            pytest.skip(self._plan.refused[case].reason)
        record = next(event for event in self._session.block([self._prepared[case]]) if isinstance(event, Record))
        if record.value("n_inferences") is None:
            pytest.fail(f"{record.verdict.status}: {record.verdict.reason}\n{record.log}", pytrace=False)
        self._replay(record, benchmark, timer)
        return record

    def _replay(self, record: Record, benchmark: Any, timer: ReplayTimer) -> None:
        """Replay every sample of the record as a round of pytest-benchmark; the rest becomes `extra_info`."""
        blobs = [self._session.folder.blob(process.blob.sha256) for process in record.processes]
        samples = [int(ns) for blob in blobs for ns in blob["wall_ns"]]
        timer.load(samples)
        benchmark.params = dataclasses.asdict(record.case)
        benchmark.extra_info.update(extra_info(record))
        benchmark.pedantic(_nothing, rounds=len(samples))


def _nothing() -> None:
    """Stand for the inference, which ran in a process of its own."""


def _run_config(config: pytest.Config) -> RunConfig:
    return RunConfig(
        suite=config.getoption("--edgebench-suite"),
        target_name=config.getoption("--target"),
        profile=config.getoption("--edgebench-profile"),
        images=config.getoption("--edgebench-images"),
        out=config.getoption("--edgebench-out"),
        command=("pytest", *sys.argv[1:]),
    )
