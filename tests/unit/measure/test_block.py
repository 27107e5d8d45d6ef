"""A block measured with scripted workers: which processes run, and what of their answers a record says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.metric import METRICS
from harness.core.quantity import Missing, Value
from harness.core.record import Record
from harness.core.scenario import Load
from harness.core.verdict import Finding, Verdict
from harness.measure.block import RunContext, Step, measure_block
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.passes.energy import EnergyPass
from harness.measure.passes.worker_process import Answer, WorkerFailure
from harness.measure.prepared import PreparedCase
from harness.measure.presets import Profile, profile
from harness.measure.protocol import Job, LabelledData
from harness.runtimes.base import Options
from suites.artifacts.catalog import DATA
from tests.fakes.worker import CRASH, MS, PASSES, FakeWorkers, Script, failure, in_turn, probed, scored, timed

N, CLASSES = 40, 10
LABELS = [number % CLASSES for number in range(N)]
RIGHT = np.eye(CLASSES)[LABELS]
NO_METER = "no power sensor here"

Patch = Callable[..., FakeWorkers]


class Sink:
    """Keeps the blobs it is given."""

    def __init__(self) -> None:
        self.kept: list[Mapping[str, NDArray[Any]]] = []

    def put_blob(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, int]:
        self.kept.append(arrays)
        return f"{len(self.kept):064x}", len(next(iter(arrays.values())))


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Patch:
    """Put scripts in the place of the processes; phases without one answer as a sound net does."""

    def patch(**scripts: Script) -> FakeWorkers:
        sound: dict[str, Script] = {
            "latency": lambda _: timed(),
            "probe": lambda _: probed(RIGHT),
            "accuracy": lambda _: scored(RIGHT, LABELS),
        }
        fake = FakeWorkers({**sound, **scripts})
        for name in PASSES:
            monkeypatch.setattr(name, fake)
        return fake

    return patch


def prepared(compression: str = "fp32", model: str = "net", **changes: Any) -> PreparedCase:
    """A case on the null runtime whose file is called as its setting; no labels."""
    case = Case(model, compression, "null", **changes)
    path = Path(f"{model}-{compression}.onnx")
    artifact = Artifact(path, "onnx", f"{model}-{compression}".ljust(64, "0"), 1000)
    return PreparedCase(case, artifact, "harness.runtimes.null:null", Options(case.threads, case.batch), None)


def labelled(one: PreparedCase) -> PreparedCase:
    return dataclasses.replace(one, labelled=LabelledData("idx", str(DATA / "fashion-mnist"), Preprocess(channels=1)))


def setting(tmp_path: Path, of: Profile | str = "smoke", **changes: Any) -> RunContext:
    made = RunContext(
        run_id="run",
        target="board",
        profile=profile(of) if isinstance(of, str) else of,
        seed=1,
        blobs=Sink(),
        scratch=tmp_path,
        scores=AccuracyPass(tmp_path),
        energy=EnergyPass((), Missing(NO_METER)),
    )
    return dataclasses.replace(made, **changes)


def records(
    block: Sequence[PreparedCase], how: RunContext, references: Mapping[Case, PreparedCase] | None = None
) -> list[Record]:
    return [event for event in measure_block(block, references or {}, how) if isinstance(event, Record)]


def by_model(**answers: Script) -> Script:
    """A script for each setting, by the name of the model's file."""

    def script(job: Job) -> Answer | WorkerFailure:
        (name,) = (name for name in answers if Path(job.model).stem.endswith(name))
        return answers[name](job)

    return script


def missing(record: Record, metric: str) -> str:
    """Why a metric is missing."""
    found = record.metrics[metric]
    assert isinstance(found, Missing), f"{metric} is {found}"
    return found.reason


def test_an_empty_block_runs_nothing_and_has_no_record(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    assert records([], setting(tmp_path)) == []
    assert fake.jobs == []


def test_a_record_names_every_metric_whatever_happens(tmp_path: Path, workers: Patch) -> None:
    workers(latency=by_model(fp32=lambda _: timed(), int8=lambda _: CRASH))
    for record in records([prepared("fp32"), prepared("int8")], setting(tmp_path)):
        assert set(record.metrics) == set(METRICS)


def test_every_round_runs_each_case_once_in_an_order_of_the_seed(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    block = [prepared(f"s{number}") for number in range(6)]
    records(block, setting(tmp_path, "quick"))
    models = [job.model for job in fake.of("latency")]
    rounds = [models[start : start + 6] for start in range(0, len(models), 6)]
    assert len(rounds) == 3
    assert [sorted(each) for each in rounds] == [sorted(rounds[0])] * 3
    assert rounds[0] != rounds[1]
    again = workers()
    records(block, setting(tmp_path, "quick"))
    assert [job.model for job in again.of("latency")] == models
    other = workers()
    records(block, setting(tmp_path, "quick", seed=2))
    assert [job.model for job in other.of("latency")] != models


def test_every_process_gets_inputs_and_a_folder_of_its_own(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    records([prepared("fp32"), prepared("int8")], setting(tmp_path, "quick"))
    jobs = fake.of("latency")
    assert len({job.seed for job in jobs}) == len({job.out for job in jobs}) == len(jobs) == 6


def test_a_case_that_fails_in_its_second_process_is_not_tried_again_and_keeps_its_first(
    tmp_path: Path, workers: Patch
) -> None:
    fake = workers(latency=by_model(fp32=lambda _: timed(), int8=in_turn(timed(), CRASH)))
    sound, failed = records([prepared("fp32"), prepared("int8")], setting(tmp_path, "quick"))
    stems = [Path(job.model).stem for job in fake.of("latency")]
    assert (stems.count("net-fp32"), stems.count("net-int8")) == (3, 2)
    assert not sound.verdict.failed
    assert (failed.verdict.status, failed.log) == (CRASH.verdict.status, CRASH.log)
    assert len(failed.processes) == 1
    assert [Path(job.model).stem for job in fake.of("probe")] == ["net-fp32"]
    words = "the process was ended by SIGSEGV; 1 process before it had a median of 2 ms"
    assert missing(failed, "fidelity_cosine") == missing(failed, "energy_gross_j") == f"crashed: {words}"


def test_when_all_fail_no_other_pass_runs(tmp_path: Path, workers: Patch) -> None:
    fake = workers(latency=lambda _: failure("timeout", "no answer within 60 s"))
    found = records([prepared("fp32"), prepared("int8")], setting(tmp_path, "quick"))
    assert [record.verdict.status for record in found] == ["timeout", "timeout"]
    assert {job.phase for job in fake.jobs} == {"latency"}
    assert all(record.processes == () for record in found)
    assert all(missing(record, "latency_p50_ns") == "timeout: no answer within 60 s" for record in found)
    assert all(record.metrics["artifact_bytes"] == Value(1000) for record in found)


def test_progress_counts_every_process_and_names_each_pass(tmp_path: Path, workers: Patch) -> None:
    workers()
    events = list(measure_block([prepared("fp32"), prepared("int8")], {}, setting(tmp_path, "quick")))
    steps = [event for event in events if isinstance(event, Step)]
    assert [step.done for step in steps if step.what == "latency"] == [1, 2, 3, 4, 5, 6]
    assert {step.of for step in steps if step.what == "latency"} == {6}
    assert [step.what for step in steps][6:] == ["energy", "accuracy"]
    assert [isinstance(event, Record) for event in events[-2:]] == [True, True]


SEQUENTIAL = dataclasses.replace(profile("standard"), deep=False)


def test_processes_are_added_until_the_interval_is_narrow(tmp_path: Path, workers: Patch) -> None:
    fake = workers(
        latency=by_model(
            steady=lambda _: timed([2 * MS] * 200),
            jumpy=in_turn(*(timed([level * MS] * 200) for level in (2, 4, 3, 6, 2, 5, 8, 3, 2, 7))),
        )
    )
    steady, jumpy = records([prepared("steady"), prepared("jumpy")], setting(tmp_path, SEQUENTIAL))
    assert len(steady.processes) == SEQUENTIAL.processes
    assert len(jumpy.processes) == SEQUENTIAL.max_processes
    assert (steady.verdict.status, jumpy.verdict.status) == ("precise", "imprecise")
    assert len(fake.of("latency")) == SEQUENTIAL.processes + SEQUENTIAL.max_processes


def test_pilots_size_the_later_processes_of_a_sequential_profile_alone(tmp_path: Path, workers: Patch) -> None:
    rng = np.random.default_rng(1)

    def noisy(_: Job) -> Answer:
        return timed((2 * MS * np.exp(0.3 * rng.standard_normal(200))).astype(np.int64).tolist())

    fake = workers(latency=noisy)
    records([prepared()], setting(tmp_path, SEQUENTIAL))
    loops = [job.loop for job in fake.of("latency")]
    assert loops[:2] == [SEQUENTIAL.loop] * 2
    later = {loop.min_n for loop in loops[2:] if loop}
    assert len(later) == 1
    assert SEQUENTIAL.loop.min_n < later.pop() <= SEQUENTIAL.loop.max_n
    fixed = workers(latency=noisy)
    records([prepared()], setting(tmp_path, "quick"))
    assert {job.loop for job in fixed.of("latency")} == {profile("quick").loop}


def test_what_came_before_the_steady_state_joins_the_warm_up(tmp_path: Path, workers: Patch) -> None:
    rng = np.random.default_rng(1)
    level = np.repeat([8.0, 2.0], [100, 400]) * np.exp(0.01 * rng.standard_normal(500))
    workers(latency=lambda _: timed((level * MS).astype(np.int64).tolist()))
    how = setting(tmp_path)
    (record,) = records([prepared()], how)
    (process,) = record.processes
    assert process.n_warmup >= 2 + 100
    assert process.n_warmup + process.n_timed == 2 + 500
    assert process.median_ns == pytest.approx(2 * MS, rel=0.01)
    assert isinstance(how.blobs, Sink)
    kept = how.blobs.kept[0]
    assert (len(kept["warmup_ns"]), len(kept["wall_ns"])) == (process.n_warmup, process.n_timed)


def test_sustained_keeps_its_drift_and_runs_once(tmp_path: Path, workers: Patch) -> None:
    wall = [2 * MS] * 100 + [4 * MS] * 100
    answer = timed(wall)
    minutes = {
        "minute_n": np.array([100, 100]),
        "minute_started_ns": np.array([0, 60_000 * MS]),
        "minute_ended_ns": np.array([60_000 * MS, 120_000 * MS]),
    }
    fake = workers(latency=lambda _: Answer(answer.result, {**answer.arrays, **minutes}))
    case = prepared(scenario="sustained", load=Load(minutes=2))
    (record,) = records([case], setting(tmp_path, "quick"))
    assert len(fake.of("latency")) == 1
    assert record.processes[0].n_timed == 200
    assert record.metrics["sustained_ratio"] == Value(2.0)
    assert [row["temperature_c_missing"] for row in record.details["minutes"]] == [
        "no temperature sensor of the processor gave a reading"
    ] * 2


@pytest.mark.parametrize("status", ["crashed", "timeout", "out-of-memory", "unsupported"])
def test_a_probe_or_accuracy_pass_that_fails_costs_its_own_metrics_alone(
    tmp_path: Path, workers: Patch, status: Any
) -> None:
    workers(probe=lambda _: failure(status), accuracy=lambda _: failure(status))
    output_reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=output_reference)
    (record,) = records([case], setting(tmp_path), {case.case: output_reference})
    assert record.verdict.status == "untimed"
    assert isinstance(record.metrics["latency_p50_ns"], Value)
    assert missing(record, "fidelity_cosine") == f"the probe ended as {status}: because"
    assert missing(record, "parameters") == f"the probe ended as {status}: because"
    assert missing(record, "top1") == f"the accuracy pass ended as {status}: because"
    assert record.execution.effective == Missing("because")
    assert "accuracy" not in record.details


def test_one_fp32_net_is_probed_and_scored_once_for_all_that_are_compared_with_it(
    tmp_path: Path, workers: Patch
) -> None:
    fake = workers()
    reference = labelled(prepared("fp32"))
    cases = [
        dataclasses.replace(labelled(prepared(name)), output_reference=reference)
        for name in ("int8-static", "int8-dynamic")
    ]
    block = [dataclasses.replace(reference, output_reference=reference), *cases]
    found = records(block, setting(tmp_path), {each.case: reference for each in block})
    for phase in ("probe", "accuracy"):
        assert sorted(Path(job.model).stem for job in fake.of(phase)) == [
            "net-fp32",
            "net-int8-dynamic",
            "net-int8-static",
        ]
    assert missing(found[0], "fidelity_cosine") == "this is the reference that others are compared with"
    assert missing(found[0], "agreement") == "the reference: others are compared with this fp32 net"
    assert [record.metrics["fidelity_cosine"].value for record in found[1:]] == [pytest.approx(1.0)] * 2  # type: ignore[union-attr]
    assert [record.metrics["top1_difference"].value for record in found[1:]] == [0.0, 0.0]  # type: ignore[union-attr]


def test_a_reference_that_is_not_in_the_block_is_run_for_its_outputs_alone(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert [Path(job.model).stem for job in fake.of("latency")] == ["net-int8"]
    assert sorted(Path(job.model).stem for job in fake.of("accuracy")) == ["net-fp32", "net-int8"]
    assert record.details["accuracy"]["right_in_fp32_alone"] == 0


def test_without_a_reference_there_is_accuracy_and_no_comparison(tmp_path: Path, workers: Patch) -> None:
    workers()
    (record,) = records([labelled(prepared("int8"))], setting(tmp_path))
    assert record.metrics["top1"].value == 1.0  # type: ignore[union-attr]
    assert missing(record, "agreement") == "no fp32 net to compare with"
    assert missing(record, "fidelity_cosine") == "no fp32 net on a reference runtime to compare with"
    assert "right_here_alone" not in record.details["accuracy"]


def test_a_reference_that_fails_costs_the_comparison_and_not_the_accuracy(tmp_path: Path, workers: Patch) -> None:
    workers(
        probe=by_model(fp32=lambda _: CRASH, int8=lambda _: probed(RIGHT)),
        accuracy=by_model(fp32=lambda _: CRASH, int8=lambda _: scored(RIGHT, LABELS)),
    )
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert isinstance(record.metrics["top1"], Value)
    assert missing(record, "mcnemar_p") == "the accuracy pass of the fp32 net failed"
    assert missing(record, "fidelity_sqnr_db") == f"the probe of {reference.case.id} ended as crashed"
    assert "right_here_alone" not in record.details["accuracy"]


def test_absent_labels_are_a_reason(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    silent = prepared("fp32")
    told = dataclasses.replace(prepared("int8"), unlabelled="not available: synthetic weights")
    found = records([silent, told], setting(tmp_path))
    assert fake.of("accuracy") == []
    assert missing(found[0], "top1") == "no labelled images: give some with --data"
    assert missing(found[1], "n_images") == "not available: synthetic weights"
    assert all("accuracy" not in record.details for record in found)


def test_outputs_that_are_no_numbers_are_a_wrong_output_and_give_no_accuracy(tmp_path: Path, workers: Patch) -> None:
    broken = RIGHT.copy()
    broken[3, 1] = np.nan
    workers(
        probe=by_model(fp32=lambda _: probed(RIGHT), int8=lambda _: probed(broken)),
        accuracy=by_model(fp32=lambda _: scored(RIGHT, LABELS), int8=lambda _: scored(broken, LABELS)),
    )
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert record.verdict.status == "wrong-output"
    assert missing(record, "n_images") == "1 of 40 outputs are not finite"
    for name in ("top1", "agreement", "sqnr_db", "mcnemar_p", "top1_difference"):
        assert "1 of 40 outputs are not finite" in missing(record, name), name
    assert missing(record, "fidelity_max_abs") == "output 'y' is not finite: NaN from input 3 on, in 1 of 40 inputs"
    assert "accuracy" not in record.details


def test_an_fp32_net_without_numbers_is_no_reference(tmp_path: Path, workers: Patch) -> None:
    workers(
        accuracy=by_model(
            fp32=lambda _: scored(np.full_like(RIGHT, np.inf), LABELS), int8=lambda _: scored(RIGHT, LABELS)
        )
    )
    reference = labelled(prepared("fp32"))
    case = labelled(prepared("int8"))
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert isinstance(record.metrics["top1"], Value)
    assert missing(record, "top1_difference") == "of the fp32 net: 40 of 40 outputs are not finite"
    assert "right_here_alone" not in record.details["accuracy"]


def test_outputs_of_another_number_are_not_compared(tmp_path: Path, workers: Patch) -> None:
    wide = np.hstack([np.zeros((N, 1)), RIGHT])
    workers(
        probe=by_model(fp32=lambda _: probed(RIGHT), int8=lambda _: probed(wide)),
        accuracy=by_model(fp32=lambda _: scored(RIGHT, LABELS), int8=lambda _: scored(wide, LABELS, classes=11)),
    )
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert missing(record, "fidelity_sqnr_db") == "output 'y': [11] values, the reference has [10] (input 0)"
    assert missing(record, "sqnr_db") == "11 outputs, the fp32 net has 10"
    assert isinstance(record.metrics["top1_difference"], Value)


def test_labels_of_other_classes_are_not_scored(tmp_path: Path, workers: Patch) -> None:
    workers(accuracy=lambda _: scored(RIGHT, LABELS, classes=7))
    (record,) = records([labelled(prepared())], setting(tmp_path))
    assert missing(record, "top1") == "the model has 10 outputs, the data set 7 classes"
    assert missing(record, "top1_difference") == "the model has 10 outputs, the data set 7 classes"
    assert "accuracy" not in record.details


def test_few_classes_have_a_top_1_and_no_top_5(tmp_path: Path, workers: Patch) -> None:
    labels = [number % 5 for number in range(N)]
    outputs = np.eye(5)[labels]
    workers(probe=lambda _: probed(outputs), accuracy=lambda _: scored(outputs, labels))
    (record,) = records([labelled(prepared())], setting(tmp_path))
    assert isinstance(record.metrics["top1"], Value)
    assert missing(record, "top5") == "top-5 is meaningless with 5 classes"


def test_parts_of_a_data_set_are_counted_each_by_itself(tmp_path: Path, workers: Patch) -> None:
    wrong_after_30 = np.roll(RIGHT, 1, axis=1)
    wrong_after_30[:30] = RIGHT[:30]
    workers(accuracy=lambda _: scored(wrong_after_30, LABELS, parts=[["near", 25], ["far", 25]]))
    (record,) = records([labelled(prepared())], setting(tmp_path))
    assert record.details["accuracy"]["parts"] == {"near": {"right": 25, "n": 25}, "far": {"right": 5, "n": 15}}


def test_a_net_that_answers_otherwise_is_wrong_however_fast_unless_the_machine_is_emulated(
    tmp_path: Path, workers: Patch
) -> None:
    other = np.roll(RIGHT, 1, axis=1)
    workers(probe=by_model(fp32=lambda _: probed(RIGHT), int8=lambda _: probed(other)))
    case = dataclasses.replace(prepared("int8"), output_reference=prepared("fp32"))
    (record,) = records([case], setting(tmp_path))
    assert record.verdict.status == "wrong-output"
    (emulated,) = records([case], setting(tmp_path, machine=Verdict("emulated", "qemu")))
    assert emulated.verdict.status == "emulated"


def test_a_net_that_lost_most_of_its_accuracy_is_wrong_whatever_the_probe_says(tmp_path: Path, workers: Patch) -> None:
    half = RIGHT.copy()
    half[16:] = np.roll(RIGHT[16:], 1, axis=1)  # 40 % of the images are right: less than half of 100 %, chance apart
    most = RIGHT.copy()
    most[30:] = np.roll(RIGHT[30:], 1, axis=1)
    one_class = np.tile(np.eye(RIGHT.shape[1])[LABELS[0]], (N, 1))
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    for outputs, status in ((half, "wrong-output"), (most, "untimed"), (one_class, "wrong-output")):
        workers(
            probe=lambda _: probed(RIGHT),
            accuracy=by_model(
                fp32=lambda _: scored(RIGHT, LABELS), int8=lambda _, outputs=outputs: scored(outputs, LABELS)
            ),
        )
        (record,) = records([case], setting(tmp_path), {case.case: reference})
        assert record.verdict.status == status, record.verdict
    assert record.verdict.reason.endswith("that of the float model 100%: it names one class alone")


def test_a_few_images_prove_no_loss(tmp_path: Path, workers: Patch) -> None:
    wrong = np.roll(RIGHT, 1, axis=1)[:4]
    workers(
        probe=lambda _: probed(RIGHT),
        accuracy=by_model(fp32=lambda _: scored(RIGHT[:4], LABELS[:4]), int8=lambda _: scored(wrong, LABELS[:4])),
    )
    reference = labelled(prepared("fp32"))
    case = dataclasses.replace(labelled(prepared("int8")), output_reference=reference)
    (record,) = records([case], setting(tmp_path), {case.case: reference})
    assert record.verdict.status == "untimed"


def test_the_record_keeps_every_output_and_what_it_was_compared_with(tmp_path: Path, workers: Patch) -> None:
    workers(probe=lambda _: probed(RIGHT))
    case = dataclasses.replace(prepared("int8"), output_reference=prepared("fp32"))
    (record,) = records([case], setting(tmp_path))
    fidelity = record.details["fidelity"]
    assert fidelity["reference"] == prepared("fp32").case.id
    assert [(one["name"], one["n"], one["cosine"]) for one in fidelity["outputs"]] == [("y", N, pytest.approx(1.0))]


def test_precision_and_threads_otherwise_than_asked_are_findings(tmp_path: Path, workers: Patch) -> None:
    workers(latency=lambda _: timed(busy_threads=3), probe=lambda _: probed(RIGHT, effective="fp16"))
    case = dataclasses.replace(prepared(threads=2), precision="fp32")
    (record,) = records([case], setting(tmp_path))
    assert {finding.check for finding in record.execution.findings} == {"precision", "threads"}
    assert record.execution.asked == "fp32"


def test_findings_before_and_after_stand_apart(tmp_path: Path, workers: Patch) -> None:
    workers()
    before, after = (Finding("load", status, found) for status, found in (("ok", "0.1"), ("warn", "3.0")))  # type: ignore[arg-type]
    (record,) = records([prepared()], setting(tmp_path, findings=(before,), findings_now=lambda: (after,)))
    assert (record.findings, record.findings_after) == ((before,), (after,))


def test_no_meter_is_the_reason_for_no_energy_and_runs_nothing(tmp_path: Path, workers: Patch) -> None:
    fake = workers()
    (record,) = records([prepared()], setting(tmp_path))
    assert missing(record, "energy_gross_j") == missing(record, "energy_net_j") == NO_METER
    assert len(fake.of("latency")) == 1
