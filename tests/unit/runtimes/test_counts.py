"""Parameters and MACs read from shipped files: those that torch or onnx counted when the nets were made."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analysis.counts import Counts
from harness.core import plugins
from harness.core.quantity import Missing
from harness.runtimes.base import Options, Session
from suites import catalog, synthetic
from tests.onnx_bytes import FLOAT, model

FOLDED = "int8-qat"
"""The setting whose net was counted after batch normalisation was folded, as it is in every file."""
MOBILENET = "mobilenet_v2-0.35-32"
RUNTIMES = {"onnx": "onnxruntime-cpu", "tflite": "litert-xnnpack"}


def opened(path: Path, runtime: str, options: Options | None = None) -> Session:
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
    session = opened(catalog.ARTIFACTS / net / f"{setting}.{kind}", RUNTIMES[kind])
    assert session.counts() == Counts(entry["parameters"], entry["macs"])


@pytest.mark.parametrize("kind", ["onnx", "tflite"])
@pytest.mark.parametrize("setting", ["fp32", "int8-static"])
def test_a_full_size_net_with_squeeze_and_excite(setting: str, kind: str, tmp_path: Path) -> None:
    net = synthetic.find("mobilenet_v3_small-1.0-224", setting, kind)
    session = opened(net.unpack(tmp_path), RUNTIMES[kind])
    assert session.counts() == Counts(net.parameters, net.macs)


@pytest.mark.parametrize("setting", ["fp32", "int8-static"])
def test_openvino_counts_the_same(setting: str) -> None:
    pytest.importorskip("openvino")
    entry = catalog.shipped()[MOBILENET, FOLDED, "onnx"]
    session = opened(catalog.ARTIFACTS / MOBILENET / f"{setting}.onnx", "openvino-cpu")
    assert session.counts() == Counts(entry["parameters"], entry["macs"])


def test_free_dimensions_are_counted_at_the_size_they_run_at(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(
        model("MatMul", {"a": (FLOAT, ["rows", 8]), "b": (FLOAT, [8, 4])}, (FLOAT, ["rows", 4]))
    )
    options = Options(shapes={"a": (5, 8)})
    assert opened(tmp_path / "m.onnx", "onnxruntime-cpu", options).counts() == Counts(0, 5 * 8 * 4)


def test_an_operator_whose_macs_are_not_told_by_shapes_is_named(tmp_path: Path) -> None:
    square = (FLOAT, [3, 3])
    (tmp_path / "m.onnx").write_bytes(model("Inverse", {"x": square}, square, "com.microsoft"))
    found = opened(tmp_path / "m.onnx", "onnxruntime-cpu").counts()
    assert isinstance(found, Missing)
    assert "Inverse" in found.reason


def test_a_runtime_that_does_not_tell_its_graph_says_so(tmp_path: Path) -> None:
    assert isinstance(opened(tmp_path, "null").counts(), Missing)
