"""Whole nights without measuring: a real store of made-up runs, and second measurements that answer what a test says.

Every latency of a made-up run is the same every night but for what a test changes, so that a night is known to the bit.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
import sqlalchemy as sa

from harness import store
from harness.core.artifact import Artifact, Preprocess, sha256_of
from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.task import PerSample, Predictions, load_task
from harness.core.verdict import Verdict
from harness.measure.passes.accuracy import CaseOutputs
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Interpreter, LabelledData
from harness.nightly import exact_metrics
from harness.nightly import night as night_module
from harness.nightly.night import Night
from harness.nightly.report import NightlyReport
from harness.runs.plan import Plan as RunPlan
from harness.runtimes.base import Options
from harness.store.database.history import NightRun, Nights, Series
from harness.store.runfolder import RunFolder
from suites.nightly_rules import NightlyRules
from tests.factory import MILLISECOND, Plan, write_run
from tests.fakes.plans import plan_of

CASES = [Case("net", setting, "onnxruntime-cpu") for setting in ("fp32", "int8-static")]
FP32, INT8 = (case.id for case in CASES)
VERSIONS = {"onnxruntime": "1.31.1"}
HISTORY = 18
NO_RULES = NightlyRules()
FIRST = datetime(2025, 1, 1, 2, 30, tzinfo=timezone.utc)


def prepared(folder: Path, case: Case, content: str, labelled: bool = False) -> PreparedCase:
    """A case whose model file holds `content`."""
    path = folder / f"{case.slug}-{len(content)}-{content[:8]}.onnx"
    path.write_text(content)
    how = Preprocess() if labelled else None
    artifact = Artifact(path, "onnx", sha256_of(path), path.stat().st_size, preprocess=how)
    images = LabelledData("folders", "photos", how) if how else None
    return PreparedCase(case, artifact, "none:NONE", Options(), images)


class Environments:
    """Old versions that can be installed again, or not."""

    def __init__(self, can: bool = False) -> None:
        self.can, self.calls = can, list[Mapping[str, str]]()

    def interpreter(self, versions: Mapping[str, str]) -> Interpreter | None:
        self.calls.append(versions)
        return Interpreter("old/python", "old/packages") if self.can else None


@dataclasses.dataclass
class FakeRemeasurement:
    """Second measurements in which tonight's build takes `ratio` times as long as the last good one, pair by pair.

    `calls` has one row per measurement: how, case, metric, and the contents of the files that ran.
    """

    ratio: float = 1.0
    fails: bool = False
    calls: list[tuple[str, ...]] = dataclasses.field(default_factory=list)

    def ab(
        self, old: PreparedCase, new: PreparedCase, metric: str, pairs: int
    ) -> tuple[npt.NDArray, npt.NDArray] | None:
        self.calls.append(("ab", new.case.id, metric, *(one.artifact.path.read_text() for one in (old, new))))
        base = 0.002 * np.exp(0.001 * np.linspace(-1, 1, pairs))
        return None if self.fails else (base, self.ratio * base[::-1])

    def rerun(self, new: PreparedCase, metric: str) -> npt.NDArray | None:
        self.calls.append(("rerun", new.case.id, metric, new.artifact.path.read_text()))
        return None if self.fails else np.full(3, 0.002 * self.ratio)


class Scores:
    """Accuracy passes: `hits` of the files by their content."""

    def __init__(self, hits: Mapping[str, Sequence[bool]]) -> None:
        self.hits = hits

    def run(self, cases: Sequence[PreparedCase]) -> None:
        pass

    def of(self, case: PreparedCase) -> CaseOutputs:
        right = np.asarray(self.hits[case.artifact.path.read_text()], dtype=bool)
        outputs, labels = np.column_stack((right, ~right)).astype(np.float32), np.zeros((len(right), 1), np.int64)
        return CaseOutputs(
            load_task(""),
            Predictions(PerSample.rows(outputs), PerSample.rows(labels), np.arange(len(right))),
        )


class Lab:
    """A store with `HISTORY` nights of two cases, and a bench on which the next ones cost nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store_path = folder, folder / "store.sqlite"
        self.day = HISTORY
        self.remeasurement = FakeRemeasurement()
        self.hits: dict[str, Sequence[bool]] = {}
        self.rules = NO_RULES
        self.runs_still = True

    def plug_in(self, patch: pytest.MonkeyPatch) -> None:
        """Put the fakes in the place of all that would measure."""
        patch.setattr(night_module, "Remeasurement", lambda *_: self.remeasurement)
        patch.setattr(night_module, "AccuracyPass", lambda *_: Scores(self.hits))
        died = WorkerFailure(Verdict("crashed", "signal 11"), "")
        patch.setattr(exact_metrics, "run_worker", lambda *_: Answer({}, {}) if self.runs_still else died)

    def run(
        self,
        slow: Mapping[str, float] | None = None,
        status: Mapping[str, str] | None = None,
        cases: Sequence[Case] = CASES,
        *,
        day: float | None = None,
        joules: float | None = None,
        machine: str | None = "m1",
        unit: str | None = None,
        clock: str | None = None,
        **changes: object,
    ) -> RunFolder:
        """A run folder of the next day; `slow` multiplies latencies, `clock` is what the board's clock says instead."""
        self.day = self.day + 1 if day is None else day
        starts = datetime.fromisoformat(clock) if clock else FIRST + timedelta(days=self.day)
        plans = [
            Plan(case, int(2 * MILLISECOND * (slow or {}).get(case.id, 1.0)), (status or {}).get(case.id, "precise"),
                 joules=joules)
            for case in cases
        ]  # fmt: skip
        about: dict[str, object] = {"run_id": f"night{self.day}", "host": {"machine_id": machine, "unit_id": unit}}
        about |= {"started_utc": starts.isoformat(), "ended_utc": (starts + timedelta(hours=1)).isoformat()}
        about |= {"provenance": {"repository": {"commit": f"c{self.day}"}}, "versions": VERSIONS}
        return write_run(self.folder / f"run-{self.day}-{len(list(self.folder.iterdir()))}", plans, **(about | changes))

    def plan(
        self, build: str | Mapping[str, str] = "old", cases: Sequence[Case] = CASES, labelled: bool = False
    ) -> RunPlan:
        """The cases with model files that hold `build`, by case where they differ."""
        content = {case: build if isinstance(build, str) else build.get(case.id, "old") for case in cases}
        ready = (prepared(self.folder, case, text, labelled) for case, text in content.items())
        return plan_of(ready, cases=cases)

    def night(
        self,
        build: str | Mapping[str, str] = "old",
        rules: NightlyRules = NO_RULES,
        release: str | None = None,
        labelled: bool = False,
        refused: Sequence[str] = (),
        **run: object,
    ) -> NightlyReport:
        """Evaluate one more night and write its documents into its run folder."""
        folder = self.run(**run)  # type: ignore[arg-type]
        cases = [record.case for record in folder.records() if record.case_id not in refused]
        with store.open(self.store_path) as opened:
            night = Night(opened, folder, self.plan(build, cases, labelled), rules, release)
            report = night.evaluate()
            night.write(report)
        self.written = folder.path
        return report

    def bench(self, build: str = "old", interrupted: bool = False, **run: object) -> SimpleNamespace:
        """What `edgebench.cli.run.measure` would give."""
        folder = self.run(**run)  # type: ignore[arg-type]
        return SimpleNamespace(folder=folder, plan=self.plan(build), interrupted=interrupted)


def make_history(folder: Path) -> Lab:
    """A lab with its history, the last night of it judged, so that builds are kept."""
    with pytest.MonkeyPatch.context() as patch:
        lab = Lab(folder)
        lab.plug_in(patch)
        with store.open(lab.store_path) as opened:
            for day in range(HISTORY - 1):
                opened.append(lab.run(day=day))
        lab.night(day=HISTORY - 1)
        return lab


def copy_of(lab: Lab, folder: Path) -> Lab:
    """The same store in another folder."""
    for path in lab.folder.iterdir():
        if not path.name.startswith("run-"):
            (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    return Lab(folder)


def nights_of(
    metric: str,
    values: npt.ArrayLike,
    cases: Sequence[Case] = CASES,
    since: Sequence[int] | None = None,
) -> Nights:
    """A metric's history in memory: `values` (series, nights) of one process each, a night a day."""
    array = np.asarray(values, dtype=float)
    about = METRICS[metric]
    series = tuple(
        Series(i, "x86-64", "m1", case.id, case.model, case.compression, case.runtime, metric, about.unit, about.better)
        for i, case in enumerate(cases[: len(array)])
    )
    runs = tuple(
        NightRun(n, f"night{n}", (FIRST + timedelta(days=n)).isoformat(), f"c{n}", "quick")
        for n in range(array.shape[1])
    )
    nothing, text = np.full(array.shape, np.nan), np.full(array.shape, "", dtype=object)
    first = np.zeros(len(array), np.int64) if since is None else np.asarray(since, np.int64)
    return Nights(
        series, runs, array[:, :, None], array, nothing, nothing, np.ones(array.shape, np.int64),
        text, text, text, np.full(array.shape[1], "", dtype=object), first,
    )  # fmt: skip


def quick_disks() -> Iterator[None]:
    """Let nothing wait for the medium: what a power cut would leave is tested with the store."""

    def lazy(connection: sa.Connection) -> None:
        if connection.dialect.name == "sqlite":
            connection.connection.dbapi_connection.execute("PRAGMA synchronous = off")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        sa.event.listen(sa.Engine, "engine_connect", lazy)
        yield
        sa.event.remove(sa.Engine, "engine_connect", lazy)
