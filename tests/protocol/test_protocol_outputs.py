"""The promises of docs/protocol.md on accuracy, fidelity and energy."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.execution import FROM_FILE
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.sensing import Channel
from harness.core.target import PowerTotal
from harness.datasets.dataset import open_dataset
from harness.host.resource_limits import ResourceLimits
from harness.measure.passes import energy
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.protocol import Job
from harness.runs.preparation import CasePreparer, EvaluationData
from harness.runtimes.base import Options, TensorSpec
from harness.sensors.board_power import PowerSource
from harness.sensors.sampler import Series, Traces
from harness.stats import output_quality
from tests.protocol.protocol_helpers import ROOT, compared, number, scored
from tests.protocol.scripted import (
    MS,
    NO_SENSOR,
    PLAIN,
    SECOND,
    Machine,
    Scripted,
    accuracy_answer,
    answer,
    in_process,
    prepared,
    records,
    usual,
)

# --- Accuracy ---------------------------------------------------------------------------------------------------------


def test_accuracy_is_a_pass_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    case = Case("m", "fp32", "null", threads=3, batch=4, dataset="fashion-mnist")
    options = Options(3, 4, {"x": (1, 4)}, {"key": "value"})
    own = scored(case, options=options)
    ((_,), jobs) = records(monkeypatch, tmp_path, [own])
    assert [job.phase for job in jobs] == ["latency"] * 3 + ["probe", "accuracy"]
    job = jobs[-1]
    assert job.options == dataclasses.replace(options, batch=1)
    assert (job.runtime, job.model, job.labelled) == (jobs[0].runtime, jobs[0].model, own.labelled)
    assert own.labelled.limit is None
    machine = Machine()
    session = Scripted(machine)
    session.inputs = (TensorSpec("x", (1, 1, 28, 28), "float32"),)
    labelled = dataclasses.replace(own.labelled, limit=30)
    result, arrays = in_process(monkeypatch, tmp_path / "job", machine, session, phase="accuracy", labelled=labelled)
    images = list(open_dataset("idx", Path(labelled.path)).items(30))
    assert arrays["labels"].ravel().tolist() == [label for _, label in images]
    assert len(session.prepared) == len(arrays["outputs"]) == 30, "every image, one at a time"
    assert "wall_ns" not in arrays
    assert result["stop"] == {}


def accuracy_of(patch: pytest.MonkeyPatch, scratch: Path, right: int, n: int, **reference: Any) -> Record:
    """The record of a case that has `right` of `n` images right; and of its fp32 net where there is one."""
    outputs = np.zeros((n, 10))
    outputs[np.arange(n), [0 if place < right else 1 for place in range(n)]] = 1.0
    outputs[:, 2:6] = np.linspace(0.4, 0.1, 4)
    own = scored(Case("m", "int8-static", "null", dataset="fashion-mnist"))
    base = scored(Case("m", "fp32", "null", dataset="fashion-mnist"))
    theirs = reference.get("outputs")

    def run(job: Job) -> Answer | WorkerFailure:
        if job.phase != "accuracy":
            return usual(job)
        given = outputs if "int8-static" in job.model else theirs
        return accuracy_answer(given, [0] * n)

    references = {own.case: base} if theirs is not None else {}
    ((record,), _) = records(patch, scratch, [own], run, references=references)
    return record


def test_accuracy_has_wilsons_interval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for right, n in ((90, 100), (0, 40), (40, 40)):
        top1 = accuracy_of(monkeypatch, tmp_path, right, n).metrics["top1"]
        z, p = 1.959964, right / n
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert isinstance(top1, Value)
        assert (top1.value, top1.n) == (p, n)
        assert (top1.lo, top1.hi) == (pytest.approx(middle - half, abs=1e-6), pytest.approx(middle + half, abs=1e-6))
    record = accuracy_of(monkeypatch, tmp_path, 30, 40)
    assert number(record.metrics["top5"]) == 0.75, "class 0 is among the five largest where it is the largest only"
    assert isinstance(record.metrics["top5"], Value)
    assert record.metrics["top5"].lo is not None
    assert number(record.metrics["n_images"]) == 40
    ranked = np.tile(np.arange(10.0, 0.0, -1.0), (10, 1))
    five = output_quality.accuracy(ranked.astype(np.float32), np.arange(10), 5)
    assert number(five) == 0.5, "labels 0 to 4 are among the best five, 5 to 9 are not"


def test_agreement_is_with_fp32_on_the_same_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = np.zeros((40, 10))
    theirs[np.arange(40), [0] * 10 + [1] * 30] = 1.0
    record = accuracy_of(monkeypatch, tmp_path, 20, 40, outputs=theirs)
    agreement = record.metrics["agreement"]
    assert number(agreement) == 30 / 40, "alike on the first ten and the last twenty, right or wrong"
    assert record.metrics["top1_difference"] != agreement
    assert number(record.metrics["top1_difference"]) == pytest.approx((20 - 10) / 40)
    alone = accuracy_of(monkeypatch, tmp_path, 20, 40)
    assert alone.missing("agreement") == "no fp32 net to compare with"
    folder = ROOT / "suites" / "data" / "fashion-mnist"
    cases = [
        Case("m", setting, runtime, dataset="fashion-mnist")
        for setting in ("fp32", "int8-static")
        for runtime in ("null", "litert-xnnpack")
    ]

    def find(case: Case, file_format: Any) -> Artifact:
        made = prepared(case).artifact
        return dataclasses.replace(made, format=file_format, preprocess=Preprocess(), weights="trained")

    data = {"fashion-mnist": EvaluationData("idx", folder)}
    plan = CasePreparer(find, data, ResourceLimits(60.0)).prepare_all(cases)
    assert len(plan.references) == 4
    for case, reference in plan.references.items():
        assert reference.case == dataclasses.replace(case, compression="fp32"), "the same model and runtime"


def test_sqnr_formula(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = np.random.default_rng(0).standard_normal((40, 10))
    record = accuracy_of(monkeypatch, tmp_path, 20, 40, outputs=theirs)
    own = np.zeros((40, 10))
    own[np.arange(40), [0] * 20 + [1] * 20] = 1.0
    own[:, 2:6] = np.linspace(0.4, 0.1, 4)
    expected = 10 * math.log10(float((theirs**2).sum()) / float(((theirs - own) ** 2).sum()))
    assert number(record.metrics["sqnr_db"]) == pytest.approx(expected, rel=1e-5)


def test_synthetic_weights_have_no_accuracy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def find(case: Case, file_format: Any) -> Artifact:
        made = prepared(case).artifact
        return dataclasses.replace(made, format=file_format, preprocess=Preprocess(), weights="synthetic")

    data = {"fashion-mnist": EvaluationData("idx", ROOT / "suites" / "data" / "fashion-mnist")}
    case = Case("m", "fp32", "null", dataset="fashion-mnist", weights="synthetic")
    (own,) = CasePreparer(find, data, ResourceLimits(60.0)).prepare_all([case]).prepared
    ((record,), jobs) = records(monkeypatch, tmp_path, [dataclasses.replace(own, output_reference=None)])
    assert "accuracy" not in {job.phase for job in jobs}
    for name in ("top1", "top5", "n_images", "agreement", "sqnr_db"):
        assert record.missing(name) == "not available: synthetic weights"


# --- Fidelity ---------------------------------------------------------------------------------------------------------


def test_fidelity_takes_the_same_inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reference = scored(Case("m", "reference", "onnxruntime-cpu", dataset="fashion-mnist"))
    own = scored(Case("m", "int8-static", "null", dataset="fashion-mnist"), output_reference=reference)
    _, jobs = records(monkeypatch, tmp_path, [own])
    probes = [job for job in jobs if job.phase == "probe"]
    assert [job.phase for job in jobs][3:5] == ["probe", "probe"], "after timing"
    assert {Path(job.model).stem for job in probes} == {"m-int8-static", "m-reference"}
    assert len({(job.seed, job.labelled) for job in probes}) == 1
    shape = {"float": TensorSpec("x", (1, 1, 28, 28), "float32"), "last": TensorSpec("y", (1, 28, 28, 1), "float32")}

    def fed(place: str, spec: TensorSpec, **job: Any) -> np.ndarray:
        machine = Machine()
        session = Scripted(machine)
        session.inputs = (spec,)
        in_process(monkeypatch, tmp_path / place, machine, session, phase="probe", seed=probes[0].seed, **job)
        return np.stack([array.reshape(28, 28) for array in session.arrays])

    images = fed("images", shape["float"], labelled=probes[0].labelled)
    assert images.shape == (64, 28, 28)
    assert images == pytest.approx(
        np.stack([np.asarray(image).reshape(28, 28) / 255 for image, _ in mnist(64)]), abs=1e-6
    )
    assert np.array_equal(fed("first", shape["float"]), fed("last", shape["last"])), "channels first or last"
    assert len(fed("again", shape["float"])) == 16


def mnist(n: int) -> Any:
    return open_dataset("idx", ROOT / "suites" / "data" / "fashion-mnist").items(n)


@pytest.mark.parametrize(
    ("setting", "precision", "ran", "least_db"),
    [
        ("fp32", "fp32", "fp32", 50.0),
        ("fp32", "tf32", "tf32", 40.0),
        ("fp16", "fp16", "fp16", 30.0),
        ("fp32", "bf16", "bf16", 10.0),
        ("as-is", FROM_FILE, "fp32", 50.0),
    ],
)
def test_wrong_output_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str, precision: str, ran: str, least_db: float
) -> None:
    noise = np.random.default_rng(0).standard_normal(PLAIN.shape)
    noise *= math.sqrt(float((PLAIN**2).sum()) / float((noise**2).sum()))

    def status(db: float, setting: str = setting, precision: str = precision) -> str:
        outputs = PLAIN.astype(np.float64) + noise * 10 ** (-db / 20)
        how = {"setting": setting, "precision": precision, "execution": {"effective": ran}}
        return compared(monkeypatch, tmp_path, outputs, **how).verdict.status

    assert status(least_db - 0.2) == "wrong-output"
    assert status(least_db + 0.2) == "precise"
    assert status(5.0, "int8-static", "int8") == "precise", "a setting may cost accuracy"
    orthogonal = noise - PLAIN * float((noise * PLAIN).sum()) / float((PLAIN**2).sum())
    orthogonal *= math.sqrt(float((PLAIN**2).sum()) / float((orthogonal**2).sum()))
    for cosine, expected in ((0.69, "wrong-output"), (0.71, "precise")):
        outputs = cosine * PLAIN + math.sqrt(1 - cosine**2) * orthogonal
        assert compared(monkeypatch, tmp_path, outputs).verdict.status == expected
    broken = PLAIN.copy()
    broken[3, 3] = np.nan
    assert compared(monkeypatch, tmp_path, broken).verdict.status == "wrong-output"


# --- Energy -----------------------------------------------------------------------------------------------------------


RAIL = Channel("rail/power", "W", "rail")


class Powered:
    """A board of 2 W that draws `busy_w` more while a case runs, and its only clock."""

    def __init__(self, patch: pytest.MonkeyPatch, busy_w: dict[str, float]) -> None:
        self.events: list[str] = []
        self._now_ns, self._busy_w = 0, busy_w
        self._steps: list[tuple[int, float]] = []
        fake = SimpleNamespace(perf_counter_ns=lambda: self._now_ns, sleep=self._sleep)
        patch.setattr(energy, "time", fake)
        patch.setattr(energy, "Sampler", lambda _sensors: self)

    def _pass(self, duration_ns: int, power_w: float) -> None:
        self._now_ns += duration_ns
        self._steps.append((self._now_ns, power_w))

    def _sleep(self, seconds: float) -> None:
        self.events.append("idle")
        self._pass(round(seconds * SECOND), 2.0)

    def run(self, job: Job) -> Answer | WorkerFailure:
        if job.phase != "latency" or "energy" not in Path(job.out).name:
            return usual(job)
        assert job.loop
        self.events.append(Path(job.model).stem)
        started_ns = self._now_ns
        self._pass(job.loop.min_ns, 2.0 + self._busy_w[Path(job.model).stem])
        return answer(started_ns=started_ns, ended_ns=self._now_ns, inferences=1000)

    def start(self) -> Powered:
        self.events.append("start")
        return self

    def stop(self) -> Traces:
        self.events.append("stop")
        t_ns = np.arange(0, self._now_ns, 100 * MS, dtype=np.int64)
        ends = np.array([end for end, _ in self._steps])
        value = np.array([power for _, power in self._steps])[np.searchsorted(ends, t_ns, "right")]
        moving = value + 0.001 * np.sin(t_ns / 1e8)  # no real reading stands still
        return Traces({RAIL.name: Series(RAIL, t_ns, moving, 100 * MS)}, 0, self._now_ns)


def metered(patch: pytest.MonkeyPatch, scratch: Path) -> tuple[list[Record], Powered]:
    """The records of two cases on that board."""
    board = Powered(patch, {"m-a": 3.0, "m-b": 1.0})
    source = PowerSource(PowerTotal("rail", (RAIL.name,)), (RAIL,))
    block = [prepared(Case("m", setting, "null")) for setting in "ab"]
    found, _ = records(patch, scratch, block, board.run, energy=EnergyPass((), source))
    return found, board


def test_energy_is_idle_cases_idle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, board = metered(monkeypatch, tmp_path)
    assert board.events == ["start", "idle", "m-a", "m-b", "idle", "stop"]
    details = found[0].details["energy"]
    assert details["idle_windows_ns"][0][1] <= details["window_ns"][0] < details["window_ns"][1]
    assert details["window_ns"][1] <= details["idle_windows_ns"][1][0]


def test_energy_gross_and_net(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found, _ = metered(monkeypatch, tmp_path)
    for record, busy_w in zip(found, (3.0, 1.0), strict=True):
        start_ns, end_ns = record.details["energy"]["window_ns"]
        seconds = (end_ns - start_ns) / SECOND
        assert seconds > 1
        gross, net = record.metrics["energy_gross_j"], record.metrics["energy_net_j"]
        assert number(gross) == pytest.approx((2.0 + busy_w) * seconds / 1000, rel=0.05)
        assert number(net) == pytest.approx(busy_w * seconds / 1000, rel=0.15)
        assert number(gross) - number(net) == pytest.approx(2.0 * seconds / 1000, rel=0.02)


def test_energy_without_a_sensor_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ((record,), jobs) = records(monkeypatch, tmp_path, [prepared()])
    assert record.missing("energy_gross_j") == record.missing("energy_net_j") == NO_SENSOR.reason
    assert not any("energy" in Path(job.out).name for job in jobs)
    assert "energy" not in record.details
