"""A fast wrong answer is not called fast: fidelity to the fp32 reference and the verdict on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.case import Case
from harness.core.execution import Execution
from harness.core.quantity import Missing, Value
from harness.measure.passes import fidelity as module
from harness.measure.passes.fidelity import FidelityPass
from harness.measure.passes.worker_process import Answer
from harness.measure.prepared import PreparedCase
from harness.measure.protocol import Job
from harness.runs.preparation import requested_precision
from harness.runtimes.base import Options
from tests.fakes.worker import FakeWorkers, checked_answer


def prepared(compression: str, precision: str) -> PreparedCase:
    case = Case("net", compression, "some-runtime", weights="user")
    return PreparedCase(
        case, Artifact(Path("m.onnx"), "onnx", "0" * 64, 1), "m:R", Options(), None, precision=precision
    )


def value(found: object) -> float:
    assert isinstance(found, Value), found
    return found.value


OUTPUTS = np.random.default_rng(0).normal(size=(16, 10)).astype(np.float32)


def with_noise(db: float) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=OUTPUTS.shape)
    scale = np.sqrt(np.square(OUTPUTS).sum() / np.square(noise).sum() / 10 ** (db / 10))
    return (OUTPUTS + scale * noise).astype(np.float32)


def passed(
    patch: pytest.MonkeyPatch,
    scratch: Path,
    case: PreparedCase,
    outputs: Any,
    reference: Any = OUTPUTS,
    **execution: Any,
) -> FidelityPass:
    """The pass over a case with these outputs, whose reference is the file 'parent.onnx'."""

    def answer(job: Job) -> Answer:
        told = dataclasses.asdict(Execution(**execution))
        rows = reference if Path(job.model).stem == "parent" else outputs
        return Answer({"execution": told, "counts": {"parameters": 3, "macs": 5}}, {"outputs": rows})

    workers = FakeWorkers({"probe": answer})
    patch.setattr(module, "run_worker", workers)
    probes = FidelityPass(scratch)
    probes.run([case])
    return probes


def parented(case: PreparedCase, sha256: str = "1" * 64) -> PreparedCase:
    artifact = Artifact(Path("parent.onnx"), "onnx", sha256, 1)
    reference = dataclasses.replace(case, artifact=artifact, runtime="m:REFERENCE", precision="as in the file")
    return dataclasses.replace(case, output_reference=reference)


@pytest.mark.parametrize(
    ("compression", "precision", "effective", "sha256", "status"),
    [
        ("fp32", "fp32", "bf16", "1", "wrong-output"),
        ("fp32", "bf16", "bf16", "1", None),
        ("pruned-80", "fp32", "fp32", "1", None),
        ("as-is", "as in the file", "fp32", "0", "wrong-output"),
        ("as-is", "as in the file", "int8", "0", None),
        ("as-is", "as in the file", "fp32", "1", None),  # another file than its parent's: who knows how it was made
    ],
)
def test_only_rounding_is_expected_of_a_plain_net(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    compression: str,
    precision: str,
    effective: str,
    sha256: str,
    status: str | None,
) -> None:
    case = parented(prepared(compression, precision), sha256 * 64)
    probes = passed(monkeypatch, tmp_path, case, with_noise(20), asked=precision, effective=effective)
    found = probes.wrong_output(case)
    assert (found.status if found else None) == status


def test_a_converted_file_in_floats_that_is_not_its_parent_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    case = parented(prepared("as-is", "as in the file"))
    probes = passed(monkeypatch, tmp_path, case, with_noise(20), effective="fp32")
    (found,) = [one for one in probes.execution(case, []).findings if one.check == "fidelity"]
    assert found.status == "warn"
    assert found.found.startswith("output 'y' computes in fp32 and is 20.0 dB from")
    same = passed(monkeypatch, tmp_path, case, OUTPUTS, effective="fp32")
    assert not [one for one in same.execution(case, []).findings if one.check == "fidelity"]


def test_a_quantized_file_without_a_parent_is_said_to_be_compared_with_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    case = parented(prepared("as-is", "as in the file"), "0" * 64)
    probes = passed(monkeypatch, tmp_path, case, OUTPUTS, effective="int8+fp32")
    (found,) = [one for one in probes.execution(case, []).findings if one.check == "fidelity"]
    assert (found.status, found.remedy) == ("unknown", "name the float model it was made from: --reference FILE")


def test_the_references_outputs_are_gone_after_the_pass(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    passed(monkeypatch, tmp_path, parented(prepared("int8-static", "int8")), OUTPUTS)
    assert list(tmp_path.iterdir()) == []


def test_zeros_of_a_net_and_its_reference_are_unknown_and_not_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    case = parented(prepared("as-is", "as in the file"), "0" * 64)
    zeros = np.zeros_like(OUTPUTS)
    alone = dataclasses.replace(case, output_reference=None)
    probes = passed(monkeypatch, tmp_path, alone, zeros)
    assert probes.wrong_output(alone) is None
    (found,) = [one for one in probes.execution(alone, []).findings if one.check == "fidelity"]
    assert (found.status, found.found) == ("unknown", "output 'y' is zero for every input")


def test_fidelity_is_to_the_reference_and_of_the_options_of_the_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run_worker(job: Job, timeout_s: float) -> Answer:
        outputs = np.float32([[1, 2, 4]]) + (1 if job.options.settings else 0) * np.float32([[8, 0, 0]])
        told = {"execution": dataclasses.asdict(Execution()), "counts": {"parameters": 3, "macs": 5}}
        return checked_answer(job, Answer(told, {"outputs": outputs}))  # type: ignore[return-value]

    monkeypatch.setattr(module, "run_worker", run_worker)
    reference = dataclasses.replace(prepared("fp32", "fp32"), runtime="m:REFERENCE")
    plain = dataclasses.replace(prepared("fp32", "fp32"), output_reference=reference)
    tuned = dataclasses.replace(plain, options=Options(settings={"fast": "1"}))
    probes = FidelityPass(tmp_path)
    probes.run([plain, tuned])
    assert isinstance(probes.metrics(plain)["fidelity_sqnr_db"], Missing)  # equal to the last bit
    assert value(probes.metrics(tuned)["fidelity_max_abs"]) == 8
    assert value(probes.metrics(tuned)["fidelity_agreement"]) == 0
    assert value(probes.metrics(plain)["fidelity_agreement"]) == 1


@pytest.mark.parametrize(
    ("compression", "hint", "expected"),
    [
        ("fp32", "", "fp32"),
        ("fp32", "bf16", "bf16"),
        ("fp16", "fp32", "fp16"),
        ("int8-dynamic", "", "int8"),
        ("int8-weight-only", "", "fp32"),
        ("channel-pruned-50+int8-static", "bf16", "int8"),
        ("int8-qat", "", "int8"),
        ("as-is", "", "as in the file"),
        ("as-is", "fp32", "as in the file"),
        ("as-is", "bf16", "bf16"),
    ],
)
def test_what_a_case_asks_for(compression: str, hint: str, expected: str) -> None:
    assert requested_precision(compression, hint) == expected


def test_findings_name_what_was_otherwise_than_asked() -> None:
    from harness.measure.passes.fidelity import _precision, _threads

    (one,) = _precision(Execution("fp16", "fp32", "the profile"))
    assert one.found.startswith("fp16 was asked for, the runtime computes in fp32")
    assert not _precision(Execution("int8", "int8+fp32"))
    assert not _precision(Execution("fp16", Missing("not told")))
    two = dataclasses.replace(prepared("fp32", "fp32"), options=Options(threads=2))
    (threads,) = _threads(two, Execution(busy_threads=1))
    assert threads.found.startswith("1 thread worked in the timed loop, 2 asked for")
    assert not _threads(two, Execution(busy_threads=2))
    assert not _threads(two, Execution(busy_threads=Missing("no /proc")))
