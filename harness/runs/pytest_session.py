"""A pytest session's run: records in a run folder, the same samples in pytest-benchmark's statistics."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import pytest

from harness.core import optional
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.metric import METRICS
from harness.core.printable import printable
from harness.core.quantity import Missing, utc_now
from harness.core.record import Record
from harness.core.scratch import scratch_folder
from harness.core.verdict import Verdict
from harness.measure.passes.worker_process import WorkerFailure, run_worker
from harness.measure.prepared import PreparedCase
from harness.store.exports.pytest_benchmark import OPTIONS, calls_per_sample, extra_info
from harness.store.runfolder import latencies_ns
from reports.numbers import counted
from suites import requirements

from .config import RunConfig
from .plan import Plan, plan, suite_cases
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
        for case in suite_cases(RunConfig(suite=suite))
    ]


class DeviceSession:
    """The run of one pytest session over the `chosen` cases, as a context manager.

    Each case is measured once: a second test of it gets the same record.
    """

    def __init__(self, config: pytest.Config, chosen: Sequence[Case]) -> None:
        run_config = _run_config(config)
        required = config.getoption("--edgebench-require")
        self._requirements = requirements.load(Path(required)) if required else ()
        self._plan = plan(run_config, _distinct(chosen))
        writer = config.get_terminal_writer()
        self._session = RunSession(run_config, self._plan, notify=lambda text: writer.line(f"\n{printable(text)}"))
        self._records: dict[Case, Record] = {}
        self._report: Path | None = None

    def __enter__(self) -> DeviceSession:
        self._session.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(interrupted=kind is not None and issubclass(kind, KeyboardInterrupt))

    def close(self, interrupted: bool = False) -> None:
        """End the run and write its report, where what writes it is installed."""
        self._session.interrupted = interrupted
        self._session.__exit__(None, None, None)
        if optional.missing("report"):
            return
        from reports.build import build

        self._report = build([self._session.folder], self._session.folder.path / "report.html")

    def measure(self, case: Case, benchmark: Any, timer: ReplayTimer) -> Record:
        """Measure one case and fill the `benchmark` fixture.

        Skip or fail the test without figures; fail it beyond a limit of the suite or of --edgebench-require.
        """
        _skip_refused(self._plan, case)
        if case not in self._records:
            events = self._session.block([_prepared(self._plan, case)])
            self._records[case] = next(event for event in events if isinstance(event, Record))
        record = self._records[case]
        if record.value("n_inferences") is None:
            _fail(record.verdict, record.log)
        self._replay(record, benchmark, timer)
        self._check_limits(record)
        return record

    def _check_limits(self, record: Record) -> None:
        """Fail the test where a limit is exceeded, or where no figure can tell whether it is."""
        from reports.limits import judge_limit

        bounds = [limit for one in self._requirements if one.selects(record) for limit in one.bounds]
        limits = (*self._plan.nightly_rules.limits(record.case_id), *bounds)
        judged = [judge_limit(record, limit) for limit in limits]
        if beyond := [one.text for one in judged if one.exceeded or not one.measured]:
            pytest.fail(f"{record.case_id}: {'; '.join(beyond)}", pytrace=False)

    def summary(self) -> list[str]:
        """Return a title, the verdict of each case that was measured or refused, and where the report is."""
        from harness.core.verdict import TIMED
        from reports.terminal.table import case_line

        records = self._session.folder.records()
        lines = [f"{case_line(one)}{f'  {one.verdict.status}' if one.trusts(TIMED) else ''}" for one in records]
        left = [f"- {case_id}  not measured: the session ended before" for case_id in self._session.folder.missing()]
        report = f"edgebench report: {self._report}" if self._report else ""
        report = report or optional.instead_of_report(self._session.folder.path)
        return ["edgebench verdicts", *lines, *left, *filter(None, [report])]

    def _replay(self, record: Record, benchmark: Any, timer: ReplayTimer) -> None:
        """Replay every sample of the record as a round of pytest-benchmark; the rest becomes `extra_info`."""
        samples = latencies_ns(record, self._session.folder.blob).tolist()
        timer.load(samples)
        benchmark.params = dataclasses.asdict(record.case)
        benchmark.extra_info.update(extra_info(record))
        benchmark.cprofile = False  # it would profile the replay
        benchmark.pedantic(_nothing, rounds=len(samples))
        if benchmark.stats is not None:  # what the samples are, in place of the options of the replay
            benchmark.stats.iterations = calls_per_sample(record)
            benchmark.stats.options = dict(OPTIONS)


class UntimedSession:
    """A pytest session with `--benchmark-disable`: each case runs once, untimed, and nothing is kept."""

    def __init__(self, config: pytest.Config, chosen: Sequence[Case]) -> None:
        self._plan = plan(_run_config(config), _distinct(chosen))
        self._ran = 0

    def __enter__(self) -> UntimedSession:
        return self

    def close(self, interrupted: bool = False) -> None:
        """End the session, of which nothing is kept."""

    def measure(self, case: Case, benchmark: Any, timer: ReplayTimer) -> Record:
        """Load the model in a process of its own and run one inference; the record's metrics are all missing."""
        _skip_refused(self._plan, case)
        prepared = _prepared(self._plan, case)
        with scratch_folder() as scratch:
            answer = run_worker(prepared.job("inspect", scratch / "once", seed=0), prepared.timeout_s)
        if isinstance(answer, WorkerFailure):
            _fail(answer.verdict, answer.log)
        benchmark.pedantic(_nothing)
        self._ran += 1
        reason = "not measured: --benchmark-disable"
        return Record(
            run_id="",
            case_id=case.id,
            case=case,
            target=self._plan.target.name,
            verdict=Verdict("unsupported", reason, "leave --benchmark-disable out"),
            metrics=dict.fromkeys(METRICS, Missing(reason)),
            started_utc=utc_now(),
            duration_s=0.0,
        )

    def summary(self) -> list[str]:
        """Return a title, and that there are no figures."""
        ran = counted(self._ran, "case")
        return ["edgebench verdicts", f"{ran} ran once, untimed: nothing is measured with --benchmark-disable"]


def _distinct(cases: Sequence[Case]) -> list[Case]:
    """Return each case once, however many tests have it."""
    return list(dict.fromkeys(cases))


def _prepared(planned: Plan, case: Case) -> PreparedCase:
    """Return a case of the plan; UsageError for a case that a test made itself."""
    for prepared in planned.prepared:
        if prepared.case == case:
            return prepared
    raise UsageError(f"{case.id} is not a case of this session", "measure the fixture edgebench_case")


def _skip_refused(planned: Plan, case: Case) -> None:
    """Skip the test of a case that this target cannot run."""
    if case in planned.refused:
        pytest.skip(planned.refused[case].reason)


def _fail(verdict: Verdict, log: str) -> NoReturn:
    """Fail the test of a case that was tried and gave no figures."""
    pytest.fail(f"{verdict.status}: {verdict.reason}\n{log}", pytrace=False)


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
