"""Parameters and MACs read from shipped files: those that torch or onnx counted when the nets were made."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core import plugins
from harness.core.quantity import Missing
from harness.runtimes.base import Options, Session
from harness.runtimes.graph_counts import Counts, Graph, Node, Rules, Shape, count
from harness.runtimes.litert.counts import RULES as LITERT
from harness.runtimes.onnxruntime.counts import RULES as ORT
from harness.runtimes.openvino.counts import RULES as OPENVINO
from suites.artifacts import catalog, synthetic
from tests.onnx_bytes import FLOAT, model

FOLDED = "int8-qat"
"""The setting whose net was counted after batch normalisation was folded, as it is in every file."""
MOBILENET = "mobilenet_v2-0.35-32"
QLINEAR = "xszwtquvb"
"""Inputs of QLinearConv: x and w each with scale and zero point, scale and zero point of y, and the bias."""
RUNTIMES = {"onnx": "onnxruntime-cpu", "tflite": "litert-xnnpack"}


def open_session(path: Path, runtime: str, options: Options | None = None) -> Session:
    session: Session = plugins.load("runtimes", runtime).open(path, options or Options())
    return session


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize(
    ("net", "setting"),
    [
        *((MOBILENET, name) for name in ("fp32", "fp16", "int8-dynamic", "int8-static", "int4-weight-only")),
        ("shufflenet_v2-0.5-32", "int8-static"),
        ("efficientnet_lite0-0.3-32", "fp32"),
    ],
)
def test_trained_nets_under_every_way_to_store_weights(net: str, setting: str, kind: str) -> None:
    entry = catalog.shipped()[net, FOLDED, kind]
    session = open_session(catalog.ARTIFACTS / net / f"{setting}.{kind}", RUNTIMES[kind])
    assert session.counts() == Counts(entry["parameters"], entry["macs"])


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize("setting", ["fp32", "int8-static"])
def test_a_full_size_net_with_squeeze_and_excite(setting: str, kind: str, tmp_path: Path) -> None:
    net = synthetic.find("mobilenet_v3_small-1.0-224", setting, kind)
    session = open_session(net.unpack(tmp_path), RUNTIMES[kind])
    assert session.counts() == Counts(net.parameters, net.macs)


@pytest.mark.parametrize("setting", ["fp32", "int8-static"])
def test_openvino_counts_the_same(setting: str) -> None:
    pytest.importorskip("openvino")
    entry = catalog.shipped()[MOBILENET, FOLDED, "onnx"]
    session = open_session(catalog.ARTIFACTS / MOBILENET / f"{setting}.onnx", "openvino-cpu")
    assert session.counts() == Counts(entry["parameters"], entry["macs"])


def test_free_dimensions_are_counted_at_the_size_they_run_at(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(
        model("MatMul", {"a": (FLOAT, ["rows", 8]), "b": (FLOAT, [8, 4])}, (FLOAT, ["rows", 4]))
    )
    options = Options(shapes={"a": (5, 8)})
    assert open_session(tmp_path / "m.onnx", "onnxruntime-cpu", options).counts() == Counts(0, 5 * 8 * 4)


def test_an_operator_whose_macs_are_not_told_by_shapes_is_named(tmp_path: Path) -> None:
    square = (FLOAT, [3, 3])
    (tmp_path / "m.onnx").write_bytes(model("Inverse", {"x": square}, square, "com.microsoft"))
    found = open_session(tmp_path / "m.onnx", "onnxruntime-cpu").counts()
    assert isinstance(found, Missing)
    assert "Inverse" in found.reason


def test_a_runtime_that_does_not_tell_its_graph_says_so(tmp_path: Path) -> None:
    assert isinstance(open_session(tmp_path, "null").counts(), Missing)


X, W, Y = (1, 4, 8, 8), (6, 4, 3, 3), (1, 6, 6, 6)
"""A convolution of four channels to six."""
MACS = (6 * 6 * 6) * (4 * 9)


@pytest.mark.parametrize(
    ("rules", "kind", "inputs", "output", "constants", "expected"),
    [
        (ORT, "Conv", {"x": X, "w": W, "b": (6,)}, Y, "wb", Counts(216 + 6, MACS)),
        (ORT, "QLinearConv", dict(zip(QLINEAR, (X, (), (), W, (6,), (6,), (), (), (6,)), strict=True)), Y, QLINEAR[1:],
         Counts(216 + 6, MACS)),
        (ORT, "ConvInteger", {"x": X, "w": W, "z": ()}, Y, "wz", Counts(216, MACS)),
        (LITERT, "CONV_2D", {"x": (1, 8, 8, 4), "w": (6, 3, 3, 4), "b": (6,)}, (1, 6, 6, 6), "wb",
         Counts(216 + 6, MACS)),
        (LITERT, "DEPTHWISE_CONV_2D", {"x": (1, 8, 8, 4), "w": (1, 3, 3, 4)}, (1, 6, 6, 4), "w",
         Counts(36, 6 * 6 * 4 * 9)),
        (OPENVINO, "Convolution", {"x": X, "w": W}, Y, "w", Counts(216, MACS)),
        (OPENVINO, "GroupConvolution", {"x": X, "w": (4, 1, 1, 3, 3)}, (1, 4, 6, 6), "w", Counts(36, 4 * 6 * 6 * 9)),
        (OPENVINO, "GroupConvolution", {"x": X, "w": (2, 3, 2, 3, 3)}, Y, "w", Counts(108, 6 * 6 * 6 * 2 * 9)),
    ],
)  # fmt: skip
def test_a_convolution_in_the_words_of_each_library(
    rules: Rules, kind: str, inputs: dict[str, Shape], output: Shape, constants: str, expected: Counts
) -> None:
    graph = Graph([Node(kind, tuple(inputs), ("y",))], {**inputs, "y": output}, dict.fromkeys(constants, True))
    assert count(graph, rules) == expected


@pytest.mark.parametrize("runtime", ["onnxruntime-cpu", "openvino-cpu"])
@pytest.mark.parametrize(("element", "parameters"), [("FLOAT", 12), ("INT64", 0)])
def test_a_table_of_sizes_is_no_weight(tmp_path: Path, runtime: str, element: str, parameters: int) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("openvino" if runtime == "openvino-cpu" else "onnxruntime")
    kind = getattr(onnx.TensorProto, element)
    table = onnx.helper.make_tensor("table", kind, (3, 4), list(range(12)))
    value = onnx.helper.make_tensor_value_info
    ends = [value("i", onnx.TensorProto.INT64, [2])], [value("y", kind, [2, 4])]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Gather", ["table", "i"], ["y"])], "g", *ends, [table])
    opset = onnx.helper.make_opsetid("", 13)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8), tmp_path / "m.onnx")
    assert open_session(tmp_path / "m.onnx", runtime).counts() == Counts(parameters, 0)
