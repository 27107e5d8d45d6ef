"""The promises of docs/fidelity.md, one test each: workers are scripted, what checks outputs is real."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.quantity import Value
from harness.core.record import Record
from harness.core.verdict import TIMED
from harness.measure.protocol import Job
from harness.measure.worker import probe
from harness.measure.worker.inputs import probe_inputs, signature
from harness.runs.config import RunConfig
from harness.runs.plan import plan
from harness.runtimes.base import TensorSpec
from reports.recommend import pareto_front
from tests import onnx_bytes
from tests.protocol.scripted import accuracy_answer, prepared, probe_answer, records, usual

RNG = np.random.default_rng(0)
BOXES = (640 * RNG.random((16, 40))).astype(np.float32)
SCORES = (0.05 + 0.9 * RNG.random((16, 80))).astype(np.float32)
PARENT: Mapping[str, Any] = {"boxes": BOXES, "scores": SCORES}


def checked(
    patch: pytest.MonkeyPatch,
    scratch: Path,
    outputs: Mapping[str, Any],
    parent: Mapping[str, Any] = PARENT,
    setting: str = "int8-static",
    second: Mapping[str, Any] | None = None,
) -> Record:
    """The record of a case with these outputs, whose float parent gives others; `second` when it is asked again."""
    reference = prepared(Case("m", "reference", "onnxruntime-cpu"))
    own = prepared(Case("m", setting, "null"), output_reference=reference, precision=setting)

    def run(job: Job) -> Any:
        if job.phase != "probe":
            return usual(job)
        if "reference" in job.model:
            return several(parent, second)
        return several(outputs, None)

    ((record,), _) = records(patch, scratch, [own], run)
    return record


def several(outputs: Mapping[str, Any], second: Mapping[str, Any] | None) -> Any:
    made = probe_answer(np.zeros((1, 1)))
    arrays = {f"outputs/{name}": values for name, values in outputs.items()}
    again = {f"again/{name}": values for name, values in (second or {}).items()}
    return dataclasses.replace(made, arrays={**arrays, **again})


def number(found: object) -> float:
    assert isinstance(found, Value), found
    return found.value


def test_a_compressed_file_is_compared_with_its_float_parent(tmp_path: Path) -> None:
    shape = (1, 3, 8, 8)
    for name, operator in (("net", "Relu"), ("made", "Sigmoid")):
        data = onnx_bytes.model(operator, {"x": (onnx_bytes.FLOAT, shape)}, (onnx_bytes.FLOAT, shape))
        (tmp_path / f"{name}.onnx").write_bytes(data)
    net, made = str(tmp_path / "net.onnx"), str(tmp_path / "made.onnx")
    for runtime in ("onnxruntime-cpu", "openvino-cpu"):
        named = plan(RunConfig(models=[net, made], reference=net, runtimes=[runtime])).prepared
        for case in named:
            assert case.output_reference is not None
            assert case.output_reference.artifact.path == Path(net)
            assert case.output_reference.case.runtime == "onnxruntime-cpu"
        (alone,) = plan(RunConfig(models=[made], runtimes=[runtime])).prepared
        assert alone.output_reference is not None
        assert alone.output_reference.artifact == alone.artifact, "without a parent: what the runtime does to the file"
        built = plan(RunConfig(models=[net], compress="fp16", runtimes=[runtime])).prepared
        assert {case.case.compression for case in built} == {"fp32", "fp16"}
        for case in built:
            assert case.output_reference is not None
            assert case.output_reference.case.compression == "fp32"
    shipped = plan(RunConfig(suite="quick", runtimes=["litert-xnnpack"])).prepared
    assert {one.output_reference.case.compression for one in shipped if one.output_reference} == {"fp32"}


class Inputs:
    """All that inputs need of a session."""

    def __init__(self, *inputs: TensorSpec) -> None:
        self.inputs = inputs


def test_seeded_inputs_are_the_parents_in_the_layout_of_each_model() -> None:
    parent: Any = Inputs(TensorSpec("image", (1, 8, 6, 5), "float32"), TensorSpec("state", (1, 7), "float32"))
    converted: Any = Inputs(TensorSpec("a", (1, 7), "float32"), TensorSpec("b", (1, 6, 5, 8), "float32"))
    job = Job("probe", "null", "", "")
    theirs = list(probe_inputs(parent, job))
    ours = list(probe_inputs(converted, job, signature(parent, job)))
    assert len(ours) == len(theirs) == 16
    for (own, _), (other, _) in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(own["a"], other["state"])
        np.testing.assert_array_equal(own["b"].transpose(0, 3, 1, 2), other["image"])


def test_the_worst_output_decides_and_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    turned = checked(monkeypatch, tmp_path, {"boxes": BOXES, "scores": -SCORES})
    assert turned.verdict.status == "wrong-output"
    assert turned.verdict.reason.startswith("output 'scores': cosine -1.00")
    joined = np.hstack([BOXES, -SCORES]), np.hstack([BOXES, SCORES])
    assert float(np.vdot(*joined) / np.vdot(joined[0], joined[0])) > 0.99, "all outputs as one vector hide it"
    assert number(turned.metrics["fidelity_cosine"]) == pytest.approx(-1)
    assert number(turned.metrics["fidelity_max_abs"]) == pytest.approx(2 * float(SCORES.max()))


def test_outputs_are_paired_by_name_or_by_shape(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for outputs in (
        {"scores": SCORES, "boxes": BOXES},
        {"Identity": BOXES, "Identity_1": SCORES},
        {"Identity_1": SCORES, "Identity": BOXES},
    ):
        record = checked(monkeypatch, tmp_path, outputs)
        assert record.verdict.status == "precise", outputs.keys()
        assert number(record.metrics["fidelity_cosine"]) == pytest.approx(1)
    maps = RNG.normal(size=(16, 1, 12, 7, 5)).astype(np.float32)
    moved = checked(monkeypatch, tmp_path, {"y": maps.transpose(0, 1, 3, 4, 2)}, {"y": maps})
    assert number(moved.metrics["fidelity_max_abs"]) == 0


@pytest.mark.parametrize("setting", ["fp32", "int8-static"])
def test_an_output_that_mixes_scales_is_compared_slice_by_slice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, setting: str
) -> None:
    detections = np.concatenate([640 * RNG.random((16, 1, 4, 50)), RNG.random((16, 1, 9, 50))], axis=2)
    broken = detections.copy()
    broken[:, :, 4:] = 0
    record = checked(monkeypatch, tmp_path, {"y": broken}, {"y": detections}, setting)
    assert record.verdict.status == "wrong-output"
    assert "in slice" in record.verdict.reason
    assert number(record.metrics["fidelity_cosine"]) == pytest.approx(1, abs=1e-4), "the whole looks right"
    assert checked(monkeypatch, tmp_path, {"y": detections}, {"y": detections}, setting).trusts(TIMED)
    if setting == "fp32":
        rows = detections.copy()
        rows[:, :, :, 30] = 0
        reason = checked(monkeypatch, tmp_path, {"y": rows}, {"y": detections}, setting).verdict.reason
        assert "in slice 30 of axis 1" in reason, "along each axis"


def test_the_record_holds_every_outputs_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fidelity = checked(monkeypatch, tmp_path, {"boxes": BOXES, "scores": 0.9 * SCORES}).details["fidelity"]
    assert fidelity["reference"] == "m|reference|onnxruntime-cpu|t1"
    boxes, scores = fidelity["outputs"]
    assert (boxes["name"], boxes["max_abs"], boxes["n"]) == ("boxes", 0, 16)
    assert (scores["name"], scores["sqnr_db"]) == ("scores", pytest.approx(20))


@pytest.mark.parametrize(("value", "named"), [(np.nan, "NaN"), (np.inf, "inf")])
def test_what_is_not_finite_is_named_with_its_first_input(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: float, named: str
) -> None:
    broken = SCORES.copy()
    broken[5:, 3] = value
    words = f"output 'scores' is not finite: {named} from input 5 on, in 11 of 16 inputs"
    record = checked(monkeypatch, tmp_path, {"boxes": BOXES, "scores": broken})
    assert (record.verdict.status, record.verdict.reason) == ("wrong-output", words)
    assert record.missing("fidelity_cosine") == words
    parent = checked(monkeypatch, tmp_path, PARENT, {"boxes": BOXES, "scores": broken})
    assert words in (parent.missing("fidelity_cosine") or ""), "a parent that is not finite is no reference"
    own = prepared(Case("m", "fp32", "null"))
    own = dataclasses.replace(own, output_reference=own)
    ((itself,), _) = records(
        monkeypatch, tmp_path, [own], lambda job: several({"y": broken}, None) if job.phase == "probe" else usual(job)
    )
    assert itself.verdict.status == "wrong-output", "the reference is looked at too"


def test_a_masked_class_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    masked = SCORES.copy()
    masked[:, 7] = -np.inf
    record = checked(monkeypatch, tmp_path, {"y": 0.9 * masked}, {"y": masked})
    assert record.verdict.status == "precise"
    assert number(record.metrics["fidelity_sqnr_db"]) == pytest.approx(20)
    log = checked(monkeypatch, tmp_path, {"y": masked}, {"y": np.where(np.isinf(masked), -103, masked)})
    assert log.verdict.status == "precise", "below all others it changes no order"
    turned = np.where(np.isinf(masked), 103, masked)
    assert checked(monkeypatch, tmp_path, {"y": masked}, {"y": turned}).verdict.status == "wrong-output"


def test_zeros_are_a_wrong_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    zeros = {"boxes": np.zeros_like(BOXES), "scores": np.zeros_like(SCORES)}
    both = checked(monkeypatch, tmp_path, zeros)
    assert both.verdict.reason == "output 'boxes' is zero for all 16 inputs, the fp32 reference's is not"
    assert number(both.metrics["fidelity_cosine"]) == 0
    half = checked(monkeypatch, tmp_path, {"boxes": BOXES, "scores": zeros["scores"]})
    assert half.verdict.reason == "output 'scores' is zero for all 16 inputs, the fp32 reference's is not"
    faint = {"boxes": BOXES, "scores": SCORES / 65}
    outputs = {"boxes": BOXES, "scores": zeros["scores"]}
    assert checked(monkeypatch, tmp_path, outputs, faint).verdict.status == "precise", "eight bits round it away"
    assert checked(monkeypatch, tmp_path, outputs, faint, "fp32").verdict.status == "wrong-output"
    good = checked(monkeypatch, tmp_path, PARENT)
    figures = {"top1": Value(0.9), "quality": Value(0.9), "latency_p50_ns": Value(1e6)}
    rows = [dataclasses.replace(one, metrics={**one.metrics, **figures}) for one in (good, half)]
    assert pareto_front(rows) == rows[:1]


def test_more_differs_than_agrees_is_a_wrong_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ids = np.arange(160).reshape(16, 10)
    for changed, status in ((4, "precise"), (6, "wrong-output")):
        other = ids.copy()
        other[:, :changed] += 1
        assert checked(monkeypatch, tmp_path, {"ids": other}, {"ids": ids}).verdict.status == status
    for cosine, status in ((0.69, "wrong-output"), (0.71, "precise")):
        apart = np.stack([np.array([cosine, np.sqrt(1 - cosine**2)])] * 16)
        assert checked(monkeypatch, tmp_path, {"y": apart}, {"y": np.array([[1.0, 0.0]] * 16)}).verdict.status == status


def test_most_of_the_accuracy_lost_is_a_wrong_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    labels = [number % 10 for number in range(100)]
    right = np.eye(10, dtype=np.float32)[labels]
    from tests.protocol.protocol_helpers import scored as labelled

    reference = labelled(Case("m", "fp32", "null", dataset="fashion-mnist"))
    own = labelled(Case("m", "int8-static", "null", dataset="fashion-mnist"), output_reference=reference)

    def verdict(n_right: int, shift: int = 1) -> Any:
        outputs = np.roll(right, shift, axis=1)
        outputs[:n_right] = right[:n_right]

        def run(job: Job) -> Any:
            if job.phase == "accuracy":
                return accuracy_answer(right if "fp32" in job.model else outputs, labels)
            return usual(job)

        ((record,), _) = records(monkeypatch, tmp_path, [own], run, {own.case: reference})
        return record.verdict

    assert verdict(54).status == "wrong-output", "(.54 - .1) / (1 - .1) is less than half"
    assert verdict(54).reason == "top-1 is 54% on 100 images, that of the float model 100%"
    assert verdict(56).status == "precise"


def test_random_numbers_are_not_repeatable_and_not_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mean = {"mean": BOXES}
    drawn = [{**mean, "sample": RNG.normal(size=(16, 30)).astype(np.float32)} for _ in range(3)]
    record = checked(monkeypatch, tmp_path, drawn[2], drawn[0], "fp32", second=drawn[1])
    words = "not repeatable: the reference gives another output 'sample' for the same input"
    assert record.verdict.status == "precise"
    assert record.verdict.reason.endswith(words)
    (finding,) = [one for one in record.execution.findings if one.check == "repeatability"]
    assert (finding.status, finding.found) == ("warn", words)
    assert number(record.metrics["fidelity_cosine"]) == pytest.approx(1), "of the output that can be judged"
    alone = checked(
        monkeypatch, tmp_path, {"sample": drawn[2]["sample"]}, {"sample": drawn[0]["sample"]}, "fp32",
        second={"sample": drawn[1]["sample"]},
    )  # fmt: skip
    assert alone.missing("fidelity_cosine") == words
    other = {**mean, "sample": drawn[2]["sample"]}
    fixed = checked(monkeypatch, tmp_path, other, drawn[0], "fp32")
    assert fixed.verdict.status == "wrong-output", "the same outputs of a net that repeats itself"
    broken = {"mean": -BOXES, "sample": drawn[2]["sample"]}
    assert checked(monkeypatch, tmp_path, broken, drawn[0], "fp32", second=drawn[1]).verdict.status == "wrong-output"


def test_what_was_not_compared_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unknown(outputs: Mapping[str, Any], parent: Mapping[str, Any]) -> list[str]:
        record = checked(monkeypatch, tmp_path, outputs, parent)
        assert record.verdict.status == "precise"
        return [one.found for one in record.execution.findings if (one.check, one.status) == ("fidelity", "unknown")]

    assert unknown(PARENT, PARENT) == []
    assert unknown({"boxes": BOXES}, PARENT) == ["output 'scores': only the reference has it"]
    assert unknown(PARENT, {"boxes": BOXES}) == ["output 'scores': the reference has no such output"]
    text = np.array([["cat"]] * 16)
    assert unknown({"y": text}, {"y": text}) == ["output 'y': does not hold numbers"]
    assert unknown({"y": BOXES}, {"y": BOXES[:, 1:]}) == ["output 'y': [40] values, the reference has [39] (input 0)"]
    zeros = np.zeros_like(BOXES)
    assert unknown({"y": zeros}, {"y": zeros}) == ["output 'y' is zero for every input"]


def test_outputs_never_reach_the_parent_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    large = np.ones((16, 1 << 16), np.float32)
    record = checked(monkeypatch, tmp_path, {"y": large}, {"y": large})
    assert len(str(record.details["fidelity"])) < 2000
    job = Job("probe", "", "m.onnx", "", keep_outputs=str(tmp_path))
    outcome = probe.checked(lambda: [{"y": row} for row in large], job)
    assert not any(isinstance(value, np.ndarray) for one in outcome for value in dataclasses.asdict(one).values())


def test_large_outputs_are_compared_for_fewer_inputs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert probe.MAX_KEPT_BYTES == 128 << 20
    row = np.ones((16, 1000), np.float32)
    for kept, n in ((5 * 4000, 5), (1, 2), (1 << 20, 16)):
        monkeypatch.setattr(probe, "MAX_KEPT_BYTES", kept)
        record = checked(monkeypatch, tmp_path, {"y": row}, {"y": row})
        assert [one["n"] for one in record.details["fidelity"]["outputs"]] == [n]
        assert list(tmp_path.glob("outputs-*")) == [], "nothing stays on disk"
