"""Which .onnx files can be started from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import ModelError, UsageError
from suites.post_training.graph import float_graph
from tests.onnx_bytes import FLOAT, model

from .photos import shipped

onnx: Any = pytest.importorskip("onnx")


def test_a_float_net_is_taken_as_it_is(tmp_path: Path) -> None:
    found = float_graph(shipped("fp32"), {}, tmp_path)
    assert (found.source, found.changed) == (shipped("fp32"), "")
    assert not list(tmp_path.iterdir())


def test_operators_of_its_own_are_named(tmp_path: Path) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(model("Warp", {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3]), domain="my.company"))
    with pytest.raises(ModelError, match=r"not ONNX's: my\.company::Warp \(1\)"):
        float_graph(path, {}, tmp_path)
    path.write_bytes(model("Conw", {"x": (FLOAT, [1, 3])}, (FLOAT, [1, 3])))
    with pytest.raises(ModelError, match="Conw"):
        float_graph(path, {}, tmp_path)


@pytest.mark.parametrize(
    ("setting", "words"), [("int8-static", "quantized already: DequantizeLinear"), ("fp16", "not fp32")]
)
def test_a_compressed_net_is_refused(tmp_path: Path, setting: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        float_graph(shipped(setting), {}, tmp_path)


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(shipped("fp32").read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be read"):
        float_graph(path, {}, tmp_path)
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="has an empty graph"):
        float_graph(path, {}, tmp_path)


@pytest.fixture
def dynamic(tmp_path: Path) -> Path:
    path = tmp_path / "dynamic.onnx"
    path.write_bytes(model("Relu", {"x": (FLOAT, ["n", 3, "h", "w"])}, (FLOAT, ["n", 3, "h", "w"])))
    return path


def test_dynamic_shapes_are_asked_for(dynamic: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dynamic dimensions") as raised:
        float_graph(dynamic, {}, tmp_path)
    assert raised.value.remedy == "give them, as --shape x=1x3x224x224"


def test_shapes_that_are_given_are_put_in(dynamic: Path, tmp_path: Path) -> None:
    found = float_graph(dynamic, {"x": (1, 3, 8, 8)}, tmp_path / "made")
    assert found.changed == "shape of x fixed"
    graph = onnx.load(found.source).graph
    for end in (graph.input[0], graph.output[0]):
        assert [dim.dim_value for dim in end.type.tensor_type.shape.dim] == [1, 3, 8, 8]


@pytest.mark.parametrize("shape", [(1, 3, 8), (1, 4, 8, 8)])
def test_shapes_that_do_not_fit_are_refused(dynamic: Path, tmp_path: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        float_graph(dynamic, {"x": shape}, tmp_path)


def test_weights_beside_the_file_are_put_into_one(tmp_path: Path) -> None:
    whole = onnx.load(shipped("fp32"))
    weights = [one.raw_data for one in whole.graph.initializer]
    path = tmp_path / "net.onnx"
    onnx.save(whole, path, save_as_external_data=True, location="net.data", size_threshold=0)
    found = float_graph(path, {}, tmp_path / "made")
    assert found.changed == "external data merged"
    (tmp_path / "net.data").unlink()
    assert [one.raw_data for one in onnx.load(found.source).graph.initializer] == weights


def test_weights_of_a_branch_beside_the_file_are_put_in_too(tmp_path: Path) -> None:
    """Not only initializers of the graph may be in another file."""
    helper, kinds = onnx.helper, onnx.TensorProto
    outside = kinds(name="v", data_type=kinds.FLOAT, dims=[4], data_location=kinds.EXTERNAL)
    entry = outside.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    (tmp_path / "weights.bin").write_bytes(b"0123456789abcdef")
    tensor = helper.make_tensor_value_info("y", kinds.FLOAT, [4])
    node = helper.make_node("Constant", [], ["y"], value=outside)
    path = tmp_path / "net.onnx"
    path.write_bytes(helper.make_model(helper.make_graph([node], "g", [], [tensor])).SerializeToString())
    found = float_graph(path, {}, tmp_path / "made")
    assert found.changed == "external data merged"
    assert found.source.read_bytes().find(b"0123456789abcdef") > 0
