"""Outputs and labels that belong together, and what accuracy is made of them: no process is started."""

from __future__ import annotations

import dataclasses
import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact, Preprocess
from harness.core.case import Case
from harness.core.quantity import Value
from harness.core.task import PerSample, Predictions
from harness.measure.outcomes import write_outcomes
from harness.measure.passes import accuracy as quality
from harness.measure.passes.accuracy import AccuracyPass
from harness.measure.passes.worker_process import Answer
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Job, LabelledData, StoppingRule
from harness.measure.worker.accuracy import accuracy
from harness.runtimes.base import Batch, Options, TensorSpec
from harness.stats import output_quality
from suites.tasks.classification import skill_findings

N, CLASSES = 200, 10
LABELS = np.arange(N) % CLASSES
UNIT = Preprocess(channels=1)


def prepared(model: str, sha256: str, how: Preprocess = UNIT, **options: Any) -> PreparedCase:
    artifact = Artifact(Path(f"{model}.onnx"), "onnx", sha256 * 64, 1)
    case = Case(model, "fp32", "null")
    return PreparedCase(
        case, artifact, "harness.runtimes.null:NULL", Options(**options), LabelledData("idx", "data", how)
    )


def ranked(first: np.ndarray) -> np.ndarray:
    """Outputs whose best classes are `first`, then the next ones in turn."""
    order = (first[:, None] + np.arange(CLASSES)) % CLASSES
    outputs = np.zeros((N, CLASSES), np.float32)
    np.put_along_axis(outputs, order, np.arange(CLASSES, 0, -1, dtype=np.float32)[None, :], axis=1)
    return outputs


def arrays(outputs: np.ndarray, labels: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
    """What the worker of a classifier writes."""
    ones = np.ones(len(places), np.int64)
    return {"outputs": outputs, "output_counts": ones, "labels": labels, "label_counts": ones, "places": places}


@pytest.fixture
def nets(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Outputs by the name of a model file, as its worker would give them; in the order of the images."""
    known: dict[str, np.ndarray] = {}

    def run_worker(job: Job, timeout_s: float) -> Answer:
        outputs = known[Path(job.model).stem]
        facts = {
            "label_mapping": {"classes": CLASSES, "complete": True, "imagenet": ()},
            "parts": [("a", 50), ("b", 150)],
        }
        places = np.arange(N) if job.stop is None else np.arange(0, N, 4) + 1
        said = {} if job.stop is None else {"level": 0.99}
        return Answer({**facts, "stop": said}, arrays(outputs[places], LABELS[places], places))

    monkeypatch.setattr(quality, "run_worker", run_worker)
    return known


def number(found: object) -> float:
    assert isinstance(found, Value), found
    return found.value


def test_accuracy_is_of_the_images_and_against_the_reference(nets: dict[str, np.ndarray], tmp_path: Path) -> None:
    nets["fp32"] = ranked(LABELS)
    off = np.where(np.arange(N) < 40, (LABELS - 2) % CLASSES, LABELS)  # the label is third best for 40 of 200
    nets["int8"] = ranked(off)
    reference, case = prepared("fp32", "a"), prepared("int8", "b")
    scores = AccuracyPass(tmp_path)
    scores.run([reference, case])
    found = scores.metrics(case, reference)
    assert (number(found["top1"]), number(found["top5"]), number(found["n_images"])) == (0.8, 1.0, N)
    assert number(found["agreement"]) == 0.8
    difference = found["top1_difference"]
    assert isinstance(difference, Value)
    assert difference.value == -0.2
    assert difference.lo is not None
    assert difference.hi is not None
    assert difference.lo < -0.2 < difference.hi < 0
    told = scores.details(case, reference)
    assert (told["right_here_alone"], told["right_in_fp32_alone"]) == (0, 40)
    assert told["parts"] == {"a": {"right": 10, "n": 50}, "b": {"right": 150, "n": 150}}


def test_a_case_that_ended_early_is_compared_on_its_own_images(nets: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Of the images seen, every fourth from the second on, both nets get the same ones wrong."""
    wrong = np.arange(N) % 8 == 1
    nets["fp32"] = ranked(np.where(wrong, (LABELS + 1) % CLASSES, LABELS))
    nets["int8"] = nets["fp32"].copy()
    reference, case = prepared("fp32", "a"), prepared("int8", "b")
    scores = AccuracyPass(tmp_path, margin=0.05)
    scores.run([reference, case], {case.case: reference, reference.case: reference})
    found = scores.metrics(case, reference)
    assert (number(found["n_images"]), number(found["top1"])) == (50, 0.5)
    assert (number(found["agreement"]), number(found["top1_difference"])) == (1.0, 0.0)
    assert scores.details(case, reference)["parts"] == {"a": {"right": 6, "n": 13}, "b": {"right": 19, "n": 37}}


@pytest.mark.parametrize(
    ("first", "checks"),
    [
        (LABELS, []),
        (np.where(np.arange(N) < 40, (LABELS + 1) % CLASSES, LABELS), []),
        ((LABELS + 1) % CLASSES, ["chance_level"]),
        (np.repeat(LABELS[::10], 10) * 0 + np.arange(N) // 20, ["chance_level"]),
        (np.zeros(N, int), ["constant_outputs", "chance_level"]),
    ],
)
def test_predictions_without_skill_are_findings(
    nets: dict[str, np.ndarray], tmp_path: Path, first: np.ndarray, checks: list[str]
) -> None:
    nets["fp32"] = ranked(first)
    case = prepared("fp32", "a")
    scores = AccuracyPass(tmp_path)
    scores.run([case])
    assert [finding.check for finding in scores.findings(case)] == checks


def test_one_class_for_all_is_a_finding_however_often_it_is_right() -> None:
    outputs = np.column_stack([np.linspace(0.6, 0.9, 20), np.linspace(0.4, 0.1, 20)]).astype(np.float32)
    labels = np.array([0] * 19 + [1])
    assert [finding.check for finding in skill_findings(outputs, labels)] == ["one_class_predicted"]
    assert skill_findings(outputs, np.zeros(20, np.int64)) == []


@pytest.mark.parametrize(
    ("values", "predicted"),
    [
        ([0.1, 0.5, 0.500001, 0.9], [0, 0, 1, 1]),  # a sigmoid
        ([-3.0, 0.0, 0.1, 5.0], [0, 0, 1, 1]),  # a logit
        ([-0.9, -0.1, 0.2, 1.0], [0, 0, 1, 1]),  # a tanh
    ],
)
def test_one_output_is_a_binary_classifiers(values: list[float], predicted: list[int]) -> None:
    outputs = np.array(values, np.float32)[:, None]
    assert output_quality.class_scores(outputs).argmax(axis=1).tolist() == predicted


def test_an_image_that_is_lost_on_the_way_is_left_out_of_the_comparison(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """fp32 lost the second image, int8 the last: compared are those that both have."""

    def run_worker(job: Job, timeout_s: float) -> Answer:
        places = np.delete(np.arange(N), 1 if "fp32" in job.model else N - 1)
        facts = {"label_mapping": {"classes": CLASSES}, "parts": [], "stop": {}, "unreadable": {"x": "x is gone"}}
        return Answer(facts, arrays(ranked(LABELS)[places], LABELS[places], places))

    monkeypatch.setattr(quality, "run_worker", run_worker)
    reference, case = prepared("fp32", "a"), prepared("int8", "b")
    scores = AccuracyPass(tmp_path)
    scores.run([reference, case])
    found = scores.metrics(case, reference)
    assert (number(found["top1"]), number(found["n_images"]), number(found["agreement"])) == (1.0, N - 1, 1.0)
    assert isinstance(found["agreement"], Value)
    assert found["agreement"].n == N - 2
    assert [(each.check, each.found) for each in scores.findings(case)] == [
        ("unreadable_images", "1 image not scored: x is gone")
    ]


def test_one_file_under_two_preprocessings_has_two_accuracies(nets: dict[str, np.ndarray], tmp_path: Path) -> None:
    nets["fp32"] = ranked(LABELS)
    scores = AccuracyPass(tmp_path)
    first, second = prepared("fp32", "a"), prepared("fp32", "a", dataclasses.replace(UNIT, pad=2))
    scores.run([first])
    nets["fp32"] = ranked((LABELS + 1) % CLASSES)
    scores.run([second])
    assert [number(scores.metrics(case, None)["top1"]) for case in (first, second)] == [1.0, 0.0]


def write_set(folder: Path) -> None:
    """Images of one pixel that shows their class."""
    head = struct.pack(">IIII", 0x803, N, 1, 1)
    (folder / "t-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + LABELS.astype(np.uint8).tobytes()))
    head = struct.pack(">II", 0x801, N)
    (folder / "t-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head + LABELS.astype(np.uint8).tobytes()))


class Seeing:
    """A session that is always right: it reads the class off the pixel."""

    inputs = (TensorSpec("x", (1, 1, 1, 1), "float32"),)

    def reset_state(self) -> None:
        pass

    def prepare(self, batch: Batch) -> None:
        self.seen = int(batch["x"].item())

    def infer(self) -> None:
        pass

    def fetch(self) -> dict[str, np.ndarray]:
        return {"y": np.eye(CLASSES, dtype=np.float32)[self.seen][None]}


@pytest.mark.parametrize("in_random_order", [False, True])
def test_outputs_and_labels_lie_in_the_order_of_the_images(tmp_path: Path, in_random_order: bool) -> None:
    write_set(tmp_path)
    truths = PerSample.rows(LABELS)
    reference = Predictions(PerSample.rows(np.eye(CLASSES, dtype=np.float32)[LABELS]), truths, np.arange(N))
    write_outcomes(tmp_path / "reference.npz", PerSample.rows(np.arange(N) % 2 == 0), reference)
    stop = StoppingRule(str(tmp_path / "reference.npz"), 0.001, "0.1 points") if in_random_order else None
    labelled = LabelledData("idx", str(tmp_path), Preprocess(channels=1, scale=1.0))
    _, arrays = accuracy(Seeing(), Job("accuracy", "", "", "", labelled=labelled, stop=stop))  # type: ignore[arg-type]
    assert (np.diff(arrays["places"]) > 0).all()
    np.testing.assert_array_equal(arrays["labels"], LABELS[arrays["places"]])
    np.testing.assert_array_equal(arrays["outputs"].argmax(axis=1), arrays["labels"])


def test_passes_that_are_not_timed_take_one_image_at_a_time_on_any_cpu() -> None:
    case = dataclasses.replace(prepared("m", "a", threads=2, batch=4), cpus=(1,))
    timed, scored = (case.job(phase, Path("out"), 3) for phase in ("latency", "accuracy"))
    assert (timed.options, timed.affinity, timed.labelled) == (Options(2, 4), (1,), None)
    assert (scored.options, scored.affinity, scored.labelled) == (Options(2, 1), (), case.labelled)
    assert timed.seed == 3
