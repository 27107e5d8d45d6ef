"""Operators that a runtime does not have: the remedy names each, and what has it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.core import plugins
from harness.runtimes.base import Adapter, Options, SessionError
from harness.runtimes.errors import explain_error
from harness.runtimes.litert import hints as litert_hints
from harness.runtimes.onnxruntime import adapter as onnxruntime_adapter
from harness.runtimes.tensorflow import adapter as tensorflow_adapter
from harness.runtimes.torch import torchscript
from tests.onnx_bytes import FLOAT, model
from tests.tflite_bytes import CUSTOM, LOGISTIC, Op, chain
from tests.tflite_bytes import FLOAT as TFLITE_FLOAT


def refusal(runtime: str, path: Path, **options: Any) -> SessionError:
    adapter: Adapter = plugins.load("runtimes", runtime)
    with pytest.raises(SessionError) as raised:
        adapter.open(path, Options(**options))
    return raised.value


@pytest.mark.parametrize(
    ("operator", "words"),
    [
        ("MyNms", ("MyNms is an operator of the model's own", "litert-delegate:library=PATH")),
        ("my op", ("my op is an operator of the model's own",)),
        ("ethos-u", ("ethos-u is compiled by Vela for Arm's Ethos-U", "from before compiling")),
        ("DISPATCH_OP", ("DISPATCH_OP is compiled for an NPU", "litert-delegate:library=PATH")),
        ("edgetpu-custom-op", ("use the runtime edgetpu",)),
        ("TFText>NgramsStringJoin", ("TFText>NgramsStringJoin is of tensorflow-text",)),
        ("TransformLandmarks", ("TransformLandmarks is of MediaPipe",)),
        ("odml.update_kv_cache", ("odml.update_kv_cache is of a generative model",)),
        ("SignalWindow", ("SignalWindow is of TensorFlow Lite Micro",)),
    ],
)
def test_a_custom_operator_of_a_tflite_is_named_with_what_has_it(
    tmp_path: Path, operator: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "m.tflite"
    nodes = (Op(LOGISTIC, TFLITE_FLOAT), Op(CUSTOM, TFLITE_FLOAT, operator.encode(), b"\0"))
    path.write_bytes(chain(*nodes, start=TFLITE_FLOAT))
    refused = refusal("litert-xnnpack", path)
    assert operator in str(refused)
    assert all(word in refused.remedy for word in words), refused.remedy
    assert " -U" not in refused.remedy


SELECT = (
    "Select TensorFlow op(s), included in the given model, is(are) not supported by this interpreter. Make sure you "
    "apply/link the Flex delegate before inference.Node number 1 (FlexErf) failed to prepare."
)


@pytest.mark.parametrize(
    ("message", "start"),
    [
        (SELECT, "TensorFlow's operator Erf needs the Flex delegate"),
        (
            "Regular TensorFlow ops are not supported: invoke the Flex delegate",
            "each of its TensorFlow operators needs",
        ),
    ],
)
def test_tensorflow_operators_name_the_delegate_and_the_releases_that_have_it(message: str, start: str) -> None:
    refused = explain_error("ai_edge_litert", RuntimeError(message), litert_hints.HINTS)
    assert refused.remedy.startswith(start)
    assert "only TensorFlow up to 2.18 has: pip install 'tensorflow<2.19'" in refused.remedy
    assert "without SELECT_TF_OPS" in refused.remedy


@pytest.mark.parametrize(
    ("domain", "operator", "words"),
    [
        ("ai.onnx.contrib", "StringUpper", ("ai.onnx.contrib:StringUpper is of onnxruntime-extensions: pip install",)),
        ("com.microsoft", "NoSuchFused", ("this release has no NoSuchFused: pip install -U onnxruntime",)),
        ("org.pytorch.aten", "ATen", ("org.pytorch.aten:ATen is PyTorch's own",)),
        ("TRT", "EfficientNMS_TRT", ("TRT:EfficientNMS_TRT is a plug-in of TensorRT", "runtime tensorrt")),
        ("my.company", "Warp", ("my.company:Warp is an operator of the model's own", "NAME:custom_ops_library=PATH")),
        ("", "Conw", ("this release knows no Conw in opset",)),
    ],
)
def test_an_unknown_operator_of_an_onnx_is_named_with_what_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, domain: str, operator: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(onnxruntime_adapter, "installed", lambda _: False)
    path = tmp_path / "m.onnx"
    path.write_bytes(model(operator, {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3]), domain=domain))
    refused = refusal("onnxruntime-cpu", path)
    assert all(word in refused.remedy for word in words), refused.remedy
    if domain and importlib.util.find_spec("openvino"):
        openvino = refusal("openvino-cpu", path)
        assert f"OpenVINO has no translation of the operator {domain}.{operator}" in openvino.remedy


def test_a_library_of_operators_that_is_no_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model("Relu", {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3])))
    refused = refusal("onnxruntime-cpu", path, settings={"custom_ops_library": str(tmp_path / "ops.so")})
    assert str(refused) == f"no such library of operators: {tmp_path / 'ops.so'}"


def test_the_operators_of_onnxruntime_extensions_are_loaded_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the package; its library is handed to ONNX Runtime, which says that it is none."""
    library = tmp_path / "extensions.so"
    library.write_bytes(b"no library")
    package = ModuleType("onnxruntime_extensions")
    package.get_library_path = lambda: str(library)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "onnxruntime_extensions", package)
    path = tmp_path / "m.onnx"
    path.write_bytes(model("Inverse", {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3]), domain="ai.onnx.contrib"))
    assert str(library) in str(refusal("onnxruntime-cpu", path))


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (
            "Unknown builtin op: torchvision::nms.",
            "torchvision::nms is an operator of torchvision: pip install",
        ),
        ("Unknown builtin op: aten::sym_size.", "this torch has no sym_size: pip install torch -U"),
        ("Unknown builtin op: mine::warp.", "mine::warp is an operator of the model's own"),
    ],
)
def test_an_operator_of_another_package_in_torchscript_is_named(message: str, remedy: str) -> None:
    assert remedy in explain_error("torch", RuntimeError(message), torchscript._HINTS).remedy


@pytest.mark.parametrize(
    ("operator", "remedy"),
    [
        ("SentencepieceTokenizeOp", "SentencepieceTokenizeOp is an operator of tensorflow-text"),
        ("TFText>WhitespaceTokenize", "TFText>WhitespaceTokenize is an operator of tensorflow-text"),
        ("Addons>CorrelationCost", "Addons>CorrelationCost is an operator of another package than TensorFlow"),
    ],
)
def test_an_operator_of_another_package_in_a_saved_model_is_named(operator: str, remedy: str) -> None:
    error = RuntimeError(f"Op type not registered '{operator}' in binary running on board.")
    assert remedy in explain_error("tensorflow", error, tensorflow_adapter._HINTS).remedy


def test_a_layer_that_ncnn_lacks_is_named(tmp_path: Path) -> None:
    pytest.importorskip("ncnn")
    path = tmp_path / "m.param"
    path.write_text("7767517\n2 2\nInput in 0 1 x 0=4\nWarp warp 1 1 x y\n")
    path.with_suffix(".bin").write_bytes(b"")
    assert "ncnn has no layer Warp" in refusal("ncnn", path).remedy
