"""What really ran, read back from each library: precision, providers, fall-backs; and refusals with their remedy."""

from __future__ import annotations

import dataclasses
import platform
from pathlib import Path

import numpy as np
import pytest

from harness.core import plugins
from harness.core.execution import Execution, OperatorProfile, OperatorTiming, effective_precision, from_json
from harness.core.quantity import Missing
from harness.core.verdict import Finding
from harness.runtimes.base import Adapter, Options, SessionError
from harness.runtimes.errors import explain_error
from harness.runtimes.onnxruntime.profiler import read_execution
from harness.runtimes.openvino import session as openvino_session
from suites.artifacts import catalog
from tests.onnx_bytes import FLOAT, model

NET = catalog.ARTIFACTS / "mobilenet_v2-0.35-32"
CPU = "CPUExecutionProvider"


def runtime(name: str) -> Adapter:
    found: Adapter = plugins.load("runtimes", name)
    return found


def kernel(kind: str, dtype: str = "float", provider: str = CPU) -> OperatorTiming:
    return OperatorTiming(kind, kind, provider, 1.0, dtype=dtype)


def test_a_precision_with_few_nodes_is_not_named() -> None:
    assert effective_precision(["fp32"] * 52 + ["int8"]) == "fp32"
    assert effective_precision(["int8"] * 6 + ["fp32"] * 4) == "int8+fp32"
    assert isinstance(effective_precision([]), Missing)


def test_it_survives_json() -> None:
    ran = Execution("fp16", "bf16", "told", {"CPU": 3}, 2, (Finding("x", "warn", "y"),))
    assert from_json(dataclasses.asdict(ran)) == ran
    unknown = Execution(effective=Missing("no"), busy_threads=Missing("none"), arena_bytes=Missing("no"))
    assert from_json(dataclasses.asdict(unknown)) == unknown


HALF = "fp16" if platform.machine() == "aarch64" else "fp32"
"""What ONNX Runtime computes an fp16 net in: Arm processors have the arithmetic, x86 ones only the storage."""


@pytest.mark.parametrize(
    ("name", "file", "precision"),
    [
        ("onnxruntime-cpu", "fp32.onnx", "fp32"),
        ("onnxruntime-cpu", "fp16.onnx", HALF),
        ("onnxruntime-cpu", "int8-static.onnx", "int8"),
        ("litert-xnnpack", "fp16.tflite", "fp32"),
        ("litert-xnnpack", "int8-dynamic.tflite", "int8"),
        ("litert-reference", "int8-static.tflite", "int8"),
    ],
)
def test_the_precision_is_that_of_the_kernels(name: str, file: str, precision: str) -> None:
    ran = runtime(name).open(NET / file, Options()).execution()
    assert ran.effective == precision
    assert ran.evidence
    assert not ran.findings


@pytest.mark.parametrize(
    ("kind", "dtype", "precision"),
    [
        *((kind, "float", "int8") for kind in ("DynamicQuantizeMatMul", "ConvInteger", "MatMulIntegerToFloat")),
        *((kind, "uint8", "int8") for kind in ("QLinearConv", "QGemm")),
        ("Conv", "float", "fp32"),
        ("Gemm", "float16", "fp16"),
    ],
)
def test_a_kernel_computes_in_integers_whatever_it_is_fed_with(kind: str, dtype: str, precision: str) -> None:
    assert read_execution(OperatorProfile(CPU, 1, 10.0, (kernel(kind, dtype),))).effective == precision


def test_kernels_elsewhere_are_a_finding() -> None:
    operators = (kernel("Conv", provider="CUDAExecutionProvider"), kernel("Resize"), kernel("MatMulInteger", "uint8"))
    ran = read_execution(OperatorProfile("CUDAExecutionProvider", 1, 10.0, operators))
    assert ran.nodes == {CPU: 2, "CUDAExecutionProvider": 1}
    assert ran.effective == "fp32+int8"
    (finding,) = ran.findings
    assert finding.check == "fallback"
    assert "2 of 3 kernels ran elsewhere than on CUDAExecutionProvider" in finding.found


def test_without_xnnpack_nothing_is_delegated() -> None:
    session = runtime("litert-reference").open(NET / "fp32.tflite", Options())
    assert session.info()["delegate_nodes"] == 0
    assert isinstance(session.profile(1), Missing)


def test_an_absent_provider_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(model("Relu", {"x": (FLOAT, [1])}, (FLOAT, [1])))
    with pytest.raises(SessionError, match=r"has no QNNExecutionProvider, only .*CPUExecutionProvider") as raised:
        runtime("onnxruntime-qnn").open(tmp_path / "m.onnx", Options())
    assert "onnxruntime-qnn" in raised.value.remedy


def test_a_delegate_needs_its_library() -> None:
    with pytest.raises(SessionError, match="needs the path") as raised:
        runtime("litert-delegate").open(NET / "fp32.tflite", Options())
    assert "--runtime-option litert-delegate:library=" in raised.value.remedy
    with pytest.raises(SessionError, match=r"nowhere\.so") as raised:
        runtime("litert-delegate").open(NET / "fp32.tflite", Options(settings={"library": "/nowhere.so"}))
    assert "give the path" in raised.value.remedy


def test_a_refusal_keeps_the_librarys_words_and_finds_the_remedy() -> None:
    hints = [("opset", "export again"), ("", "anything else")]
    found = explain_error("lib", RuntimeError("bad\n  Opset 99"), hints)
    assert str(found) == "lib cannot run it: bad Opset 99"
    assert found.remedy == "export again"
    assert explain_error("lib", ValueError(), hints).remedy == "anything else"
    own = SessionError("mine", "do this")
    assert explain_error("lib", own, hints) is own
    assert len(str(explain_error("lib", ValueError("x" * 5000), hints))) < 700


@pytest.mark.parametrize("precision", ["f32", "bf16"])
def test_openvino_answers_what_it_was_asked(precision: str) -> None:
    openvino = pytest.importorskip("openvino")
    name = {"f32": "openvino-cpu", "bf16": "openvino-cpu-bf16"}[precision]
    session = runtime(name).open(NET / "fp32.onnx", Options(threads=2))
    can = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    expected = "bf16" if precision == "bf16" and "BF16" in can else "fp32"
    assert session.info()["inference_precision"] == expected
    assert session.info()["asked"]["INFERENCE_PRECISION_HINT"] == precision
    assert session.execution().effective == expected


@pytest.mark.parametrize(
    ("told", "ours"),
    [("f32", "fp32"), ("f16", "fp16"), ("bf16", "bf16"), ("i8", "int8"), ("u8", "int8"), ("i4", "int4")],
)
def test_openvinos_element_types_have_our_names(told: str, ours: str) -> None:
    assert openvino_session._precision(told) == ours


def test_openvino_runs_what_was_prepared_and_takes_itself_apart() -> None:
    pytest.importorskip("openvino")
    session = runtime("openvino-cpu").open(NET / "int8-static.onnx", Options())
    other = runtime("onnxruntime-cpu").open(NET / "int8-static.onnx", Options())
    answers = []
    for one in (session, other):
        (spec,) = one.inputs
        for seed in (1, 2):
            one.prepare({spec.name: np.random.default_rng(seed).random((1, 1, 32, 32), np.float32)})
            one.infer()
        answers.append(next(iter(one.fetch().values())))
    assert np.corrcoef(answers[0].ravel(), answers[1].ravel())[0, 1] > 0.99
    assert session.execution().effective == "int8"
    profile = session.profile(4)
    assert isinstance(profile, OperatorProfile)
    assert any(each.type == "Convolution" and each.dtype.lower() == "i8" for each in profile.operators)


def test_openvino_refuses_with_a_remedy(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    (tmp_path / "m.onnx").write_bytes(model("Frobnicate", {"x": (FLOAT, [1])}, (FLOAT, [1])))
    with pytest.raises(SessionError, match="Frobnicate") as raised:
        runtime("openvino-cpu").open(tmp_path / "m.onnx", Options())
    assert "operator" in raised.value.remedy
    with pytest.raises(SessionError, match="sees no GPU") as raised:
        runtime("openvino-gpu").open(NET / "fp32.onnx", Options())
    assert "intel-opencl-icd" in raised.value.remedy
    (tmp_path / "m.xml").write_text("<net/>")
    with pytest.raises(SessionError, match="openvino cannot run it"):
        runtime("openvino-cpu").open(tmp_path / "m.xml", Options())
